"""Checks HTTP under a bandwidth limit, with real curl against a real server: the rate, the deadlines, the stop."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from zoneinfo import ZoneInfo

import pytest
from tests.simulator import Response, Simulator, head_office

from etalase.edge.clock import Clock
from etalase.edge.sync.download.bandwidth_limiter import Limiter
from etalase.edge.sync.download.exchange import Deadlines
from etalase.edge.sync.download.transport import Transport
from etalase.errors import Reason, TransferFailed
from etalase.settings.bandwidth import parse_bandwidth

JAKARTA = ZoneInfo("Asia/Jakarta")
K = 1024
PATIENT = Deadlines(connect_seconds=5, idle_seconds=30, min_bytes_per_second=1024, total_seconds=60)


@pytest.fixture
def ho() -> Iterator[Simulator]:
    """Yields a server for the images in ``bodies``."""
    with head_office() as simulator:
        yield simulator


@pytest.fixture
def limited() -> Iterator[Callable[[str], Transport]]:
    """Yields a maker of transports under a limit, stopped at the end."""
    stopped = threading.Event()

    def make(text: str, clock: Clock | None = None) -> Transport:
        return Transport(stopped=stopped, limiter=Limiter(parse_bandwidth(text), JAKARTA, clock or Clock(), stopped))

    yield make
    stopped.set()


def fetch(transport: Transport, ho: Simulator, key: str, deadlines: Deadlines = PATIENT, *, compressed: bool = False) -> bytes:
    url = f"{ho.url}/product-images/{key}"
    return transport.exchange(url, deadlines=deadlines, max_bytes=64 * K * K, compressed=compressed).body


def test_ten_workers_together_keep_the_bandwidth_limit(ho: Simulator, limited: Callable[[str], Transport]) -> None:
    ho.bodies["photo"] = bytes(16 * K)
    transport = limited("320k")
    began = time.monotonic()
    with ThreadPoolExecutor(10) as workers:
        bodies = list(workers.map(lambda _: fetch(transport, ho, "photo"), range(60)))
    rate = sum(map(len, bodies)) / (time.monotonic() - began)
    # Never above the limit; far below it only if pauses add up.
    assert 0.1 * 320 * K < rate < 1.05 * 320 * K


def test_pauses_of_the_bandwidth_limit_do_not_count_as_a_slow_transfer(
    ho: Simulator, limited: Callable[[str], Transport]
) -> None:
    ho.bodies["photo"] = bytes(4 * K)
    impatient = Deadlines(connect_seconds=5, idle_seconds=1, min_bytes_per_second=4 * K, total_seconds=1)
    with ThreadPoolExecutor(4) as workers:
        transport = limited("8k")
        bodies = list(workers.map(lambda _: fetch(transport, ho, "photo", impatient), range(4)))
    assert [len(body) for body in bodies] == [4 * K] * 4


@pytest.mark.parametrize(
    ("drip", "limit"),
    [("nothing at all", "64k"), ("a byte now and then", "1k"), ("a byte now and then", "00:00,64k 12:00,off")],
)
def test_a_dripping_server_is_dropped_under_a_bandwidth_limit_too(
    ho: Simulator, limited: Callable[[str], Transport], drip: str, limit: str
) -> None:
    let_go = threading.Event()

    def drips() -> Iterator[bytes]:
        while not let_go.wait(0.05):
            yield b"x" if drip == "a byte now and then" else b""

    ho.on_image = lambda _: Response(pieces=drips())
    with pytest.raises(TransferFailed) as failed:
        fetch(limited(limit), ho, "photo", Deadlines(5, idle_seconds=1, min_bytes_per_second=1000, total_seconds=60))
    let_go.set()
    assert failed.value.reason is Reason.TIMEOUT
    assert failed.value.status == 200
    assert "1000 bytes a second" in failed.value.message


def test_a_transfer_that_never_stalls_still_ends_at_its_deadline(ho: Simulator, limited: Callable[[str], Transport]) -> None:
    let_go = threading.Event()

    def trickle() -> Iterator[bytes]:
        while not let_go.wait(0.05):
            yield bytes(100)

    ho.on_image = lambda _: Response(pieces=trickle())
    with pytest.raises(TransferFailed, match="not complete after 1 second") as failed:
        fetch(limited("1M"), ho, "photo", Deadlines(5, idle_seconds=1, min_bytes_per_second=10, total_seconds=1))
    let_go.set()
    assert failed.value.reason is Reason.TIMEOUT


def test_a_stop_ends_a_transfer_that_sleeps_for_the_bandwidth_limit(ho: Simulator, limited: Callable[[str], Transport]) -> None:
    ho.bodies["photo"] = bytes(K * K)
    transport = limited("1k")
    with ThreadPoolExecutor(1) as workers:
        under_way = workers.submit(fetch, transport, ho, "photo")
        while not ho.image_requests:
            time.sleep(0.01)
        transport.stopped.set()
        with pytest.raises(TransferFailed, match="the run was stopped"):
            under_way.result(timeout=5)


def test_a_compressed_page_counts_its_bytes_on_the_wire_against_the_bandwidth_limit(
    ho: Simulator, limited: Callable[[str], Transport]
) -> None:
    body = gzip.compress(bytes(K * K))
    ho.on_image = lambda _: Response(body=body, headers={"Content-Encoding": "gzip"})
    transport = limited("64k")
    assert transport.limiter is not None
    paid: list[int] = []
    transport.limiter = _Counting(transport.limiter, paid)
    assert fetch(transport, ho, "page", compressed=True) == bytes(K * K)
    assert sum(paid) == len(body)


class _Counting(Limiter):
    """A limiter that records all payments."""

    def __init__(self, real: Limiter, paid: list[int]) -> None:
        super().__init__(real.bandwidth, real.zone, real.clock, real.stopped)
        self._counted = paid

    def pay(self, size_bytes: int) -> float:
        self._counted.append(size_bytes)
        return super().pay(size_bytes)


def test_a_transfer_continues_at_the_rate_of_the_next_step_of_the_timetable(
    ho: Simulator, limited: Callable[[str, Clock], Transport]
) -> None:
    # One second before 23:00 in Jakarta, the end of the limit.
    offset = 1770047999 - time.time()
    clock = Clock(now=lambda: time.time() + offset)
    ho.bodies["photo"] = bytes(2 * K * K)
    assert len(fetch(limited("06:00,64k 23:00,off", clock), ho, "photo", Deadlines(5, 30, 1024, 10))) == 2 * K * K
    assert clock.now() > 1770048000


def test_connections_after_a_step_use_the_window_of_that_step(
    ho: Simulator, limited: Callable[[str, Clock], Transport]
) -> None:
    offset = [1770047000 - time.time()]
    transport = limited("06:00,64k 23:00,off", Clock(now=lambda: time.time() + offset[0]))
    ho.bodies["photo"] = bytes(K)
    fetch(transport, ho, "photo")
    [(_, limited_handle)] = transport._idle
    fetch(transport, ho, "photo")
    assert transport._idle[0][1] is limited_handle
    offset[0] += 3600
    fetch(transport, ho, "photo")
    [(_, other_handle)] = transport._idle
    assert other_handle is not limited_handle
