"""Looking among the newest documents first: the newest hundred with a common word are all there.

A search by time goes through all documents that are asked for. When what was sent since some time holds enough of them,
nothing older can be among the first, and segments of the index that are older are not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from tantivy import Query

from bridge.search import schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from tantivy import Searcher

    T = TypeVar("T")

LEAST: Final = 50_000  # documents of an index that is worth it
_FIRST: Final = 1 / 64  # of all documents ...
FIRST_DOCUMENTS: Final = 60_000  # ... and at least so many
_MOST: Final = 0.7
_COMMON: Final = 10  # of so many documents one is found, where looking at a part is worth it
_TELLING: Final = 10  # hits in the first part, from which on there is something to promise
_MARGIN: Final = 2.0  # of how much is looked at, over what that has promised
_GROWN: Final = 1.1
_WEEK: Final = (7 * 86_400_000) << schema.TIE_BITS


class Ages:
    """How many documents were sent when, by the week. Only a guess is made of it, so it may be somewhat old."""

    def __init__(self, searcher: Searcher) -> None:
        self.documents = searcher.num_docs
        weeks = {"field": schema.SENT, "interval": float(_WEEK), "min_doc_count": 1}
        found: Any = searcher.aggregate(Query.all_query(), {"weeks": {"histogram": weeks}})
        self._weeks = [(int(week["key"]), int(week["doc_count"])) for week in found["weeks"]["buckets"]]
        self._weeks.sort(reverse=True)

    def is_of(self, searcher: Searcher) -> bool:
        """Whether it is not much older than what can be searched now."""
        return self.documents / _GROWN <= searcher.num_docs <= self.documents * _GROWN

    def since(self, part: float) -> int:
        """A key of `schema.SENT` since which this part of all documents was sent, or a little more."""
        wanted, key = part * self.documents, 0
        for week, count in self._weeks:
            key, wanted = week, wanted - count
            if wanted <= 0:
                break
        return key


def newest(
    needed: int,
    ages: Ages,
    search: Callable[[int | None], T],
    count: Callable[[T], int],
    *,
    share: float = 1.0,
    at_least: int = FIRST_DOCUMENTS,
) -> T:
    """The newest hits.

    Args:
        needed: how many.
        share: of all documents, the part that can be among them at all.
        at_least: how many documents are looked at first.
        search: finds at most so many, newest first, sent since a key; None: of all times.
        count: how many were found.
    """
    first = max(_FIRST, at_least / max(ages.documents, 1))
    if first > _MOST or share * first * ages.documents < _COMMON * needed:
        return search(None)
    found = search(ages.since(first))
    hits = count(found)
    if hits < needed and hits >= _TELLING and (part := _MARGIN * first * needed / hits) <= _MOST:
        found = search(ages.since(part))
        hits = count(found)
    return found if hits >= needed else search(None)
