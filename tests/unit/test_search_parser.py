"""Each row of the query language, in English and Dutch, and what staff type instead."""
# ruff: noqa: RUF001 (what looks like another character is meant)

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.search.parser import MAX_DEPTH, MAX_LENGTH, parse
from bridge.search.query import (
    AllOf,
    AnyOf,
    Exact,
    FileName,
    FileType,
    Has,
    In,
    Is,
    Label,
    Near,
    Not,
    Part,
    Phrase,
    Size,
    Thread,
    When,
    Who,
    Word,
)
from bridge.search.words import OPERATORS, SORTS, STATES, THINGS

if TYPE_CHECKING:
    from bridge.search.query import Node

NOW = datetime(2026, 3, 4, 15, 30, tzinfo=ZoneInfo("Europe/Amsterdam"))  # a Wednesday


def shown(node: Node | None) -> str:  # noqa: C901, PLR0911, PLR0912 (a table)
    """A tree in brief."""
    match node:
        case None:
            return ""
        case Word(text):
            return text
        case Exact(text):
            return f"+{text}"
        case Phrase(text):
            return f'"{text}"'
        case Part(text, open_start, open_end):
            return f"{'*' * open_start}{text}{'*' * open_end}"
        case Near(one, other, distance):
            return f"{shown(one)} ~{distance} {shown(other)}"
        case Who(role, name):
            return f"{role}:{name}"
        case In(name):
            return f"in:{name}"
        case Thread(name):
            return f"thread:{name}"
        case When(start, end):
            limits = [f"{limit:%Y-%m-%d}" if limit else "" for limit in (start, end)]
            return f"[{limits[0]}..{limits[1]}]"
        case Has(thing, emoji):
            return f"has:{emoji or thing}"
        case FileName(text):
            return f"filename:{text}"
        case FileType(types):
            return f"type:{'/'.join(types)}"
        case Size(over, under):
            return f"size:{over or ''}..{under or ''}"
        case Is(state):
            return f"is:{state}"
        case Label(name):
            return f"#{name}"
        case Not(inner):
            return f"-{shown(inner)}"
        case AllOf(nodes):
            return f"({' & '.join(map(shown, nodes))})"
        case AnyOf(nodes):
            return f"({' | '.join(map(shown, nodes))})"


def read(line: str) -> str:
    """A line without problems, in brief."""
    query = parse(line, NOW)
    assert query.problems == ()
    return shown(query.root) + (f" by {query.sort}" if query.sort else "")


