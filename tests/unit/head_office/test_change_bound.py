"""The bound on changes at head office, SKUs that look alike, and cells for spreadsheets."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from etalase.head_office.change_bound import Change, ChangeKind, Confirmation
from etalase.head_office.imports.sku import likeness, oddity, plain
from etalase.spreadsheet import FORMULA_STARTS, hides_formula, plain_cell, safe_cell


@pytest.mark.parametrize(
    ("now", "of", "lately", "asks"),
    [
        (0, 0, 0, False),
        (0, 70, 60, False),  # nothing goes now
        (3, 3, 0, False),
        (4, 4, 0, True),
        (3, 100, 0, False),
        (20, 100, 0, False),
        (21, 100, 0, True),
        (10, 90, 10, False),  # a little each hour counts together
        (11, 90, 10, True),
        (1, 10, 3, True),
    ],
)
def test_changes_beyond_the_daily_bound_require_confirmation(now: int, of: int, lately: int, asks: bool) -> None:
    confirmation = Confirmation(now, (Change("FoodLife", ChangeKind.BARE, now, of, lately),))
    assert confirmation.is_required is asks


def test_one_store_beyond_its_bound_requires_confirmation() -> None:
    company, store = Change("FoodLife", ChangeKind.UNSOLD, 5, 1000), Change("AVRIL-001", ChangeKind.UNSOLD, 5, 10)
    assert Confirmation(5, (company, store)).beyond == (store,)


@pytest.mark.parametrize(
    ("typed", "fits"),
    [("22", True), (" 22\n", True), ("", False), ("2", False), ("yes", False), ("٢٢", False), ("22.0", False)],
)
def test_only_the_number_in_ascii_digits_confirms(typed: str, fits: bool) -> None:
    assert Confirmation(22, ()).is_given_by(typed) is fits


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("AB-1", "ab-1"),
        ("AB-1", "AB‐1"),
        ("AB-1", "AB −1"),
        ("05018979", "05018979\u200b"),
        ("05018979", "\u202a05018979\u202c"),
        ("05018979", "\xa005018979"),
        ("05018979", "'05018979"),
        ("05018979", '="05018979"'),
        ("05018979", "5018979"),
        ("05018979", "5018979.0"),
        ("05018979", "０５０１８９７９"),
        ("A1", "A\ufe0f1"),
        ("AB-1", "АВ-1"),
        ("É 1", "E\u0301 1"),
    ],
)
def test_skus_that_look_the_same_to_a_person_or_spreadsheet_are_alike(one: str, other: str) -> None:
    assert likeness(one) == likeness(other)


@pytest.mark.parametrize(
    ("one", "other"), [("AB-1", "AB-2"), ("0", "00A"), ("10", "100"), ("A1", "A-1"), ("5018979.5", "5018979")]
)
def test_different_skus_are_not_alike(one: str, other: str) -> None:
    assert likeness(one) != likeness(other)


@pytest.mark.parametrize(
    "sku", ["'0501", '="0501"', "05\u200b01", "5,01898E+12", "A  B", "\u200b", "a\x1b[31m", "E\u0301", "#N/A"]
)
def test_an_odd_sku_is_refused_for_a_new_dish(sku: str) -> None:
    assert oddity(sku)


@pytest.mark.parametrize("sku", ["05018970", "AVR-01/B", "sub/nasi goreng", "=1+1", "É 1", "#1", "5E"])
def test_a_plain_sku_is_accepted(sku: str) -> None:
    assert oddity(sku) is None


@given(st.text(max_size=60))
@example("´")  # NFKC turns it into a space and an accent
def test_likeness_ignores_the_characters_that_plain_removes(sku: str) -> None:
    assert likeness(plain(sku)) == likeness(sku) or plain(plain(sku)) != plain(sku)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_csv_cell_is_a_formula_or_controls_a_terminal(text: str) -> None:
    cell = safe_cell(text)
    assert not cell.startswith(FORMULA_STARTS)
    assert "\x1b" not in cell
    assert "\n" not in cell


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40) | st.from_regex(r"'*[=+@-]?.{0,5}", fullmatch=True))
def test_a_safe_cell_is_read_back_as_it_was(text: str) -> None:
    if not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in text):
        assert plain_cell(safe_cell(text)) == text


@pytest.mark.parametrize("text", ["a;=1+1", "a;b; +1", 'a;"=1"', "a;'@x", "a;＝1", ";-1"])
def test_a_formula_after_a_semicolon_is_found(text: str) -> None:
    assert hides_formula(text)


@pytest.mark.parametrize("text", ["", "=1", "a;b", "a;b=1", "nasi; pedas", "a-b;c+d"])
def test_a_semicolon_without_a_formula_is_harmless(text: str) -> None:
    assert not hides_formula(text)
