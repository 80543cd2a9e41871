"""The search index in tests: filled at once, and taken out again."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import tantivy
from tantivy import Query

from bridge.search import schema
from bridge.search.analysis import Analysis
from bridge.search.consumer import Indexer
from bridge.search.generations import Generations
from bridge.search.index import TantivyIndex
from bridge.storage import indexing
from bridge.storage.readable import Readable, Span, seal_for_access

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.storage.db import Db

Key = tuple[int | None, ...]


@cache
def analysis() -> Analysis:
    """Made once: it reads a hundred thousand words."""
    return Analysis()


async def index(db: Db, folder: Path) -> None:
    """Have the index hold all that was recorded."""
    await Indexer(db, folder, analysis()).catch_up()


async def ask_for_another(db: Db) -> None:
    """Another index is wanted."""
    async with db.connection() as connection:
        await indexing.ask_for_another(connection)


async def status(db: Db) -> indexing.Status:
    """What the indexer says."""
    async with db.connection() as connection:
        return await indexing.status(connection)


def everything(*, removed: bool = False) -> Readable:
    """Of all rooms."""
    return Readable(seal_for_access(), {}, removed=removed, everything=True)


def parts(rooms: dict[str, tuple[Span, ...]]) -> Readable:
    """Of some rooms."""
    return Readable(seal_for_access(), rooms)


def found(folder: Path, field: str, token: str, readable: Readable | None = None) -> list[int]:
    """The messages with this token, newest first."""
    reader = TantivyIndex(folder)
    try:
        query = Query.term_query(reader.schema, field, token, "basic")
        page = reader.search(query, readable or everything(), sort="new", limit=1000, count=True)
    finally:
        reader.close()
    assert page.count == len(page.hits)
    return [hit.seq for hit in page.hits]


def content(folder: Path) -> dict[tuple[str, str], list[Key]]:
    """All of an index: each token of each field with the documents that have it."""
    path = Generations(folder).current()
    assert path is not None
    opened = tantivy.Index.open(str(path))
    opened.config_reader("manual")
    opened.reload()
    searcher = opened.searcher()
    limit = max(searcher.num_docs, 1)
    numbers = (name for name in schema.NUMBERS if name != schema.SIZE)
    names = tuple(numbers)

    def keys(query: Query) -> list[Key]:
        addresses = [address for _, address in searcher.search(query, limit).hits]
        columns: list[Any] = [searcher.fast_field_values(name, addresses) for name in names]
        return sorted(zip(*columns, strict=True), key=repr)

    held = {("", ""): keys(Query.all_query())}
    for field in (*schema.TEXTS, schema.CODE, *schema.BAGS):
        for token, _ in searcher.terms_with_prefix(field, "", Query.all_query(), 1_000_000):
            held[field, token] = keys(Query.term_query(opened.schema, field, token, "basic"))
    return {key: those for key, those in held.items() if those}
