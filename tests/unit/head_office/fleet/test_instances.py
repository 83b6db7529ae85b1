"""Replays have no effect; a clone and a second edge are noticed; a restored edge settles."""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from etalase.head_office.fleet.instances import (
    MAX_INSTANCES,
    MAX_RECENT,
    SETTLED_AFTER_REPORTS,
    Instance,
    Receipt,
    Received,
    is_cloned,
    receive,
    second_seen_at,
)

START = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
FIRST, SECOND = UUID(int=1), UUID(int=2)
HOUR = timedelta(hours=1)


def after(reports: list[tuple[UUID, int, str]], known: tuple[Instance, ...] = ()) -> list[Received]:
    """Returns the receipts of reports that arrive an hour apart."""
    received = []
    for number, (instance, sequence, content) in enumerate(reports):
        received.append(receive(known, instance=instance, sequence=sequence, content=content, now=START + number * HOUR))
        known = received[-1].instances
    return received


def test_numbers_that_grow_are_new() -> None:
    """Gaps are normal: a report may be lost."""
    receipts = after([(FIRST, 1, "a"), (FIRST, 2, "b"), (FIRST, 7, "c")])
    assert [one.receipt for one in receipts] == [Receipt.NEW] * 3
    assert receipts[-1].current.sequence == 7
    assert not is_cloned(receipts[-1].current)


def test_a_replay_changes_nothing() -> None:
    """Neither the last one nor an earlier one, and no time moves."""
    first, second, replay, old = after([(FIRST, 1, "a"), (FIRST, 2, "b"), (FIRST, 2, "b"), (FIRST, 1, "a")])
    assert first.receipt is Receipt.NEW
    assert (replay.receipt, replay.instances) == (Receipt.REPLAY, second.instances)
    assert (old.receipt, old.instances) == (Receipt.REPLAY, second.instances)


def test_a_used_number_with_other_content_is_a_clone() -> None:
    """A copy of the machine counts on from the same number."""
    collided = after([(FIRST, 1, "a"), (FIRST, 2, "b"), (FIRST, 2, "c")])[-1]
    assert collided.receipt is Receipt.DIVERGED
    assert is_cloned(collided.current)


def test_a_forgotten_number_is_no_replay() -> None:
    """A number from before the kept ones may be anything: it is not taken for harmless."""
    reports = [(FIRST, number, f"content {number}") for number in range(1, MAX_RECENT + 3)]
    assert after([*reports, (FIRST, 1, "content 1")])[-1].receipt is Receipt.DIVERGED


def test_a_restored_edge_settles() -> None:
    """It collides once, goes on after the greatest number, and is believed after some reports."""
    before = [(FIRST, number, f"content {number}") for number in range(1, 11)]
    collided = after([*before, (FIRST, 8, "other")])[-1]
    assert collided.current.sequence == 10
    going_on = [(FIRST, number, f"other {number}") for number in range(11, 11 + SETTLED_AFTER_REPORTS)]
    settled = after(going_on, collided.instances)
    assert [is_cloned(one.current) for one in settled] == [True] * (SETTLED_AFTER_REPORTS - 1) + [False]


def test_two_machines_with_one_instance_never_settle() -> None:
    """Each learns the greatest number from its answer, and both then use the same one."""
    known: tuple[Instance, ...] = ()
    next_number, colliding, now = [1, 1], [], START
    for turn, number in zip([0, 1] * 20, count(), strict=False):
        now += HOUR
        received = receive(known, instance=FIRST, sequence=next_number[turn], content=f"{turn} {number}", now=now)
        known = received.instances
        next_number[turn] = max(next_number[turn], received.current.sequence) + 1
        colliding.append(is_cloned(received.current))
    assert colliding[0] is False
    assert all(colliding[1:])


def test_a_replaced_machine_is_no_second_edge() -> None:
    """The old one stays silent."""
    replaced = after([(FIRST, 1, "a"), (FIRST, 2, "b"), (SECOND, 1, "a")])[-1]
    assert second_seen_at(replaced.instances) is None


def test_two_machines_that_report_are_two_edges() -> None:
    """Whichever of them reports last."""
    both = after([(FIRST, 1, "a"), (SECOND, 1, "a"), (FIRST, 2, "b"), (SECOND, 2, "b")])
    assert second_seen_at(both[1].instances) is None
    assert second_seen_at(both[2].instances) == START + HOUR
    assert second_seen_at(both[3].instances) == START + 2 * HOUR


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9), st.sampled_from("abc")), max_size=60))
def test_whatever_is_sent_is_kept_within_bounds(sent: list[tuple[int, int, str]]) -> None:
    """Many instances and many reports; a new number is one that no earlier report of the instance reached."""
    greatest: dict[UUID, int] = {}
    known: tuple[Instance, ...] = ()
    for instance, sequence, content in sent:
        received = receive(known, instance=UUID(int=instance), sequence=sequence, content=content, now=START)
        is_known = any(one.id == UUID(int=instance) for one in known)
        known = received.instances
        assert received.current.id == UUID(int=instance)
        assert len(known) <= MAX_INSTANCES
        assert len({one.id for one in known}) == len(known)
        assert all(len(one.recent) <= MAX_RECENT for one in known)
        if is_known and received.receipt is Receipt.NEW:
            assert sequence > greatest[UUID(int=instance)]
        greatest[UUID(int=instance)] = received.current.sequence
