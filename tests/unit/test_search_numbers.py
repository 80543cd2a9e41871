"""Telephone numbers and IBANs are found in any notation, each in one form."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.search.numbers import numbers


def found(text: str) -> list[tuple[str, str]]:
    return [(text[number.start : number.end], number.form) for number in numbers(text)]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("06-12345678", "612345678"),
        ("06 1234 5678", "612345678"),
        ("06.12.34.56.78", "612345678"),
        ("0612345678", "612345678"),
        ("+31 6 1234 5678", "612345678"),
        ("+31612345678", "612345678"),
        ("+31 (0)6 12345678", "612345678"),
        ("0031612345678", "612345678"),
        ("(040) 123 45 67", "401234567"),
        ("040/123.45.67", "401234567"),
        ("02 123 45 67", "21234567"),
        ("+32 2 123 45 67", "21234567"),
        ("+44 7911 123456", "7911123456"),
        ("+49 151 12345678", "15112345678"),
        ("+352 621 123 456", "621123456"),
        ("NL91 ABNA 0417 1643 00", "nl91abna0417164300"),
        ("nl91abna0417164300", "nl91abna0417164300"),
        ("NL91.ABNA.0417.1643.00", "nl91abna0417164300"),
        ("BE68 5390 0754 7034", "be68539007547034"),
    ],
)
def test_a_number_has_one_form(text: str, form: str) -> None:
    assert found(text) == [(text, form)]
    assert found(f"Bel me op ({text}), graag!") == [(text, form)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("06 12345678 5 stuks", ["06 12345678"]),
        ("0612345678 0687654321", ["0612345678", "0687654321"]),
        ("tel:0612345678 of 040-1234567", ["0612345678", "040-1234567"]),
        ("IBAN NL91 ABNA 0417 1643 00 test", ["NL91 ABNA 0417 1643 00"]),
    ],
)
def test_what_stands_beside_a_number_is_not_of_it(text: str, wanted: list[str]) -> None:
    assert [word for word, _ in found(text)] == wanted


@pytest.mark.parametrize(
    "text",
    [
        "01-03-2026 10:30",
        "2026-03-01 12:00",
        "0.123456789",
        "PO-0612345678",
        "€ 1.250,00",
        "10.0.0.7",
        "112",
        "NL92 ABNA 0417 1643 00",  # its check digits are wrong
        "1234567890",
    ],
)
def test_other_digits_are_no_number(text: str) -> None:
    assert [number for number in numbers(text) if number.end - number.start == len(text)] == []


@settings(max_examples=500)
@given(st.text(st.sampled_from("0123456789+-()./ NLab€"), max_size=200))
def test_any_text_is_read(text: str) -> None:
    last = 0
    for number in numbers(text):
        assert last <= number.start < number.end <= len(text)
        assert number.form
        last = number.end
