"""Dutch compounds and stems: what the words of a text are made of.

A compound is one word in Dutch (`vergaderverslag`), and who looks for `verslag` means it too. It is taken apart with
the words that OpenTaal's dictionary lets stand in compounds, so that `verslag` itself is not `vers` and `lag`.
"""
# ruff: noqa: SIM905 (lists of words are read more easily so)

from __future__ import annotations

import lzma
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DATA: Final = Path(__file__).with_name("data") / "dutch.txt.xz"

_SHORTEST: Final = 6  # letters of a compound
_LONGEST: Final = 45
_PIECE: Final = 3
# What a piece costs: one that is marked for compounds, another noun, a verb, a short word, a place.
_TRUSTED, _ANOTHER, _VERB, _SHORT, _PLACE = 1.0, 1.5, 1.6, 2.0, 1.6
_MORE: Final = 0.3  # each piece after the second
_MOST: Final = 1.75  # for a piece on average
_MOST_OF_KNOWN: Final = 1.55  # of a word that is a piece of compounds itself: it may well be no compound
_REMEMBERED: Final = 20_000

# Words of three letters that are pieces of compounds more often than they stand at the end of other words by chance.
_SHORT_WORDS: Final = frozenset(
    "bak bed bel bon bos box bus cel cao dak dag dek dok erf gas gat hal hek hof hok ijs jas kap kas kit kop lab lak "
    "las lat lek les lid loc log map net nis nok pad pak pan pin pot put rad rek rem rit rol set tab tak tap tas top "
    "uur vak vat vet weg wet zak zee".split()
)
_SHORT_VERBS: Final = frozenset({"hef", "las", "lak", "pak", "rem", "tap", "vul"})
_PLACES: Final = frozenset({"achter", "binnen", "boven", "buiten"})
_NO_BEGINNING: Final = frozenset(
    "aan achter af alle bij binnen boven buiten door een het hij langs mee naast onder over rond tegen toe tussen uit "
    "van ver vers voor waar weg zoo pers kwets".split()
)
_NO_END: Final = frozenset(
    "aard baar dame ding ging haver heid hing isme king lade lag lijk lating les loos mata matisch mijn moer nering "
    "nis pen raat rating rij rijk sage schap ster stel stelling teer telling thesis uur ving zaam zijds".split()
)
_ENDS_AFTER_ALL: Final = frozenset({"uur", "les", "stelling", "pen"})  # of what is no word of the dictionary
_HAVE_S: Final = ("heid", "teit", "ing", "schap", "ion", "ling", "eur")
_EXCEPTIONS: Final[dict[str, tuple[str, ...]]] = {
    "voordeur": ("voor", "deur"),
    "dakpan": ("dak", "pan"),
    "pakbon": ("pak", "bon"),
    "persluchtslang": ("pers", "lucht", "slang"),
    "perslucht": ("pers", "lucht"),
    **dict.fromkeys(
        "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag automaat building combinatie hypothesis message "
        "chocolade database debugging oppervlak parameter platform transform transport".split(),
        (),
    ),
}


class Entry(NamedTuple):
    """A line of the data, see `bridge.search.dutch_words`."""

    word: str
    kind: str  # ' ', '=', '~' or '!'
    value: str


class Piece(NamedTuple):
    """A part of a compound.

    Attributes:
        text: as it stands there, with what links it to the next one.
        word: what it is a form of.
    """

    text: str
    word: str


