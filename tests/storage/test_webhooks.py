"""Incoming webhooks: each answer of the endpoint, and what is then in the outbox."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from bridge.botapi.errors import UserError
from bridge.config.checks import HostPort, Secret, ServerName, WebUrl
from bridge.config.schema import Appservice, Config, Encryption, Homeserver, Webhooks
from bridge.engine import webhooks as endpoint
from bridge.engine.ports import Asker
from bridge.engine.webhook_port import MOST, webhooks_for
from bridge.engine.webhooks import BURST, MAX_BODY, Receiver
from bridge.storage import bot_rooms, outbox
from bridge.storage.bot_rooms import BotRoom
from bridge.storage.db import Db, open_db
from tests.storage.post import ANNA, BAS, OTHER, ROOM, archive, event, rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import ClientResponse

BOT = "@postkamer:example.com"
ADDRESS = "https://chat.example.com/hooks"


def config() -> Config:
    return Config(
        data_dir=Path("data"),
        homeserver=Homeserver(address=WebUrl("http://127.0.0.1:8008"), server_name=ServerName("example.com")),
        appservice=Appservice(as_token=Secret("a" * 32), hs_token=Secret("h" * 32)),
        encryption=Encryption(pickle_key=Secret("p" * 32)),
        webhooks=Webhooks(listen=HostPort("127.0.0.1", 29360), address=WebUrl(ADDRESS)),
    )


def asker(room_id: str = ROOM, user_id: str = ANNA) -> Asker:
    return Asker(user_id, frozenset({"manager"}), frozenset({"staff"}), room_id, direct=False, bot_user=BOT)


@dataclass
class Desk:
    """The endpoint, and how a bot makes webhooks for it."""

    db: Db
    client: TestClient[Any, Any]
    told: list[None]

    async def make(self, name: str = "Bouw", *, room: str = ROOM, signed: bool = False) -> tuple[str, str]:
        """Its path and signing key."""
        port = webhooks_for(self.db, config())(asker(room))
        _, url, key = await port.create(name, signed=signed, cause=f"$make {name}")
        return url.removeprefix(ADDRESS), key or ""

    async def post(self, path: str, payload: Any = None, **headers: str) -> ClientResponse:
        body = json.dumps({"text": "hallo"} if payload is None else payload).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, data=body, headers={"Content-Type": "application/json", **named})

    async def join(self, room: str, membership: str = "join") -> None:
        async with self.db.tx() as tx:
            seq = 1 + (await tx.fetchval("SELECT coalesce(max(seq), 0) FROM bot_room"))
            await bot_rooms.put(tx, BotRoom(room, BOT, membership, seq, direct=False))

    async def sent(self) -> list[tuple[str | None, dict[str, Any]]]:
        async with self.db.connection() as connection:
            return [(post.room_id, json.loads(post.content)) for post in await outbox.due(connection, BOT, (), 1000)]


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    told: list[None] = []
    async with open_db(database_url, size=4) as db:
        receiver = Receiver(db, config(), lambda: told.append(None))
        async with TestClient(TestServer(receiver.application())) as client:
            made = Desk(db, client, told)
            await made.join(ROOM)
            yield made


async def refused(answer: ClientResponse, status: int, part: str) -> None:
    assert answer.status == status, await answer.text()
    said = await answer.json()
    assert said["ok"] is False
    assert part in said["error"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


async def test_a_bot_user_that_is_not_in_the_config_any_more_takes_nothing(desk: Desk) -> None:
    path, _ = await desk.make()
    async with desk.db.tx() as tx:
        await tx.execute("UPDATE webhook SET user_id = '@oud:example.com'")
        await tx.execute("UPDATE bot_room SET user_id = '@oud:example.com'")
    await refused(await desk.post(path), 410, "@oud:example.com is not a bot here any more")


async def test_a_post_is_in_the_outbox_when_it_is_answered(desk: Desk) -> None:
    path, _ = await desk.make()
    answer = await desk.post(path, {"text": "**klaar** @room"})
    assert (answer.status, await answer.text()) == (200, "ok")
    assert (answer.content_type, answer.headers["Cache-Control"]) == ("text/plain", "no-store")
    ((room, content),) = await desk.sent()
    assert (room, content["msgtype"], content["m.mentions"]) == (ROOM, "m.text", {})
    assert content["formatted_body"] == "<p><strong>Bouw:</strong> <strong>klaar</strong> @room</p>"
    assert "@room" not in content["body"]
    assert len(desk.told) == 1
    ((uses, used),) = await rows(desk.db, "SELECT uses, used_at IS NOT NULL FROM webhook")
    assert (uses, used) == (1, True)


async def test_a_proxy_may_leave_the_path_of_the_address_in_front(desk: Desk) -> None:
    path, _ = await desk.make()
    assert (await desk.post(f"/hooks{path}")).status == 200


async def test_an_unknown_webhook_and_a_wrong_secret_look_the_same(desk: Desk) -> None:
    path, _ = await desk.make()
    _, _, webhook_id, secret = path.split("/")
    answers = []
    for wrong in (
        f"/webhook/{webhook_id}/{secret[:-1]}x",
        f"/webhook/{webhook_id}/{secret}x",
        f"/webhook/{'A' * 16}/{secret}",
        f"/webhook/%00%FF/{secret}",
        f"/webhook/{webhook_id}/%00",
        f"/webhook/{webhook_id}",
        f"{path}/more",
        "/elsewhere",
    ):
        answer = await desk.post(wrong, {"text": "x" * 2 * MAX_BODY})
        await refused(answer, 404, "There is no such webhook")
        answers.append({name for name in answer.headers if name != "Date"})
    assert all(names == answers[0] for names in answers)
    assert await desk.sent() == []


async def test_only_post_is_taken(desk: Desk) -> None:
    path, _ = await desk.make()
    await refused(await desk.client.get(path), 405, "Method Not Allowed")
    await refused(await desk.client.options(path, headers={"Origin": "https://evil.example"}), 405, "")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_body_is_refused(desk: Desk, chunked: bool) -> None:
    path, _ = await desk.make()
    headers = {"Content-Type": "text/plain"}

    async def pieces(size: int) -> AsyncIterator[bytes]:
        yield b"x" * size

    for size, status in ((MAX_BODY, 200), (MAX_BODY + 1, 413)):
        body = pieces(size) if chunked else b"x" * size
        answer = await desk.client.post(path, data=body, headers=headers)
        assert answer.status == status
    await refused(answer, 413, "262144 bytes")


@pytest.mark.parametrize(
    ("body", "kind", "part"),
    [
        (b'{"text":', "application/json", "no JSON"),
        (b"[]", "application/json", "no object"),
        (b'{"status": "firing"}', "application/json", "nothing to show"),
        (b"x", "multipart/form-data; boundary=x", "not taken"),
        (b"x", "text/plain; charset=nonsense", "charset"),
        (b"  ", "text/plain", "nothing to show"),
        (b"a=b", "application/x-www-form-urlencoded", "nothing to show"),
    ],
)
async def test_what_is_no_message_is_refused_with_what_to_send(desk: Desk, body: bytes, kind: str, part: str) -> None:
    path, _ = await desk.make()
    await refused(await desk.client.post(path, data=body, headers={"Content-Type": kind}), 400, part)
    assert await desk.sent() == []


async def test_a_flood_is_slowed_down(desk: Desk) -> None:
    path, _ = await desk.make()
    other, _ = await desk.make("Ander")
    answers = [await desk.post(path) for _ in range(BURST + 20)]
    refusals = [answer for answer in answers if answer.status != 200]
    assert len(refusals) >= 1
    await refused(refusals[-1], 429, "60 messages a minute")
    assert int(refusals[-1].headers["Retry-After"]) >= 1
    assert (await desk.post(other)).status == 200


def hub(key: str, body: bytes) -> dict[str, str]:
    return {"X-Hub-Signature-256": f"sha256={hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}"}


def standard(key: str, body: bytes, at: float, delivery: str = "msg_1") -> dict[str, str]:
    signed = f"{delivery}.{int(at)}.".encode() + body
    digest = hmac.new(base64.b64decode(key.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    signature = f"v1a,x v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": delivery, "webhook-timestamp": str(int(at)), "webhook-signature": signature}


async def test_a_signed_webhook_takes_only_what_is_signed_with_its_key(desk: Desk) -> None:
    path, key = await desk.make(signed=True)
    body, now = b'{"text": "getekend"}', time.time()
    good = [hub(key, body), standard(key, body, now)]
    bad = [
        {},
        hub("whsec_other", body),
        hub(key, b'{"text": "iets anders"}'),
        {"X-Hub-Signature-256": "sha256=é"},
        standard(key, body, now - 400),
        standard(key, body, now + 400),
        standard(key, body, now) | {"webhook-id": "msg_2"},
        standard(key, body, now) | {"webhook-timestamp": "٣"},
        standard(key, b"x", now),
    ]
    for headers in bad:
        await refused(await desk.client.post(path, data=body, headers=headers), 401, "signature")
    assert await desk.sent() == []
    for headers in good:
        assert (await desk.client.post(path, data=body, headers=headers)).status == 200
    assert len(await desk.sent()) == 2


@pytest.mark.parametrize("header", ["webhook-id", "X-GitHub-Delivery", "Idempotency-Key"])
async def test_a_repeated_delivery_is_posted_once(desk: Desk, monkeypatch: pytest.MonkeyPatch, header: str) -> None:
    """Also when we were killed between the commit and the answer."""
    path, _ = await desk.make()
    store = Receiver._store

    async def killed(*args: Any) -> str:
        await store(*args)
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr(endpoint.Receiver, "_store", killed)
        assert (await desk.post(path, **{header: "1"})).status == 503
    assert len(await desk.sent()) == 1
    answers = [
        await desk.post(path, **{header: "1"}),
        *await asyncio.gather(*(desk.post(path, **{header: "1"}) for _ in range(3))),
    ]
    assert {answer.status for answer in answers} == {200}
    assert len(await desk.sent()) == 1
    assert (await desk.post(path, **{header: "2"})).status == 200
    assert (await desk.post(path)).status == (await desk.post(path)).status == 200
    assert len(await desk.sent()) == 4


async def test_without_the_bot_in_the_room_nothing_is_taken(desk: Desk) -> None:
    path, _ = await desk.make()
    await desk.join(ROOM, "leave")
    await refused(await desk.post(path), 410, f"{BOT} is not in the room")
    other, _ = await desk.make("Nooit", room=OTHER)
    await refused(await desk.post(other), 410, "not in the room")
    await desk.join(ROOM)
    assert (await desk.post(path)).status == 200


def create(room: str, predecessor: str | None = None) -> dict[str, Any]:
    content = {"room_version": "11"} | ({"predecessor": {"room_id": predecessor}} if predecessor else {})
    return event(f"$create{room[1:4]}", "m.room.create", content, state_key="", room_id=room)


def tombstone(room: str, successor: str) -> dict[str, Any]:
    return event(
        f"$tombstone{room[1:4]}", "m.room.tombstone", {"replacement_room": successor}, state_key="", room_id=room
    )


async def test_it_follows_an_upgrade_of_its_room(desk: Desk) -> None:
    path, _ = await desk.make()
    await archive(desk.db, create(ROOM), tombstone(ROOM, OTHER))
    await refused(await desk.post(path), 503, "upgraded")
    await archive(desk.db, create(OTHER, ROOM))
    answer = await desk.post(path)
    await refused(answer, 503, f"{BOT} is not in the new one yet")
    assert answer.headers["Retry-After"] == "30"
    await desk.join(OTHER)
    assert (await desk.post(path)).status == 200
    assert [room for room, _ in await desk.sent()] == [OTHER]
    port = webhooks_for(desk.db, config())(asker(OTHER))
    (found,) = await port.all()
    assert (found.name, found.uses) == ("Bouw", 1)
    with pytest.raises(UserError, match=r"webhooks\.taken"):
        await port.create("bouw", signed=False, cause="$again")
    await desk.join(OTHER, "leave")
    await refused(await desk.post(path), 410, "not in the room")
    assert await port.remove(found.id)
    await refused(await desk.post(path), 404, "no such webhook")


async def test_nobody_leads_it_into_a_room_that_is_no_upgrade(desk: Desk) -> None:
    path, _ = await desk.make()
    await desk.join(OTHER)
    await archive(desk.db, create(ROOM), create(OTHER), tombstone(ROOM, OTHER))
    await refused(await desk.post(path), 503, "upgraded")
    assert await webhooks_for(desk.db, config())(asker(OTHER)).all() == []
    assert await desk.sent() == []


async def test_a_room_has_its_own_webhooks_and_not_too_many(desk: Desk) -> None:
    port = webhooks_for(desk.db, config())(asker())
    made = [(await port.create(f"W{n}", signed=n % 2 == 1, cause=f"${n}"))[0] for n in range(MOST)]
    with pytest.raises(UserError, match=r"webhooks\.full"):
        await port.create("Meer", signed=False, cause="$more")
    shown = await port.all()
    assert [one.name for one in shown] == [f"W{n}" for n in range(MOST)]
    assert shown == made
    other = webhooks_for(desk.db, config())(asker(OTHER, BAS))
    assert await other.all() == []
    assert not await other.remove(made[0].id)
    assert await port.remove(made[0].id)
    assert not await port.remove(made[0].id)
    assert len(await port.all()) == MOST - 1


async def test_asked_again_after_a_crash_it_makes_no_second_one(desk: Desk) -> None:
    """The URL that nobody has seen stops working."""
    first, _ = await desk.make()
    second, _ = await desk.make()
    assert first != second
    assert [(await desk.post(path)).status for path in (first, second)] == [404, 200]
    assert len(await webhooks_for(desk.db, config())(asker()).all()) == 1


async def test_without_an_address_there_are_none(desk: Desk) -> None:
    off = replace(config(), webhooks=Webhooks())
    with pytest.raises(UserError, match=r"webhooks\.off"):
        await webhooks_for(desk.db, off)(asker()).create("x", signed=False, cause="$x")
    plain = replace(config(), webhooks=Webhooks(listen=HostPort("127.0.0.1", 29360)))
    _, url, _ = await webhooks_for(desk.db, plain)(asker()).create("x", signed=False, cause="$x")
    assert url.startswith("http://127.0.0.1:29360/webhook/")


async def test_neither_secret_nor_key_nor_text_is_kept_or_logged(desk: Desk) -> None:
    with capture_logs() as logs:
        path, key = await desk.make(signed=True)
        body = b'{"text": "vertrouwelijk"}'
        assert (await desk.client.post(path, data=body, headers=hub(key, body))).status == 200
        assert (await desk.client.post(path, data=body)).status == 401
        assert (await desk.client.post(path[:-1], data=body)).status == 404
    secret = path.rpartition("/")[2]
    assert [entry["event"] for entry in logs] == ["webhook took a post", "webhook refused a post"]
    kept = repr(await rows(desk.db, "SELECT * FROM webhook"))
    for hidden in (secret, secret[:-1], key, "vertrouwelijk"):
        assert hidden not in repr(logs)
        assert hidden not in kept


async def test_with_the_database_away_it_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = await desk.make()

    async def away(*_: Any) -> None:
        raise ConnectionRefusedError

    async def broken(*_: Any) -> None:
        raise RuntimeError(path)

    monkeypatch.setattr("bridge.storage.webhooks.get", away)
    answer = await desk.post(path)
    await refused(answer, 503, "database is away")
    assert answer.headers["Retry-After"] == "5"
    monkeypatch.setattr("bridge.storage.webhooks.get", broken)
    await refused(await desk.post(path), 500, "send it again")
