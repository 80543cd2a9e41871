"""A bot that is declared wrongly is found when the program starts, and is told what is wrong."""

from __future__ import annotations

import importlib.util
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from bridge.botapi import Bot, Runner
from bridge.botapi.strings import Strings
from bridge.errors import PostkamerError
from tests.unit.sample_bot import SampleBot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STRINGS = "about: x\ndo.help: x\ndo.what: x\nother.help: x\n"
GOOD = """
class MadeBot(Bot):
    name = "made"
    words = Words(nl="doe", en="do")

    @command("dit", "this")
    async def do(self, ask: Ask, what: str) -> Reply:
        return say("about")
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[_Make]:
    maker = _Make(tmp_path)
    yield maker
    for name in maker.modules:
        del sys.modules[name]


class _Make:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: list[str] = []

    def __call__(self, source: str, dutch: str = STRINGS, english: str = STRINGS) -> Bot:
        name = f"made_bot_{len(self.modules)}"
        folder = self.folder / name
        (folder / "strings").mkdir(parents=True)
        (folder / "strings" / "nl.yaml").write_text(dutch, encoding="utf-8")
        (folder / "strings" / "en.yaml").write_text(english, encoding="utf-8")
        top = (
            "from __future__ import annotations\nfrom typing import TYPE_CHECKING, Literal\n"
            "from dataclasses import dataclass\nfrom bridge.botapi import Bot, Rest, Target, Words, command, say\n"
            "if TYPE_CHECKING:\n    from datetime import datetime\n    from decimal import Decimal\n"
            "    from bridge.botapi import Ask, Reply\n"
        )
        (folder / "__init__.py").write_text(top + dedent(source), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, folder / "__init__.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        self.modules.append(name)
        spec.loader.exec_module(module)
        made = module.MadeBot()
        assert isinstance(made, Bot)
        return made


def test_a_good_bot(make: _Make) -> None:
    runner = Runner([make(GOOD), SampleBot()])
    (entry,) = (entry for entry in runner.catalog.entries if entry.bot.name == "made")
    assert entry.usage("nl") == "!doe dit <x>"
    assert entry.usage("en") == "!do this <x>"


def test_types_for_the_type_checker_alone_are_known(make: _Make) -> None:
    Runner([make(GOOD.replace("what: str", "what: datetime | None = None"))])


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ("what: float", "no words can be made into what"),
        ("what: str | int", "no words can be made into what"),
        ("what: Literal[1, 2]", "no words can be made into what"),
        ("what", "no words can be made into what"),
        ("*what: str", "no words can be made into *what"),
        ("**what: str", "no words can be made into **what"),
        ("what: Decimal", "Decimal"),
        ("what: Rest, more: str = ''", "Rest takes all that is left"),
        ("what: str, more: str = ''", "its strings lack do.more"),
    ],
)
def test_a_parameter_that_no_words_can_be_made_into(make: _Make, wrong: str, problem: str) -> None:
    with pytest.raises(PostkamerError) as error:
        Runner([make(GOOD.replace("what: str", wrong))])
    assert problem in str(error.value)


OTHER = """
    @command({words})
    async def other(self, ask: Ask) -> Reply:
        return say("about")
