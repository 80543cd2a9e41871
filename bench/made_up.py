"""Events for the measurements: from a file of chat, or made up."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WORDS = (
    "de offerte voor het kozijn is klaar maar de levering van de motor duurt nog twee weken graag even bellen met de "
    "the drawing of the gearbox needs one more change before we order bearings and seals from our supplier in Venlo"
).split()
_VOCABULARY = 200_000


def chat(path: Path | None, *, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Messages without end, oldest first: `room`, `sender`, `ts` (seconds), `body`.

    Args:
        path: JSON lines, perhaps gzipped; without it the messages are made up.
    """
    for turn in itertools.count():
        yield from (read(path) if path else _invent(random.Random(seed + turn)))


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Each once."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        for line in lines:
            yield json.loads(line)


def _invent(choice: random.Random) -> Iterator[dict[str, Any]]:
    for n in range(100_000):
        yield {
            "room": f"room{choice.randrange(40)}",
            "sender": f"u{choice.randrange(300):04}",
            "ts": 1_700_000_000 + 20 * n,
            "body": " ".join(choice.choices(_WORDS, k=choice.randrange(3, 40))),
        }


def company(*, rooms: int = 200, people: int = 300, seconds: int = 300, seed: int = 1) -> Iterator[dict[str, Any]]:
    """The same as of a company: a few rooms with much, many with little, and words as often as a language has them.

    A thousandth of the messages have a word that stands nowhere else.

    Args:
        seconds: from one message to the next.
    """
    choice = random.Random(seed)
    words = _vocabulary(choice)
    by_rank = [list(itertools.accumulate(1 / (rank + 3) for rank in range(count))) for count in (len(words), rooms)]
    for n in itertools.count():
        said = choice.choices(words, cum_weights=by_rank[0], k=choice.randrange(3, 40))
        if n % 1_000 == 0:
            said.append(f"zeldzaam{n}")
        yield {
            "room": f"room{choice.choices(range(rooms), cum_weights=by_rank[1])[0]}",
            "sender": f"u{choice.randrange(people):04}",
            "ts": 1_450_000_000 + seconds * n,
            "body": " ".join(said),
        }


def _vocabulary(choice: random.Random) -> list[str]:
    """Words, the most frequent first."""
    vowels = ("a", "e", "i", "o", "u", "oe", "ie")
    syllables = [first + vowel + last for first in "bdfghjklmnprstvwz" for vowel in vowels for last in "klmnrst"]
    found = dict.fromkeys(_WORDS)
    while len(found) < _VOCABULARY:
        found["".join(choice.choices(syllables, k=choice.randrange(1, 4)))] = None
    return list(found)


def events(
    path: Path | None, *, run: str, server: str = "bench.test", busy_room: str | None = None
) -> Iterator[dict[str, Any]]:
    """The same as events, as Synapse sends them to an application service.

    Args:
        path: as for `chat`.
        run: makes their ids unique.
        busy_room: a room id to which every fourth of them goes.
    """
    for n, line in enumerate(chat(path)):
        sender = f"@{line['sender']}:{server}"
        yield {
            "age": 42,
            "content": {"body": line["body"], "msgtype": "m.text", "m.mentions": {}},
            "event_id": f"${run}-{n:034}",
            "origin_server_ts": line["ts"] * 1000,
            "room_id": busy_room if busy_room and n % 4 == 0 else f"!{line['room']}:{server}",
            "sender": sender,
            "type": "m.room.message",
            "unsigned": {"age": 42, "transaction_id": f"m{n}.{run}"},
            "user_id": sender,
        }


def transactions(path: Path | None, *, run: str, size: int, busy_room: str | None = None) -> Iterator[bytes]:
    """Bodies of transactions with `size` events each; see `events`."""
    source = events(path, run=run, busy_room=busy_room)
    while True:
        batch = list(itertools.islice(source, size))
        yield json.dumps({"events": batch, "ephemeral": []}, separators=(",", ":"), ensure_ascii=False).encode()
