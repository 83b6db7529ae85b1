"""Checks the simulated weak link that the measurements rely on."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.acceptance.conftest import eventually
from tests.acceptance.slow_link.link import HEAD_OFFICE_ADDRESS, Cut, Link, Weather
from tests.acceptance.slow_link.namespace import why_impossible

IMPOSSIBLE = why_impossible()
pytestmark = pytest.mark.skipif(bool(IMPOSSIBLE), reason=IMPOSSIBLE)

PORT = 8000
HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


@contextmanager
def connected(weather: Weather) -> Iterator[tuple[Link, socket.socket, socket.socket, socket.socket]]:
    """Yields a link and the two ends of a connection across it: in the store and in head office."""
    with (
        closing(Link(weather)) as link,
        link.head_office.listen(HEAD_OFFICE_ADDRESS, PORT) as server,
        connect(link) as store,
        server.accept()[0] as office,
    ):
        yield link, server, store, office


def connect(link: Link) -> socket.socket:
    with link.edge.entered():
        return socket.create_connection((HEAD_OFFICE_ADDRESS, PORT), timeout=10)


def read(connection: socket.socket, size: int) -> bytes:
    return connection.makefile("rb").read(size)


def test_the_slow_link_counts_transferred_bytes() -> None:
    with connected(Weather(bits_per_second=8e6, delay_seconds=0.005, queue_bytes=20_000)) as (link, _, store, office):
        office.sendall(HEAD + bytes(300_000))
        assert read(store, len(HEAD) + 300_000) == HEAD + bytes(300_000)
        counted = link.from_head_office(PORT)
        assert (counted.responses, counted.heads, counted.body) == (1, len(HEAD), 300_000)
        assert counted.carried >= counted.received


def test_a_cut_by_reset_reaches_both_sides_even_if_they_only_listen() -> None:
    with connected(Weather(delay_seconds=0.005, cut_every_seconds=0.8, down_seconds=0)) as (_, _, store, office):
        for end in (store, office):
            end.settimeout(10)
            with pytest.raises(ConnectionResetError):
                end.recv(1)


def test_after_a_silent_cut_only_new_connections_work() -> None:
    with connected(Weather(delay_seconds=0.005, cut_every_seconds=1.5, down_seconds=0.1, cut=Cut.SILENCE)) as (
        link,
        server,
        store,
        office,
    ):
        eventually(lambda: link.cuts > 0)
        office.sendall(b"lost")
        store.settimeout(0.3)
        with pytest.raises(TimeoutError):
            store.recv(1)
        with connect(link) as again, server.accept()[0] as office_again:
            office_again.sendall(b"here")
            assert read(again, 4) == b"here"
