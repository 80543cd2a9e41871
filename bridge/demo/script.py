"""The script of the demo company: who works there, the rooms, and what is said in them and when.

`company/company.yaml` holds the people, the rooms and the changes of staff, `company/<room>.yaml` what is said in a
room: per day a list of `HH:MM who: text`, or `HH:MM who: {action}`, with beside it `id`, `reply`, `thread` (ids of
earlier entries) and `react` (`{emoji: [who, ...]}`, or a number of people to be drawn by lot).
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FOLDER = Path(__file__).parent / "company"
DAYS = 10
_EMOJI = ("👍", "❤️", "🎉", "👏", "😄", "💪")
_ENTRY = re.compile(r"(\d\d):(\d\d) (\w+)")
_CHANGE = re.compile(rf"(\d+) {_ENTRY.pattern}")
_DAY_SECONDS = 86_400
_REACTION_SECONDS = (20, 1500)
_VOTE_SECONDS = (60, 10_000)


@dataclass(frozen=True, slots=True)
class Employee:
    """Somebody who works there."""

    localpart: str
    name: str
    role: str
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One event that somebody sends to a room.

    `data` depends on `kind`; where it names an earlier step (`target`, `reply`, `thread`) that is its `key`.
    """

    key: str  # its place in the script, the same at every start
    second: int  # since midnight of day 1, where every day has 86,400 seconds and days are working days
    who: str
    kind: str
    data: Mapping[str, Any]
    reply: str | None = None
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """A room and all that happens there, in order; no two steps share a second."""

    key: str
    name: str
    topic: str
    by: str
    members: tuple[str, ...]  # besides `by`, from the start
    encrypted: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Company:
    """Everything that is to be made."""

    name: str
    people: Mapping[str, Employee]
    rooms: tuple[RoomPlan, ...]
    new_names: Mapping[str, str]  # of those who are called otherwise at the end
    rights: Mapping[str, Sequence[str]]  # who are managers, auditors, it


@dataclass
class _Draft:
    """The steps of a room while its file is read."""

    room: str
    lots: str
    present: dict[str, tuple[int, int]]  # who is there from which second to which
    steps: list[Step] = field(default_factory=list)
    by_id: dict[str, Step] = field(default_factory=dict)

    def who(self, second: int) -> list[str]:
        return [who for who, (first, last) in self.present.items() if first <= second < last]


def load_company(seed: int = 0, folder: Path = FOLDER) -> Company:
    """Read the script.

    Args:
        seed: of the choices that are left to chance: minutes between a message and its reactions, who reacts.

    Raises:
        ValueError: the script contradicts itself; says where.
    """
    head = _read(folder / "company.yaml")
    people = {who: Employee(who, **entry) for who, entry in head["people"].items()}
    changes = [change for entry in head["changes"] for change in _changes(entry)]
    rooms = []
    for key, entry in head["rooms"].items():
        members = (entry["by"], *entry["members"])
        draft = _Draft(key, f"{seed}/{key}", dict.fromkeys(members, (0, DAYS * _DAY_SECONDS + 1)))
        for step in changes:
            if key in step.data.get("rooms", ()) or (step.kind == "rename" and step.who in members):
                _change(draft, step)
        for day, entries in _read(folder / f"{key}.yaml").items():
            for number, said in enumerate(entries):
                _entry(draft, int(day), number, said)
        _check(draft, people)
        encrypted = bool(entry.get("encrypted", False))
        steps = tuple(_in_order(draft.steps))
        rooms.append(
            RoomPlan(key, entry["name"], entry["topic"], entry["by"], tuple(entry["members"]), encrypted, steps)
        )
    names = {step.who: str(step.data["name"]) for step in changes if step.kind == "rename"}
    return Company(head["name"], people, tuple(rooms), names, head["rights"])


def _read(path: Path) -> dict[Any, Any]:
    loaded: dict[Any, Any] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return loaded


def _second(day: int | str, hour: str, minute: str) -> int:
    return (int(day) - 1) * _DAY_SECONDS + int(hour) * 3600 + int(minute) * 60


def _changes(entry: Mapping[str, Any]) -> Iterator[Step]:
    """The steps of a change of staff, each for the rooms in its data."""
    ((heading, what),) = entry.items()
    match = _CHANGE.fullmatch(heading)
    if match is None:
        raise ValueError(f"company.yaml: {heading}: not DAY HH:MM WHO")
    second, who = _second(*match.group(1, 2, 3)), match[4]
    key = f"change-{match[1]}-{match[2]}{match[3]}-{who}"
    if "invites" in what:
        yield Step(f"{key}-invite", second, who, "invite", {"who": what["invites"], "rooms": what["rooms"]})
        yield Step(f"{key}-join", second + 3600, what["invites"], "join", {"rooms": what["rooms"]})
    elif "leaves" in what:
        yield Step(f"{key}-leave", second, who, "leave", {"rooms": what["leaves"]})
    else:
        yield Step(f"{key}-rename", second, who, "rename", {"name": what["is_now_called"]})


