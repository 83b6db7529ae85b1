"""Checks the circuit breaker: which failures in a row mean that the other side is away."""

import pytest
from tests.unit.strategies import photo

from etalase.edge.sync.publish.circuit_breaker import MAX_FAILURES_IN_A_ROW, CircuitBreaker, probe_bytes
from etalase.errors import PhotoError, Reason

# An event is the reason of a failure, or None for a photo that arrived.
Events = list[Reason | None]


def after(events: Events, *, max_failures: int = 3) -> CircuitBreaker:
    breaker = CircuitBreaker(max_failures)
    for number, reason in enumerate(events):
        if reason is None:
            breaker.close()
        else:
            breaker.record_failure(photo("a"), PhotoError(reason, f"event {number}"))
    return breaker


@pytest.mark.parametrize(
    ("events", "tripped_by"),
    [
        ([], None),
        ([Reason.TIMEOUT] * 2, None),
        ([Reason.TIMEOUT] * 3, 2),
        ([Reason.TIMEOUT] * 5, 4),
        ([Reason.TIMEOUT, Reason.SERVER_ERROR, Reason.CONNECTION_FAILED], 2),
        ([Reason.TIMEOUT, Reason.TIMEOUT, None, Reason.TIMEOUT, Reason.TIMEOUT], None),
        ([Reason.TIMEOUT, Reason.TIMEOUT, Reason.TIMEOUT, None], None),
        # Neither counted, nor a sign that the other side works.
        ([Reason.NOT_FOUND] * 9, None),
        ([Reason.CHECKSUM_MISMATCH] * 9, None),
        ([Reason.STORE_REFUSED] * 9, None),
        ([Reason.TIMEOUT, Reason.NOT_FOUND, Reason.TIMEOUT, Reason.BAD_KEY, Reason.TIMEOUT, Reason.NOT_FOUND], 4),
        # Permanent, and of the whole bucket.
        ([Reason.STORE_DENIED] * 3, 2),
        ([Reason.STORE_AWAY, Reason.STORE_DENIED, Reason.STORE_FULL], 2),
    ],
)
def test_failures_in_a_row_that_are_not_the_photos_own_open_the_circuit(events: Events, tripped_by: int | None) -> None:
    tripped = after(events).tripped_by
    assert (tripped and tripped[1].detail) == (None if tripped_by is None else f"event {tripped_by}")


def test_a_run_stops_after_twenty_failures() -> None:
    assert MAX_FAILURES_IN_A_ROW == 20
    assert after([Reason.TIMEOUT] * 19, max_failures=MAX_FAILURES_IN_A_ROW).tripped_by is None
    assert after([Reason.TIMEOUT] * 20, max_failures=MAX_FAILURES_IN_A_ROW).tripped_by is not None


@pytest.mark.parametrize(
    ("reason", "is_small"), [(Reason.STORE_AWAY, False), (Reason.STORE_FULL, False), (Reason.STORE_DENIED, True)]
)
def test_a_refused_key_is_probed_with_a_small_picture(reason: Reason, is_small: bool) -> None:
    one = photo("a")
    assert one.size
    assert probe_bytes(one, PhotoError(reason, "")) == (0 if is_small else one.size)
