"""Each line of the table in docs/access.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.archive.access import AuditRefusedError
from bridge.storage import messages
from bridge.storage.readable import Readable
from tests.storage.post import OTHER, ROOM, archive
from tests.storage.stories import PEOPLE, access, places, seen, told

if TYPE_CHECKING:
    from bridge.storage.db import Db

DOCS = Path(__file__).resolve().parents[2] / "docs" / "access.md"


@dataclass(frozen=True)
class Case:
    """What somebody may read of a story: of the events that are asked about, those that `sees` names."""

    line: int
    story: str
    who: str  # or "everyone": an answer in the room
    sees: str
    of: str = "een, twee, drie, vier"
    later: str = "as_client"
    left: str = "seen"


WORLD = "begin, history world_readable, anna join, een, history shared, twee"
PAST = "begin, anna join, history world_readable, een, history shared, twee, history joined, drie"
STAYED = "begin, history joined, anna join, een, bas join, twee, bas leave, drie"
DAYS = "begin, history joined, anna join, een, a day passes, twee, drie, bas join, vier"
CASES = (
    Case(1, WORLD, "bas", "een"),
    Case(1, f"{WORLD}, bas join", "bas", "een, twee"),
    Case(2, "begin, history joined, anna join, een, bas join, twee", "anna", "een, twee"),
    Case(2, "begin, history joined, anna join, een, bas join, twee", "bas", "bas join, twee", "een, bas join, twee"),
    Case(3, "begin, history shared, anna join, een, bas join, twee", "bas", "een, twee"),
    Case(4, "begin, history invited, anna join, een, bas invite, twee, bas join, drie", "bas", "twee, drie"),
    Case(4, "begin, history invited, een, bas invite, twee, bas leave, drie, bas join, vier", "bas", "twee, vier"),
    Case(5, "begin, history joined, anna join, een, bas invite, twee, bas join, drie", "bas", "drie"),
    Case(6, f"{PAST}, bas join, vier", "bas", "een, twee, vier"),
    Case(6, "begin, history joined, een, history shared, twee, bas join", "bas", "twee"),
    Case(7, "begin, anna join, een, bas join, twee", "bas", "een, twee"),
    Case(8, "begin, history everybody, anna join, een, bas join, twee", "bas", "een, twee"),
    Case(8, "begin, history joined, een, history everybody, twee, bas join", "bas", "twee"),
    Case(9, "anna join, een, bas join, twee", "bas", "twee"),
    Case(9, "anna join, een, history shared, twee, bas join, drie", "bas", "twee, drie"),
    Case(10, f"{PAST}, bas join", "bas", "history joined", "history joined, drie"),
    Case(10, WORLD, "bas", "history world_readable, history shared", "begin, history world_readable, history shared"),
    Case(11, f"{WORLD}, bas invite, drie", "bas", "een"),
    Case(11, "begin, history invited, anna join, een, bas invite, twee", "bas", ""),
    Case(12, f"{WORLD}, bas knock, drie", "bas", "een"),
    Case(12, f"{WORLD}, bas invite, bas leave, drie", "bas", "een"),
    Case(12, f"{WORLD}, bas ban, drie", "bas", "een"),
    Case(13, STAYED, "bas", "twee, bas leave", "een, twee, bas leave, drie"),
    Case(13, STAYED.replace("leave", "ban"), "bas", "twee, bas ban", "een, twee, bas ban, drie"),
    Case(13, "begin, een, bas join, twee, bas leave, drie, history world_readable, vier", "bas", "een, twee"),
    Case(13, "een, history shared, bas join, bas leave, twee, bas ban", "bas", "bas leave", "bas leave, twee, bas ban"),
    Case(14, f"{STAYED}, history world_readable, vier", "bas", "", left="nothing"),
    Case(14, STAYED.replace("leave", "ban"), "bas", "", left="nothing"),
    Case(15, "begin, history invited, bas join, een, bas leave, twee, bas invite, drie", "bas", "een"),
    Case(15, "begin, bas join, een, bas leave, twee, bas knock, drie", "bas", "een"),
    Case(15, "begin, bas join, een, bas leave, twee, bas invite, drie", "bas", "", left="nothing"),
    Case(16, "begin, bas join, een, bas leave, twee, bas join again, drie", "bas", "een, twee, drie"),
    Case(16, "begin, history joined, bas join, een, bas leave, twee, bas join again, drie", "bas", "een, drie"),
    Case(16, "begin, bas join, een, bas leave, twee, bas join again, drie", "bas", "een, twee, drie", left="nothing"),
    Case(17, DAYS, "bas", "vier"),
    Case(18, DAYS, "bas", "twee, drie, vier", later="12h"),
    Case(18, DAYS, "bas", "een, twee, drie, vier", later="2d"),
    Case(18, DAYS.replace("drie", "drie, a day passes"), "bas", "vier", later="12h"),
    Case(18, f"{DAYS}, bas leave, vijf, bas join again", "bas", "twee, vijf", "een, twee, vijf", later="12h"),
    Case(19, DAYS, "bas", "een, twee, drie, vier", later="all"),
    Case(20, STAYED, "bas", "twee", later="all"),
    Case(20, STAYED, "bas", "twee", later="30d"),
    Case(20, STAYED, "bas", "", later="all", left="nothing"),
    Case(20, "begin, history joined, anna join, een, bas invite", "bas", "", later="all"),
    Case(21, WORLD, "gast", ""),
    Case(21, f"{WORLD}, gast join", "gast", "een, twee"),
    Case(21, f"{WORLD}, gast join, gast leave, drie", "gast", "een, twee"),
    Case(21, DAYS.replace("bas", "gast"), "gast", "vier", later="all"),
    Case(21, DAYS.replace("bas", "gast"), "gast", "vier", later="2d"),
    Case(22, f"{WORLD}, vreemde join", "vreemde", ""),
    Case(24, "begin, history joined, een, remove history joined, bas join, twee", "bas", "twee"),
    Case(24, "begin, history joined, een, bas join, remove bas join, twee", "bas", "twee"),
    Case(24, f"{STAYED}, remove bas leave", "bas", "twee"),
    Case(25, "begin, history joined, name Een, bas join, name Twee", "bas", "name Twee", "name Een, name Twee"),
    Case(26, f"{STAYED}, anna leave, anna join again", "anna", "een, twee, drie"),
    Case(26, "begin, history joined, een, anna join, twee", "anna", "twee"),
    Case(28, "een, history shared, twee, anna join", "bas", ""),
    Case(28, "een, history shared, twee, bas join as Bas, drie", "bas", "twee, drie"),
    Case(29, "begin, history joined, anna join, een, bas join, postkamer join, twee", "everyone", "twee"),
    Case(29, "begin, history joined, anna join, een, postkamer join, bas leave, twee", "everyone", "een, twee"),
    Case(29, "begin, history joined, een, postkamer join, twee", "everyone", ""),
    Case(29, "begin, history joined, anna join, een, bas join, twee", "everyone", "een, twee", later="all"),
    Case(29, "begin, history joined, anna join, een, bas join, twee", "everyone", "twee", later="30d"),
    Case(30, f"{PAST}, history world_readable again, vier", "everyone", "een, vier"),
    Case(31, "begin, history joined, anna join, een, history shared, twee", "everyone", "twee"),
    Case(31, "anna join, een, history shared, twee", "everyone", "twee"),
    Case(31, "begin, history shared, anna join, een, history joined, twee", "everyone", "een, twee"),
    Case(32, "begin, history invited, anna join, een, bas invite, twee", "everyone", "twee"),
    Case(32, "begin, history invited, anna join, een, postkamer invite, twee", "everyone", "een, twee"),
    Case(32, "anna join, een, bas invite, twee", "everyone", ""),
    Case(33, "begin, history joined, anna join, een, vreemde join, twee", "everyone", "twee"),
    Case(33, "begin, history joined, anna join, een, vreemde join, twee", "everyone", "twee", later="all"),
)


def names(text: str) -> set[str]:
    return set(text.split(", ")) if text else set()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.line}: {case.story}")
async def test_line(db: Db, case: Case) -> None:
    await archive(db, *told(case.story))
    rule = access(case.later, case.left)
    async with db.connection() as connection:
        if case.who == "everyone":
            found = [await rule.for_everyone_in(connection, ROOM)]
        else:
            user_id = PEOPLE[case.who]
            found = [await rule.for_person(connection, user_id), await rule.for_room(connection, user_id, ROOM)]
    for readable in found:
        assert seen(await places(db), readable) & names(case.of) == names(case.sees)
        assert not readable.removed
        assert not readable.everything


async def test_line_23_what_was_removed(db: Db) -> None:
    await archive(db, *told("begin, anna join, een, twee, remove een"))
    async with db.connection() as connection:
        readable = await access().for_person(connection, PEOPLE["anna"])
        assert seen(await places(db), readable) >= {"een", "twee"}  # the place may be read; what stands there is hidden
        assert not readable.removed
        assert await messages.hidden(connection, ["een", "twee"]) == {"een"}


async def test_line_27_an_upgraded_room(db: Db) -> None:
    await archive(db, *told("begin, history joined, anna join, een, bas join, twee"))
    await archive(db, *told("begin new, history joined new, anna join new, drie", OTHER))
    async with db.connection() as connection:
        readable = await access(later="all").for_person(connection, PEOPLE["bas"])
    assert seen(await places(db), readable) & names("een, twee, drie") == {"een", "twee"}


async def test_line_34_auditors(db: Db) -> None:
    await archive(db, *told("begin, history joined, bas join, een, remove een"))
    readable = access().for_auditor(PEOPLE["anna"], "complaint 2026-14")
    assert "een" in seen(await places(db), readable)
    assert readable.removed


@pytest.mark.parametrize(
    ("who", "purpose", "reason"), [("bas", "why not", "role"), ("anna", " ", "purpose"), ("vreemde", "", "role")]
)
def test_line_35_who_may_not_look_into_everything(who: str, purpose: str, reason: str) -> None:
    with pytest.raises(AuditRefusedError) as refused:
        access().for_auditor(PEOPLE[who], purpose)
    assert refused.value.reason == reason


def test_every_line_of_the_table_has_a_test() -> None:
    lines = [int(found) for found in re.findall(r"^\| (\d+) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)]
    assert lines == list(range(1, len(lines) + 1))
    own = {int(found[1]) for name in globals() if (found := re.match(r"test_line_(\d+)_", name))}
    assert {case.line for case in CASES} | own == set(lines)


def test_nobody_else_makes_a_readable() -> None:
    with pytest.raises(TypeError):
        Readable(object(), {})
