"""Checks the values that rows take for a moment so that they can exchange unique ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.strategies import named, photo, row_of

from etalase.edge.sync.plan.vacating import moving_key
from etalase.edge.sync.storage.room import NUMBERS, TEXTS, Way, interim_values

COLUMNS = (*NUMBERS, *TEXTS, "is_primary")
NAMES = ("a", "b", "c")


@given(st.lists(st.integers(0, 4), min_size=6, max_size=6), st.sampled_from([Way.NEAR, Way.FAR]))
def test_no_value_is_another_rows_before_or_after(numbers: list[int], way: Way) -> None:
    rows = [row_of(photo(name, sort_order=numbers[n])) for n, name in enumerate(NAMES)]
    listed = {named(name): photo(name, sort_order=numbers[3 + n]) for n, name in enumerate(NAMES)}
    largest = {name: max(getattr(row, name) for row in rows) for name in NUMBERS}
    values = interim_values(way, rows, listed, COLUMNS, neighbours=rows, largest=largest)
    taken = [row.sort_order for row in rows] + [one.sort_order for one in listed.values()]
    for name in (*NUMBERS, *TEXTS):
        assert len({one[name] for one in values.values()}) == len(rows)
    assert not {one["sort_order"] for one in values.values()} & set(taken)
    assert way is Way.FAR or max(int(one["sort_order"] or 0) for one in values.values()) <= len(set(taken)) + 2


def test_only_the_columns_of_unique_rules_change() -> None:
    (values,) = interim_values(Way.NULL, [row_of(photo("a"))], {}, ["checksum"]).values()
    assert values == {"checksum": None}


def test_a_primary_photo_is_not_primary_while_it_goes_to_another_product() -> None:
    here, moved = photo("a", is_primary=True), photo("a", product="other", is_primary=True)
    for listed, is_primary in [(here, True), (moved, False)]:
        (values,) = interim_values(Way.NEAR, [row_of(here)], {listed.id: listed}, COLUMNS).values()
        assert values["is_primary"] is is_primary


@pytest.mark.parametrize(
    ("key", "moving"),
    [
        ("products/sate/primary.webp", "products/sate/moving-{}.webp"),
        ("products/sate", "products/moving-{}.jpg"),
        (f"products/{'x' * 480}/a.jpg", "products/moving-{}"),
        ("elsewhere/a.jpg", "products/moving-{}"),
    ],
)
def test_a_key_for_the_time_between_is_beside_the_old_one(key: str, moving: str) -> None:
    assert moving_key(named("a"), key) == moving.format(named("a"))
