"""Finding people and rooms by what staff call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.storage.desk import BOT, directory_of
from tests.storage.post import CORA, archive, event, member, message
from tests.storage.stories import PEOPLE, told

if TYPE_CHECKING:
    from bridge.storage.db import Db

ANNA, BAS = PEOPLE["anna"], PEOPLE["bas"]


def room(room_id: str, name: str | None, *people: tuple[str, str], minute: int = 0) -> list[dict[str, Any]]:
    """A room with its name and members, in which somebody said something."""
    outer = {"room_id": room_id, "minute": minute}
    found = [event(f"c{room_id}", "m.room.create", {}, state_key="", **outer)]
    if name:
        found.append(event(f"n{room_id}", "m.room.name", {"name": name}, state_key="", **outer))
    found += [member(f"m{room_id}{user}", user, "join", called, **outer) for user, called in people]
    return [*found, message(f"t{room_id}", "hoi", **outer)]


async def people(db: Db, text: str, who: str = "anna") -> list[str]:
    return [one.name for one in await directory_of(db, who).people(text)]


async def rooms(db: Db, text: str, who: str = "bas", **more: Any) -> list[str]:
    return [one.name for one in await directory_of(db, who, **more).rooms(text)]


async def test_people_by_id_name_and_part_of_a_name(db: Db) -> None:
    await archive(
        db, *room("!a", "Algemeen", (ANNA, "Anna"), (BAS, "Bas de Boër"), (CORA, "Cora Bas"), (BOT, "Postkamer"))
    )
    await archive(db, *room("!b", "Elders", ("@piet:example.com", "Bas Elders")))
    assert await people(db, BAS) == ["Bas de Boër"]
    assert await people(db, "@bas") == ["Bas de Boër"]
    assert await people(db, "BAS DE BOER") == ["Bas de Boër"]
    assert await people(db, "boer") == ["Bas de Boër"]
    assert await people(db, "ora") == ["Cora Bas"]
    assert await people(db, "postkamer") == []
    assert await people(db, "elders") == []
    assert set(await people(db, "")) == {"Anna", "Bas de Boër", "Cora Bas"}
    assert await people(db, "cora", who="gast") == []


async def test_a_whole_name_goes_before_a_part_of_one(db: Db) -> None:
    await archive(db, *room("!a", "Verkoop", (BAS, "Bas"), minute=1), *room("!b", "Verkoop Noord", (BAS, "Bas")))
    assert await rooms(db, "verkoop") == ["Verkoop"]
    assert await rooms(db, "noord") == ["Verkoop Noord"]
    assert await rooms(db, "!b") == ["Verkoop Noord"]
    assert await rooms(db, "erkoo") == ["Verkoop", "Verkoop Noord"]
    assert await rooms(db, "%") == []


async def test_without_a_name_the_most_lively_rooms(db: Db) -> None:
    for n in range(12):
        await archive(db, *room(f"!{n}", f"Kamer {n}", (BAS, "Bas"), minute=n))
    assert await rooms(db, "") == [f"Kamer {n}" for n in range(11, 2, -1)]
    assert len(await rooms(db, "kamer")) == 10


async def test_only_rooms_of_the_asker(db: Db) -> None:
    await archive(db, *room("!a", "Directie", (CORA, "Cora")))
    for text in ("directie", "!a", ""):
        assert await rooms(db, text) == []
    assert await rooms(db, "directie", who="anna") == ["Directie"]  # an auditor
    assert await rooms(db, "", who="anna") == []


async def test_an_auditor_gets_the_whole_name_of_another_room_before_a_part_of_an_own(db: Db) -> None:
    await archive(db, *room("!a", "Directie", (CORA, "Cora")), *room("!b", "Directieoverleg", (ANNA, "Anna")))
    assert await rooms(db, "directie", who="anna") == ["Directie"]
    assert await rooms(db, "direct", who="anna") == ["Directieoverleg", "Directie"]


async def test_addresses_rooms_without_a_name_and_what_is_no_room_to_read(db: Db) -> None:
    alias = event("al", "m.room.canonical_alias", {"alias": "#werk:example.com"}, state_key="", room_id="!a")
    space = event("c!s", "m.room.create", {"type": "m.space"}, state_key="", room_id="!s")
    await archive(
        db,
        *room("!a", None, (BAS, "Bas")),
        alias,
        *room("!b", None, (BAS, "Bas"), (ANNA, "Anna"), (CORA, "Cora"), (BOT, "Postkamer")),
        space,
        member("sm", BAS, "join", "Bas", room_id="!s"),
        *room("!d", None, (BAS, "Bas"), (BOT, "Postkamer")),
    )
    async with db.tx() as tx:
        await tx.execute("INSERT INTO bot_room VALUES ('!d', $1, 'join', 1, true)", BOT)
    assert set(await rooms(db, "")) == {"#werk:example.com", "Anna, Cora"}
    assert await rooms(db, "#werk:example.com") == ["#werk:example.com"]
    assert await rooms(db, "anna") == ["Anna, Cora"]


async def test_old_rooms_of_upgrades_are_found_by_id(db: Db) -> None:
    tombstone = event("ts", "m.room.tombstone", {"replacement_room": "!b"}, state_key="", room_id="!a")
    await archive(
        db, *room("!a", "Werkplaats", (BAS, "Bas")), tombstone, *room("!b", "Werkplaats", (BAS, "Bas"), minute=5)
    )
    assert [one.id for one in await directory_of(db, "bas").rooms("werkplaats")] == ["!b"]
    assert [one.id for one in await directory_of(db, "bas").rooms("!a")] == ["!a"]


async def test_a_room_that_was_left_is_known_by_the_name_it_had(db: Db) -> None:
    await archive(db, *told("begin, name Oud, bas join, een, bas leave"))
    assert await rooms(db, "oud") == ["Oud"]
    assert await rooms(db, "") == []
    assert await rooms(db, "oud", left=False) == []
    await archive(db, event("n2", "m.room.name", {"name": "Geheim"}, state_key="", minute=30))
    assert await rooms(db, "geheim") == []
