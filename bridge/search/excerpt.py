"""The best place of a text for a query, with what was found marked."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from itertools import islice, pairwise, takewhile
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.search import analysis, folding
from bridge.search.numbers import numbers
from bridge.search.query import Exact, Part, Phrase, Word, leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bridge.search.analysis import Analysis
    from bridge.search.query import Node, Text

    # Gives the places, in a text, of what it looks for.
    _Finder = Callable[[str, "_Folded", Sequence["_Token"]], Iterator[tuple[int, int]]]

LENGTH: Final = 200  # characters, about
_BEFORE: Final = 60  # of them before the first hit
_CHUNK: Final = 20_000  # characters that are looked through at a time
_MOST_CHUNKS: Final = 10
_MOST_NUMBERS: Final = 200  # of a chunk: looking for them takes time
LONGEST: Final = _CHUNK * _MOST_CHUNKS  # characters of a text that are looked through
_JOINER: Final = "\u200d"
_STICKY: Final = re.compile("[\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
_CLUSTER: Final = re.compile("[\x00-\x7f]+(?![^\x00-\x7f])|.[\u0300-\u036f\u00ad\u200b-\u200f\u2060\ufeff]*", re.DOTALL)
_SPACES: Final = re.compile(r"\s+")
_INNER: Final = r"[^\W_]"  # a letter or digit

Parts = tuple[tuple[str, bool], ...]  # pieces of text, each with whether it is a hit


class _Mark(NamedTuple):
    """A hit: characters of the text, and which of the things that are sought it is."""

    start: int
    end: int
    sought: int


class _Token(NamedTuple):
    """A word: folded, and where it stands in the folded text."""

    word: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Folded:
    """A text as the index sees it, and where its pieces stood in the text itself.

    Attributes:
        starts: of the pieces, in `text`.
        pieces: from, to, and whether each character stands for itself; none: all of the text is such a piece.
    """

    text: str
    starts: Sequence[int] = ()
    pieces: Sequence[tuple[int, int, bool]] = ()

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The characters of the text that these came from."""
        return self._of(start)[0], self._of(end - 1)[1]

    def _of(self, at: int) -> tuple[int, int]:
        if not self.pieces:
            return at, at + 1
        number = bisect_right(self.starts, at) - 1
        start, end, as_it_is = self.pieces[number]
        if not as_it_is:
            return start, end
        place = start + at - self.starts[number]
        return place, place + 1


class Excerpts:
    """Makes excerpts for one query.

    Args:
        root: of the query; what is negated is not marked.
    """

    def __init__(self, found: Analysis, root: Node | None) -> None:
        self._analysis = found
        texts = (one for one in leaves(root, wanted=True) if isinstance(one, (Word, Exact, Phrase, Part)))
        self._sought = [self._finder(text) for text in dict.fromkeys(texts)]

    def of(self, text: str) -> Parts:
        """About `LENGTH` characters of a text."""
        best: tuple[int, list[_Mark]] = (0, [])
        for start, chunk in _chunks(text):
            marks = [
                _Mark(start + mark.start, start + mark.end, mark.sought)
                for mark in self._marks(chunk)
                if mark.end > mark.start
            ]
            several, window = _best_window(marks)
            if several > best[0]:
                best = several, window
            if not self._sought or best[0] == len(self._sought):
                break
        return _cut(text, best[1])

    def whole(self, text: str) -> Parts:
        """All of a short text."""
        return _parts(text, 0, len(text), self._marks(text))

    def _marks(self, text: str) -> list[_Mark]:
        if not self._sought:
            return []
        folded = _folded(text)
        tokens = _tokens(folded.text)
        found = [
            _Mark(*place, number)
            for number, finder in enumerate(self._sought)
            for place in finder(text, folded, tokens)
        ]
        return sorted(found)

    def _finder(self, sought: Text) -> _Finder:
        folded = folding.fold(sought.text).strip()
        if isinstance(sought, Part):
            return _by_letters(folded, open_start=sought.open_start, open_end=sought.open_end)
        forms = set(analysis.number_forms(sought.text))
        if forms and not isinstance(sought, Phrase):
            return _by_number(forms)
        as_written = isinstance(sought, Exact)
        words = folding.words(folded)
        by_words = _by_words([_Same(self._same(word, as_written=as_written)) for word in words])
        if isinstance(sought, Phrase) or folded.isalnum():
            return by_words
        by_letters = _by_letters(folded.strip("\ufe0e\ufe0f"), open_start=False, open_end=False)
        return _either(by_letters, by_words) if len(words) > 1 else by_letters

    def _same(self, word: str, *, as_written: bool) -> Callable[[str], bool]:
        """Whether a word of the text is what was asked for."""
        if as_written:
            return lambda other: other == word
        found = self._analysis
        dutch, english = found.dutch(word), found.english(word)
        first = dutch[0]  # stands in every word that has this stem: most words need no closer look
        return lambda other: (
            other == word
            or (first in other and (found.dutch(other) == dutch or dutch in found.parts(other)))
            or (other[0] == english[0] and found.english(other) == english)
        )


