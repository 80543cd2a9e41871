"""The fields of the index, and how their values are made.

A document is a message, or the text of one of its attachments (see `bridge.search.documents`). Its text is tokenized by
`bridge.search.analysis`, so that tantivy only has to cut at spaces; what is asked for is tokenized by the same.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import tantivy

if TYPE_CHECKING:
    from bridge.storage.readable import Place

# Raise it whenever a document would be another one than before: every index is then made anew.
VERSION: Final = 2

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
TIE_BITS: Final = 20
_TIES: Final = (1 << TIE_BITS) - 1
_MAX_MS: Final = (1 << 42) - 1  # the year 2109; what is later counts as this
_SUB_BITS: Final = 28
_SUBS: Final = 1 << (_SUB_BITS - 1)  # this many on either side of 0
_ORDS: Final = 1 << (63 - _SUB_BITS)

# Words in the order of the text, with their positions. Token n of one is token n of the others.
TEXTS: Final = (
    "words",  # as written, in small letters without accents
    "nl",  # their Dutch stems
    "en",  # their English stems
)
# Tokens with positions: what holds symbols (`c + +`, `10 . 0 . 0 . 7`), each piece on its own, and emoji.
CODE: Final = "code"
# Tokens without positions.
BAGS: Final = (
    "parts",  # Dutch stems of what compounds are made of
    "ends",  # how words end, see `analysis.ends`: `*slag` is one of them, `*ersl*` the beginning of one
    "numbers",  # telephone numbers and IBANs, as `bridge.search.numbers` writes them
    "filename",  # words of the names of files
    "room",
    "sender",
    "thread",  # the first message of the thread it is in
    "mentions",  # Matrix ids
    "has",  # `query.Thing`, without `emoji`
    "is",  # `query.State`; `old`: a text that an edit has replaced; ANSWER; `!WORD`: the text begins so
    "label",  # folded
    "reaction",  # keys of reactions, as `analysis.emoji` writes them
    "type",  # of files: ending, kind, media type and both halves of that
    "name",  # of files: the whole name, folded
)
SEQ: Final = "seq"  # of the message: `event.seq`, by which it is found, replaced and removed
N: Final = "n"  # of the attachment whose text it is; MESSAGE of the message itself
SENT: Final = "sent"  # see `sent_key`
PLACE: Final = "place"  # in the room, see `place_key`
EDIT: Final = "edit"  # of a text that comes from an edit: the place of that edit
LOW: Final = "low"  # the lower one of the two
LATER: Final = "later"  # of an old text: the places of all edits that followed
SIZE: Final = "size"  # bytes, of each file

MESSAGE: Final = -1
ANSWER: Final = "answer"  # a notice that replies to something, as bots send them
_SEVERAL: Final = ("parts", "ends", "numbers", "filename")  # in one string
NUMBERS: Final = (SEQ, N, SENT, PLACE, LOW, EDIT, LATER, SIZE)


def schema() -> tantivy.Schema:
    """The schema of every index of this version."""
    builder = tantivy.SchemaBuilder()
    for name in (*TEXTS, CODE):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="position")
    for name in BAGS:
        tokenizer = "whitespace" if name in _SEVERAL else "raw"
        builder.add_text_field(name, tokenizer_name=tokenizer, index_option="basic")
    for name in NUMBERS:
        builder.add_integer_field(name, fast=True, indexed=name == SEQ)
    return builder.build()


def sent_key(at: datetime, ord_: int = 0, sub: int = 0) -> int:
    """A time to the millisecond as a number that grows with it; among messages of the same moment with their places.

    What was sent at or after a time has at least the key of that time alone, what was sent before it a smaller one.
    """
    ms = min(max((at - _EPOCH) // timedelta(milliseconds=1), -_MAX_MS), _MAX_MS)
    return (ms << TIE_BITS) | ((ord_ + sub) & _TIES)


def place_key(place: Place) -> int | None:
    """A place in a room as a number that grows with it; None for one that no number of 64 bits stands for.

    That is a place behind 34 billion rows of the inbox, or one in a history of more than 134 million events that were
    read before the same live event.
    """
    ord_, sub = place
    if not (0 <= ord_ < _ORDS and -_SUBS <= sub < _SUBS):
        return None
    return (ord_ << _SUB_BITS) + sub + _SUBS


def place_bound(place: Place) -> int:
    """The smallest number that `place_key` can give for this place or one behind it."""
    ord_, sub = place
    if ord_ < 0:
        return 0
    if ord_ >= _ORDS:
        return (1 << 63) - 1
    return (ord_ << _SUB_BITS) + min(max(sub + _SUBS, 0), _SUBS * 2)
