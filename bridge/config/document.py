"""A YAML file as nodes with line numbers, and the problems that are found in it."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLWarning

from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ruamel.yaml.nodes import Node

LONGEST_FILE = 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: the dotted path of a setting ("" is the file), its line (0 is no line), and what to write."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        if self.path:
            return f"{self.path} (line {self.line}): {self.text}" if self.line else f"{self.path}: {self.text}"
        return f"line {self.line}: {self.text}" if self.line else self.text


class ConfigError(PostkamerError):
    """A file of settings cannot be used; `problems` has all reasons, in the order of the lines."""

    def __init__(self, path: Path, problems: Iterable[Problem]) -> None:
        self.path = path
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        number = len(self.problems)
        lines = (f"{path}: {number} problem{'s' * (number != 1)}", *(f"  {problem}" for problem in self.problems))
        super().__init__("\n".join(lines))


def read_text(path: Path) -> str:
    """The text of a file of settings.

    Raises:
        FileNotFoundError: it is not there.
        ConfigError: it cannot be read, is not UTF-8, or is far too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_FILE + 1)
        if len(content) > LONGEST_FILE:
            raise ConfigError(path, [Problem("", 0, "is larger than 1 MiB: this cannot be the right file")])
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise
    except OSError as error:
        text = f"cannot be read ({error.strerror}): look at the path and at who may read it"
        raise ConfigError(path, [Problem("", 0, text)]) from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(path, [Problem("", line, "is not UTF-8: save the file as UTF-8")]) from None


def compose(text: str, path: Path) -> Node | None:
    """The root of a YAML document, None when there is nothing in it.

    Raises:
        ConfigError: it is not one YAML document. The message quotes nothing from the file, which holds secrets.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", YAMLWarning)
            root: Node | None = YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        raise ConfigError(path, [_syntax(error)]) from None
    except RecursionError:
        raise ConfigError(path, [Problem("", 0, "is not a file of settings: it is nested too deep")]) from None
    except (YAMLError, ValueError):
        # The reader's, for a control character.
        found = re.search("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
        line = text.count("\n", 0, found.start()) + 1 if found else 0
        raise ConfigError(path, [Problem("", line, "is not YAML: remove the control characters")]) from None
    return root


def line_of(node: Node) -> int:
    """Where it begins, from 1."""
    return int(node.start_mark.line) + 1


def _syntax(error: MarkedYAMLError) -> Problem:
    what = re.sub(r"'[^']{3,}'", "...", str(error.problem or error.context or "wrong syntax"))
    mark = error.problem_mark or error.context_mark
    if "end of stream" in what:
        mark = error.context_mark or mark
    todo = "look at indentation and colons, and put quotes around a value that has : # @ * & ! % [ ] { or } in it"
    if "'\\t'" in what or "tab" in what:
        todo = "use spaces instead of tabs"
    elif "another document" in what:
        todo = "keep one document: remove what follows the line ---"
    elif "end of stream" in what:
        todo = "close the quote or the bracket that begins here"
    return Problem("", int(mark.line) + 1 if mark else 0, f"is not YAML ({what}): {todo}")