def plain(parts: Parts) -> str:
    """An excerpt without its marks."""
    return "".join(text for text, _ in parts)


class _Same(dict[str, bool]):
    """Whether a word of the text is what was asked for, worked out once for each word."""

    def __init__(self, is_same: Callable[[str], bool]) -> None:
        super().__init__()
        self._is_same = is_same

    def __missing__(self, word: str) -> bool:
        self[word] = found = self._is_same(word)
        return found


def _nothing(text: str, folded: _Folded, tokens: Sequence[_Token]) -> Iterator[tuple[int, int]]:
    del text, folded, tokens
    return iter(())


def _by_words(same: Sequence[_Same]) -> _Finder:
    """Words that follow each other."""
    if not same:
        return _nothing
    first, rest = same[0], same[1:]

    def find(text: str, folded: _Folded, tokens: Sequence[_Token]) -> Iterator[tuple[int, int]]:
        del text
        last = len(tokens) - len(rest)
        for at, token in enumerate(tokens):
            if (
                first[token.word]
                and at < last
                and all(is_same[tokens[at + n].word] for n, is_same in enumerate(rest, 1))
            ):
                yield folded.span(token.start, tokens[at + len(rest)].end)

    return find


def _by_letters(letters: str, *, open_start: bool, open_end: bool) -> _Finder:
    """These as a whole, or as a part of a longer word, all of which is marked then."""
    before = f"(?<!{_INNER})" if not open_start and letters[:1].isalnum() else ""
    behind = f"(?!{_INNER})" if not open_end and letters[-1:].isalnum() else ""
    pattern = re.compile(before + re.escape(letters) + behind)

    def find(text: str, folded: _Folded, tokens: Sequence[_Token]) -> Iterator[tuple[int, int]]:
        del text, tokens
        for found in pattern.finditer(folded.text) if letters else ():
            start, end = found.span()
            if open_start:
                start -= _letters_in(reversed(folded.text[max(0, start - LENGTH) : start]))
            if open_end:
                end += _letters_in(folded.text[end : end + LENGTH])
            yield folded.span(start, end)

    return find


def _letters_in(chars: Iterable[str]) -> int:
    """How many letters and digits stand at the beginning."""
    return sum(1 for _ in takewhile(str.isalnum, chars))


def _either(one: _Finder, other: _Finder) -> _Finder:
    def find(text: str, folded: _Folded, tokens: Sequence[_Token]) -> Iterator[tuple[int, int]]:
        yield from {*one(text, folded, tokens), *other(text, folded, tokens)}

    return find


def _by_number(forms: set[str]) -> _Finder:
    def find(text: str, folded: _Folded, tokens: Sequence[_Token]) -> Iterator[tuple[int, int]]:
        del folded, tokens
        yield from (
            (number.start, number.end) for number in islice(numbers(text), _MOST_NUMBERS) if number.form in forms
        )

    return find


