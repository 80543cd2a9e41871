"""Looking among the newest documents first finds what looking among all of them finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tantivy import Document, FieldType, Index, Occur, Order, Query

from bridge.search import schema
from bridge.search.newest import Ages, newest

WEEK_MS = 7 * 86_400_000


def index(sent: list[int]) -> Index:
    """Documents of these keys; every third one has the label `x`."""
    made = Index(schema.schema())
    writer = made.writer(15_000_000, 1)
    for n, key in enumerate(sent):
        document = Document()
        document.add_integer(schema.SENT, key)
        document.add_integer(schema.SEQ, n)
        if n % 3 == 0:
            document.add_text("label", "x")
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    made.reload()
    return made


@given(
    sent=st.lists(
        st.integers(-5 * WEEK_MS, 400 * WEEK_MS).map(lambda ms: ms << schema.TIE_BITS), min_size=1, max_size=200
    ),
    needed=st.integers(1, 40),
)
def test_the_same_is_found(sent: list[int], needed: int) -> None:
    made = index(sent)
    searcher = made.searcher()
    asked = Query.term_query(made.schema, "label", "x", "basic")

    def found(since: int | None) -> list[int]:
        query = asked
        if since is not None:
            recent = Query.range_query(made.schema, schema.SENT, FieldType.Integer, since, None)
            query = Query.boolean_query([(Occur.Must, asked), (Occur.Must, recent)])
        hits = searcher.search(query, needed, count=False, order_by_field=schema.SENT, order=Order.Desc).hits
        return [int(key) for key, _ in hits]

    wanted = sorted(sent[::3], reverse=True)[:needed]
    assert newest(needed, Ages(searcher), found, len, at_least=1) == wanted


def test_the_newest_part() -> None:
    ages = Ages(index([week * WEEK_MS << schema.TIE_BITS for week in range(1, 101)]).searcher())
    tenth = sum(key << schema.TIE_BITS >= ages.since(0.1) for key in (week * WEEK_MS for week in range(1, 101)))
    assert 10 <= tenth <= 12
    assert ages.since(1.0) <= WEEK_MS << schema.TIE_BITS


def test_what_is_common_is_not_looked_for_among_all() -> None:
    ages = Ages(index([week * WEEK_MS << schema.TIE_BITS for week in range(1, 1001)]).searcher())
    asked: list[int | None] = []

    def search(since: int | None) -> int:
        asked.append(since)
        return 15 if len(asked) == 1 else 90

    assert newest(20, ages, search, int, at_least=200) == 90
    assert len(asked) == 2
    assert None not in asked
    assert newest(20, ages, search, int, at_least=200, share=0.01) == 90
    assert asked[2:] == [None]
