"""Reads `config.yaml` strictly into `Config`, with every problem at once.

What the file may hold follows from the dataclasses of `schema`. A setting of type `Secret` may also be given as
`<name>_file`, the path of a file with the value.
"""

from __future__ import annotations

import json
import re
import stat
from dataclasses import MISSING, Field, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from bridge.config import scalar
from bridge.config.checks import Secret
from bridge.config.compare import compare
from bridge.config.document import ConfigError, Problem, compose, line_of, read_text
from bridge.config.kind import Kind
from bridge.config.schema import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ruamel.yaml.nodes import Node

__all__ = ["ConfigError", "Problem", "load", "load_text", "warnings"]

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
    if root is None or scalar.is_null(root):
        raise ConfigError(path, [Problem("", 0, "is empty: `postkamer init` makes one")])
    if not isinstance(root, MappingNode):
        wrong = f"must hold sections of settings ('homeserver:' and so on), not {scalar.kind_of(root)}"
        raise ConfigError(path, [Problem("", line_of(root), wrong)])
    walk = _Walk(path.absolute().parent)
    config = walk.section(Config, root, "", line_of(root))
    walk.problems += compare(walk.values)
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
            lists = {name: kind.item for name, kind in kinds.items() if kind.item is not None and kind.item.is_section}
            entries = self.entries(node, prefix, known, lists)
        elif node is not None and not scalar.is_null(node):
            wrong = f"must be a section with the keys {', '.join(kinds)}, not {scalar.kind_of(node)}"
            self.problem(prefix[:-1], line, wrong)
            return _NOTHING
        found = {item.name: self.setting(item, kinds[item.name], entries, prefix, line) for item in fields(cls)}
        return _NOTHING if any(value is _NOTHING for value in found.values()) else cls(**found)

    def entries(
        self, node: MappingNode, prefix: str, known: Sequence[str], lists: Mapping[str, Kind]
    ) -> dict[str, tuple[Node, int]]:
        """The values of a mapping by known key; a misspelt key stands for what it most likely means.

        Args:
            lists: the keys that are lists of sections, and what such a section is.
        """
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
        given = {name: value for name, value, _ in unknown}
        for name, value, line in unknown:
            if inside := _inside(name, given, lists):
                self.problem(f"{prefix}{scalar.shown(name)}", line, f"unknown key; {inside}")
                continue
            free = [key for key in known if key not in found]
            likely = get_close_matches(name, free, 1) or get_close_matches(name, known, 1)
            self.problem(f"{prefix}{scalar.shown(name)}", line, f"unknown key; {_instead(likely, prefix, name, known)}")
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
            if from_file is not None:
                self.problem(f"{path}_file", from_file[1], f"is here beside {item.name}: keep one of them")
            return self.given(path, *entries[item.name], kind)
        if from_file is not None:
            node, line = from_file
            return self.value(f"{path}_file", line, lambda: scalar.value_from_file(kind, node, self.folder), path)
        if item.default_factory is not MISSING:
            return self.section(kind.type, None, f"{path}.", line)
        if item.default is not MISSING:
            return self.default(path, kind, item.default)
        if kind.is_section:
            names = ", ".join(inner.name for inner in fields(kind.type) if _is_required(inner))
            self.problem(path, line, f"missing section; write `{item.name}:` and under it its required keys: {names}")
        else:
            self.problem(path, line, f"is required; write `{item.name}:` and {kind.shape}{_or_file(item, kind)}")
        return _NOTHING

    def given(self, path: str, node: Node, line: int, kind: Kind) -> Any:
        """What stands in the file, or _NOTHING when something is wrong with it."""
        if kind.is_section:
            return self.section(kind.type, node, f"{path}.", line)
        if kind.item is not None and not (kind.optional and scalar.is_null(node)):
            return self.items(path, node, line, kind, kind.item)
        return self.value(path, line, lambda: scalar.value(kind, node, self.folder))

    def items(self, path: str, node: Node, line: int, kind: Kind, each: Kind) -> Any:
        """A list as a tuple, or _NOTHING when something is wrong in it."""
        if not isinstance(node, SequenceNode):
            self.problem(path, line, f"must be {kind.shape}, not {scalar.kind_of(node)}")
            return _NOTHING
        found = [
            self.given(f"{path}[{number}]", inner, line_of(inner), each) for number, inner in enumerate(node.value)
        ]
        for number, value in enumerate(found):
            if value is not _NOTHING and value in found[:number]:
                first = line_of(node.value[found.index(value)])
                again = f"is here twice, first on line {first}: keep one of them"
                self.problem(f"{path}[{number}]", line_of(node.value[number]), again)
        if any(value is _NOTHING for value in found):
            return _NOTHING
        return self.value(path, line, lambda: scalar.checked(kind, tuple(found)))

    def default(self, path: str, kind: Kind, value: Any) -> Any:
        """The default of a setting; what is inside it is kept for comparisons too."""
        if kind.type is Path and value is not None:
            value = self.folder / value
        self.values[path] = (value, 0)
        if kind.item is not None:
            for number, inner in enumerate(value or ()):
                self.default(f"{path}[{number}]", kind.item, inner)
        elif kind.is_section:
            hints = get_type_hints(kind.type, include_extras=True)
            for item in fields(kind.type):
                self.default(f"{path}.{item.name}", Kind.of(hints[item.name]), getattr(value, item.name))
        return value

    def value(self, path: str, line: int, make: Callable[[], Any], name: str = "") -> Any:
        """What `make` gives, or _NOTHING when it cannot."""
        try:
            value = make()
        except ValueError as error:
            self.problem(path, line, str(error))
            return _NOTHING
        self.values[name or path] = (value, line)
        return value


def _is_required(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _or_file(item: Field[Any], kind: Kind) -> str:
    return f", or `{item.name}_file:` and a path" if kind.type is Secret else ""


def _inside(name: str, given: Mapping[str, Node], lists: Mapping[str, Kind]) -> str | None:
    """What to write for a key that belongs to the entries of a list, as those of `bots.users` once stood in `bots`."""
    for key, kind in lists.items():
        keys = [item.name for item in fields(kind.type) if item.name in given or _is_required(item)]
        if name in given.keys() & keys:
            entry = ", ".join(f"{one}: {_written(given.get(one))}" for one in keys)
            return f"it belongs to an entry of '{key}' now: write `{key}: [{{{entry}}}]` instead"
    return None


def _written(node: Node | None) -> str:
    """A plain value as it can stand in a list; of anything else that it is to be filled in."""
    if not isinstance(node, ScalarNode) or scalar.is_null(node):
        return "…"
    value = scalar.shown(node.value)
    return value if re.fullmatch(r"[A-Za-z0-9_/][\w./ -]*", value) else json.dumps(value, ensure_ascii=False)


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