"""


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ('"dit", "that"', "both want the word 'dit'"),
        ('"dat", "This"', "both want the word 'this'"),
        ('"dat", "that", "DIT"', "both want the word 'dit'"),
        ('"help", "that"', "shows the help of its bot"),
        ('"twee dit", "this  "', "both want the word 'this'"),
        ('"", "that"', "'that' is in one language only"),
        ('"dat", ""', "'dat' is in one language only"),
    ],
)
def test_two_commands_with_one_word(make: _Make, words: str, problem: str) -> None:
    with pytest.raises(PostkamerError) as error:
        Runner([make(GOOD + OTHER.format(words=words))])
    assert problem in str(error.value)


def test_several_commands_without_words(make: _Make) -> None:
    own = OTHER.format(words="")
    Runner([make(GOOD + own)])
    with pytest.raises(PostkamerError, match=r"only one command, .* may have none: do, other"):
        Runner([make(GOOD.replace('"dit", "this"', "") + own)])
    with pytest.raises(PostkamerError, match="below the bot's words"):
        Runner([make(GOOD.replace('words = Words(nl="doe", en="do")', "") + own)])


def test_the_word_of_a_bot_is_one_word(make: _Make) -> None:
    with pytest.raises(PostkamerError, match="'doe dit' is not a word"):
        Runner([make(GOOD.replace('nl="doe"', 'nl="doe dit"'))])


def test_two_bots_with_one_word(make: _Make) -> None:
    first, second = make(GOOD), make(GOOD.replace('"made"', '"made2"').replace('en="do"', 'en="doe"'))
    with pytest.raises(PostkamerError, match="both want the word 'do'"):
        Runner([first, make(GOOD.replace('"made"', '"made3"').replace('nl="doe"', 'nl="zeg"'))])
    with pytest.raises(PostkamerError, match="both want the word 'doe'"):
        Runner([first, second])


def test_a_command_by_itself_has_the_word_of_another_bot(make: _Make) -> None:
    alone = (
        GOOD.replace('"made"', '"alone"').replace('words = Words(nl="doe", en="do")', "").replace('"dit"', '"proef"')
    )
    with pytest.raises(PostkamerError, match="both want the word 'proef'"):
        Runner([SampleBot(), make(alone)])


def test_two_bots_with_one_name(make: _Make) -> None:
    with pytest.raises(PostkamerError, match="two bots have one name: made"):
        Runner([make(GOOD), make(GOOD.replace("doe", "zeg").replace('"do"', '"say"'))])


@pytest.mark.parametrize(
    ("dutch", "english", "problem"),
    [
        (STRINGS + "x: x\n", STRINGS, "x is missing in en.yaml"),
        (STRINGS, STRINGS + "x: x\n", "x is missing in nl.yaml"),
        (STRINGS + "x: '{a}'\n", STRINGS + "x: '{b}'\n", "x has other placeholders"),
        (STRINGS + "x: '{A}'\n", STRINGS + "x: '{A}'\n", "brace that is no {placeholder}"),
        (STRINGS + "x: '[a](http://{b})'\n", STRINGS + "x: '[a](http://{b})'\n", "in the address of a link"),
        (STRINGS + "x.one: a\n", STRINGS + "x.one: a\n", "no x.other beside it"),
        (STRINGS + "x: 5\n", STRINGS + "x: 5\n", "x is not a text"),
        (STRINGS + "x: [a]\n", STRINGS, "x is not a text"),
        (STRINGS + "do:\n  help: y\n", STRINGS, "do.help is there twice"),
        ("- a\n", STRINGS, "is not a text"),
        ("a: b: c", STRINGS, "nl.yaml"),
        (STRINGS + "error.busy: x\n", STRINGS + "error.busy: x\n", "error.busy is one of the framework's"),
        (STRINGS.replace("about: x\n", ""), STRINGS.replace("about: x\n", ""), "its strings lack about"),
        (STRINGS.replace("do.help: x\n", ""), STRINGS.replace("do.help: x\n", ""), "its strings lack do.help"),
    ],
)
def test_strings_that_are_not_right(make: _Make, dutch: str, english: str, problem: str) -> None:
    with pytest.raises(PostkamerError) as error:
        Runner([make(GOOD, dutch, english)])
    assert problem in str(error.value)


def test_a_bot_without_strings(make: _Make) -> None:
    bot = make(GOOD)
    (make.folder / "made_bot_0" / "strings" / "en.yaml").unlink()
    with pytest.raises(PostkamerError, match=r"en\.yaml is not there"):
        Runner([bot])


def test_the_number_may_be_left_out_of_one() -> None:
    texts = {"x.one": "een", "x.other": "{count}"}
    assert Strings({"nl": texts, "en": texts}, "test").has("x")


SETTINGS = """
@dataclass(frozen=True)
class Wanted:
    {field}

""" + GOOD.replace('name = "made"', 'name = "made"\n    room_settings = Wanted')


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("what: int", "no default for what"),
        ("what: float = 1.0", "cannot be set in a chat"),
        ("what: Rest = Rest('')", "cannot be set in a chat"),
        ("what: int = 1", "its strings lack settings.what"),
    ],
)
def test_settings_that_cannot_be(make: _Make, field: str, problem: str) -> None:
    with pytest.raises(PostkamerError) as error:
        Runner([make(SETTINGS.format(field=field))])
    assert problem in str(error.value)
