"""English stems: forms of a word are one, other words are not."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.search.english import stem


@pytest.mark.parametrize(
    "forms",
    [
        "delivery deliveries",
        "deliver delivers delivered delivering",
        "invoice invoices invoiced invoicing",
        "run runs running",
        "plan plans planned planning",
        "copy copies copied copying",
        "use uses used using",
        "add adds added adding",
        "create creates created creating",
        "fix fixes fixed fixing",
        "tie ties tied tying",
        "die dies died dying",
        "class classes",
        "bus buses",
        "address addresses addressed",
        "agree agrees agreed agreeing",
        "update updates updated updating",
        "play plays played playing",
        "meeting meetings",
        "news",
    ],
)
def test_forms_of_a_word_are_one(forms: str) -> None:
    assert len({stem(form) for form in forms.split()}) == 1


@pytest.mark.parametrize(
    "words",
    [
        "stateful state",
        "organ organize organization",
        "department depart",
        "universe university",
        "hope hop",
        "news new",
        "meeting meet",
        "service serve",
        "careful careless care",
        "c go is iss x1 été",
    ],
)
def test_other_words_are_not(words: str) -> None:
    for one, other in combinations(words.split(), 2):
        assert stem(one) != stem(other)


@given(st.text("abcdeginrstuyé1", max_size=12))
def test_any_word_has_a_stem(word: str) -> None:
    found = stem(word)
    assert len(found) <= len(word) + 1
    assert found == found.lower()
    assert bool(found) == bool(word)
