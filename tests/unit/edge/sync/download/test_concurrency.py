"""Checks that the number of concurrent transfers follows the link."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest

from etalase.edge.sync.download.concurrency import Lanes
from etalase.errors import PhotoError, Reason


def run_transfers(lanes: Lanes, times: int, reason: Reason | None = None) -> None:
    """Runs transfers one after the other."""
    for _ in range(times):
        with suppress(PhotoError), lanes.one():
            if reason is not None:
                raise PhotoError(reason, "")


def test_each_broken_transfer_halves_the_concurrency_down_to_one() -> None:
    lanes, seen = Lanes(10), []
    for _ in range(5):
        run_transfers(lanes, 1, Reason.CONNECTION_FAILED)
        seen.append(lanes.open)
    assert seen == [5, 2, 1, 1, 1]


def test_transfers_that_break_together_count_as_one_break() -> None:
    lanes = Lanes(8)
    all_in = threading.Barrier(8)

    def transfer() -> None:
        with suppress(PhotoError), lanes.one():
            all_in.wait(60)
            raise PhotoError(Reason.TIMEOUT, "")

    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(transfer)
    assert lanes.open == 4


def test_the_concurrency_grows_by_one_after_as_many_good_transfers_as_there_are_slots() -> None:
    lanes = Lanes(4)
    run_transfers(lanes, 3, Reason.TIMEOUT)
    assert lanes.open == 1
    seen = []
    for _ in range(12):
        run_transfers(lanes, 1)
        seen.append(lanes.open)
    assert seen == [2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4]


def test_a_wrong_photo_does_not_change_the_concurrency() -> None:
    lanes = Lanes(4)
    run_transfers(lanes, 5, Reason.NOT_FOUND)
    assert lanes.open == 4


def test_no_more_transfers_run_at_once_than_there_are_slots() -> None:
    lanes = Lanes(2)
    started = threading.Semaphore(0)
    with ThreadPoolExecutor(1) as pool, ExitStack() as open_now:
        open_now.enter_context(lanes.one())
        second = ExitStack()
        second.enter_context(lanes.one())

        def third() -> None:
            with lanes.one():
                started.release()

        waiting = pool.submit(third)
        assert not started.acquire(timeout=0.1)
        second.close()
        assert started.acquire(timeout=60)
        waiting.result(10)


def far(lanes: Lanes, seconds: float, times: int = 1, round_trips: int = 1) -> None:
    """Notes first bytes while all lanes are busy."""
    with ExitStack() as busy:
        entered = 0
        for _ in range(times):
            for _ in range(lanes.open - entered):
                busy.enter_context(lanes.one())
                entered += 1
            lanes.first_byte(seconds, round_trips)


@pytest.mark.parametrize("seconds", [0.001, 0.015])
def test_a_near_server_gets_no_more_transfers(seconds: float) -> None:
    lanes = Lanes(64, start=10)
    far(lanes, seconds, times=200)
    assert lanes.open == 10


def test_a_far_server_gets_more_transfers_with_each_first_byte_that_found_no_queue() -> None:
    lanes = Lanes(64, start=10)
    far(lanes, 1.2, round_trips=2)
    assert lanes.open == 10
    far(lanes, 0.6)
    assert lanes.open == 11
    far(lanes, 0.6, times=100)
    assert lanes.open == 64


def test_a_queue_ends_the_fast_growth() -> None:
    lanes = Lanes(64, start=10)
    far(lanes, 0.6, times=10)
    far(lanes, 0.9, times=2)
    assert lanes.open == 20
    far(lanes, 0.6, times=19)
    assert lanes.open == 20
    far(lanes, 0.6)
    assert lanes.open == 21


def test_a_single_first_byte_that_was_sent_again_does_not_end_the_fast_growth() -> None:
    lanes = Lanes(64, start=10)
    far(lanes, 0.6)
    far(lanes, 1.6)
    far(lanes, 0.6)
    assert lanes.open == 12


@pytest.mark.parametrize(("seconds", "transfers"), [(0.001, 10), (0.04, 10), (0.15, 15), (0.6, 60), (2, 64)])
def test_a_far_head_office_gets_more_transfers_from_the_beginning(seconds: float, transfers: int) -> None:
    lanes = Lanes(64, start=10)
    lanes.connected(seconds)
    assert lanes.open == transfers


def test_after_a_break_a_new_connection_to_head_office_adds_no_transfers() -> None:
    lanes = Lanes(64, start=10)
    run_transfers(lanes, 1, Reason.CONNECTION_FAILED)
    lanes.connected(0.6)
    assert lanes.open == 5


def test_a_queue_that_stays_long_takes_transfers_away_down_to_the_start() -> None:
    lanes = Lanes(64, start=10)
    far(lanes, 0.3, times=54)
    assert lanes.open == 64
    far(lanes, 0.5, times=64)
    assert lanes.open == 56
    far(lanes, 0.5, times=1000)
    assert lanes.open == 10


def test_a_first_byte_on_a_link_with_free_transfers_changes_nothing() -> None:
    lanes = Lanes(64, start=10)
    with lanes.one():
        lanes.first_byte(0.6)
    assert lanes.open == 10


def test_a_number_of_workers_holds_on_any_link() -> None:
    lanes = Lanes(10)
    far(lanes, 0.6, times=100)
    assert lanes.open == 10


def test_after_a_break_the_transfers_grow_slowly() -> None:
    lanes = Lanes(64, start=10)
    far(lanes, 0.6, times=54)
    run_transfers(lanes, 1, Reason.CONNECTION_FAILED)
    assert lanes.open == 32
    far(lanes, 0.6, times=32)
    assert lanes.open == 33
