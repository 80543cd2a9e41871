"""What names in a search stand for, for who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.search.query import Note
from bridge.search.resolve import Asker, understand
from bridge.storage import recording
from tests.storage.post import archive, event, member, message, redaction, rows
from tests.storage.searching import everything
from tests.storage.seeking import NOW
from tests.storage.stories import PEOPLE, access

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.search.resolve import Understood
    from bridge.storage.db import Db
    from bridge.storage.readable import Readable

ANNA, BAS, CORA, BOT = (PEOPLE[name] for name in ("anna", "bas", "cora", "postkamer"))
SPACE = {"type": "m.space"}


def state(room: str, kind: str, content: dict[str, Any], minute: int = 0) -> dict[str, Any]:
    return event(f"${kind}{room}{minute}", f"m.room.{kind}", content, state_key="", room_id=room, minute=minute)


def room(room_id: str, name: str | None, *people: tuple[str, str], **creation: Any) -> list[dict[str, Any]]:
    """A room with its name and its members."""
    found = [state(room_id, "create", creation)]
    if name:
        found.append(state(room_id, "name", {"name": name}))
    joined = (member(f"$j{room_id}{user}", user, "join", called, room_id=room_id) for user, called in people)
    return [*found, *joined]


async def ask(db: Db, line: str, who: str = ANNA, readable: Readable | None = None) -> Understood:
    async with db.connection() as connection:
        may_read = readable or await access().for_person(connection, who)
        return await understand(connection, Asker(who, may_read, {BOT}), line, NOW)


async def people(db: Db, name: str, who: str = ANNA, readable: Readable | None = None) -> Sequence[str]:
    found = await ask(db, f'from:"{name}"', who, readable)
    return sorted(found.names.people[name])


async def rooms(db: Db, name: str, who: str = ANNA, readable: Readable | None = None) -> Sequence[str]:
    found = await ask(db, f'in:"{name}"', who, readable)
    return sorted(found.names.rooms.get(name, ()))


async def test_people_by_id_login_name_and_part_of_a_name(db: Db) -> None:
    await archive(db, *room("!a", "Kantoor", (ANNA, "Anna Bakker"), (BAS, "Bas de Boër"), (CORA, "Cora Basstra")))
    for name in (BAS, "@bas", "BAS", "bas de boer", "Bas de Boër", f"https://matrix.to/#/{BAS}"):
        assert await people(db, name) == [BAS], name
    assert await people(db, "boer") == [BAS]
    assert await people(db, "basst") == [CORA]
    assert await people(db, "asst") == [CORA]
    assert await people(db, "a") == [ANNA]  # begins with it, rather than has it somewhere


async def test_me(db: Db) -> None:
    await archive(db, *room("!a", "Kantoor", (ANNA, "Anna"), (BAS, "Mij Ikker")))
    for name in ("me", "mij", "IK"):
        assert await people(db, name) == [ANNA]
        assert await people(db, name, BAS) == [BAS]


async def test_names_of_the_past(db: Db) -> None:
    await archive(db, *room("!a", "Kantoor", (ANNA, "Anna"), (BAS, "Bas"), (CORA, "Cora Jansen")))
    await archive(db, member("$new", CORA, "join", "Cora de Wit", room_id="!a", minute=5))
    await archive(db, member("$gone", CORA, "leave", room_id="!a", minute=6))
    assert await people(db, "jansen") == [CORA]
    assert await people(db, "de wit") == [CORA]


async def test_each_name_that_somebody_has_is_known_once(db: Db) -> None:
    await archive(db, *room("!a", "Kantoor", (ANNA, "Anna"), (BAS, "Bas")), *room("!b", "Elders", (BAS, "Bas")))
    await archive(db, member("$new", BAS, "join", "Geheim", room_id="!a", minute=5))
    await archive(db, member("$newer", BAS, "join", "Bas de Boer", room_id="!a", minute=6))
    await archive(db, redaction("$gone", "$new", room_id="!a", minute=7))
    await archive(db, member("$left", BAS, "leave", room_id="!b", minute=8))
    known = set(await rows(db, "SELECT user_id, name FROM person_name"))
    assert known == {(ANNA, "Anna"), (BAS, "Bas"), (BAS, "Bas de Boer"), (BAS, "")}
    assert await people(db, "geheim") == []
    async with db.tx() as tx:
        await recording.clear(tx)
    assert await rows(db, "SELECT user_id FROM person_name") == []


async def test_names_from_before_one_may_read_are_unknown(db: Db) -> None:
    await archive(db, *room("!a", "Kantoor"), state("!a", "history_visibility", {"history_visibility": "joined"}))
    await archive(db, *(member(f"$j{who}", who, "join", f"{who[1:5]} Jansen", room_id="!a") for who in (BAS, CORA)))
    await archive(db, member("$new", CORA, "join", "Cora de Wit", room_id="!a", minute=5))
    await archive(db, member("$late", ANNA, "join", "Anna", room_id="!a", minute=6))
    assert await people(db, "jansen") == [BAS]
    assert await people(db, "wit") == [CORA]
    assert await people(db, "jansen", BAS) == [BAS, CORA]


async def test_strangers_do_not_exist(db: Db) -> None:
    await archive(db, *room("!a", "Kantoor", (ANNA, "Anna"), (BAS, "Bas")), *room("!b", "Directie", (CORA, "Cora")))
    found = await ask(db, "van:cora in:directie van:xyz in:nergens thread:$create!b")
    assert found.names.people == {"cora": [], "xyz": []}
    assert found.names.rooms == {}
    assert found.names.threads == {}
    assert found.notes == (
        Note("nobody", "cora"),
        Note("nobody", "xyz"),
        Note("no_room", "directie"),
        Note("no_room", "nergens"),
        Note("no_thread", "$create!b"),
    )
    assert await people(db, "cora", readable=everything()) == [CORA]
    assert await rooms(db, "directie", readable=everything()) == ["!b"]


async def test_a_name_of_several_is_all_of_them_and_told(db: Db) -> None:
    jans = [(f"@jan{number}:example.com", f"Jan {number}") for number in range(7)]
    await archive(db, *room("!a", "Kantoor", (ANNA, "Anna"), *jans), *room("!b", "Kantoor", (ANNA, "Anna")))
    found = await ask(db, "van:jan in:kantoor -van:ik")
    assert set(found.names.people["jan"]) == {user_id for user_id, _ in jans}
    assert found.notes == (
        Note("several_people", "jan", ("Jan 0", "Jan 1", "Jan 2", "Jan 3", "Jan 4"), 7),
        Note("several_rooms", "kantoor", ("Kantoor", "Kantoor"), 2),
    )


async def test_names_of_several_words_without_quotes(db: Db) -> None:
    await archive(db, *room("!a", "Kantoor Venlo", (ANNA, "Anna"), (BAS, "Bas de Vries"), (CORA, "Bas van Dijk")))
    found = await ask(db, "van:Bas de vries offerte in:kantoor venlo kozijn van: bas")
    assert found.names.people == {"Bas de vries": [BAS], "bas": [BAS]}
    assert found.names.rooms == {"kantoor venlo": ["!a"]}
    assert found.notes == ()
    assert found.query.problems == ()


async def test_rooms_by_id_alias_name_and_part_of_it(db: Db) -> None:
    await archive(db, *room("!a:example.com", "De Wérkplaats", (ANNA, "Anna")), *room("!b", "Kantoor", (ANNA, "Anna")))
    alias = {"alias": "#plaats:example.com", "alt_aliases": ["#oud:example.com"]}
    await archive(db, state("!a:example.com", "canonical_alias", alias))
    for name in (
        "!a:example.com",
        "#plaats:example.com",
        "#oud:example.com",
        "#plaats",
        "Plaats",
        "werk",
        "de werkplaats",
        "erkp",
        "https://matrix.to/#/#plaats:example.com?via=example.com",
        "https://matrix.to/#/!a:example.com/$x",
    ):
        assert await rooms(db, name) == ["!a:example.com"], name


async def test_a_space_is_its_rooms(db: Db) -> None:
    inner = event("$2", "m.space.child", {"via": ["x"]}, state_key="!a", room_id="!inner")
    outer = event("$1", "m.space.child", {"via": ["x"]}, state_key="!inner", room_id="!outer")
    back = event("$3", "m.space.child", {"via": ["x"]}, state_key="!outer", room_id="!inner")
    for room_id, name in (("!a", "Kantoor"), ("!b", "Elders")):
        await archive(db, *room(room_id, name, (ANNA, "Anna")))
    for room_id, name in (("!inner", "Vestiging Venlo"), ("!outer", "Bedrijf")):
        await archive(db, *room(room_id, name, (ANNA, "Anna"), **SPACE))
    await archive(db, inner, outer, back)
    assert await rooms(db, "bedrijf") == ["!a", "!inner", "!outer"]
    assert "!a" in await rooms(db, "venlo")
    assert "!b" not in await rooms(db, "venlo")


async def test_a_room_is_also_those_that_it_replaces(db: Db) -> None:
    await archive(db, *room("!old", "Oude naam", (ANNA, "Anna")))
    await archive(db, *room("!new", "Kantoor", (ANNA, "Anna"), predecessor={"room_id": "!old", "event_id": "$x"}))
    assert await rooms(db, "kantoor") == ["!new", "!old"]
    assert await rooms(db, "oude naam") == ["!old"]


async def test_a_room_that_was_left_has_the_name_that_one_knew(db: Db) -> None:
    await archive(
        db, *room("!a", "Kantoor", (ANNA, "Anna"), (BAS, "Bas")), *room("!b", None, (ANNA, "A"), (BAS, "Bas"))
    )
    await archive(db, message("$t", "hoi", room_id="!a"), message("$u", "hoi", room_id="!b"))
    for room_id in ("!a", "!b"):
        await archive(db, member(f"$gone{room_id}", ANNA, "leave", room_id=room_id, minute=5))
    assert await rooms(db, "kantoor") == ["!a"]
    await archive(db, member("$cora", CORA, "join", "Cora", room_id="!b", minute=6))
    assert await rooms(db, "bas") == ["!b"]
    assert await rooms(db, "cora") == []
    await archive(db, state("!a", "name", {"name": "Geheim"}, minute=6))
    assert await rooms(db, "geheim") == []
    assert await rooms(db, "geheim", BAS) == ["!a"]


async def test_chats_of_two(db: Db) -> None:
    await archive(
        db,
        *room("!two", None, (ANNA, "Anna"), (BAS, "Bas")),
        *room("!bot", None, (ANNA, "Anna"), (BOT, "Postkamer")),
        *room("!three", None, (ANNA, "Anna"), (BAS, "Bas"), (CORA, "Cora")),
        *room("!named", "Project", (ANNA, "Anna"), (BAS, "Bas")),
        *room("!others", None, (CORA, "Cora"), (BAS, "Bas")),
    )
    chats = {"!two": {ANNA, BAS}, "!bot": {ANNA}}
    assert (await ask(db, "is:dm")).names.chats == chats
    assert (await ask(db, "x (-aan:mij OR y)")).names.chats == chats
    assert (await ask(db, "met:bas")).names.chats == chats
    assert (await ask(db, "van:bas")).names.chats == {}
    assert (await ask(db, "is:dm", readable=everything())).names.chats == {**chats, "!others": {BAS, CORA}}
    assert await rooms(db, "bas") == ["!two"]
    assert await rooms(db, "cora") == ["!three"]


async def test_a_chat_that_was_left_is_what_it_was_then(db: Db) -> None:
    for room_id in ("!joined", "!named", "!renamed"):
        await archive(db, *room(room_id, None, (ANNA, "Anna"), (BAS, "Bas")))
    await archive(db, state("!renamed", "name", {"name": "Project"}, minute=1))
    for room_id in ("!joined", "!named", "!renamed"):
        await archive(db, member(f"$gone{room_id}", ANNA, "leave", room_id=room_id, minute=5))
    before = (await ask(db, "is:dm")).names.chats
    assert before == {"!joined": {ANNA, BAS}, "!named": {ANNA, BAS}}
    await archive(
        db,
        member("$cora", CORA, "join", "Cora", room_id="!joined", minute=6),
        *(state(room_id, "name", {"name": "Geheim"}, minute=6) for room_id in ("!named", "!renamed")),
    )
    assert (await ask(db, "is:dm")).names.chats == before
    assert (await ask(db, "is:dm", BAS)).names.chats == {}


async def test_of_a_chat_only_those_count_who_were_there_meanwhile(db: Db) -> None:
    await archive(db, *room("!a", None), state("!a", "history_visibility", {"history_visibility": "joined"}))
    await archive(db, *(member(f"$j{who}", who, "join", who, room_id="!a") for who in (BAS, CORA)))
    await archive(db, member("$gone", CORA, "leave", room_id="!a", minute=5))
    await archive(db, member("$late", ANNA, "join", "Anna", room_id="!a", minute=6))
    assert (await ask(db, "is:dm")).names.chats == {"!a": {ANNA, BAS}}
    assert (await ask(db, "is:dm", BAS)).names.chats == {}


async def test_threads(db: Db) -> None:
    await archive(db, *room("!a", "Kantoor", (ANNA, "Anna"), (BAS, "Bas")), *room("!b", "Elders", (BAS, "Bas")))
    await archive(db, *(message(f"$root{room_id}", "eerste", room_id=room_id, sender=BAS) for room_id in ("!a", "!b")))
    await archive(db, message("$alone", "geen draad", room_id="!a", sender=BAS))
    for room_id in ("!a", "!b"):
        relates = {"rel_type": "m.thread", "event_id": f"$root{room_id}"}
        await archive(db, message(f"$reply{room_id}", "ja", room_id=room_id, sender=ANNA, relates=relates))
    lost = {"rel_type": "m.thread", "event_id": "$lost"}
    await archive(db, message("$orphan", "hier", room_id="!a", relates=lost, sender=BAS))
    found = await ask(db, "thread:$reply!a thread:https://matrix.to/#/!a:example.com/$root!a thread:$orphan thread:nee")
    assert {name: thread.root for name, thread in found.names.threads.items()} == {
        "$reply!a": "$root!a",
        "https://matrix.to/#/!a:example.com/$root!a": "$root!a",
        "$orphan": "$lost",
    }
    assert found.names.threads["$orphan"].seq is None
    assert found.notes == (Note("no_thread", "nee"),)
    assert (await ask(db, "thread:$reply!b")).notes == (Note("no_thread", "$reply!b"),)
    joined = (await ask(db, "with:me with:bas")).names.joined
    assert [thread.root for thread in joined["me"]] == ["$root!a"]
    assert [thread.root for thread in joined["bas"]] == ["$lost", "$root!a"]