def _change(draft: _Draft, step: Step) -> None:
    draft.steps.append(replace(step, key=f"{draft.room}-{step.key}"))
    if step.kind == "join":
        draft.present[step.who] = (step.second, DAYS * _DAY_SECONDS + 1)
    elif step.kind == "leave":
        draft.present[step.who] = (draft.present[step.who][0], step.second + 1)


def _entry(draft: _Draft, day: int, number: int, said: Mapping[str, Any]) -> None:
    heading, what = next(iter(said.items()))
    where = f"{draft.room}.yaml: day {day}: {heading}"
    match = _ENTRY.fullmatch(heading)
    unknown = set(list(said)[1:]) - {"id", "reply", "thread", "react"}
    if match is None or unknown:
        raise ValueError(f"{where}: not HH:MM WHO, or unknown {sorted(unknown)}")
    kind, data = _action(draft, what, where)
    if kind == "unreact":
        kind, data = "redact", {"target": _reaction(draft, match[3], data, where)}
    lot = random.Random(f"{draft.lots}/{day}/{number}")
    key = f"{draft.room}-{day}-{number}"
    second = _second(day, match[1], match[2]) + lot.randrange(40)
    reply, thread = (_known(draft, said.get(word), where) for word in ("reply", "thread"))
    step = Step(key, second, match[3], kind, data, reply, thread)
    draft.steps.append(step)
    if "id" in said and draft.by_id.setdefault(said["id"], step) is not step:
        raise ValueError(f"{where}: the id is taken")
    draft.steps += _reactions(draft, step, said.get("react", {}), lot)
    for voter, answer in data.get("votes", {}).items():
        at = step.second + lot.randrange(*_VOTE_SECONDS)
        vote = {"target": key, "answer": answer}
        draft.steps.append(Step(f"{key}-vote-{voter}", at, voter, "vote", vote))


def _action(draft: _Draft, what: object, where: str) -> tuple[str, dict[str, Any]]:
    """(kind, data) of an entry."""
    if isinstance(what, str):
        return "text", {"text": what}
    if not isinstance(what, dict):
        raise ValueError(f"{where}: neither a text nor an action")  # noqa: TRY004 (of the script)
    kind, value = next(iter(what.items()))
    rest = {name: what[name] for name in list(what)[1:]}
    if kind in ("edit", "redact", "unreact", "vote", "end_poll"):
        return kind, {"target": _known(draft, value, where), **rest}
    if kind in ("file", "image", "voice", "sticker"):
        return kind, {"file": value, **rest}
    if kind == "location":
        return kind, {"uri": value, **rest}
    if kind == "poll":
        return kind, dict(value)
    raise ValueError(f"{where}: there is no action {kind}")


def _known(draft: _Draft, name: str | None, where: str) -> str | None:
    if name is not None and name not in draft.by_id:
        raise ValueError(f"{where}: nothing before it has the id {name}")
    return draft.by_id[name].key if name is not None else None


def _reaction(draft: _Draft, who: str, data: Mapping[str, Any], where: str) -> str:
    """The key of the reaction that somebody takes back."""
    wanted = {"target": data["target"], "emoji": data["emoji"]}
    for step in draft.steps:
        if step.kind == "react" and step.who == who and step.data == wanted:
            return step.key
    raise ValueError(f"{where}: {who} has not reacted so")


def _reactions(
    draft: _Draft, step: Step, wanted: int | Mapping[str, Sequence[str]], lot: random.Random
) -> Iterator[Step]:
    if isinstance(wanted, int):
        others = sorted(set(draft.who(step.second)) - {step.who})
        pairs = [(lot.choice(_EMOJI), who) for who in lot.sample(others, wanted)]
    else:
        pairs = [(emoji, who) for emoji, those in wanted.items() for who in those]
    for number, (emoji, who) in enumerate(pairs):
        at = step.second + lot.randrange(*_REACTION_SECONDS)
        yield Step(f"{step.key}-react-{number}", at, who, "react", {"target": step.key, "emoji": emoji})


def _check(draft: _Draft, people: Mapping[str, Employee]) -> None:
    for step in draft.steps:
        if step.who not in people:
            raise ValueError(f"{step.key}: nobody is called {step.who}")
        if step.kind != "rename" and step.who not in draft.who(step.second):
            raise ValueError(f"{step.key}: {step.who} is not in {draft.room} at that time")


def _in_order(steps: list[Step]) -> Iterator[Step]:
    """By time; what falls in the same second, or stands before what it refers to, comes later."""
    at: dict[str, int] = {}
    last = -1
    for step in sorted(steps, key=lambda step: step.second):
        second = max(step.second, last + 1)
        at[step.key] = last = second
        targets = (step.reply, step.thread, step.data.get("target"))
        if any(target is not None and target not in at for target in targets):
            raise ValueError(f"{step.key}: comes before what it refers to")
        yield replace(step, second=second)
