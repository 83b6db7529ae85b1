"""Defines an HTTP/1.1 connection: uvicorn's, with a deadline for each phase, bounds of the head, and admission."""

import asyncio
import fcntl
import logging
import sys
import termios
from typing import Any, TypeAlias, cast

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from etalase.server.door import Door, Limits, Phase, group_of

# uvicorn would log each request that is not HTTP, and any client can send them.
logger = logging.getLogger("etalase.server")

# A head is measured in pieces of this size, so that a head in one piece is bounded, too.
PIECE_BYTES = 16 * 1024
# The key of the connection in the ASGI scope, for the bridge.
SCOPE_KEY = "etalase.connection"
# The key of the group with which a request takes turns for a thread.
TURN_KEY = "etalase.turn"

# Pipelined requests, each of which is held in memory. Browsers and proxies send none.
MAX_PIPELINED = 16

AppState: TypeAlias = dict[str, Any]


class TooManyPipelined(Exception):
    """A client has sent more requests ahead than the server keeps."""


class ServerConfig(Config):
    """uvicorn's settings, with the door of this process."""

    def __init__(self, app: Any, limits: Limits, **settings: Any) -> None:
        super().__init__(app, http=Connection, **settings)
        self.door = Door(limits)


class Connection(HttpToolsProtocol):
    """A connection. ``since`` is the start of its present phase of reading."""

    def __init__(
        self,
        config: ServerConfig,
        server_state: ServerState,
        app_state: AppState,
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = logger
        self.door = config.door
        self.limits = config.door.limits
        self.group = ""
        self.gone = False
        self.written_bytes = 0
        self._phase, self.since = Phase.IDLE, self.loop.time()
        self._head_bytes = self._body_bytes = self._framing_bytes = 0
        # No more bytes are read; the kept requests still get responses.
        self._is_read_closed = False
        # Since when the client has unread bytes, and how many it had read by then.
        self._unread: tuple[float, int] | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Admits the connection, or refuses it if there is no room."""
        super().connection_made(transport)
        self.group = group_of(self.client[0]) if self.client else ""
        if not self.door.admit(self):
            self._refuse("503 Service Unavailable", "Too many connections; try again in a moment.")

    def connection_lost(self, exc: Exception | None) -> None:
        """Removes the connection."""
        self.gone = True
        self.door.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads bytes. Refuses a head above ``max_head_bytes``, and a body with more framing than content."""
        if self._phase is Phase.IDLE:
            self._enter(Phase.HEAD)
        for start in range(0, len(data), PIECE_BYTES):
            piece = data[start : start + PIECE_BYTES]
            if self.transport.is_closing() or self._is_read_closed:
                return
            self._head_bytes += len(piece) if self._phase is Phase.HEAD else 0
            if self._head_bytes > self.limits.max_head_bytes:
                self._refuse("431 Request Header Fields Too Large", "The head of the request is too large.")
                return
            in_body, cycle, before = self._phase in {Phase.BODY, Phase.DRAIN}, self.cycle, self._body_bytes
            super().data_received(piece)
            if in_body and self.cycle is cycle:
                self._framing_bytes += len(piece) - (self._body_bytes - before)
                if self._framing_bytes > self.limits.max_head_bytes + self._body_bytes:
                    self._refuse("431 Request Header Fields Too Large", "The body of the request has too much framing.")
                    return

    def eof_received(self) -> bool:  # type: ignore[override]
        """Returns whether the connection stays open: a client that closed its own side only still gets its response."""
        if self._phase is Phase.WORK and self._is_busy():
            self.cycle.keep_alive = False
            return True
        return False

    # What the parser calls

    def on_message_begin(self) -> None:
        """Begins a request. Raises :class:`TooManyPipelined`."""
        if len(self.pipeline) >= MAX_PIPELINED:
            raise TooManyPipelined
        super().on_message_begin()
        cast("dict[str, object]", self.scope)[SCOPE_KEY] = self

    def on_header(self, name: bytes, value: bytes) -> None:
        """Reads a header. Drops one after the body (a trailer), which is not a header (RFC 9110, section 6.5.1)."""
        if self._phase not in {Phase.BODY, Phase.DRAIN}:
            super().on_header(name, value)

    def send_400_response(self, msg: str) -> None:
        """Refuses a request that is not HTTP. With too many pipelined ones, responds to the kept ones, then closes."""
        if len(self.pipeline) >= MAX_PIPELINED:
            self._is_read_closed, self.cycle.keep_alive = True, False
        else:
            super().send_400_response(msg)

    def on_headers_complete(self) -> None:
        """Begins to wait for the body."""
        self._head_bytes = self._body_bytes = self._framing_bytes = 0
        self._enter(Phase.BODY)
        # Browsers wait for each response, so pipelined requests take turns in a group of their own.
        turn = f"{self.group} pipelined" if self._is_busy() else self.group
        cast("dict[str, object]", self.scope)[TURN_KEY] = turn
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Counts the received bytes."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Ends the phase of reading: the request has arrived whole."""
        self._enter(Phase.WORK if self._is_busy() else Phase.IDLE)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Ends the phase of the response, and waits for the next request."""
        if not self.pipeline:
            self._enter({Phase.WORK: Phase.IDLE, Phase.BODY: Phase.DRAIN}.get(self._phase, self._phase))
        super().on_response_complete()

    # What the door calls

    def standing(self) -> tuple[Phase, float]:
        """Returns the phase and its start."""
        if self._unread is not None:
            return Phase.RESPONSE, self._unread[0]
        return (Phase.WORK if self._is_busy() and self._phase is not Phase.BODY else self._phase), self.since

    def check(self, now: float) -> None:
        """Ends the connection if a deadline has passed."""
        if waiting := self.transport.get_write_buffer_size():
            self._check_reader(now, self.written_bytes - waiting - self._in_kernel())
            return
        self._unread = None
        if self.flow.read_paused or (self._is_busy() and self._phase is Phase.HEAD):
            # This server has paused reading, or the next of several requests is early: its time has not begun.
            self.since = now
        elif self._phase is not Phase.WORK and now - self.since > self._allowed_seconds():
            self._time_out()

    def evict(self) -> None:
        """Ends the connection at once."""
        self.transport.abort()

    def drop(self) -> None:
        """Ends the connection during its response, without an error."""
        self.cycle.disconnected = True
        self.transport.abort()

    def _check_reader(self, now: float, read_bytes: int) -> None:
        if self._unread is None:
            self._unread = now, read_bytes
        since, before = self._unread
        if now - since > self.limits.transfer_seconds(self.limits.response_seconds, read_bytes - before):
            self.transport.abort()

    def _in_kernel(self) -> int:
        """Returns the bytes in the kernel that the client has not acknowledged: megabytes, on some machines."""
        unsent = fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
        return int.from_bytes(unsent, sys.byteorder)

    def _allowed_seconds(self) -> float:
        match self._phase:
            case Phase.HEAD:
                return self.limits.head_seconds
            case Phase.BODY:
                return self.limits.transfer_seconds(self.limits.body_seconds, self._body_bytes)
            case Phase.DRAIN:
                return self.limits.drain_seconds
            case _:
                return self.limits.idle_seconds

    def _time_out(self) -> None:
        if self._phase in {Phase.HEAD, Phase.BODY}:
            self._refuse("408 Request Timeout", "The request took too long.")
        else:
            self.transport.abort()

    def _refuse(self, status: str, detail: str) -> None:
        """Responds instead of the application and closes the connection."""
        head = f"HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {len(detail)}\r\nconnection: close\r\n\r\n"
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            self.transport.write(f"{head}{detail}".encode("ascii"))
            self.transport.close()
        else:
            self.transport.abort()

    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _enter(self, phase: Phase) -> None:
        if phase is not self._phase:
            self._phase, self.since = phase, self.loop.time()
