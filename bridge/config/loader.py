"""Reads `config.yaml` strictly into `Config`, with every problem at once.

What the file may hold follows from the dataclasses of `schema`. A setting of type `Secret` may also be given as
`<name>_file`, the path of a file with the value.
"""

from __future__ import annotations

import re
import stat
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bridge.config.checks import ByteSize, Secret, is_placeholder, plain_text
from bridge.config.document import ConfigError, Problem, compose, line_of, read_text
from bridge.config.schema import Config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.config.checks import Check

__all__ = ["ConfigError", "Problem", "load", "load_text", "warnings"]

_TAG = "tag:yaml.org,2002:"
_LONGEST_SHOWN = 60
_NOTHING = object()


def load(path: Path) -> Config:
    """The config in this file.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise ConfigError(path, [Problem("", 0, "is not there: `postkamer init` makes it")]) from None
    return load_text(text, path)


def load_text(text: str, path: Path) -> Config:
    """The config in this text, which stands or will stand in the file `path`.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    root = compose(text, path)
    if root is None or _is_null(root):
        raise ConfigError(path, [Problem("", 0, "is empty: `postkamer init` makes one")])
    if not isinstance(root, MappingNode):
        wrong = f"must hold sections of settings ('homeserver:' and so on), not {_kind_of(root)}"
        raise ConfigError(path, [Problem("", line_of(root), wrong)])
    walk = _Walk(path.absolute().parent)
    config = walk.section(Config, root, "", line_of(root))
    walk.compare()
    if walk.problems:
        raise ConfigError(path, walk.problems)
    assert isinstance(config, Config)  # noqa: S101 (a section without a problem is whole)
    return config


