"""The form of a wrong value in its error message."""

from typing import Any

import pytest

from etalase.head_office.api.requests import MAX_SHOWN_CHARS, cut_json


@pytest.mark.parametrize(
    ("value", "expected"), [(0, "0"), ("x", '"x"'), (True, "true"), (None, "null"), (1.5, "1.5"), ([1], "[1]")]
)
def test_a_value_in_an_error_is_shown_as_json(value: Any, expected: str) -> None:
    assert cut_json(value) == expected


def test_a_long_value_in_an_error_is_cut() -> None:
    assert cut_json("x" * 1000) == '"' + "x" * (MAX_SHOWN_CHARS - 1) + "…"


@pytest.mark.parametrize(("wrap", "expected"), [(lambda inner: [inner], "[…]"), (lambda inner: {"a": inner}, "{…}")])
def test_a_deeply_nested_value_in_an_error_is_shown_by_its_kind(wrap: Any, expected: str) -> None:
    value = wrap(0)
    for _ in range(100_000):
        value = wrap(value)
    assert cut_json(value) == expected
