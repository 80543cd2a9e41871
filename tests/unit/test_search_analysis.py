"""How text is cut into tokens, for what is indexed and what is asked for alike."""
# ruff: noqa: RUF001 (what looks like another character is meant)

from __future__ import annotations

import random
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.search.analysis import Analysis, codes, ends, number_forms
from bridge.search.dutch import parse
from bridge.search.folding import LONGEST, emoji, fold


@cache
def analysis() -> Analysis:
    return Analysis()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("De Offerte, a.u.b.!", "de offerte a u b"),
        ("café CAFÉ cafe\u0301 Ünïcode smørrebrød Straße", "cafe cafe cafe unicode smorrebrod strasse"),
        ("ﬁle ２０２６ soft\u00adhyphen zero\u200bwidth", "file 2026 softhyphen zero width"),
        ("foto's Jan’s z'n 's avonds it's", "foto jan z n s avonds it"),
        ("foo_bar kebab-case a/b c.d", "foo bar kebab case a b c d"),
        ("C++20 10.0.0.7", "c 20 10 0 0 7"),
        ("x y 1", "x y 1"),
        ("Привет Ёлка", "привет елка"),
        ("", ""),
    ],
)
def test_words_are_folded(text: str, words: str) -> None:
    assert list(analysis().words(text).words) == words.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C++ en C++20, (C#)", [["c", "+", "+"], ["c", "+", "+", "20"], ["c", "#"]]),
        ("10.0.0.7.", [["10", ".", "0", ".", "0", ".", "7"]]),
        ("PO-2026/114, foo_bar", [["po", "-", "2026", "/", "114"], ["foo", "_", "bar"]]),
        ("jan.de-wit@bedrijf.nl", [["jan", ".", "de", "-", "wit", "@", "bedrijf", ".", "nl"]]),
        (
            "<https://x.nl/a?b=1#c>",
            [["https", ":", "/", "/", "x", ".", "nl", "/", "a", "?", "b", "=", "1", "#", "c"]],
        ),
        (r"C:\werk\map", [["c", ":", "\\", "werk", "\\", "map"]]),
        ("v1.2.3-rc1 .NET -5% €100", [
            ["v1", ".", "2", ".", "3", "-", "rc1"], [".", "net"], ["-", "5", "%"], ["€", "100"],
        ]),
        ("srv-01.intern:8080", [["srv", "-", "01", ".", "intern", ":", "8080"]]),
        ("👍🏽 ❤️ a→b", [["👍", "🏽"], ["❤"], ["a", "→", "b"]]),
        ('gewone woorden, met "leestekens" (en haakjes)! *vet* _schuin_ `code`', []),
        ("... :-) -- ?!", []),
    ],
)  # fmt: skip
def test_what_holds_symbols_is_kept_as_written(text: str, expected: list[list[str]]) -> None:
    assert codes(text) == expected


def test_telephone_numbers_and_ibans_have_one_form() -> None:
    text = "bel 06-12345678, +31 6 12345678 of 0031612345678; NL91 ABNA 0417 1643 00 = nl91abna0417164300"
    assert number_forms(text) == ["612345678", "nl91abna0417164300"]
    assert number_forms("x" * 1_990 + " 06-12345678 " + "y" * 3_000) == ["612345678"]
    assert number_forms("op 01-03-2026 om 10:00, 1519693360 stuks") == []


def test_ends_of_a_word() -> None:
    assert ends("verslag") == ["erslag", "rslag", "slag", "lag"]
    assert ends("dag") == []
    long = "".join(map(str, range(100, 150)))
    assert ends(long) == [long[at : at + 40] for at in range(1, 148)]


def test_the_three_fields_go_together() -> None:
    words, nl, en = analysis().words("De vergaderingen were running late")
    assert list(words) == ["de", "vergaderingen", "were", "running", "late"]
    assert list(nl)[1] == analysis().dutch("vergadering")
    assert list(en)[3] == "run"


def test_keys_of_reactions() -> None:
    assert emoji("❤️") == emoji("❤") == "❤"
    assert emoji("Ja!") == "ja!"
    assert len(emoji("x" * 5_000)) == LONGEST


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    found = analysis().words(text)
    assert len(found.words) == len(found.nl) == len(found.en)
    tokens = [*found.words, *found.nl, *found.en, *(piece for code in codes(text) for piece in code)]
    assert all(token and len(token) <= LONGEST and not any(char.isspace() for char in token) for token in tokens)
    assert fold(fold(text)) == fold(text)


def test_a_word_has_the_first_letter_of_its_stems() -> None:
    """Excerpts rely on it."""
    words = {word for entry in parse() for word in (entry[0], entry[2]) if word}
    for word in random.sample(sorted(words), 10_000):
        stems = [analysis().dutch(word), *analysis().parts(word)]
        assert [stem for stem in stems if stem[0] not in word] == [], word
        assert analysis().english(word)[0] == word[0]
