"""Checks that a breaking link lowers the number of concurrent transfers."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

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
