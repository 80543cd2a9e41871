"""The demo, as it is started from the command line, and what its homeserver then holds."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
import pytest

from bridge.demo.days import moment
from bridge.demo.owner import Owner, owner_registration
from bridge.demo.progress import open_progress
from bridge.demo.replay import Replay, open_lines
from bridge.demo.script import load_company
from bridge.demo.synapse import DEFAULT_SERVER_NAME, free_port, local_synapse
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SECONDS = 240
STAFF = "demo-host"


async def _start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def _finished(*arguments: str) -> str:
    process = await _start(*arguments)
    out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 0, err.decode()
    return out.decode()


def _done(folder: Path) -> int:
    path = folder / "progress.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


async def _killed_at(steps: int, folder: Path, *arguments: str) -> None:
    """Start a demo, and kill it once it has done so many steps."""
    process = await _start("demo", "--dir", str(folder), *arguments)
    output = asyncio.create_task(process.communicate())
    await until(lambda: output.done() or _done(folder) >= steps, seconds=SECONDS)
    assert not output.done(), await output
    process.kill()
    await output


@asynccontextmanager
async def _owner(folder: Path) -> AsyncIterator[Owner]:
    """The homeserver of a demo that has ended, or a new one, with the rights of the demo's owner."""
    path = folder / "owner-registration.yaml"
    folder.mkdir(exist_ok=True)
    as_token = owner_registration(path, DEFAULT_SERVER_NAME, not_ours=["postkamer", "mededelingen"])
    async with (
        local_synapse(folder / "synapse", registrations=[path]) as synapse,
        aiohttp.ClientSession() as session,
    ):
        yield Owner(session, synapse.url, synapse.server_name, as_token)


async def _events(owner: Owner, who: str, room_id: str) -> list[dict[str, Any]]:
    """All events of a room, oldest first."""
    found: list[dict[str, Any]] = []
    query = {"dir": "f", "limit": "1000"}
    while True:
        page = await owner.request("GET", f"v3/rooms/{quote(room_id)}/messages", who, query=query)
        found += page["chunk"]
        if "end" not in page:
            return found
        query["from"] = page["end"]


async def _sent(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """All events of the rooms of the demo company, by the room's key."""
    async with _owner(folder) as owner:
        with open_progress(folder / "progress.jsonl") as progress:
            rooms = {plan.key: (plan.by, progress[f"room-{plan.key}"]) for plan in load_company().rooms}
        # Who made the room of the service department leaves the company.
        inside = rooms | {"service": ("dirk", rooms["service"][1])}
        return {key: await _events(owner, who, room_id) for key, (who, room_id) in inside.items()}


async def test_killed_and_started_again_the_demo_is_whole_and_nothing_is_doubled(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    with open_progress(folder / "progress.jsonl") as progress:  # not the usual ports, a real demo may run here
        progress.done("ports", {name: free_port() for name in ("synapse", "postkamer", "webhooks")})
    for steps in (30, 250):
        await _killed_at(steps, folder, "--exit", "--seed", "3")
    shown = await _finished("demo", "--dir", str(folder), "--exit")
    assert "All that the homeserver sent is held." in shown
    assert "Directie & HR" in shown

    sent = await _sent(folder)
    with open_progress(folder / "progress.jsonl") as progress:
        days = progress["days"]
    for plan in load_company(3).rooms:
        times = Counter((event["sender"].split(":")[0][1:], event["origin_server_ts"]) for event in sent[plan.key])
        assert all(times[step.who, moment(days, step.second)] == 1 for step in plan.steps)

    config = str(folder / "postkamer" / "config.yaml")
    exported = {
        json.loads(line)["event_id"]
        for line in (await _finished("export", "-c", config, "--format", "jsonl")).splitlines()
    }
    texts = {
        event["event_id"]
        for events in sent.values()
        for event in events
        if event["type"] == "m.room.message" and event["content"].get("m.relates_to", {}).get("rel_type") != "m.replace"
    }
    assert texts <= exported

    await _finished("demo", "--dir", str(folder), "--exit")
    assert _ids(await _sent(folder)) == _ids(sent)


def _ids(rooms: dict[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    return {key: [event["event_id"] for event in events] for key, events in rooms.items()}


def _chat(path: Path) -> list[dict[str, Any]]:
    lines = [
        {
            "room": ("Lunch & more", "CI")[number % 2],
            "topic": ("soup", "bread", "")[number % 3],
            "sender": f"Person {number % 4}",
            "ts": 1_600_000_000 + number // 5,  # several in one second
            "body": f"message {number}",
        }
        for number in range(60)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return lines


class _Killed(Exception):  # noqa: N818 (none of ours)
    pass


async def test_replayed_chat_arrives_once_and_in_order(tmp_path: Path) -> None:
    chat = _chat(tmp_path / "chat.jsonl")

    def at(last: int) -> Any:
        def on_line(number: int) -> None:
            if number >= last:
                raise _Killed

        return on_line

    async with _owner(tmp_path / "replayed") as owner:
        for stop in (10, 35, 61):
            with open_progress(tmp_path / "threads") as threads, open_lines(tmp_path / "lines") as lines:
                replay = Replay(owner, threads, lines, at(stop))
                if stop < 60:
                    with pytest.raises(_Killed):
                        await replay.run(tmp_path / "chat.jsonl")
                else:
                    await replay.run(tmp_path / "chat.jsonl")
            # As if the last that was sent had not been noted any more.
            noted = (tmp_path / "lines").read_text().splitlines()
            (tmp_path / "lines").write_text("".join(f"{number}\n" for number in noted[:-1]))
        for room in ("Lunch & more", "CI"):
            events = await _events(owner, STAFF, await _room_called(owner, room))
            texts = [event for event in events if event["type"] == "m.room.message"]
            wanted = [line for line in chat if line["room"] == room]
            assert [event["content"]["body"] for event in texts] == [line["body"] for line in wanted]
            assert [event["origin_server_ts"] // 1000 for event in texts] == [line["ts"] for line in wanted]
            soup = [event for event, line in zip(texts, wanted, strict=True) if line["topic"] == "soup"]
            assert {event["content"]["m.relates_to"]["event_id"] for event in soup[1:]} <= {soup[0]["event_id"]}


async def _room_called(owner: Owner, name: str) -> str:
    for room_id in (await owner.request("GET", "v3/joined_rooms", STAFF))["joined_rooms"]:
        state = await owner.request("GET", f"v3/rooms/{quote(room_id)}/state/m.room.name/", STAFF)
        if state["name"] == name:
            return str(room_id)
    raise AssertionError(name)
