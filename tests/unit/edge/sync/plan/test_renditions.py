"""Checks when a run stops trying renditions, and how long a failed one waits."""

from datetime import timedelta

import pytest

from etalase.edge.sync.plan.renditions import RenditionBreaker, pause
from etalase.errors import Reason

T, P, FULL = Reason.TIMEOUT, Reason.NOT_FOUND, Reason.STORE_FULL


@pytest.mark.parametrize(
    ("results", "stops"),
    [
        ([T] * 4, False),
        ([T] * 5, True),
        ([T, T, None, T, T, T], False),
        ([P] * 19, False),
        ([P] * 20, True),
        ([P, T] * 4, False),
        ([P, T] * 5, True),
        ([FULL], True),
        ([None], False),
    ],
)
def test_many_failures_in_a_row_end_the_renditions_of_a_run(results: list[Reason | None], stops: bool) -> None:
    breaker = RenditionBreaker(began=100.0)
    for result in results:
        breaker.record(result, at=100.1)
    assert breaker.is_open is stops


def test_one_timeout_is_enough_where_nothing_arrives_meanwhile() -> None:
    breaker = RenditionBreaker(began=100.0)
    breaker.record(None, at=103.0)
    breaker.record(T, at=107.0)
    assert not breaker.is_open
    breaker.record(P, at=108.5)
    assert not breaker.is_open
    breaker.record(T, at=108.5)
    assert breaker.is_open


def test_pauses_grow_up_to_a_day() -> None:
    pauses = [pause(attempts) for attempts in (1, 2, 3, 6, 7, 12, 1_000_000)]
    assert pauses[:3] == [timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(days=1)
