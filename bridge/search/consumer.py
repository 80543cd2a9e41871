"""The indexer: follows the inbox behind the recorder, and keeps the index as the archive is.

Every step replaces the documents of the messages that changed by those that the archive makes now, so doing one again
changes nothing. The position is saved after the index was committed: a crash at any moment means doing it again.

Another index is built beside the one in use: page by page of the archive, while the steps go on and change both. It
holds all messages up to `_Build.built`; later ones it gets by its pages.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from bridge.archive.consumer import repr_type
from bridge.search.documents import Documents
from bridge.search.generations import Generations, State, is_doubted, read_state, trust
from bridge.search.verify import is_whole
from bridge.search.writer import Writer
from bridge.storage import consumers, indexing
from bridge.storage.claim import claim
from bridge.storage.db import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bridge.search.analysis import Analysis
    from bridge.storage.db import Db
    from bridge.storage.indexing import Changed, Follows

log = structlog.get_logger(__name__)

NAME: Final = "search"
LOCK: Final = "writer.lock"
BATCH: Final = 500  # rows of the inbox, messages of a page
COMMIT_SECONDS: Final = 0.4  # what was done longer ago is committed
SHORTEST_COMMIT_SECONDS: Final = 0.2  # between commits, so that many small changes share one
GATHER_SECONDS: Final = 0.15  # what is said together is indexed together, and whoever answers a question goes first
POLL_SECONDS: Final = 5.0  # for news that got lost with their connection
TELL_SECONDS: Final = 2.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


@dataclass
class _Build:
    """An index that is being made."""

    writer: Writer
    built: int = 0  # it holds all messages of the archive up to this row of the inbox


@dataclass
class _Pending:
    """What was done since the last commit."""

    since: float | None = None
    due: list[int] = field(default_factory=list)


class Indexer:
    """Keeps the index in a folder. One process at a time.

    Args:
        folder: `data_dir/search`.
    """

    def __init__(self, db: Db, folder: Path, analysis: Analysis) -> None:
        self.failing: str | None = None  # why it makes no progress at this moment
        self._db = db
        self._folder = folder
        self._generations = Generations(folder)
        self._documents = Documents(analysis)
        self._news = asyncio.Event()
        self._position = 0  # of the inbox: what stands up to here was done
        self._committed = 0  # ... and is on disk, in the index in use
        self._current: Writer | None = None
        self._build: _Build | None = None
        self._pending = _Pending()
        self._committed_at = self._told_at = 0.0
        self._checking: asyncio.Task[bool] | None = None

    def wake(self) -> None:
        """The recorder has done something, or something is due."""
        self._news.set()

    async def run(self) -> None:
        """Index until cancelled.

        Raises:
            ClaimedError: another process has the folder.
            ValueError: tantivy cannot write; who calls again finds the index as it was committed last.
        """
        pause, opened = FIRST_PAUSE, False
        with claim(self._folder, name=LOCK):
            try:
                while True:
                    self._news.clear()
                    try:
                        if not opened:
                            await self._open()
                            opened = True
                        more = await self._step()
                    except UNAVAILABLE as error:
                        if isinstance(error, OSError) and not isinstance(error, (ConnectionError, TimeoutError)):
                            raise  # of a file
                        self.failing = type(error).__name__
                        log.warning("indexing waits for the database", error=self.failing)
                        await asyncio.sleep(pause)
                        pause = min(pause * 2, LONGEST_PAUSE)
                        continue
                    self.failing, pause = None, FIRST_PAUSE
                    if not more:
                        await self._wait(POLL_SECONDS)
                        await asyncio.sleep(GATHER_SECONDS)
            finally:
                self._close()

    async def catch_up(self) -> None:
        """Index all that there is.

        Raises:
            as `run`, and one of `UNAVAILABLE` when the database is away.
        """
        with claim(self._folder, name=LOCK):
            try:
                await self._open()
                while await self._step():
                    pass
            finally:
                self._close()

    async def _open(self) -> None:
        """Go on with the generation in use, or begin another one."""
        path = self._generations.current()
        self._generations.tidy()
        if path is not None and await self._open_current(path):
            self._check(path)
            async with self._db.connection() as connection:
                if (await indexing.follows(connection)).building:
                    await self._begin()  # we were stopped while we made another one
            return
        log.warning("no search index that can be used; making one from the archive")
        self._generations.drop()
        await self._begin()

    async def _open_current(self, path: Path) -> bool:
        state = read_state(path)
        async with self._db.connection() as connection:
            if state is None or await indexing.key_at(connection, state.position) != state.key:
                return False  # it belongs to another database, or to a later time of this one
        try:
            self._current = await asyncio.to_thread(Writer, path)
        except (ValueError, OSError) as error:
            log.warning("search index cannot be opened", generation=path.name, error=type(error).__name__)
            return False
        self._position = self._committed = state.position
        return True

    async def _begin(self) -> None:
        """Begin another index; one that was begun before is given up."""
        if self._build is not None:
            self._build.writer.close()
            self._build = None
            self._generations.tidy()
        async with self._db.connection() as connection:
            if self._current is None:
                self._position = (await indexing.follows(connection)).recorder
            self._build = _Build(await asyncio.to_thread(Writer, self._generations.new()))
            await indexing.begin(connection, ready=self._current is not None, until=self._position)
        log.info("building a search index", until=self._position)

    async def _step(self) -> bool:
        """Do some of what there is to do; False when there was nothing."""
        await self._look_after_current()
        async with self._db.connection() as connection:
            follows = await indexing.follows(connection)
            if follows.recorder < self._position:
                return False  # the recorder reads the inbox anew, and the archive is not whole
        if follows.rebuild:
            await self._begin()
        more = await self._follow(follows)
        more = await self._do_due() or more
        more = await self._build_page() or more
        await self._commit_in_time(more=more)
        return more

    async def _follow(self, follows: Follows) -> bool:
        async with self._db.connection() as connection:
            end = await indexing.end_of_batch(connection, self._position, follows.recorder, BATCH)
            if end == self._position:
                return False
            changed = await indexing.touched(connection, self._position, end)
        await self._replace(changed)
        self._position = end
        self._touch()
        return True

    async def _do_due(self) -> bool:
        async with self._db.connection() as connection:
            rows = await indexing.due(connection, BATCH + len(self._pending.due))
            done = set(self._pending.due)
            rows = [row for row in rows if row[0] not in done][:BATCH]
            changed = await indexing.touched_by_id(connection, {event_id for _, event_id in rows}) if rows else []
        if not rows:
            return False
        await self._replace([one for one in changed if one.seq <= self._position])
        self._pending.due += [row[0] for row in rows]
        self._touch()
        return True

    async def _build_page(self) -> bool:
        build = self._build
        if build is None:
            return False
        async with self._db.connection() as connection:
            page = await indexing.page(connection, build.built, self._position, BATCH)
        await self._add(page, [build.writer])
        build.built = page[-1].seq if len(page) == BATCH else self._position
        if build.built == self._position:
            await self._finish(build)
        return True

    async def _finish(self, build: _Build) -> None:
        """Put the new index into use."""
        await self._commit(build)
        old, self._current, self._build = self._current, build.writer, None
        self._generations.use(build.writer.path)
        if self._checking is not None:
            self._checking.cancel()
            self._checking = None
        if old is not None:
            old.close()
        self._generations.tidy()
        await self._tell()
        log.info("search index built", position=self._position)

    async def _replace(self, changed: Sequence[Changed]) -> None:
        """Make the documents of these messages anew, in every index that holds them."""
        if self._current is not None:
            await asyncio.to_thread(self._current.remove, [one.seq for one in changed])
            await self._add(changed, [self._current])
        build = self._build
        if build is not None:
            held = [one for one in changed if one.seq <= build.built]
            await asyncio.to_thread(build.writer.remove, [one.seq for one in held])
            await self._add(held, [build.writer])

    async def _add(self, changed: Sequence[Changed], writers: Sequence[Writer]) -> None:
        if not changed:
            return
        try:
            await self._add_all([one.event_id for one in changed], writers)
        except Exception as error:
            for writer in writers:
                writer.remove(one.seq for one in changed)  # what was added of it: all of it is added again
            if isinstance(error, UNAVAILABLE):
                raise
            log.warning("batch could not be indexed, going on one by one", error=repr_type(error))
            for one in changed:
                await self._add_alone(one, writers)

    async def _add_all(self, event_ids: Sequence[str], writers: Sequence[Writer]) -> None:
        async with self._db.connection() as connection:
            async for document in self._documents.of(connection, event_ids):
                for writer in writers:
                    writer.add(document)

    async def _add_alone(self, one: Changed, writers: Sequence[Writer]) -> None:
        try:
            await self._add_all([one.event_id], writers)
        except UNAVAILABLE:
            raise
        except Exception as error:
            log.exception("message cannot be indexed", event_id=one.event_id, seq=one.seq)
            async with self._db.tx() as tx:
                await consumers.set_aside(tx, NAME, one.seq, repr_type(error))

    def _touch(self) -> None:
        if self._pending.since is None:
            self._pending.since = asyncio.get_running_loop().time()

    async def _commit_in_time(self, *, more: bool) -> None:
        now = asyncio.get_running_loop().time()
        if self._pending.since is not None and (not more or now - self._pending.since >= COMMIT_SECONDS):
            wait = self._committed_at + SHORTEST_COMMIT_SECONDS - now
            if wait > 0:
                await asyncio.sleep(wait)
            await self._commit()
        elif now - self._told_at >= TELL_SECONDS:
            await self._tell()

    async def _commit(self, build: _Build | None = None) -> None:
        """Commit the index in use, or another one that is complete."""
        writer = build.writer if build is not None else self._current
        async with self._db.connection() as connection:
            state = State(self._position, await indexing.key_at(connection, self._position))
            if writer is not None:
                await asyncio.to_thread(writer.commit, state)
            if build is not None and self._current is not None:
                return  # what is pending is committed in the one in use
            self._committed = state.position
            if self._pending.due:
                await indexing.done(connection, self._pending.due)
        self._pending = _Pending()
        self._committed_at = asyncio.get_running_loop().time()
        await self._tell()

    async def _tell(self) -> None:
        """Say in the database how far we are."""
        build = self._build
        documents = 0 if self._current is None else await asyncio.to_thread(self._current.count)
        async with self._db.connection() as connection:
            await indexing.move(connection, self._committed if build is None or self._current else build.built)
            await indexing.tell(
                connection,
                ready=self._current is not None,
                documents=documents,
                built=None if build is None else build.built,
                until=None if build is None else self._position,
            )
        self._told_at = asyncio.get_running_loop().time()
        self._generations.tidy(*([build.writer.path] if build else []))  # what was still read may be left alone now

    async def _look_after_current(self) -> None:
        """Begin another index when the one in use turns out to be damaged."""
        if self._current is None:
            return
        path = self._current.path
        if self._checking is None and is_doubted(path):
            self._check(path)
        if self._generations.current() == path:
            if self._checking is None or not self._checking.done():
                return
            whole = self._checking.result()
            self._checking = None
            if whole:
                trust(path)
                return
        log.error("the search index is damaged or gone; making another one from the archive", generation=path.name)
        self._current.close()
        self._current = None
        self._generations.drop()
        await self._begin()

    def _check(self, path: Path) -> None:
        """Read all of it, beside other work."""
        self._checking = asyncio.create_task(asyncio.to_thread(is_whole, path), name="check the search index")

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    def _close(self) -> None:
        if self._checking is not None:
            self._checking.cancel()
        for writer in (self._current, self._build.writer if self._build else None):
            if writer is not None:
                writer.close()
        self._current = self._build = self._checking = None
        self._pending = _Pending()
