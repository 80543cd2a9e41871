"""Reading the index, in any process."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from itertools import repeat
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import structlog
import tantivy
from tantivy import FieldType, Occur, Order, Query

from bridge.search import newest, schema
from bridge.search.generations import Generations, doubt, reading
from bridge.search.permitted import permitted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bridge.search.query import Sort
    from bridge.storage.readable import Readable

log = structlog.get_logger(__name__)

_META: Final = "meta.json"
_TRIES: Final = 3
_FEW_ROOMS: Final = 10


class NotReadyError(Exception):
    """There is no index that can be read now; the indexer makes one."""


class Hit(NamedTuple):
    """A document that was found.

    Attributes:
        seq: of the message, see `event.seq`.
        n: of the attachment whose text was found; `schema.MESSAGE` of the message itself.
        score: by relevance; otherwise 0.
        sent: its `schema.sent_key`; by relevance 0.
    """

    seq: int
    n: int
    score: float
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A page of hits.

    Attributes:
        count: of all documents that were found; None when it was not asked for.
    """

    hits: Sequence[Hit]
    count: int | None


class SearchIndex(Protocol):
    """What a search runs on. All of these wait for the disk, so call them in a thread.

    Raises:
        NotReadyError: all of them.
    """

    def search(
        self, query: Query, readable: Readable, *, sort: Sort, limit: int, offset: int = 0, count: bool = False
    ) -> Found:
        """The documents that are asked for and may be read."""

    def terms(self, field: str, prefix: str, readable: Readable, limit: int) -> list[tuple[str, int]]:
        """The most frequent tokens of a field that begin so, with the number of documents that may be read."""

    def close(self) -> None:
        """Let go of the files."""


class TantivyIndex:
    """The index that the indexer keeps in a folder; see `SearchIndex`. Threads may share one.

    Args:
        folder: `data_dir/search`.
    """

    def __init__(self, folder: Path) -> None:
        self.schema = schema.schema()
        self._generations = Generations(folder)
        self._lock = Lock()
        self._opened: _Opened | None = None

    def search(
        self, query: Query, readable: Readable, *, sort: Sort, limit: int, offset: int = 0, count: bool = False
    ) -> Found:
        """See `SearchIndex`."""
        asked = Query.boolean_query([(Occur.Must, query), (Occur.Must, permitted(self.schema, readable))])
        opened, searcher = self._searcher()
        try:
            if sort == "relevance":
                result = searcher.search(asked, limit, count=count, offset=offset)
            elif sort == "new" and not count and searcher.num_docs >= newest.LEAST:
                share = self._share(searcher, readable)
                result = self._newest(opened, searcher, asked, offset + limit, offset, share=share)
            else:
                order = Order.Desc if sort == "new" else Order.Asc
                result = searcher.search(
                    asked, limit, count=count, offset=offset, order_by_field=schema.SENT, order=order
                )
            ordered = result.hits  # makes the list anew each time
            addresses = [address for _, address in ordered]
            columns = [searcher.fast_field_values(name, addresses) for name in (schema.SEQ, schema.N)]
        except Exception as error:
            raise self._doubtful(opened, error) from error
        by = [one for one, _ in ordered]
        orders = (by, repeat(0)) if sort == "relevance" else (repeat(0.0), by)
        hits = list(map(Hit._make, zip(*columns, *orders, strict=False)))
        return Found(hits, result.count if count else None)  # type: ignore[attr-defined]  # not in its stub

    def _newest(
        self, opened: _Opened, searcher: tantivy.Searcher, asked: Query, needed: int, offset: int, *, share: float
    ) -> tantivy.SearchResult:
        def search(since: int | None) -> tantivy.SearchResult:
            query = asked
            if since is not None:
                recent = Query.range_query(self.schema, schema.SENT, FieldType.Integer, since, None)
                query = Query.boolean_query([(Occur.Must, asked), (Occur.Must, recent)])
            return searcher.search(
                query, needed - offset, count=False, offset=offset, order_by_field=schema.SENT, order=Order.Desc
            )

        ages = opened.ages(searcher)
        return newest.newest(needed, ages, search, lambda found: offset + len(found.hits), share=share)

    @staticmethod
    def _share(searcher: tantivy.Searcher, readable: Readable) -> float:
        """Of all documents, the part that stands in the rooms of somebody who sees few."""
        if readable.everything or len(readable.rooms) > _FEW_ROOMS:
            return 1.0
        return sum(searcher.doc_freq("room", room_id) for room_id in readable.rooms) / searcher.num_docs

    def terms(self, field: str, prefix: str, readable: Readable, limit: int) -> list[tuple[str, int]]:
        """See `SearchIndex`."""
        opened, searcher = self._searcher()
        try:
            return searcher.terms_with_prefix(field, prefix, permitted(self.schema, readable), limit)
        except Exception as error:
            raise self._doubtful(opened, error) from error

    def close(self) -> None:
        """See `SearchIndex`."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _searcher(self) -> tuple[_Opened, tantivy.Searcher]:
        """On what was committed last."""
        with self._lock:
            for _ in range(_TRIES):
                path = self._generations.current()
                if self._opened is not None and self._opened.path != path:
                    self._opened.close()
                    self._opened = None
                if path is None:
                    break
                try:
                    if self._opened is None:
                        self._opened = _Opened(path)
                    return self._opened, self._opened.searcher()
                except (OSError, ValueError) as error:
                    log.warning("search index cannot be opened", error=type(error).__name__)
                    if self._opened is not None:
                        self._opened.close()
                        self._opened = None
                    if path == self._generations.current() and path.is_dir():
                        doubt(path)
        raise NotReadyError

    def _doubtful(self, opened: _Opened, error: Exception) -> NotReadyError:
        log.error("search index cannot be read", generation=opened.path.name, exc_info=error)
        doubt(opened.path)
        return NotReadyError()


class _Opened:
    """One generation, open for reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._up = ExitStack()
        self._up.enter_context(reading(path))
        try:
            self._index = tantivy.Index.open(str(path))
            self._index.config_reader("manual")
            self._seen = 0
            self._ages: newest.Ages | None = None
            self.searcher()
        except BaseException:
            self._up.close()
            raise

    def searcher(self) -> tantivy.Searcher:
        """Loads what was committed since the last time."""
        written = (self.path / _META).stat()
        stamp = hash((written.st_mtime_ns, written.st_ino))
        if stamp != self._seen:
            self._index.reload()
            self._seen = stamp
        return self._index.searcher()

    def ages(self, searcher: tantivy.Searcher) -> newest.Ages:
        """How old what can be searched is."""
        ages = self._ages
        if ages is None or not ages.is_of(searcher):
            ages = self._ages = newest.Ages(searcher)
        return ages

    def close(self) -> None:
        """Searches that go on keep their files."""
        self._up.close()
