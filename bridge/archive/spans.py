"""Reckoning with parts of rooms."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from bridge.storage.readable import Span

if TYPE_CHECKING:
    from collections.abc import Iterable

Spans = tuple[Span, ...]  # in order, none empty; what comes out of here does not touch


def union(spans: Iterable[Span]) -> Spans:
    """What is in one of them, in whatever order they are given."""
    found: list[Span] = []
    for span in sorted(spans):
        if span.start >= span.end:
            continue
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return tuple(found)


def common(some: Iterable[Span], others: Iterable[Span]) -> Spans:
    """What is in both."""
    return union(
        Span(max(one.start, other.start), min(one.end, other.end)) for one, other in product(some, tuple(others))
    )