def warnings(path: Path) -> list[str]:
    """What is not wrong with this file, but not good either.

    Raises:
        OSError: it is not there.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return [f"{path} holds secrets and others can read it (mode {mode:04o}): run `chmod 600 {path}`"]
    return []


@dataclass(frozen=True, slots=True)
class Kind:
    """What the annotation of a setting says."""

    type: Any
    checks: Sequence[Check]
    optional: bool

    @classmethod
    def of(cls, hint: Any) -> Kind:
        """Take `Annotated[T, check]`, `T | None` and both apart."""
        checks: list[Check] = []
        optional = False
        while True:
            if get_origin(hint) is Annotated:
                checks += hint.__metadata__
                hint = hint.__origin__
            elif get_origin(hint) in {Union, UnionType}:
                (hint,) = (part for part in get_args(hint) if part is not type(None))
                optional = True
            else:
                return cls(hint, checks, optional)

    @property
    def is_section(self) -> bool:
        """Whether it is a mapping with settings of its own."""
        return is_dataclass(self.type) and not hasattr(self.type, "parse")

    @property
    def shape(self) -> str:
        """What such a value looks like."""
        if get_origin(self.type) is Literal:
            return f"one of {', '.join(get_args(self.type))}"
        return {int: "a whole number", str: "a text", Path: "a path"}.get(self.type) or str(self.type.SHAPE)


@dataclass
class _Walk:
    """One walk through a document."""

    folder: Path
    problems: list[Problem] = field(default_factory=list)
    values: dict[str, tuple[Any, int]] = field(default_factory=dict)  # by dotted path, with the line

    def problem(self, path: str, line: int, text: str) -> None:
        self.problems.append(Problem(path, line, text))

    def section(self, cls: type[Any], node: Node | None, prefix: str, line: int) -> Any:
        """An object of this class, or _NOTHING when something is wrong in it."""
        hints = get_type_hints(cls, include_extras=True)
        kinds = {item.name: Kind.of(hints[item.name]) for item in fields(cls)}
        entries: dict[str, tuple[Node, int]] = {}
        if isinstance(node, MappingNode):
            known = [*kinds, *(f"{name}_file" for name, kind in kinds.items() if kind.type is Secret)]
            entries = self.entries(node, prefix, known)
        elif node is not None and not _is_null(node):
            names = ", ".join(kinds)
            self.problem(prefix[:-1], line, f"must be a section with the keys {names}, not {_kind_of(node)}")
            return _NOTHING
        found = {item.name: self.setting(item, kinds[item.name], entries, prefix, line) for item in fields(cls)}
        return _NOTHING if any(value is _NOTHING for value in found.values()) else cls(**found)

    def entries(self, node: MappingNode, prefix: str, known: Sequence[str]) -> dict[str, tuple[Node, int]]:
        """The values of a mapping by known key; a misspelt key stands for what it most likely means."""
        found: dict[str, tuple[Node, int]] = {}
        unknown: list[tuple[str, Node, int]] = []
        for key, value in node.value:
            line = line_of(key)
            if not isinstance(key, ScalarNode):
                self.problem(prefix[:-1], line, "a key must be a word with a colon behind it")
            elif key.value not in known:
                unknown.append((key.value, value, line))
            elif key.value in found:
                first = found[key.value][1]
                self.problem(f"{prefix}{key.value}", line, f"is here twice, first on line {first}: keep one of them")
            else:
                found[key.value] = (value, line)
        for name, value, line in unknown:
            free = [key for key in known if key not in found]
            likely = get_close_matches(name, free, 1) or get_close_matches(name, known, 1)
            self.problem(f"{prefix}{_shown(name)}", line, f"unknown key; {_instead(likely, prefix, name, known)}")
            if likely and likely[0] in free:
                found[likely[0]] = (value, line)
        return found

    def setting(
        self, item: Field[Any], kind: Kind, entries: dict[str, tuple[Node, int]], prefix: str, line: int
    ) -> Any:
        """The value of one setting or section, or _NOTHING when something is wrong with it."""
        path = f"{prefix}{item.name}"
        from_file = entries.get(f"{item.name}_file")
        if item.name in entries:
            node, line = entries[item.name]
            if kind.is_section:
                return self.section(kind.type, node, f"{path}.", line)
            if from_file is not None:
                self.problem(f"{path}_file", from_file[1], f"is here beside {item.name}: keep one of them")
            return self.value(path, line, lambda: _value(kind, node, self.folder))
        if from_file is not None:
            node, line = from_file
            return self.value(f"{path}_file", line, lambda: _value_from_file(kind, node, self.folder), path)
        if item.default_factory is not MISSING:
            return self.section(kind.type, None, f"{path}.", line)
        if item.default is not MISSING:
            return self.value(path, 0, lambda: self.folder / item.default if kind.type is Path else item.default)
        if kind.is_section:
            names = ", ".join(inner.name for inner in fields(kind.type) if _is_required(inner))
            self.problem(path, line, f"missing section; write `{item.name}:` and under it its required keys: {names}")
        else:
            self.problem(path, line, f"is required; write `{item.name}:` and {kind.shape}{_or_file(item, kind)}")
        return _NOTHING

    def value(self, path: str, line: int, make: Any, name: str = "") -> Any:
        """What `make` gives, or _NOTHING when it cannot."""
        try:
            value = make()
        except ValueError as error:
            self.problem(path, line, str(error))
            return _NOTHING
        self.values[name or path] = (value, line)
        return value

    def compare(self) -> None:
        """Look at the settings that must not be the same; those that have a problem of their own are left out."""

        def both(one: str, other: str) -> tuple[Any, Any, int]:
            first, second = self.values.get(one, (None, 0)), self.values.get(other, (None, 0))
            return first[0], second[0], second[1] or first[1] or 1

        takes, tells, line = both("appservice.listen", "monitoring.listen")
        if takes and tells and takes.collides(tells):
            self.problem("monitoring.listen", line, f"must differ from appservice.listen ({takes}): take another port")
        sender, bot, line = both("appservice.sender_localpart", "bots.localpart")
        if sender and sender == bot:
            self.problem("bots.localpart", line, "must differ from appservice.sender_localpart: take another name")
        ours, theirs, line = both("appservice.as_token", "appservice.hs_token")
        if ours and ours == theirs:
            self.problem("appservice.hs_token", line, "must differ from appservice.as_token: write another one")


def _value(kind: Kind, node: Node, folder: Path) -> Any:
    """The value of a scalar.

    Raises:
        ValueError: what to write.
    """
    if kind.optional and _is_null(node):
        return None
    if not isinstance(node, ScalarNode) or _is_null(node):
        raise ValueError(f"must be {kind.shape}, not {_kind_of(node)}")
    if is_placeholder(node.value):
        raise ValueError(f"is still the placeholder: run `postkamer init`, or write {kind.shape}")
    # A URL may have been written with a password in it.
    got = "" if kind.type is Secret or "@" in node.value else f", got {_shown(repr(node.value))}"
    tags = {int: {"int"}, ByteSize: {"int", "str"}}.get(kind.type, {"str"})
    if str(node.tag).removeprefix(_TAG) not in tags:
        quotes = " (put quotes around it)" if kind.type in {str, Secret} else ""
        raise ValueError(f"must be {kind.shape}{quotes}{got}")
    try:
        value = _of_type(kind, node.value, folder)
        for check in kind.checks:
            check(value)
    except ValueError as error:
        raise ValueError(f"{error}{got}") from None
    return value


def _of_type(kind: Kind, text: str, folder: Path) -> Any:
    if get_origin(kind.type) is Literal:
        if text not in get_args(kind.type):
            raise ValueError(f"must be {kind.shape}")
        return text
    if kind.type is int:
        if re.fullmatch("[+-]?[0-9]{1,18}", text) is None:
            raise ValueError("must be a whole number")
        return int(text)
    if kind.type is str:
        return plain_text(text)
    if kind.type is Path:
        return folder / plain_text(text)
    return kind.type.parse(text)


def _value_from_file(kind: Kind, node: Node, folder: Path) -> Any:
    """The secret in the file that this scalar names.

    Raises:
        ValueError: what to write.
    """
    path = _value(Kind(Path, (), optional=False), node, folder)
    try:
        value = kind.type.parse(read_text(path).strip())
        for check in kind.checks:
            check(value)
    except FileNotFoundError:
        raise ValueError(f"{path} is not there") from None
    except ConfigError as error:
        raise ValueError(f"{path}: {error.problems[0].text}") from None
    except ValueError as error:
        raise ValueError(f"the value in {path} {error}") from None
    return value


def _is_required(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _or_file(item: Field[Any], kind: Kind) -> str:
    return f", or `{item.name}_file:` and a path" if kind.type is Secret else ""


def _instead(likely: Sequence[str], prefix: str, name: str, known: Sequence[str]) -> str:
    """What to write in the place of an unknown key."""
    if likely:
        return f"did you mean '{likely[0]}'?"
    if not prefix:
        sections = {
            item.name: Kind.of(get_type_hints(Config, include_extras=True)[item.name]) for item in fields(Config)
        }
        for section, kind in sections.items():
            if kind.is_section and name in {item.name for item in fields(kind.type)}:
                return f"did you mean '{section}.{name}'? Indent it under `{section}:`"
    return f"known here: {', '.join(known)}"


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == f"{_TAG}null"


def _kind_of(node: Node) -> str:
    if isinstance(node, SequenceNode):
        return "a list"
    if isinstance(node, MappingNode):
        return "a section"
    return "nothing" if _is_null(node) else "a single value"


def _shown(text: str) -> str:
    """What the file has, made fit for one line of a message."""
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
