"""For words that nothing is found by: words like them, of what the seeker may read. Others' words are never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tantivy import Query

from bridge.archive import reading
from bridge.search import folding, schema
from bridge.search.compile_text import TextCompiler
from bridge.search.index import NotReadyError
from bridge.search.query import Exact, Word, leaves
from bridge.search.results import Proposal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.search.results import Seeker
    from bridge.search.service import Look, Search

MOST: Final = 3
_SHORTEST: Final = 4  # letters of a word that is looked at
_LONGEST: Final = 30
_TWO_FROM: Final = 7  # letters from which on two may be wrong
_MESSAGES: Final = 60  # that are looked through for such words
_CANDIDATES: Final = 5  # words that are counted


async def proposals(search: Search, seeker: Seeker, line: str) -> Sequence[Proposal]:
    """Other lines that do find something, best first; for auditors, whose every search is written down, there are none.

    Raises:
        BusyError, NotInRoomError, AuditRefusedError
    """
    found: list[Proposal] = []
    if seeker.purpose is not None:
        return found
    try:
        async with search.looking(seeker, line) as look:
            texts = [one for one in leaves(look.understood.query.root, wanted=True) if isinstance(one, (Word, Exact))]
            for text in texts:
                word = folding.fold(text.text)
                if _may_be_misspelt(word) and not await _is_found(search, look, text):
                    start, end = text.place.start, text.place.end
                    sign = "+" if line[start:end].startswith("+") else ""
                    found += [
                        Proposal(f"{line[:start]}{sign}{other}{line[end:]}", text.text, other)
                        for other in await _like(search, look, word)
                    ]
        return [one for one in found[: 2 * MOST] if (await search.find(seeker, one.line, limit=1)).hits][:MOST]
    except NotReadyError:
        return ()


def distance(one: str, other: str, most: int) -> int:
    """How many letters are missing, too many, other ones, or changed places with a neighbour; more than `most` is
    `most + 1` (optimal string alignment).
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        row = [i]
        for j, right in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return min(last[-1], most + 1)


def _may_be_misspelt(word: str) -> bool:
    return _SHORTEST <= len(word) <= _LONGEST and word.isalpha()


async def _is_found(search: Search, look: Look, text: Word | Exact) -> bool:
    query = TextCompiler(schema.schema(), search.analysis, scored=False).text(text)
    return query is None or bool(await _count(search, look, query))


async def _count(search: Search, look: Look, query: Query) -> int:
    find = search.index.search
    found = await search.in_thread(lambda: find(query, look.readable, sort="new", limit=1, count=True))
    return found.count or 0


async def _like(search: Search, look: Look, word: str) -> list[str]:
    """Words like this one that stand in messages of the seeker, the likeliest first."""
    fields = schema.schema()
    for most in (1, 2) if len(word) >= _TWO_FROM else (1,):
        words = await _words_near(search, look, word, most)
        counted = []
        for other in words[:_CANDIDATES]:
            count = await _count(search, look, Query.term_query(fields, "words", other))
            if count:
                counted.append((distance(word, other, most), -count, other))
        if counted:
            return [other for *_, other in sorted(counted)]
    return []


async def _words_near(search: Search, look: Look, word: str, most: int) -> list[str]:
    """Of the newest messages with a word at most so many letters away: these words, the most frequent first."""
    query = Query.fuzzy_term_query(schema.schema(), "words", word, distance=most, transposition_cost_one=True)
    find = search.index.search
    hits = (await search.in_thread(lambda: find(query, look.readable, sort="new", limit=_MESSAGES))).hits
    seqs = list(dict.fromkeys(hit.seq for hit in hits if hit.n == schema.MESSAGE))
    messages = await reading.by_seq(look.db, look.readable, seqs)
    return _by_frequency(
        other
        for found in messages.values()
        for other in folding.words(folding.fold(found.message.text))
        if other != word and other.isalpha() and distance(word, other, most) <= most
    )


def _by_frequency(words: Iterable[str]) -> list[str]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts, key=lambda word: (-counts[word], word))
