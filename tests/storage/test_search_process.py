"""The indexer as a process: how soon, what a kill leaves, what it mends."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from tantivy import Query

from bridge.app import application
from bridge.background import running
from bridge.config.checks import HostPort
from bridge.config.loader import load
from bridge.demo.synapse import free_port
from bridge.monitor.health import Part
from bridge.search.generations import Generations
from bridge.search.index import NotReadyError, TantivyIndex
from bridge.search.process import IndexerProcess
from bridge.storage import consumers, indexing
from bridge.storage.db import open_db
from tests.config_file import write_config
from tests.storage.post import archive, edit, message, receive, record, redaction, rows
from tests.storage.searching import ask_for_another, content, everything, index, status
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.storage.db import Db


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Db]:
    async with open_db(database_url, size=4) as db:
        yield db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "search"


@asynccontextmanager
async def indexer(db: Db, tmp_path: Path) -> AsyncIterator[None]:
    config = load(write_config(tmp_path, db.url))
    async with running({"indexer": IndexerProcess(config, db.url).run}):
        yield


def of_ours() -> list[psutil.Process]:
    """The indexers that run under us."""
    return [process for process in psutil.Process().children(recursive=True) if is_indexer(process)]


def is_indexer(process: psutil.Process) -> bool:
    try:
        return "bridge.search.process" in process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


async def up_to_date(db: Db) -> bool:
    async with db.connection() as connection:
        held = {one.name: one.position for one in await consumers.progress(connection)}
        waiting = await indexing.due(connection, 1)
    now = await status(db)
    return now.ready and now.built is None and held.get("search") == held.get("recorder", 0) and not waiting


def seqs(reader: TantivyIndex, word: str) -> list[int]:
    query = Query.term_query(reader.schema, "words", word, "basic")
    return [hit.seq for hit in reader.search(query, everything(), sort="new", limit=1000).hits]


def finds(reader: TantivyIndex, word: str) -> bool:
    try:
        return bool(seqs(reader, word))
    except NotReadyError:
        return False


async def test_a_message_is_found_within_a_second_and_a_removed_one_is_not(
    db: Db, tmp_path: Path, folder: Path
) -> None:
    await archive(db, message("$0", "begin"))
    reader = TantivyIndex(folder)
    with pytest.raises(NotReadyError):
        seqs(reader, "begin")
    async with indexer(db, tmp_path):
        await until(lambda: up_to_date(db))
        assert finds(reader, "begin")
        for number in range(1, 6):
            word = f"woord{number}"
            await archive(db, message(f"${number}", word))
            await until(lambda word=word: finds(reader, word))  # type: ignore[misc]
            await archive(db, redaction(f"$r{number}", f"${number}"))
            await until(lambda word=word: not finds(reader, word))  # type: ignore[misc]
    reader.close()


async def test_a_kill_at_any_moment_changes_nothing(db: Db, tmp_path: Path, folder: Path) -> None:
    chance = random.Random(4)
    number = 0
    async with indexer(db, tmp_path):
        for _ in range(4):
            await until(lambda: bool(of_ours()))
            for _ in range(chance.randrange(1, 6)):
                number += 1
                texts: list[Any] = [message(f"${number}.{n}", f"tekst {number} {n}") for n in range(20)]
                await receive(db, *texts, edit(f"$e{number}", f"${number}.1", "anders"))
                await receive(db, redaction(f"$r{number}", f"${number}.2"))
                await record(db)
                await asyncio.sleep(chance.random() * 0.3)
            await asyncio.sleep(chance.random() * 1.5)
            for process in of_ours():
                process.send_signal(signal.SIGKILL)
        await until(lambda: up_to_date(db))
    assert not of_ours()
    followed = content(folder)
    await ask_for_another(db)
    await index(db, folder)
    assert content(folder) == followed
    assert await rows(db, "SELECT 1 FROM set_aside") == []


async def test_it_ends_when_we_are_killed(db: Db, tmp_path: Path) -> None:
    """The kernel tells it: see `bridge.storage.launcher`."""
    write_config(tmp_path, db.url)
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from bridge.config.loader import load\n"
        "from bridge.search.process import IndexerProcess\n"
        "asyncio.run(IndexerProcess(load(Path(sys.argv[1])), sys.argv[2]).run())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, script, tmp_path / "config.yaml", db.url)
    try:
        await until(lambda: bool(of_ours()))
        child = of_ours()[0]
        await until(lambda: up_to_date(db))
    finally:
        parent.kill()
        await parent.wait()
    await until(lambda: not is_indexer(child))


async def test_the_role_alone(db: Db, tmp_path: Path, folder: Path) -> None:
    await archive(db, message("$1", "eerste"))
    config = load(write_config(tmp_path, db.url))
    config = replace(config, monitoring=replace(config.monitoring, listen=HostPort("127.0.0.1", free_port())))
    async with application(config, roles=("indexer",)) as app:
        await until(lambda: up_to_date(db))
        await app.refresh()
        assert app.health.parts["indexer"] == Part(ok=True, detail="1 documents, 0 behind")
    reader = TantivyIndex(folder)
    assert finds(reader, "eerste")
    reader.close()


async def test_a_damaged_index_is_made_anew(db: Db, tmp_path: Path, folder: Path) -> None:
    await archive(db, *(message(f"${n}", f"tekst{n}") for n in range(50)))
    await index(db, folder)
    path = Generations(folder).current()
    assert path is not None
    file = next(iter(sorted(path.glob("*.idx"))))
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 0xFF
    file.write_bytes(data)
    async with indexer(db, tmp_path):
        await until(lambda: Generations(folder).current() not in (None, path))
        await until(lambda: up_to_date(db))
        reader = TantivyIndex(folder)
        assert finds(reader, "tekst7")
        # Gone while it runs, and another one that was asked for.
        (folder / "current").unlink()
        await archive(db, message("$more", "meer"))
        await until(lambda: finds(reader, "meer"))
        third = Generations(folder).current()
        await ask_for_another(db)
        await until(lambda: Generations(folder).current() not in (None, third))
        await until(lambda: finds(reader, "meer"))
        await until(lambda: len(list(folder.glob("g-*"))) == 1)
        reader.close()


@pytest.mark.parametrize("damage", ["version", "nothing", "meta", "missing", "other database"])
async def test_what_cannot_be_used_is_made_anew(db: Db, folder: Path, damage: str) -> None:
    await archive(db, message("$1", "eerste"))
    await index(db, folder)
    path = Generations(folder).current()
    assert path is not None
    match damage:
        case "version":
            state = path / "state.json"
            state.write_text(state.read_text().replace('"version": ', '"version": 99'))
        case "nothing":
            (path / "state.json").unlink()
        case "meta":
            (path / "meta.json").write_text("{")
        case "missing":
            for file in path.glob("*.term"):
                file.unlink()
        case _:
            state = path / "state.json"
            state.write_text(state.read_text().replace("$1", "$2"))
    await index(db, folder)
    assert Generations(folder).current() not in (None, path)
    assert not path.exists()
    reader = TantivyIndex(folder)
    assert finds(reader, "eerste")
    reader.close()


async def test_one_that_is_read_is_not_deleted(db: Db, folder: Path) -> None:
    await archive(db, message("$1", "eerste"))
    await index(db, folder)
    reader = TantivyIndex(folder)
    assert finds(reader, "eerste")
    path = Generations(folder).current()
    await ask_for_another(db)
    await index(db, folder)
    assert path is not None
    assert path.exists()
    assert finds(reader, "eerste")  # it has noticed
    Generations(folder).tidy()
    assert not path.exists()
    reader.close()
