"""Relays TCP connections to a server of this machine, and counts the bytes that it sends."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

CHUNK_BYTES = 16 * 1024


class CountingRelay:
    """A running relay. ``received`` are the bytes of all responses up to now, with their headers."""

    def __init__(self, server_url: str) -> None:
        """Listens on a free port."""
        self._server = ("127.0.0.1", urlsplit(server_url).port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._lock = threading.Lock()
        self.received = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Returns the address for clients."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Accepts no further connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                threading.Thread(target=self._carry, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._carry, args=(server, client, True), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, is_response: bool) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                if is_response:
                    with self._lock:
                        self.received += len(data)
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@contextmanager
def counting_relay(server_url: str) -> Iterator[CountingRelay]:
    """Yields a relay to ``server_url`` until the end of the block."""
    relay = CountingRelay(server_url)
    try:
        yield relay
    finally:
        relay.close()
