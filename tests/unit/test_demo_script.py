"""The script of the demo company."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.demo.content import Names, event_of
from bridge.demo.days import moment, working_days
from bridge.demo.script import DAYS, FOLDER, Step, load_company

if TYPE_CHECKING:
    from pathlib import Path

COMPANY = load_company()
NAMES = Names(COMPANY.people, "@{}:example.com".format, "${}".format)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The script, to be spoiled."""
    return shutil.copytree(FOLDER, tmp_path / "company")


def test_the_company_is_as_promised() -> None:
    kinds = Counter(step.kind for plan in COMPANY.rooms for step in plan.steps)
    assert len(COMPANY.people) == 12
    assert len(COMPANY.rooms) == 6
    assert [plan.name for plan in COMPANY.rooms if plan.encrypted] == ["Directie & HR"]
    assert kinds["text"] >= 250
    for kind in ("edit", "redact", "react", "file", "image", "voice", "sticker", "location", "poll", "vote", "leave"):
        assert kinds[kind], kind
    assert any(step.thread for plan in COMPANY.rooms for step in plan.steps)
    assert {who for who, employee in COMPANY.people.items() if employee.admin} == {"daan"}


@pytest.mark.parametrize("seed", range(5))
def test_steps_of_a_room_are_in_order_and_never_at_the_same_time(seed: int) -> None:
    for plan in load_company(seed).rooms:
        seconds = [step.second for step in plan.steps]
        assert seconds == sorted(set(seconds))
        assert seconds[-1] < DAYS * 86_400


def test_chance_is_the_same_for_the_same_seed() -> None:
    assert load_company(7) == load_company(7)
    assert load_company(7) != load_company(8)
    keys = [[step.key for step in plan.steps if step.kind == "text"] for plan in COMPANY.rooms]
    assert [[step.key for step in plan.steps if step.kind == "text"] for plan in load_company(8).rooms] == keys
    every = [step.key for plan in COMPANY.rooms for step in plan.steps]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("  - 17:00 nobody: hello", "nobody is called nobody"),
        ("  - 17:00 piotr: hello", "piotr is not in verkoop"),
        ("  - 17:00 anna: hello\n    reply: nothing", "nothing before it has the id nothing"),
        ("  - 17:00 anna: {dance: wildly}", "there is no action dance"),
        ("  - 17:00 anna: 12", "neither a text nor an action"),
        ("  - teatime anna: hello", "not HH:MM WHO"),
        ("  - 17:00 anna: hello\n    colour: red", "unknown .'colour'."),
        ("  - 17:00 anna: hello\n    id: robot2", "the id is taken"),
        ("  - 08:00 anna: {redact: robot2}", "comes before what it refers to"),
        ("  - 17:00 anna: {unreact: robot2, emoji: 🐙}", "anna has not reacted so"),
    ],
)
def test_a_script_that_contradicts_itself_is_refused(folder: Path, line: str, message: str) -> None:
    with (folder / "verkoop.yaml").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=message):
        load_company(folder=folder)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)))  # noqa: DTZ001 (local time)
def test_the_two_weeks_are_over_and_have_no_weekends(now: datetime) -> None:
    days = working_days(now)
    assert len(days) == DAYS
    assert days == sorted(days)
    assert all(datetime.fromtimestamp(day).weekday() < 5 for day in days)  # noqa: DTZ006
    last = max(step.second for plan in COMPANY.rooms for step in plan.steps)
    assert moment(days, last) < now.timestamp() * 1000
    assert now.timestamp() - days[0] <= 16 * 86_400


def test_people_are_mentioned_by_name() -> None:
    event_type, content = event_of(Step("k", 0, "anna", "text", {"text": "@dirk <nu>, met @iemand?"}), NAMES)
    assert event_type == "m.room.message"
    assert content["body"] == "Dirk Verhoeven <nu>, met @iemand?"
    assert content["m.mentions"] == {"user_ids": ["@dirk:example.com"]}
    link = '<a href="https://matrix.to/#/@dirk:example.com">Dirk Verhoeven</a>'
    assert content["formatted_body"] == f"{link} &lt;nu&gt;, met @iemand?"


def test_answers_in_threads_and_edits_point_to_their_targets() -> None:
    _, answer = event_of(Step("k", 0, "anna", "text", {"text": "ja"}, thread="root"), NAMES)
    assert answer["m.relates_to"]["rel_type"] == "m.thread"
    assert answer["m.relates_to"]["event_id"] == "$root"
    _, edit = event_of(Step("k", 0, "anna", "edit", {"target": "first", "text": "nee"}), NAMES)
    assert edit["m.relates_to"] == {"rel_type": "m.replace", "event_id": "$first"}
    assert edit["m.new_content"]["body"] == "nee"
    assert edit["body"] == "* nee"
