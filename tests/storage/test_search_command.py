"""`postkamer search` on a real database."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from bridge.cli import main
from bridge.storage.db import open_db
from bridge.storage.roles import claim_role
from tests.config_file import write_config
from tests.storage.post import OTHER, receive, rows
from tests.storage.searching import index
from tests.storage.stories import told
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.storage.db import Db

ANNA, BAS, CORA = "@anna:example.com", "@bas:example.com", "@cora:example.com"


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Db]:
    async with open_db(database_url, size=4) as opened:
        await receive(opened, *told("begin, name Kantoor, anna join, bas join, de offerte is klaar, nog een offerte"))
        await receive(opened, *told("begin 2, cora join 2, geheime offerte", OTHER))
        yield opened


@pytest.fixture
def config(db: Db, tmp_path: Path) -> str:
    path = write_config(tmp_path, db.url)
    path.write_text(f"{path.read_text()}rights:\n  auditors: ['{ANNA}']\n")
    return str(path)


async def run(*words: str) -> int:
    """A command, as its own process would run it."""
    return await asyncio.to_thread(main, ["search", *words])


async def test_a_line_of_json_a_message(config: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert await run("-c", config, "--as", BAS, "--json", "offerte") == 0
    assert "no search index" in capfd.readouterr().err
    assert await run("-c", config, "--as", BAS, "--json", "offerte") == 0
    out, errors = capfd.readouterr()
    assert errors == ""
    found = [json.loads(line) for line in out.splitlines()]
    assert [one["event_id"] for one in found] == ["nog een offerte", "de offerte is klaar"]
    assert found[1] == {
        "event_id": "de offerte is klaar",
        "room_id": "!algemeen:example.com",
        "room_name": "Kantoor",
        "sender": ANNA,
        "sent_at": "2026-03-02T08:05:00.000Z",
        "excerpt": "de offerte is klaar",
        "link": "https://matrix.to/#/!algemeen:example.com/de%20offerte%20is%20klaar?via=example.com",
    }


async def test_for_people(config: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert await run("-c", config, "--as", BAS, "--limit", "1", "een", "offerte") == 0
    out = capfd.readouterr().out
    assert out.splitlines()[0].endswith("Kantoor  @anna:example.com")
    assert out.splitlines()[1] == "    nog een offerte"
    assert await run("-c", config, "--as", BAS, "--limit", "1", "offerte vann:anna") == 1
    assert "at character 9: unknown operator: vann (perhaps: van)" in capfd.readouterr().err
    assert await run("-c", config, "--as", BAS, "--limit", "1", "offerte") == 0
    assert "there are more than these; in all 2" in capfd.readouterr().err


async def test_nobody_finds_what_is_not_theirs(config: str, capfd: pytest.CaptureFixture[str]) -> None:
    for user, count in ((BAS, 2), (CORA, 1), (ANNA, 2), ("@eve:elsewhere.org", 0), ("@wie:example.com", 0)):
        assert await run("-c", config, "--as", user, "--json", "offerte") == (0 if count else 1)
        said = capfd.readouterr()
        assert len(said.out.splitlines()) == count
        assert (f"knows nobody with the id {user}" in said.err) == (count == 0)
    assert await run("-c", config, "--as", CORA, "ofefrte") == 1
    assert "postkamer: nothing found\npostkamer: perhaps offerte\n" in capfd.readouterr().err
    assert await run("-c", config, "--as", CORA, "klar") == 1
    assert "perhaps" not in capfd.readouterr().err


async def test_each_search_is_written_down(config: str, db: Db, capfd: pytest.CaptureFixture[str]) -> None:
    assert await run("-c", config, "--as", BAS, "offerte") == 0
    assert await run("-c", config, "--as", ANNA, "--auditor", "--purpose", "melding 3", "offerte") == 0
    out = capfd.readouterr().out
    assert "geheime" in out
    assert await run("-c", config, "--as", BAS, "--auditor", "--purpose", "melding 3", "offerte") == 1
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "is no auditor" in captured.err
    written = await rows(db, "SELECT who, what, purpose, detail ->> 'as', detail ->> 'line' FROM audit ORDER BY id")
    assert [one[1:] for one in written] == [
        ("search as", None, BAS, "offerte"),
        ("search as", None, ANNA, "offerte"),
        ("search", "melding 3", None, "offerte"),
        ("search as", None, BAS, "offerte"),
    ]
    assert written[2][0] == ANNA
    assert "@" in written[0][0]


@pytest.mark.parametrize(
    "words",
    [
        ["--as", "anna", "offerte"],
        ["offerte"],
        ["--as", ANNA],
        ["--as", ANNA, "--limit", "0", "offerte"],
        ["--as", ANNA, "--auditor", "offerte"],
        ["--as", ANNA, "--auditor", "--purpose", " ", "offerte"],
        ["--as", ANNA, "--purpose", "melding", "offerte"],
    ],
)
async def test_wrong_use(config: str, words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        await run("-c", config, *words)
    assert exit_.value.code == 2
    assert capfd.readouterr().out == ""


async def _is_recorded(db: Db) -> bool:
    return bool(await rows(db, "SELECT FROM consumer WHERE name = 'recorder' AND position > 0"))


async def test_beside_a_postkamer_that_runs(
    config: str, db: Db, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with claim_role(db.url, "indexer"):
        searching = asyncio.create_task(run("-c", config, "--as", BAS, "--json", "offerte"))
        await until(lambda: _is_recorded(db))
        await index(db, tmp_path / "data" / "search")
        assert await searching == 0
    assert len(capfd.readouterr().out.splitlines()) == 2
