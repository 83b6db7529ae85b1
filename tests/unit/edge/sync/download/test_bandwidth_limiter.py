"""Checks the token bucket on a simulated clock: workers take turns as real threads do, without real waits."""

import heapq
import threading
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from etalase.edge.clock import Clock
from etalase.edge.sync.download.bandwidth_limiter import Limiter
from etalase.settings.bandwidth import parse_bandwidth

JAKARTA = ZoneInfo("Asia/Jakarta")
K = 1024


class Timeline:
    """A clock that moves only during a sleep."""

    def __init__(self, text: str = "2026-02-02 12:00") -> None:
        self.began = datetime.fromisoformat(text).replace(tzinfo=JAKARTA).timestamp()
        self.seconds = 0.0

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.began + self.seconds, monotonic=lambda: self.seconds, sleep=self.sleep)


def limiter(text: str, timeline: Timeline, stopped: threading.Event | None = None) -> Limiter:
    return Limiter(parse_bandwidth(text), JAKARTA, timeline.clock, stopped or threading.Event())


def transferred(limit: Limiter, timeline: Timeline, *, seconds: float, workers: int, share: Callable[[int], int]) -> list[int]:
    """Returns the bytes of each of ``workers`` within ``seconds``; a worker continues as soon as its bytes are paid."""
    got = [0] * workers
    ready = [(0.0, worker) for worker in range(workers)]
    while ready[0][0] < seconds:
        timeline.seconds, worker = heapq.heappop(ready)
        size = share(worker)
        limit.pay(size)  # sleeps on the simulated clock; the heap has the other workers' times
        if timeline.seconds <= seconds:
            got[worker] += size
        heapq.heappush(ready, (timeline.seconds, worker))
    return got


@pytest.mark.parametrize("workers", [1, 10])
@pytest.mark.parametrize("text", ["8k", "64k", "20M"])
def test_the_bandwidth_limit_holds_within_5_percent_over_a_short_time_too(text: str, workers: int) -> None:
    timeline = Timeline()
    limit = limiter(text, timeline)
    rate = limit.bytes_per_second or 0
    got = transferred(limit, timeline, seconds=5, workers=workers, share=lambda _: limit.share_bytes)
    assert sum(got) == pytest.approx(5 * rate, rel=0.05)
    assert max(got) - min(got) <= limit.share_bytes


def test_waiting_transfers_are_served_in_order_and_none_starves() -> None:
    timeline = Timeline()
    limit = limiter("64k", timeline)
    got = transferred(limit, timeline, seconds=60, workers=3, share=lambda worker: (1024, 1024, 16 * K)[worker])
    assert min(got) > 0
    assert sum(got) == pytest.approx(60 * 64 * K, rel=0.05)


def test_unused_bandwidth_is_not_saved_up() -> None:
    timeline = Timeline()
    limit = limiter("64k", timeline)
    limit.pay(K)
    timeline.seconds += 3600
    assert limit.pay(64 * K) == pytest.approx(0.9)


def test_small_oversleeps_do_not_add_up() -> None:
    timeline = Timeline()
    limit = limiter("1M", timeline)
    limit.clock = Clock(
        now=limit.clock.now, monotonic=limit.clock.monotonic, sleep=lambda seconds: timeline.sleep(seconds + 0.004)
    )
    for _ in range(640):
        limit.pay(16 * K)
    assert timeline.seconds == pytest.approx(10, rel=0.01)


def test_a_step_of_the_timetable_changes_the_rate_during_a_run() -> None:
    timeline = Timeline("2026-02-02 22:59:50")
    limit = limiter("06:00,64k 23:00,128k", timeline)
    assert limit.describe() == "limit 64 KiB/s until 23:00"
    for _ in range(20 * 64):
        limit.pay(K)
    assert timeline.seconds == pytest.approx(10 + 5, abs=0.1)
    assert limit.describe() == "limit 128 KiB/s until 06:00"


def test_a_sleep_across_a_step_ends_at_the_rate_of_the_next_step() -> None:
    timeline = Timeline("2026-02-02 22:59:50")
    limit = limiter("06:00,64k 23:00,off", timeline)
    assert limit.pay(64 * K * 1000) == pytest.approx(10)
    assert limit.pay(10**9) == 0
    assert limit.describe() == "no limit until 06:00"


def test_a_clock_set_back_restores_the_earlier_step() -> None:
    timeline = Timeline("2026-02-02 23:30")
    limit = limiter("06:00,64k 23:00,off", timeline)
    assert limit.bytes_per_second is None
    timeline.began -= 3600
    assert limit.bytes_per_second == 64 * K


def test_a_stopped_run_ends_its_bandwidth_sleep() -> None:
    timeline, stopped = Timeline(), threading.Event()
    limit = limiter("1k", timeline, stopped)

    def sleep(seconds: float) -> None:
        timeline.sleep(seconds)
        if timeline.seconds > 3:
            stopped.set()

    limit.clock = Clock(now=limit.clock.now, monotonic=limit.clock.monotonic, sleep=sleep)
    assert limit.pay(100 * K) < 4
    assert limit.pay(100 * K) == 0


def test_the_transfer_time_is_predicted_only_under_a_limit() -> None:
    assert limiter("64k", Timeline()).seconds_for(64 * K * 90) == pytest.approx(90)
    assert limiter("off", Timeline()).seconds_for(10**9) is None
    assert limiter("06:00,64k 23:00,off", Timeline("2026-02-02 23:30")).seconds_for(10**9) is None
    assert limiter("06:00,64k 23:00,off", Timeline("2026-02-02 22:00")).seconds_for(10**9) == pytest.approx(3600)


@pytest.mark.parametrize(("text", "shown"), [("off", ""), ("512k", "limit 512 KiB/s"), ("0", "")])
def test_a_constant_limit_is_shown_without_an_end_and_no_limit_is_not_shown(text: str, shown: str) -> None:
    assert limiter(text, Timeline()).describe() == shown
