"""The one form of a category, and categories that look alike."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etalase.head_office.imports.category import alike, category_problem, normalised

FAMILY = "\N{MAN}\u200d\N{COOKING}"


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("  Minuman \t", "Minuman"),
        ("Es\u00a0&  Jus", "Es & Jus"),
        ("Kue\nPenutup", "Kue Penutup"),
        ("Cre\u0300me", "Crème"),
        ("\ufeffMinu\u200bman\u00ad", "Minuman"),
        (f"{FAMILY} Masakan", f"{FAMILY} Masakan"),
        ("☕\ufe0f Kopi", "☕\ufe0f Kopi"),
        (" \u200b ", ""),
    ],
)
def test_a_category_has_one_form(given_text: str, expected: str) -> None:
    assert normalised(given_text) == expected


@given(st.text())
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once
    assert normalised(unicodedata.normalize("NFD", text)) == normalised(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    ("category", "problem"),
    [
        ("", None),
        ("Minuman", None),
        ("茶" * 100, None),
        ("x" * 101, "has 101 characters; 100 are allowed"),
        ("a\x1b[2J", "has a control character"),
        ("a\0", "has a control character"),
        ("#N/A", "cannot be read on a till; write the category, or leave it empty for none"),
        ("\u200d", "cannot be read on a till; write the category, or leave it empty for none"),
    ],
)
def test_a_category_that_no_till_can_show_is_refused_with_the_reason(category: str, problem: str | None) -> None:
    assert category_problem(category) == problem


def test_categories_that_differ_in_case_spaces_or_dashes_look_alike() -> None:
    categories = ["Minuman", "minuman", "MINU MAN", "Es - Jus", "Es – Jus", "Kue", "", "Makanan", "Kue"]
    assert alike(categories) == [["Es - Jus", "Es – Jus"], ["MINU MAN", "Minuman", "minuman"]]
