"""Checks the estimate of the remaining time of a list."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etalase.edge.status.filling import KnownList, Work, eta_seconds

MIB = 1024 * 1024
SECONDS = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("left", "done", "took", "expected"),
    [
        (Work(904, 904 * MIB), Work(138, 138 * MIB), 366 * SECONDS, 2398),
        # small photos came first, so the bytes decide; if each photo costs a round trip, their number decides
        (Work(10, 100 * MIB), Work(90, 10 * MIB), 10 * SECONDS, 100),
        (Work(100, MIB), Work(10, 10 * MIB), 10 * SECONDS, 100),
        (Work(100, 0), Work(10, 0), 10 * SECONDS, 100),  # only copies and rows
        (Work(0, 0), Work(0, 0), 0 * SECONDS, 0),
        # no measurement
        (Work(5, MIB), Work(0, 0), 10 * SECONDS, None),
        (Work(5, MIB), Work(5, MIB), 0 * SECONDS, None),
    ],
)
def test_the_remaining_time_follows_the_measured_rate(left: Work, done: Work, took: timedelta, expected: int | None) -> None:
    assert eta_seconds(left, done, took) == expected


_works = st.builds(Work, st.integers(0, 10**6), st.integers(0, 10**12))


@given(_works, _works, st.timedeltas(timedelta(0), timedelta(days=2)))
def test_the_remaining_time_is_never_negative_and_never_raises(left: Work, done: Work, took: timedelta) -> None:
    seconds = eta_seconds(left, done, took)
    assert seconds is None or seconds >= 0


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_a_list_is_filling_while_more_photos_are_missing_than_failed(here: int, more: int, tried: int) -> None:
    assert KnownList(listed=here + more, here=here, tried=tried).is_filling == (more > tried)
