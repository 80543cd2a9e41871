"""Settings that must not be the same as others."""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING, Any

from bridge.config.document import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def compare(values: Mapping[str, tuple[Any, int]]) -> Iterator[Problem]:
    """The problems between settings.

    Args:
        values: by dotted path, each with its line (0: it is a default); those that have a problem are not among them.
    """
    for one, other in combinations(("appservice.listen", "monitoring.listen", "webhooks.listen"), 2):
        takes, too = values.get(one, (None, 0))[0], values.get(other, (None, 0))[0]
        if takes and too and takes.collides(too):
            yield _differ(values, one, other, "take another port", show=True)
    names = ["appservice.sender_localpart", *_paths(values, r"bots\.users\[\d+\]\.localpart")]
    yield from _all_differ(values, names, "take another name")
    yield from _all_differ(values, ["appservice.as_token", "appservice.hs_token"], "write another one")
    yield from _two_users(values)


def _two_users(values: Mapping[str, tuple[Any, int]]) -> Iterator[Problem]:
    """A bot answers in the name of one user."""
    belongs: dict[str, str] = {}
    for path in _paths(values, r"bots\.users\[\d+\]\.bots\[\d+\]"):
        name, line = values[path]
        user = path.rpartition(".")[0]
        if belongs.setdefault(name, user) != user:
            yield Problem(path, line, f"{name} stands under {belongs[name]} too: keep one of them")


def _all_differ(values: Mapping[str, tuple[Any, int]], paths: list[str], todo: str) -> Iterator[Problem]:
    first: dict[Any, str] = {}
    for path in paths:
        if path in values:
            other = first.setdefault(values[path][0], path)
            if other != path:
                yield _differ(values, other, path, todo)


def _differ(values: Mapping[str, tuple[Any, int]], one: str, other: str, todo: str, *, show: bool = False) -> Problem:
    """At the later of the two, unless that is a default."""
    if not values[other][1] and values[one][1]:
        one, other = other, one
    what = f" ({values[one][0]})" if show else ""
    return Problem(other, values[other][1], f"must differ from {one}{what}: {todo}")


def _paths(values: Mapping[str, tuple[Any, int]], pattern: str) -> list[str]:
    return [path for path in values if re.fullmatch(pattern, path)]
