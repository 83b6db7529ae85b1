"""Checks that reloads of the status page share one look at the bucket."""

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.unit.edge.status.snapshots import comparison

from etalase.edge.clock import Clock
from etalase.edge.status.snapshot import Comparison
from etalase.edge.status.views import KEEP_SECONDS, MAX_AGE_SECONDS, Busy, KeptComparison

SETTINGS: Any = None


@dataclass
class Bucket:
    """Counts snapshots; each waits while the bucket is ``shut``."""

    looks: int = 0
    now: float = 0.0
    looking: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def look(self, settings: object) -> Comparison:
        """Returns a snapshot once the bucket is open."""
        self.looks += 1
        self.looking.set()
        assert self.opened.wait(60)
        return comparison(verified=self.looks)

    @property
    def clock(self) -> Clock:
        """Returns a clock with the time that the test sets."""
        return Clock(monotonic=lambda: self.now)


@pytest.fixture
def bucket() -> Bucket:
    """Returns an open bucket."""
    opened = Bucket()
    opened.opened.set()
    return opened


def test_reloads_within_ten_seconds_cost_one_snapshot(bucket: Bucket) -> None:
    kept = KeptComparison(bucket.look, bucket.clock)
    assert {kept(SETTINGS).verified for _ in range(100)} == {1}
    bucket.now = KEEP_SECONDS
    assert kept(SETTINGS).verified == 2


def test_while_one_request_takes_a_snapshot_the_others_get_the_last_one(bucket: Bucket) -> None:
    kept = KeptComparison(bucket.look, bucket.clock)
    kept(SETTINGS)
    bucket.now, bucket.looking = KEEP_SECONDS, threading.Event()
    bucket.opened.clear()
    other = threading.Thread(target=kept, args=[SETTINGS])
    other.start()
    assert bucket.looking.wait(60)
    assert kept(SETTINGS).verified == 1
    bucket.now = MAX_AGE_SECONDS
    with pytest.raises(Busy):
        kept(SETTINGS)
    bucket.opened.set()
    other.join()
    assert (kept(SETTINGS).verified, bucket.looks) == (2, 2)


def test_a_failed_snapshot_is_taken_again(bucket: Bucket) -> None:
    def fails(settings: object) -> Comparison:
        bucket.looks += 1
        if bucket.looks == 1:
            raise RuntimeError
        return comparison()

    kept = KeptComparison(fails, bucket.clock)
    with pytest.raises(RuntimeError):
        kept(SETTINGS)
    assert kept(SETTINGS) == comparison()