@pytest.mark.parametrize(
    ("english", "dutch", "meant"),
    [
        ("offerte kozijn", "offerte kozijn", "(offerte & kozijn)"),
        ('"vrijdag om twee uur"', "“vrijdag om twee uur”", '"vrijdag om twee uur"'),
        ("a OR b", "a OF b", "(a | b)"),
        ("a OR b OR c", "a OF b OF c", "(a | b | c)"),
        ("{a b}", "{a OF b}", "(a | b)"),
        ("(a b) OR c", "(a b) OF c", "((a & b) | c)"),
        ("a (b OR c)", "a b OF c", "(a & (b | c))"),
        ("a AND b", "a EN b", "(a & b)"),
        ("-word", "-word", "-word"),
        ("-from:me", "-van:me", "-from:me"),
        ('-"a b"', "-„a b“", '-"a b"'),
        ("-(a b)", "-( a b )", "-(a & b)"),
        ("+word", "+word", "+word"),
        ("kozij*", "kozij*", "kozij*"),
        ("*verslag", "*verslag", "*verslag"),
        ("*ademi*", "*ademi*", "*ademi*"),
        ("a AROUND 5 b", "a AROUND(5) b", "a ~5 b"),
        ('"a b" AROUND 3 c', "«a b» AROUND 3 c", '"a b" ~3 c'),
        ("from:jan", "van:jan", "from:jan"),
        ("to:jan", "aan:jan", "to:jan"),
        ("with:jan", "met:jan", "with:jan"),
        ("mentions:@jan:example.com", "noemt:@jan:example.com", "mentions:@jan:example.com"),
        ("from:jan from:piet", "van:jan van:piet", "(from:jan | from:piet)"),
        ("from:(jan OR piet) x", "van:(jan OF piet) x", "((from:jan | from:piet) & x)"),
        ("from:(jan piet)", "van:{jan piet}", "(from:jan | from:piet)"),
        ("from:jan to:jan", "van:jan aan:jan", "(from:jan & to:jan)"),
        ('from:"Jan de Vries"', 'van:"Jan de Vries"', "from:Jan de Vries"),
        ("in:kantoor", "In: kantoor", "in:kantoor"),
        ("in:#kantoor in:!a:b", "in:#kantoor in:!a:b", "(in:#kantoor | in:!a:b)"),
        ("-in:a -in:b", "-in:a -in:b", "(-in:a & -in:b)"),
        ("thread:$x", "draad:$x", "thread:$x"),
        ("thread:https://matrix.to/#/!a:b/$c", "draad:https://matrix.to/#/!a:b/$c", "thread:https://matrix.to/#/!a:b/$c"),
        ("before:2026-03-01", "voor:01-03-2026", "[..2026-03-01]"),
        ("after:2026-03-01", "na:1-3-2026", "[2026-03-02..]"),
        ("on:yesterday", "op:gisteren", "[2026-03-03..2026-03-04]"),
        ("during:july", "tijdens:juli", "[2025-07-01..2025-08-01]"),
        ('during:"last week"', "tijdens:vorige week", "[2026-02-23..2026-03-02]"),
        ("during:2026-01..2026-03", "tijdens:2026-01..2026-03", "[2026-01-01..2026-04-01]"),
        ("on:monday on:tuesday", "op:maandag op:dinsdag", "([2026-03-02..2026-03-03] | [2026-03-03..2026-03-04])"),
        ("after:2026-01 before:2026-03", "na:2026-01 voor:2026-03", "([2026-02-01..] & [..2026-03-01])"),
        ("older:30d", "ouder:30 dagen", "[..2026-02-02]"),
        ("newer:2w", "nieuwer:2 weken", "[2026-02-18..]"),
        ("has:file", "heeft:bijlage", "has:file"),
        ("has:image has:link", "heeft:foto heeft:link", "(has:image & has:link)"),
        ("has::thumbsup:", "heeft::thumbsup:", "has:thumbsup"),
        ("has:👍", "heeft:1️⃣", None),
        ("filename:offerte", "bestand:offerte", "filename:offerte"),
        ("filename:offerte_v2.pdf", "bestand:offerte_v2.pdf", "filename:offerte_v2.pdf"),
        ("type:pdf", "type:.PDF", "type:pdf"),
        ("type:word", "type:Word", "type:doc/docx/odt/rtf"),
        ("type:photo", "type:foto", "type:image"),
        ("type:pdf type:png", "type:pdf type:png", "(type:pdf | type:png)"),
        ("larger:10M", "groter:10M", "size:10000000.."),
        ("smaller:1.5MB", "kleiner:1,5 MB", "size:..1500000"),
        ("is:edited is:dm", "is:bewerkt is:dm", "(is:edited & is:dm)"),
        ("tag:planning", "#planning", "#planning"),
        ("tag:#planning -#oud", "#planning, -tag:oud", "(#planning & -#oud)"),
        ("x sort:relevance", "x sorteer:relevant", "x by relevance"),
        ("x sort:new", "sorteer:nieuw x", "x by new"),
        ("x sort:old", "x sorteer:oud", "x by old"),
    ],
)  # fmt: skip
def test_both_languages(english: str, dutch: str, meant: str | None) -> None:
    if meant is not None:
        assert read(english) == read(dutch) == meant
    else:
        assert (read(english), read(dutch)) == ("has:👍", "has:1️⃣")


