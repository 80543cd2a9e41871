"""`postkamer new-bot`: a folder with a bot of one's own that works, with its strings, its tests and its packaging.

The files are in `template`, each with `.txt` behind its name. `$name`, `$word`, `$Class` and `$package` are filled in,
also in names of files.
"""

from __future__ import annotations

import argparse
import os
from importlib.metadata import entry_points
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from bots import BOTS
from bridge.config.ids import BotName
from bridge.engine.loading import GROUP
from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TEMPLATE = Path(__file__).with_name("template")

_NEXT = """\
Wrote {folder}.

Next:
  1. {folder}/{package}/__init__.py is the bot; its words are in {folder}/{package}/strings.
  2. Test it: install pytest beside Postkamer, then run `pytest {folder}`.
  3. Install it beside Postkamer: `pip install {folder}`, and restart Postkamer; `postkamer check` lists it.
"""


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = sub.add_parser("new-bot", help="write a bot of your own to start from, with tests that pass")
    command.add_argument("name", type=_name, metavar="NAME", help="what it is called: letters a to z, digits and _")
    command.add_argument(
        "--dir", type=Path, default=Path(), metavar="D", help="where its folder NAME is made; without it: here"
    )
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the folder, or nothing.

    Raises:
        PostkamerError: the name is taken, the folder is there already, or it cannot be written.
    """
    name, folder = str(args.name), args.dir / args.name
    _free(name)
    package = f"postkamer_{name}"
    words = {
        "name": name,
        "word": _word(name),
        "Class": f"{name.title().replace('_', '')}Bot",
        "package": package,
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        for path, text in _files(words):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except FileExistsError as error:
        raise PostkamerError(f"{error.filename} is there already", "nothing was changed: take another --dir") from None
    except OSError as error:
        raise PostkamerError(
            f"{error.filename or folder}: cannot be written ({error.strerror})", "take another --dir"
        ) from error
    print(_NEXT.format(folder=folder, package=package), end="")
    return 0


def _name(text: str) -> str:
    """For argparse."""
    try:
        return BotName.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _free(name: str) -> None:
    """Raise PostkamerError when another bot has this name or this word; it would be refused once it is installed."""
    taken = {bot.name for bot in BOTS} | {entry.name for entry in entry_points(group=GROUP)}
    for bot in BOTS:
        spoken = [bot.words] if bot.words else [command.words for command in bot.commands().values()]
        taken |= {word for words in spoken for word in words}
    if taken & {name, _word(name)}:
        raise PostkamerError(f"there is a bot {name} already, or one that is spoken to so", "take another name")


def _word(name: str) -> str:
    """What people write."""
    return name.replace("_", "-")


def _files(words: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each file of the template: its path in the new folder, and its text."""
    for folder, _, names in os.walk(TEMPLATE):
        for name in sorted(names):
            path = Path(folder, name)
            to = Template(path.relative_to(TEMPLATE).as_posix().removesuffix(".txt")).substitute(words)
            yield to, Template(path.read_text(encoding="utf-8")).substitute(words)
