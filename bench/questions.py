"""What is asked: searches of several kinds, made from the messages themselves."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from bench.corpus import Corpus
    from bridge.storage.db import Db

KINDS = ("rare word", "word in a tenth", "two words", "phrase", "prefix", "with room, person and date")
COMMON = KINDS[1]
_WORD = re.compile(r"[^\W\d_]{3,}")
_RARE, _RARE_SHARE = 20, 1 / 50_000  # messages with a rare word, at most: the greater of number and share
_TENTH = 10  # words, whose share of the messages is nearest to a tenth
_TWO = (0.01, 0.1)  # share of the messages with each of two words
_OF_PHRASE = 0.005  # the same of the words of a phrase, at least
_PREFIX = 3
_KEPT = 2_000  # messages of each room that phrases and filters are taken from

# Synapse looks for no word that its dictionary takes to say nothing.
_TELLING = "SELECT word FROM unnest($1::text[]) AS w (word) WHERE to_tsvector('english', word)::text <> ''"


@dataclass(frozen=True, slots=True)
class Question:
    """One search.

    Attributes:
        line: as we are asked.
        term: as Synapse is asked; None: it cannot be.
        room, sender: only what was said there, and by them, by short names.
    """

    line: str
    term: str | None
    room: str | None = None
    sender: str | None = None


@dataclass(frozen=True)
class Stock:
    """What questions are made from.

    Attributes:
        counts: by word the number of messages that have it.
        some: by room the last messages.
    """

    corpus: Corpus
    counts: Mapping[str, int]
    some: Mapping[str, Sequence[dict[str, Any]]]

    def questions(self, seeker: str, kind: str, number: int, choice: random.Random) -> list[Question]:
        """Different ones, as far as there are; fewer than `number` when one kind has no more."""
        found: dict[str, Question] = {}
        for question in itertools.islice(self._made(seeker, kind, choice), 20 * number):
            found.setdefault(question.line, question)
            if len(found) == number:
                break
        return list(found.values())

    def _made(self, seeker: str, kind: str, choice: random.Random) -> Iterator[Question]:
        size = self.corpus.size
        if kind in ("rare word", COMMON):
            words = self._rare(seeker) if kind != COMMON else self._tenth()
            while True:
                word = choice.choice(words)
                yield Question(word, word)
        if kind == "two words":
            words = self._between(_TWO[0] * size, _TWO[1] * size)
            while True:
                both = " ".join(choice.sample(words, 2))
                yield Question(both, both)
        if kind == "prefix":
            words = self._between(_TWO[0] * size, size)
            while True:
                yield Question(f"{choice.choice(words)[:_PREFIX]}*", None)
        yield from self._phrases(seeker, choice) if kind == "phrase" else self._filtered(seeker, choice)

    def _phrases(self, seeker: str, choice: random.Random) -> Iterator[Question]:
        common = set(self._between(_OF_PHRASE * self.corpus.size, self.corpus.size))
        while True:
            words = _WORD.findall(self._any(seeker, choice)["body"].casefold())
            pairs = [pair for pair in itertools.pairwise(words) if common.issuperset(pair)]
            if pairs:
                phrase = '"{} {}"'.format(*choice.choice(pairs))
                yield Question(phrase, phrase)

    def _filtered(self, seeker: str, choice: random.Random) -> Iterator[Question]:
        """Of what somebody has said in a room since half a year before."""
        common = set(self._between(_TWO[0] * self.corpus.size, self.corpus.size))
        while True:
            said = self._any(seeker, choice)
            words = sorted(common.intersection(_WORD.findall(said["body"].casefold())))
            if words:
                word, room, sender = choice.choice(words), said["room"], said["sender"]
                since = datetime.fromtimestamp(said["ts"] - 180 * 86_400, UTC).date()
                line = f'{word} in:"Kamer {room}" from:{sender} after:{since}'
                yield Question(line, word, room, sender)

    def _any(self, seeker: str, choice: random.Random) -> dict[str, Any]:
        rooms = [room for room in self.corpus.rooms_of(seeker) if self.some[room]]
        return choice.choice(self.some[choice.choice(rooms)])

    def _rare(self, seeker: str) -> list[str]:
        said = (one["body"] for room in self.corpus.rooms_of(seeker) for one in self.some[room])
        words = dict.fromkeys(word for body in said for word in _WORD.findall(body.casefold()))
        most = max(_RARE, _RARE_SHARE * self.corpus.size)
        return [word for word in words if 1 < self.counts.get(word, 0) <= most]

    def _tenth(self) -> list[str]:
        return sorted(self.counts, key=lambda word: abs(self.counts[word] - self.corpus.size / 10))[:_TENTH]

    def _between(self, least: float, most: float) -> list[str]:
        return [word for word, count in self.counts.items() if least <= count <= most]


async def stock(db: Db, corpus: Corpus) -> Stock:
    """Count the words."""
    counts: Counter[str] = Counter()
    some: dict[str, list[dict[str, Any]]] = {room: [] for room in corpus.rooms}
    for one in corpus.said():
        counts.update({word for word in _WORD.findall(one["body"].casefold()) if word.isascii()})
        kept = some[one["room"]]
        kept.append(one)
        if len(kept) == 2 * _KEPT:
            del kept[:_KEPT]
    telling = await _telling(db, [word for word, count in counts.items() if count > 1])
    return Stock(corpus, {word: counts[word] for word in counts if word in telling}, some)


async def _telling(db: Db, words: Sequence[str]) -> Collection[str]:
    async with db.connection() as connection:
        return {row[0] for row in await connection.fetch(_TELLING, words)}