def _folded(text: str) -> _Folded:
    if text.isascii():
        return _Folded(text.lower())
    texts: list[str] = []
    starts: list[int] = []
    pieces: list[tuple[int, int, bool]] = []
    length = 0
    for found in _CLUSTER.finditer(text):
        folded = folding.fold(found[0])
        if folded:
            texts.append(folded)
            starts.append(length)
            pieces.append((*found.span(), found[0].isascii()))
            length += len(folded)
    return _Folded("".join(texts), starts, pieces)


def _tokens(folded: str) -> list[_Token]:
    return [_Token(folded[start:end][: folding.LONGEST], start, end) for start, end in folding.spans(folded)]


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """A long text in pieces, cut at spaces where there are any."""
    start = 0
    for _ in range(_MOST_CHUNKS):
        end = start + _CHUNK
        if end < len(text):
            space = text.rfind(" ", start + _CHUNK // 2, end)
            end = space if space > 0 else end
        yield start, text[start:end]
        if end >= len(text):
            return
        start = end


def _best_window(marks: Sequence[_Mark]) -> tuple[int, list[_Mark]]:
    """The hits that stand together within one excerpt: as many different ones as can be, then as many as can be."""
    best: tuple[int, list[_Mark]] = (0, [])
    first = 0
    for last, mark in enumerate(marks):
        while marks[first].start < mark.end - LENGTH and first < last:
            first += 1
        window = marks[first : last + 1]
        score = len({one.sought for one in window})
        if (score, len(window)) > (best[0], len(best[1])):
            best = score, list(window)
    return best


def _cut(text: str, marks: Sequence[_Mark]) -> Parts:
    """What stands around these hits, in whole words."""
    start, end = _room(text, marks)
    found = _parts(text, start, end, marks)
    before = "…" if text[:start].strip() else ""
    behind = "…" if text[end:].strip() else ""
    parts = [(before, False), *found, (behind, False)]
    return _joined(parts)


def _room(text: str, marks: Sequence[_Mark]) -> tuple[int, int]:
    """From where to where."""
    first = marks[0].start if marks else 0
    last = min(max((mark.end for mark in marks), default=0), first + LENGTH)
    spare = LENGTH - (last - first)
    start = max(0, first - min(_BEFORE, spare))
    end = min(len(text), start + LENGTH)
    if start and (space := _SPACES.search(text, start - 1, first)) is not None:
        start = space.end()
    if end < len(text):
        spaces = [found.start() for found in _SPACES.finditer(text, last, end + 1)]
        end = spaces[-1] if spaces else max(last, end)
    return _between(text, start, back=True), _between(text, end, back=False)


def _between(text: str, at: int, *, back: bool) -> int:
    """A place that is not within what people see as one character."""
    while 0 < at < len(text) and (_sticks(text[at]) or text[at - 1] == _JOINER):
        at += -1 if back else 1
    return at


def _sticks(char: str) -> bool:
    return unicodedata.combining(char) != 0 or _STICKY.match(char) is not None


def _parts(text: str, start: int, end: int, marks: Iterable[_Mark]) -> Parts:
    """A piece of a text with its hits, on one line."""
    edges = {start, end}
    inside = [(max(mark.start, start), min(mark.end, end)) for mark in marks if mark.start < end and mark.end > start]
    edges.update(edge for place in inside for edge in place)
    pieces = []
    for left, right in pairwise(sorted(edges)):
        marked = any(first <= left and right <= last for first, last in inside)
        pieces.append((_SPACES.sub(" ", text[left:right]), marked))
    if pieces:
        pieces[0] = (pieces[0][0].lstrip(), pieces[0][1])
        pieces[-1] = (pieces[-1][0].rstrip(), pieces[-1][1])
    return _joined(pieces)


def _joined(pieces: Iterable[tuple[str, bool]]) -> Parts:
    """Without empty pieces, and neighbours of a kind together."""
    found: list[tuple[str, bool]] = []
    for text, marked in pieces:
        if text and found and found[-1][1] is marked:
            found[-1] = (found[-1][0] + text, marked)
        elif text:
            found.append((text, marked))
    return tuple(found)