@pytest.mark.parametrize(("operator", "words"), [("has", THINGS), ("is", STATES), ("sort", SORTS)])
def test_every_value_in_every_language(operator: str, words: dict[str, tuple[str, ...]]) -> None:
    for name, those in words.items():
        for word in those:
            query = parse(f"x {operator}:{word.upper()}", NOW)
            assert not query.problems
            assert name in (query.sort, shown(query.root).removesuffix(")").rpartition(":")[2])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("VAN:Jan", "from:Jan"),
        ("van: jan", "from:jan"),
        ("van:@jan", "from:@jan"),
        ("offerte van:jan?", "(offerte & from:jan)"),
        ("van:jan, in:kantoor; offerte!", "(from:jan & in:kantoor & offerte!)"),
        ("06 1234 5678", "06 1234 5678"),
        ("bel +31 (0)6 12345678 terug", "(bel & +31 (0)6 12345678 & terug)"),
        ("(06-12345678 OF 06-87654321)", "(06-12345678 | 06-87654321)"),
        ("NL91 ABNA 0417 1643 00 betaald", "(NL91 ABNA 0417 1643 00 & betaald)"),
        ("€ 1.250,00", "1.250,00"),
        ("offerte?", "offerte?"),
        ("jan@bedrijf.nl", "jan@bedrijf.nl"),
        ("C++ C# .NET a/b 10.0.0.7", "(C++ & C# & .NET & a/b & 10.0.0.7)"),
        ("PO-2026/114 --force", "(PO-2026/114 & --force)"),
        ("http://intranet/x std::vector 12:30", "(http://intranet/x & std::vector & 12:30)"),
        ("kozijn - wit", "(kozijn & wit)"),
        ("kozijn –wit −zwart", "(kozijn & -wit & -zwart)"),
        ("NEN EN", "(NEN & EN)"),
        ("EN 1090", "(EN & 1090)"),
        ("#123", "#123"),
        ("prijs :) (ongeveer)", "(prijs & ongeveer)"),
        ("f(x) (g(y))", "(f(x) & g(y))"),
        ("👍 →", "(👍 & →)"),
        ("+kozij*", "kozij*"),
        ("op:maandag 2 maart offerte", "([2026-03-02..2026-03-03] & offerte)"),
        ("na:1 maart offerte", "([2026-03-02..] & offerte)"),
        ("", ""),
        (" ? ", ""),
        ("... -  *", ""),
    ],
)
def test_what_staff_type(typed: str, meant: str) -> None:
    assert read(typed) == meant


def test_names_of_several_words() -> None:
    line = "van:Jan de Vries offerte -in: Kantoor Venlo"
    names = parse(line, NOW).longer
    assert names == {
        ("person", "Jan de"),
        ("person", "Jan de Vries"),
        ("person", "Jan de Vries offerte"),
        ("room", "Kantoor Venlo"),
    }
    known = parse(line, NOW, {("person", "Jan de"), ("person", "Jan de Vries"), ("room", "Kantoor Venlo")})
    assert shown(known.root) == "(from:Jan de Vries & offerte & -in:Kantoor Venlo)"
    assert (
        shown(parse(line, NOW, {("room", "Jan de")}).root) == "(from:Jan & de & Vries & offerte & -in:Kantoor & Venlo)"
    )
    assert parse('van:"Jan de" Vries van:jan, de van:(a b) van:jan -piet', NOW).longer == frozenset()


