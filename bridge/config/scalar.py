"""From one value in a YAML file to the value of a setting."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bridge.config.checks import ByteSize, Secret, is_placeholder, plain_text
from bridge.config.document import ConfigError, read_text
from bridge.config.kind import Kind

_TAG = "tag:yaml.org,2002:"
_LONGEST_SHOWN = 60


def value(kind: Kind, node: Node, folder: Path) -> Any:
    """The value of a scalar; paths in it are relative to `folder`.

    Raises:
        ValueError: what to write.
    """
    if kind.optional and is_null(node):
        return None
    if not isinstance(node, ScalarNode) or is_null(node):
        raise ValueError(f"must be {kind.shape}, not {kind_of(node)}")
    if is_placeholder(node.value):
        raise ValueError(f"is still the placeholder: run `postkamer init`, or write {kind.shape}")
    # A URL may have been written with a password in it.
    got = "" if kind.type is Secret or "@" in node.value else f", got {shown(repr(node.value))}"
    tags = {int: {"int"}, ByteSize: {"int", "str"}}.get(kind.type, {"str"})
    if str(node.tag).removeprefix(_TAG) not in tags:
        quotes = " (put quotes around it)" if kind.type in {str, Secret} else ""
        raise ValueError(f"must be {kind.shape}{quotes}{got}")
    try:
        return checked(kind, _of_type(kind, node.value, folder))
    except ValueError as error:
        raise ValueError(f"{error}{got}") from None


def value_from_file(kind: Kind, node: Node, folder: Path) -> Any:
    """The secret in the file that this scalar names.

    Raises:
        ValueError: what to write.
    """
    path = value(Kind(Path, (), optional=False), node, folder)
    try:
        return checked(kind, kind.type.parse(read_text(path).strip()))
    except FileNotFoundError:
        raise ValueError(f"{path} is not there") from None
    except ConfigError as error:
        raise ValueError(f"{path}: {error.problems[0].text}") from None
    except ValueError as error:
        raise ValueError(f"the value in {path} {error}") from None


def checked(kind: Kind, found: Any) -> Any:
    """The value itself.

    Raises:
        ValueError: a check of this kind refuses it.
    """
    for check in kind.checks:
        check(found)
    return found


def is_null(node: Node) -> bool:
    """Whether nothing stands there, or `null`."""
    return isinstance(node, ScalarNode) and node.tag == f"{_TAG}null"


def kind_of(node: Node) -> str:
    """What it is, for a message."""
    if isinstance(node, SequenceNode):
        return "a list"
    if isinstance(node, MappingNode):
        return "a section"
    return "nothing" if is_null(node) else "a single value"


def shown(text: str) -> str:
    """What the file has, made fit for one line of a message."""
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


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