class Dutch:
    """The words. Threads may share one.

    Args:
        entries: all that is known.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        sets: dict[str, set[str]] = {letter: set() for letter in "bsevn"}
        self._nouns: dict[str, str] = {}  # form → noun
        self._verbs: dict[str, str] = {}  # form → infinitive
        self._names: set[str] = set()
        for word, kind, value in entries:
            if kind == "=":
                self._nouns[word] = value
            elif kind == "~":
                self._verbs[word] = value
            elif kind == "!":
                self._names.add(word)
            else:
                for letter in value:
                    sets[letter].add(word)
        self._begins, self._begins_with_s, self._ends = sets["b"], sets["s"], sets["e"]
        self._verb_stems, self._others = sets["v"], sets["n"]
        self._best = lru_cache(_REMEMBERED)(self._look_for_best)
        self._stemmer = TextAnalyzerBuilder(Tokenizer.raw()).filter(Filter.stemmer("dutch")).build()

    def stem(self, word: str) -> str:
        """The stem of a folded word; of a compound that of its last piece, behind the others."""
        pieces = self.pieces(word)
        if pieces:
            last = pieces[-1].text
            return word[: -len(last)] + self._stem(last)
        return self._stem(word)

    def parts(self, word: str) -> list[str]:
        """The stems of the pieces of a folded compound, and of what neighbours make together; empty when it is none."""
        pieces = self.pieces(word)
        found = {self._stem(piece.word) for piece in pieces}
        count = len(pieces)
        for start in range(count):
            for end in range(start + 2, count + 1):
                if end - start < count:
                    head = "".join(piece.text for piece in pieces[start : end - 1])
                    found.add(head + self._stem(pieces[end - 1].word))
        return sorted(found)

    def pieces(self, word: str) -> tuple[Piece, ...]:
        """What a folded word is made of, in order; empty when it is no compound."""
        if not _SHORTEST <= len(word) <= _LONGEST or not word.isalpha() or word in self._names:
            return ()
        noun = word if word in self._others else self._nouns.get(word, word)
        if noun in _EXCEPTIONS:
            return _exception(noun, word)
        known = noun in self._begins or noun in self._ends
        cost, pieces = self._best(word, known)
        if not pieces:
            return ()
        most = _MOST_OF_KNOWN if known else _MOST
        return pieces if cost <= most * len(pieces) + _MORE * (len(pieces) - 2) else ()

    def is_other_noun(self, word: str) -> bool:
        """Whether it is a noun that is not marked as a piece of compounds."""
        return word not in self._begins and word not in self._ends and word not in self._begins_with_s

    def _stem(self, word: str) -> str:
        return self._stemmer.analyze(self._nouns.get(word) or self._verbs.get(word) or word)[0]

    def _look_for_best(self, word: str, known: bool) -> tuple[float, tuple[Piece, ...]]:
        """The cheapest way to take a word apart in two or more."""
        best: tuple[float, tuple[Piece, ...]] = (99.0, ())
        for at in range(_PIECE, len(word) - _PIECE + 1):
            head, rest = word[:at], word[at:]
            begin = min(self._beginnings(head, known), default=None)
            if begin is None:
                continue
            first = Piece(head, begin[1])
            for cost, end in self._endings(rest, head, known):
                if begin[0] + cost < best[0]:
                    best = (begin[0] + cost, (first, Piece(rest, end)))
            if len(rest) >= _SHORTEST:
                cost, others = self._best(rest, known)
                if others and begin[0] + cost + _MORE < best[0]:
                    best = (begin[0] + cost + _MORE, (first, *others))
        return best

    def _beginnings(self, head: str, known: bool) -> Iterator[tuple[float, str]]:
        if head in _PLACES:
            yield _PLACE, head
        if head in _NO_BEGINNING:
            return
        if head in self._begins:
            yield (_TRUSTED if len(head) > _PIECE else _SHORT), head
        elif head in _SHORT_WORDS or head in _SHORT_VERBS:
            yield _SHORT, head
        elif len(head) > _PIECE and head in self._others and head not in self._nouns:
            yield _ANOTHER, head
        elif len(head) > _PIECE and head in self._verb_stems:
            yield _VERB, head
        if head[-1] == "s":
            if head[:-1] in self._begins_with_s or (head[:-1] in self._others and head[:-1].endswith(_HAVE_S)):
                yield _TRUSTED, head[:-1]
        elif head.endswith("en") and head in self._nouns and not known:
            yield _ANOTHER, self._nouns[head]

    def _endings(self, rest: str, head: str, known: bool) -> Iterator[tuple[float, str]]:
        if rest == "ring" and head[-1] in "er":
            return
        noun = rest if rest in self._others else self._nouns.get(rest, rest)
        if noun in _NO_END and (known or noun not in _ENDS_AFTER_ALL):
            return
        if noun in _NO_BEGINNING and noun != "weg":
            return
        if noun in self._ends and len(noun) > _PIECE:
            yield _TRUSTED, noun
        elif noun in _SHORT_WORDS:
            yield _SHORT, noun
        elif len(noun) > _PIECE and noun in self._others:
            yield _ANOTHER, noun


def _exception(noun: str, word: str) -> tuple[Piece, ...]:
    pieces = [Piece(text, text) for text in _EXCEPTIONS[noun]]
    if pieces:
        pieces[-1] = Piece(word[sum(len(piece.text) for piece in pieces[:-1]) :], pieces[-1].word)
    return tuple(pieces)


def parse() -> Iterator[Entry]:
    """The data that comes with us."""
    text = lzma.decompress(DATA.read_bytes()).decode()
    return map(Entry._make, re.findall("^([a-z]+)([ =~!])([a-z]*)$", text, re.MULTILINE))