@pytest.mark.parametrize(
    ("typed", "key", "place", "proposal", "meant"),
    [
        ("vna:jan", "unknown_operator", (0, 3), "na", "vna:jan"),
        ("x form:jan", "unknown_operator", (2, 6), "from", "(x & form:jan)"),
        ("tot:2026", "unknown_operator", (0, 3), "voor", "tot:2026"),
        ("kamer:x", "unknown_operator", (0, 5), "in", "kamer:x"),
        ("heeft:bijlge", "unknown_value", (6, 12), "bijlage", "heeft:bijlge"),
        ("-has:qqq", "unknown_value", (5, 8), "file", "-has:qqq"),
        ("de vraag is: wie", "unknown_value", (13, 16), "bewerkt", "(de & vraag & (is: & wie))"),
        ("x sort:relevanc", "unknown_value", (7, 15), "relevance", "x"),
        ("voor:31-02-2026", "bad_date", (5, 15), "01-03-2026", "voor:31-02-2026"),
        ("before:sundy", "bad_date", (7, 12), "sunday", "before:sundy"),
        ("tijdens:vorige wek", "bad_date", (8, 18), "vorige week", "(tijdens:vorige & wek)"),
        ("larger:big", "bad_size", (7, 10), "10M", "larger:big"),
        ("van:", "no_value", (4, 4), "mij", ""),
        ("from: in:x", "no_value", (5, 5), "me", "in:x"),
        ('a "b c', "open_quote", (2, 6), '"b c"', '(a & "b c")'),
        ("a (b c", "open_group", (2, 6), "(b c)", "(a & (b & c))"),
        ("{a", "open_group", (0, 2), "{a}", "a"),
        ("a OR", "lone_or", (2, 4), '"OR"', "a"),
        ("OF a", "lone_or", (0, 2), '"OF"', "a"),
        ("OR", "lone_or", (0, 2), '"OR"', "OR"),
        ("a AROUND b", "lone_near", (2, 8), "AROUND 5", "(a & b)"),
        ("a AROUND 5", "lone_near", (2, 10), '"AROUND 5"', "a"),
    ],
)  # fmt: skip
def test_problems(typed: str, key: str, place: tuple[int, int], proposal: str, meant: str) -> None:
    query = parse(typed, NOW)
    assert [(one.key, (one.place.start, one.place.end), one.proposal) for one in query.problems] == [
        (key, place, proposal)
    ]
    assert shown(query.root) == meant


@pytest.mark.parametrize(
    "typed", ["Hoi: x", "Datum: 3 maart", "mailto:a@b", "foo:bar", "https://x", "C:\\pad", "tot: x"]
)
def test_other_colons_are_no_problem(typed: str) -> None:
    assert parse(typed, NOW).problems == ()


def test_long_and_deep_lines() -> None:
    long = parse("a " * MAX_LENGTH, NOW)
    assert [(one.key, one.place.start, one.got) for one in long.problems] == [("too_long", MAX_LENGTH, "4000")]
    deep = parse("(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1) + " b", NOW)
    assert [one.key for one in deep.problems] == ["too_deep"]
    assert shown(deep.root) == "(a & b)"


PIECES = (
    *(f"{word}:" for words in OPERATORS.values() for word in words),
    *(word for table in (THINGS, STATES, SORTS) for words in table.values() for word in words),
    *("a", "jan", "Jan de Vries", "kozij*", "*", "**", "C++", "06", "1234 5678", "€", "10M", "0", "👍", "ß", "İ", "ﬁ"),
    *("2026-03-01", "01-13-2026", "30d", "99999w", "2026-01..", "..", "last", "vorige", "week", "53", "maandag"),
    *("juli", "31 februari", "Ⅷ", "٣", "e\u0301", "\u200b", "NL91 ABNA 0417 1643 00", "https://x/#/!a:b/$c"),
    *(" ", "  ", "\n", "\t", "\u00a0", "\x00", "\ud800", "-", "+", "–", "#", "@", "$", "!", ":", "::", "van:("),
    *("is: ", "//", ",", ".", "?", '"', "“", "”", "„", "«", "»", "(", ")", "{", "}", "OR", "OF", "EN", "AROUND 5"),
)  # fmt: skip
lines = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=200)


@settings(max_examples=10_000)
@given(lines)
def test_any_line_is_read(line: str) -> None:
    query = parse(line, NOW)
    for problem in query.problems:
        assert 0 <= problem.place.start <= problem.place.end <= len(line)
    shown(query.root)
    assert parse(line, NOW, query.longer).sort == query.sort


@pytest.mark.parametrize("piece", ["op:a b c d e ", "vna:x ", "van:a b ", "a OR ", "-(", "{", '"', "a AROUND 5 ", "0-"])
def test_the_longest_line_is_read_at_once(piece: str) -> None:
    assert parse(piece * (MAX_LENGTH // len(piece)), NOW) is not None


@settings(max_examples=500)
@given(lines)
@example('""AROUND 5from:')
@example("(AROUND 5")
def test_proposals_help(line: str) -> None:
    """Whoever takes the first proposal again and again ends with a line without problems."""
    for _ in range(100):
        problems = parse(line, NOW).problems
        if not problems:
            return
        first = problems[0]
        line = line[: first.place.start] + first.proposal + line[first.place.end :]
    raise AssertionError(line)
