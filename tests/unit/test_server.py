"""Checks the web server's decisions: connection caps, evictions, turns, and the WSGI view of a request."""

import asyncio
import io
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from etalase.errors import UsageError
from etalase.server import LOCAL_ADDRESS, processes
from etalase.server.bridge import environ_of, run
from etalase.server.door import Door, Limits, Phase, group_of
from etalase.server.threads import ClientGone, Threads


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("192.168.1.7", "192.168.1.7"),
        ("::ffff:192.168.1.7", "192.168.1.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_address_or_a_network_of_one_customer_counts_as_one(address: str, group: str) -> None:
    assert group_of(address) == group


def test_a_transfer_gets_one_more_second_per_amount_of_bytes_and_an_hour_at_most() -> None:
    limits = Limits(body_seconds=30, min_bytes_per_second=512)
    assert limits.transfer_seconds(30, 0) == 30
    assert limits.transfer_seconds(30, 5120) == 40
    assert limits.transfer_seconds(30, 10**12) == 3600


@dataclass(eq=False)
class Guest:
    """A connection reduced to its place."""

    group: str
    phase: Phase = Phase.IDLE
    since: float = 0
    evicted: bool = False
    checked: list[float] = field(default_factory=list)

    def standing(self) -> tuple[Phase, float]:
        return self.phase, self.since

    def check(self, now: float) -> None:
        self.checked.append(now)

    def evict(self) -> None:
        self.evicted = True


async def _admit(door: Door, *guests: Guest) -> list[bool]:
    return [door.admit(guest) for guest in guests]


def admit(door: Door, *guests: Guest) -> list[bool]:
    """Returns for each guest whether the door admitted it."""
    return asyncio.run(_admit(door, *guests))


def test_a_connection_beyond_the_cap_of_its_address_replaces_its_longest_idle_one() -> None:
    door = Door(Limits(connections=10, connections_per_address=3))
    head = Guest("a", Phase.HEAD, since=1)
    older, newer, other = Guest("a", since=2), Guest("a", since=3), Guest("b", since=0)
    assert admit(door, head, older, newer, other, Guest("a", since=9)) == [True] * 5
    assert (head.evicted, older.evicted, newer.evicted, other.evicted) == (False, True, False, False)


def test_a_connection_with_a_pending_response_stays_and_the_one_beyond_the_cap_is_refused() -> None:
    door = Door(Limits(connections=10, connections_per_address=2))
    working = [Guest("a", Phase.WORK), Guest("a", Phase.WORK)]
    assert admit(door, *working, Guest("a"), Guest("b")) == [True, True, False, True]
    door.leave(working[0])
    assert admit(door, Guest("a")) == [True]


def test_if_all_connections_are_in_use_the_address_with_the_most_loses_one() -> None:
    door = Door(Limits(connections=4, connections_per_address=0))
    many = [Guest("a", Phase.RESPONSE, since=number) for number in range(3)]
    lone = Guest("b", since=-5)
    assert admit(door, *many, lone, Guest("c")) == [True] * 5
    assert [guest.evicted for guest in (*many, lone)] == [True, False, False, False]


def test_connections_of_a_unix_socket_have_no_cap_per_address() -> None:
    assert admit(Door(Limits(connections=5, connections_per_address=1)), Guest(""), Guest(""), Guest("")) == [True] * 3


def test_a_connection_that_is_closed_twice_counts_once() -> None:
    door = Door(Limits(connections=1, connections_per_address=0))
    gone = Guest("a", Phase.WORK)
    assert admit(door, gone) == [True]
    door.leave(gone)
    door.leave(gone)
    assert admit(door, Guest("a", Phase.WORK), Guest("b")) == [True, False]


def test_addresses_take_turns_so_that_a_flood_delays_another_by_one_request() -> None:
    done: list[str] = []

    async def flood() -> None:
        threads = Threads(1)
        jobs = [threads.do("flood", lambda: done.append("flood"), lambda: True) for _ in range(50)]
        jobs.append(threads.do("till", lambda: done.append("till"), lambda: True))
        await asyncio.gather(*jobs)

    asyncio.run(flood())
    assert len(done) == 51
    assert done.index("till") <= 3


def test_a_request_of_a_vanished_client_is_not_started_and_an_error_reaches_its_awaiter() -> None:
    async def ask() -> None:
        threads = Threads(1)
        with pytest.raises(ClientGone):
            await threads.do("a", lambda: pytest.fail("it was begun"), lambda: False)
        with pytest.raises(ZeroDivisionError):
            await threads.do("a", lambda: 1 // 0, lambda: True)

    asyncio.run(ask())


def scope(*headers: tuple[bytes, bytes], raw_path: bytes = b"/") -> dict[str, Any]:
    """Returns an ASGI scope."""
    return {
        "method": "GET",
        "raw_path": raw_path,
        "query_string": b"q=\xe4",
        "http_version": "1.1",
        "server": ("127.0.0.1", 8001),
        "client": ("10.0.0.9", 5),
        "headers": list(headers),
    }


def test_wsgi_gets_the_path_as_bytes_and_no_ambiguous_header() -> None:
    environ = environ_of(
        scope(
            (b"host", b"edge"),
            (b"cookie", b"a=1"),
            (b"cookie", b"b=2"),
            (b"x-forwarded-for", b"1.1.1.1"),
            (b"x_forwarded_for", b"6.6.6.6"),
            (b"accept", b"a"),
            (b"accept", b"b"),
            raw_path=b"/x%2Fy%FF",
        ),
        io.BytesIO(),
    )
    assert environ["PATH_INFO"] == "/x/y\xff"
    assert environ["QUERY_STRING"] == "q=\xe4"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_X_FORWARDED_FOR"] == "1.1.1.1"
    assert environ["HTTP_ACCEPT"] == "a,b"
    assert (environ["REMOTE_ADDR"], environ[LOCAL_ADDRESS]) == ("10.0.0.9", "127.0.0.1")
    assert "CONTENT_LENGTH" not in environ


@pytest.mark.parametrize(
    ("method", "status", "length"), [("GET", "200 OK", b"4"), ("HEAD", "200 OK", None), ("GET", "304 Not Modified", None)]
)
def test_a_response_has_its_length_and_the_application_is_closed(method: str, status: str, length: bytes | None) -> None:
    closed: list[bool] = []

    class Pieces:
        def __iter__(self) -> Any:
            return iter([b"fo", b"ur"] if length else [])

        def close(self) -> None:
            closed.append(True)

    def application(_environ: Any, start_response: Any) -> Any:
        start_response(status, [("X-A", "b")])
        return Pieces()

    response = run(application, {"REQUEST_METHOD": method})
    with response.body as body:
        assert body.read() == (b"four" if length else b"")
    assert dict(response.headers).get(b"content-length") == length
    assert closed == [True]


@pytest.mark.parametrize(
    "bind", ["8001", ":8001", "127.0.0.1:http", "127.0.0.1:", "127.0.0.1:70000", "no.such.host.invalid:80"]
)
def test_an_unusable_bind_address_is_named(bind: str) -> None:
    with pytest.raises(UsageError, match="--bind"):
        processes.listen(bind)


@pytest.mark.parametrize(
    ("bind", "family"), [("127.0.0.1:0", socket.AF_INET), ("[::1]:0", socket.AF_INET6), ("localhost:0", None)]
)
def test_the_server_listens_on_ipv4_and_ipv6(bind: str, family: socket.AddressFamily | None) -> None:
    with processes.listen(bind) as listener, socket.create_connection(listener.getsockname()[:2], 5):
        assert family in {listener.family, None}


def test_the_server_replaces_the_socket_file_of_a_killed_server_but_not_of_a_running_one(tmp_path: Path) -> None:
    bind = f"unix:{tmp_path}/edge.sock"
    processes.listen(bind).close()
    with processes.listen(bind), pytest.raises(UsageError, match="in use"):
        processes.listen(bind)


@pytest.mark.parametrize(("descriptors", "connections"), [(8192, 3968), (1024, 384), (256, 64), (64, 16), (2, 1)])
def test_a_low_limit_of_open_files_lowers_the_number_of_connections(descriptors: int, connections: int) -> None:
    assert processes.room(descriptors) == connections


@pytest.mark.parametrize("folder", ["nowhere", "full"])
def test_a_response_that_fits_no_disk_is_kept_in_memory(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: Any) -> Any:
        return open("/dev/full", "w+b", buffering=0)  # noqa: PTH123 - the response closes it

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / folder))
    if folder == "full":
        monkeypatch.setattr("tempfile.TemporaryFile", full)

    def application(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"x" * 300_000, b"y"]

    response = run(application, {"REQUEST_METHOD": "GET"})
    with response.body:
        assert (response.byte_count, response.body.read()) == (300_001, b"x" * 300_000 + b"y")
