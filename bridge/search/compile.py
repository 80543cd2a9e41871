"""From a query that was understood to one of the index. What may be read is no part of it: the index adds that."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tantivy import FieldType, Occur, Query

from bridge.search import folding, schema
from bridge.search.compile_text import TextCompiler, any_of, escaped
from bridge.search.emoji import emoji_called
from bridge.search.permitted import any_term
from bridge.search.query import (
    AllOf,
    AnyOf,
    FileName,
    FileType,
    Has,
    In,
    Is,
    Label,
    Not,
    Note,
    Size,
    Thread,
    When,
    Who,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from tantivy import Schema

    from bridge.search.analysis import Analysis
    from bridge.search.query import Filter, Node, Sort, State, Thing
    from bridge.search.resolve import Names, Understood
    from bridge.storage.names import ThreadFit

# States of which nothing is recorded yet: nothing is found by them, and it is said.
NOT_YET: Final[frozenset[State]] = frozenset(
    {"urgent", "open", "overdue", "acked", "unacked", "imported", "announcement", "held"}
)
FOR_AUDITORS: Final[frozenset[State]] = frozenset({"deleted", "held"})
_ANY_SKIN: Final = "[\U0001f3fb-\U0001f3ff]?"
# What is newer than this many days is a little more relevant.
_FRESH: Final = ((7, 0.3), (31, 0.2), (366, 0.3))


@dataclass(frozen=True, slots=True)
class Compiled:
    """A query for the index.

    Attributes:
        query: None when nothing is asked for.
    """

    query: Query | None
    sort: Sort
    notes: tuple[Note, ...]


def compiled(
    understood: Understood, analysis: Analysis, fields: Schema, now: datetime, *, auditor: bool = False
) -> Compiled:
    """What the index is asked.

    Args:
        fields: of the index (`schema.schema()`).
        now: what is new by relevance is so as seen from here.
        auditor: whether what was removed may be read.
    """
    sort: Sort = understood.query.sort or "new"
    texts = TextCompiler(fields, analysis, scored=sort == "relevance")
    compiler = _Compiler(fields, texts, understood.names, auditor=auditor)
    root = understood.query.root
    query = compiler.node(root) if root is not None else None
    if query is not None and sort == "relevance":
        query = _fresh_first(fields, query, now)
    return Compiled(query, sort, (*understood.notes, *compiler.notes, *texts.notes))


def _fresh_first(fields: Schema, query: Query, now: datetime) -> Query:
    fresh = [
        Query.const_score_query(_range(fields, schema.SENT, schema.sent_key(now - timedelta(days=days)), None), score)
        for days, score in _FRESH
    ]
    return Query.boolean_query([(Occur.Must, query), *((Occur.Should, one) for one in fresh)])


@dataclass
class _Compiler:
    fields: Schema
    texts: TextCompiler
    names: Names
    auditor: bool
    notes: list[Note] = field(default_factory=list)

    def node(self, node: Node) -> Query | None:
        """None when there is nothing in it to look for."""
        match node:
            case AllOf(nodes):
                return self._all(nodes)
            case AnyOf(nodes):
                found = [query for each in nodes if (query := self.node(each)) is not None]
                return any_of(found) if found else None
            case Not(inner):
                return self._all([Not(inner)])
            case Who() | In() | Thread() | When() | Has() | FileName() | FileType() | Size() | Is() | Label():
                return Query.const_score_query(self._filter(node), 0.0)
        return self.texts.text(node)

    def _all(self, nodes: Sequence[Node]) -> Query | None:
        """All of these; what is excluded is taken away from the rest, or from everything."""
        parts: list[tuple[Occur, Query]] = []
        for node in nodes:
            query = self.node(node.node if isinstance(node, Not) else node)
            if query is not None:
                parts.append((Occur.MustNot if isinstance(node, Not) else Occur.Must, query))
        if not parts:
            return None
        if all(occur == Occur.MustNot for occur, _ in parts):
            parts.append((Occur.Must, Query.const_score_query(Query.all_query(), 0.0)))
        return Query.boolean_query(parts)

    def _filter(self, node: Filter) -> Query:  # noqa: PLR0911 (a table)
        match node:
            case Who():
                return self._who(node)
            case In(name):
                return self._one_of("room", self.names.rooms.get(name, ()))
            case Thread(name):
                thread = self.names.threads.get(name)
                return self._threads([thread] if thread is not None else [])
            case When(start, end):
                first = schema.sent_key(start) if start is not None else None
                last = schema.sent_key(end) - 1 if end is not None else None
                return _range(self.fields, schema.SENT, first, last)
            case Has(thing, emoji):
                return self._has(thing, emoji or "")
            case FileName(text):
                return self._file_name(text)
            case FileType(types):
                return self._one_of("type", types)
            case Size(over, under):
                first = over + 1 if over is not None else None
                last = under - 1 if under is not None else None
                return _range(self.fields, schema.SIZE, first, last)
            case Is(state):
                return self._state(state)
            case Label(name):
                return self._term("label", folding.fold(name))

    def _who(self, node: Who) -> Query:
        ids = self.names.people.get(node.name, ())
        if node.role == "from":
            return self._one_of("sender", ids)
        if node.role == "mentions":
            return self._one_of("mentions", ids)
        chats = self._one_of("room", [room for room, people in self.names.chats.items() if people.intersection(ids)])
        if node.role == "with":
            return any_of([chats, self._threads(self.names.joined.get(node.name, ()))])
        to_them = Query.boolean_query([(Occur.Must, chats), (Occur.MustNot, self._one_of("sender", ids))])
        return any_of([to_them, self._one_of("mentions", ids)])

    def _threads(self, threads: Sequence[ThreadFit]) -> Query:
        """Their first messages, which are in no thread themselves, and all others."""
        seqs = [thread.seq for thread in threads if thread.seq is not None]
        first = Query.term_set_query(self.fields, schema.SEQ, seqs) if seqs else Query.empty_query()
        return any_of([first, self._one_of("thread", [thread.root for thread in threads])])

    def _has(self, thing: Thing, emoji: str) -> Query:
        if thing == "emoji":
            return self._emoji(emoji)
        held = self._term("has", thing)
        return self._reacted(held, "") if thing == "reaction" else held

    def _emoji(self, text: str) -> Query:
        """A reaction with it, in any colour of skin, or a text with it."""
        known = emoji_called(text)
        key = folding.emoji(known or f":{text}:")
        reaction = Query.regex_query(self.fields, "reaction", f"{escaped(key)}{_ANY_SKIN}")
        reaction = self._reacted(reaction, key)
        in_text = self.texts.as_written(key) if known else None
        return any_of([reaction, in_text]) if in_text is not None else reaction

    def _reacted(self, query: Query, key: str) -> Query:
        """Only reactions that the asker may read: who left a room does not learn what came later.

        Args:
            query: any reaction with the key.
            key: '' for all.
        """
        if not self.names.in_part:
            return query
        pattern = re.compile(f"{re.escape(key)}{_ANY_SKIN}" if key else ".*", re.DOTALL)
        seqs = [
            seq
            for seq, keys in self.names.reacted.items()
            if any(pattern.fullmatch(folding.emoji(one)) for one in keys)
        ]
        elsewhere = [(Occur.Must, query), (Occur.MustNot, self._one_of("room", self.names.in_part))]
        here = Query.term_set_query(self.fields, schema.SEQ, seqs) if seqs else Query.empty_query()
        return any_of([Query.boolean_query(elsewhere), here])

    def _file_name(self, text: str) -> Query:
        parts = map(escaped, folding.fold(text).split("*"))
        return Query.regex_query(self.fields, "name", f".*{'.*'.join(parts)}.*")

    def _state(self, state: State) -> Query:
        if state == "dm":
            return self._one_of("room", self.names.chats)
        if state in FOR_AUDITORS and not self.auditor:
            self.notes.append(Note("auditors_only", state))
            return Query.empty_query()
        if state in NOT_YET:
            self.notes.append(Note("not_yet", state))
            return Query.empty_query()
        return self._term("is", state)

    def _one_of(self, name: str, values: Collection[str]) -> Query:
        return any_term(self.fields, name, values) if values else Query.empty_query()

    def _term(self, name: str, value: str) -> Query:
        return Query.term_query(self.fields, name, value, "basic")


def _range(fields: Schema, name: str, first: int | None, last: int | None) -> Query:
    return Query.range_query(fields, name, FieldType.Integer, first, last)
