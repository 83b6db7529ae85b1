"""Makes HTTP requests to head office and its bucket, with curl.

The handle that was used last is used first, because its connections are open and their windows have grown. Under a bandwidth
limit, curl's own deadlines would count the pauses of the limit; then :class:`.exchange.ExchangeAccount` measures them.
"""

import ipaddress
import re
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pycurl

from etalase.curl import OPTIONS, LinkFault, link_fault, set_options, trust
from etalase.edge.clock import Clock
from etalase.edge.sync.download.bandwidth_limiter import Limiter
from etalase.edge.sync.download.exchange import Deadlines, ExchangeAccount, Response
from etalase.errors import Reason, TransferFailed
from etalase.protocol import printable

# Not in pycurl: CURLOPT_DISALLOW_USERNAME_IN_URL (https://curl.se/libcurl/c/CURLOPT_DISALLOW_USERNAME_IN_URL.html)
_DISALLOW_USERNAME_IN_URL = 278
# TCP's and TLS 1.3's (RFC 8446, section 2).
TLS_ROUND_TRIPS = 2
_OPTIONS = {
    pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
    _DISALLOW_USERNAME_IN_URL: 1,
    pycurl.BUFFERSIZE: 128 * 1024,
    pycurl.USERAGENT: "etalase",
    pycurl.NOPROGRESS: 0,
}

_REASON_OF = {
    pycurl.E_OPERATION_TIMEDOUT: Reason.TIMEOUT,
    pycurl.E_FILESIZE_EXCEEDED: Reason.SIZE_MISMATCH,
    pycurl.E_UNSUPPORTED_PROTOCOL: Reason.ORIGIN_REFUSED,
    pycurl.E_URL_MALFORMAT: Reason.ORIGIN_REFUSED,
    pycurl.E_LOGIN_DENIED: Reason.ORIGIN_REFUSED,  # a user name in the URL
}


@dataclass(slots=True)
class _Receiver:
    """The callbacks of one exchange. Keeps an error of a callback, because curl would drop it."""

    sink: Callable[[Response, bytes], None] | None
    address_allowed: Callable[[str], bool]
    stopped: threading.Event
    account: ExchangeAccount | None
    window_bytes: int | None
    began: Callable[[int], None] | None
    # Unparsed, because most headers are never read.
    head: list[bytes] = field(default_factory=list)
    _response: Response | None = None
    pieces: list[bytes] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)
    failure: BaseException | None = None

    @property
    def response(self) -> Response:
        """Returns the last head; the response's own one as soon as its body begins."""
        if self._response is None or not self._response.status:
            self._response = _parsed(self.head)
        return self._response

    def body(self, piece: bytes) -> int | None:
        """Receives a piece of the body; 0 ends the exchange."""
        try:
            if self.began is not None:
                self.began(len(self.sockets))
                self.began = None
            if self.account is not None and not self.response.header(b"content-encoding"):
                self.account.add(len(piece))
            if self.sink is None:
                self.pieces.append(piece)
            else:
                self.sink(self.response, piece)
        except BaseException as error:
            self.failure = error
            return 0
        return None

    def progress(self, _total: int, received: int, *_: int) -> int:
        """Checks deadlines and the stop signal; 1 ends the exchange."""
        if self.account is not None:
            try:
                self.account.set_total(received)
            except BaseException as error:
                self.failure = error
            else:
                self.failure = self.account.overdrawn(self.response)
        return int(self.failure is not None or self.stopped.is_set())

    def open_socket(self, _purpose: int, address: Any) -> Any:
        """Opens a socket to an allowed address."""
        family, kind, protocol, target = address[:4]
        if not self.address_allowed(str(target[0])):
            self.refused.append(str(target[0]))
            return pycurl.SOCKET_BAD
        self.sockets.append(socket.socket(family, kind, protocol))
        if self.window_bytes is not None:
            self.sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.window_bytes)
        return self.sockets[-1]

    def close(self) -> None:
        """Closes the sockets; pycurl closes its own duplicates."""
        for opened in self.sockets:
            opened.close()


@dataclass(slots=True)
class Transport:
    """Makes HTTP exchanges, in several threads at once. ``stopped`` ends those in flight within a second.

    All transports of a run share ``limiter``; None: never a limit. ``first_byte`` gets the seconds until the body of a response
    began, and its round trips: more than one on a new connection; ``connected`` gets the seconds of TCP's handshake of a new
    connection. ``ca_file`` has trusted certificates in addition to those of
    this machine. Error texts name ``setting`` as the source of the addresses.
    """

    address_allowed: Callable[[str], bool] = lambda _: True
    stopped: threading.Event = field(default_factory=threading.Event)
    limiter: Limiter | None = None
    ca_file: Path | None = None
    setting: str = "ETALASE_HO_URL"
    first_byte: Callable[[float, int], None] | None = None
    connected: Callable[[float], None] | None = None
    clock: Clock = field(default_factory=Clock)
    _idle: list[tuple[int | None, Any]] = field(default_factory=list)

    def exchange(
        self,
        url: str,
        *,
        deadlines: Deadlines,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
        post: bytes | None = None,
        sink: Callable[[Response, bytes], None] | None = None,
        compressed: bool = False,
    ) -> Response:
        """Returns the response to a GET, or to a POST of ``post``, with any status.

        A body of more than ``max_bytes`` ends the exchange. ``sink`` receives the body in pieces; its errors end the exchange
        and are raised here. Sleeps as the limit requires; ``deadlines`` do not count these pauses. Raises
        :class:`TransferFailed` where the response is not complete.
        """
        limiter = self.limiter
        window_bytes = None if limiter is None else limiter.window_bytes
        account = None if limiter is None else ExchangeAccount(limiter, deadlines)
        receiver = _Receiver(sink, self.address_allowed, self.stopped, account, window_bytes, self._timed(url))
        curl = self._handle(window_bytes)
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in (headers or {}).items()])
        if post is None:
            curl.setopt(pycurl.HTTPGET, 1)
        else:
            curl.setopt(pycurl.POST, 1)
            curl.setopt(pycurl.POSTFIELDSIZE, len(post))
            curl.setopt(pycurl.COPYPOSTFIELDS, post)
        if compressed:
            curl.setopt(pycurl.ACCEPT_ENCODING, "gzip")
        else:
            curl.unsetopt(pycurl.ACCEPT_ENCODING)
        curl.setopt(pycurl.MAXFILESIZE_LARGE, max_bytes)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, round(deadlines.connect_seconds * 1000))
        if limiter is None:
            curl.setopt(pycurl.TIMEOUT_MS, round(deadlines.total_seconds * 1000))
            curl.setopt(pycurl.LOW_SPEED_LIMIT, deadlines.min_bytes_per_second)
            curl.setopt(pycurl.LOW_SPEED_TIME, deadlines.idle_seconds)
        else:
            curl.setopt(pycurl.BUFFERSIZE, limiter.share_bytes)
        curl.setopt(pycurl.HEADERFUNCTION, receiver.head.append)
        curl.setopt(pycurl.WRITEFUNCTION, receiver.body)
        curl.setopt(pycurl.XFERINFOFUNCTION, receiver.progress)
        curl.setopt(pycurl.OPENSOCKETFUNCTION, receiver.open_socket)
        try:
            curl.perform()
        except pycurl.error as error:
            os_errno = curl.getinfo(pycurl.OS_ERRNO)
            curl.close()  # its connections may be in an unknown state
            if receiver.failure is not None:
                raise receiver.failure from None
            fault = link_fault(error.args[0], str(error.args[1]), url, os_errno=os_errno, setting=self.setting)
            raise _failed(error, fault, receiver.response, receiver.refused, self.stopped) from error
        finally:
            receiver.close()
            if account is not None:
                account.settle()
        if self.connected is not None and receiver.sockets and not self._pauses:
            self.connected(curl.getinfo(pycurl.CONNECT_TIME) - curl.getinfo(pycurl.NAMELOOKUP_TIME))
        self._idle.append((window_bytes, curl))
        response = receiver.response
        response.body = b"".join(receiver.pieces)
        return response

    def _timed(self, url: str) -> Callable[[int], None] | None:
        """Returns a function that reports the first byte of a response; None under a limit, whose pauses would count."""
        report = self.first_byte
        if report is None or self._pauses:
            return None
        began, to_connect = self.clock.monotonic(), TLS_ROUND_TRIPS if url.startswith("https:") else 1
        return lambda connections: report(self.clock.monotonic() - began, 1 + to_connect * connections)

    @property
    def _pauses(self) -> bool:
        return self.limiter is not None and self.limiter.bytes_per_second is not None

    def _handle(self, window_bytes: int | None) -> Any:
        with suppress(IndexError):
            while True:
                had, curl = self._idle.pop()
                if had == window_bytes:
                    return curl
                curl.close()  # connections keep their first window, and another step of the timetable began
        curl = pycurl.Curl()
        set_options(curl, {**OPTIONS, **_OPTIONS, **trust(self.ca_file)})
        return curl


# A head begins at the first line and after an empty line. Elsewhere, a line like a status line is a header.
_HEAD = re.compile(rb"(?:\A|\n[ \t\r]*\n)(HTTP/[0-9.]+ +([0-9]{3}))")


def _parsed(head: Sequence[bytes]) -> Response:
    """Returns the last head: a 100 may precede it (RFC 9110, section 15.2)."""
    lines = b"".join(head)
    heads = list(_HEAD.finditer(lines))
    return Response(int(heads[-1][2]), lines[heads[-1].start(1) :]) if heads else Response(0)


def _failed(
    error: pycurl.error, fault: LinkFault, head: Response, refused: list[str], stopped: threading.Event
) -> TransferFailed:
    if refused:
        shown = ", ".join(dict.fromkeys(refused))
        hint = " To allow this machine itself, name it in ETALASE_IMAGE_ORIGINS." if _all_loopback(refused) else ""
        return TransferFailed(Reason.ORIGIN_REFUSED, f"the host's address {shown} is not allowed.{hint}")
    if stopped.is_set():
        return TransferFailed(Reason.CONNECTION_FAILED, "the run was stopped")
    reason = _REASON_OF.get(error.args[0], Reason.CONNECTION_FAILED)
    # Only an error that does not pass by itself needs the advice.
    text = fault.text if fault.passes else f"{fault.text}. {fault.hint}"
    return TransferFailed(reason, printable(text), status=head.status, head=head.head, passes=fault.passes)


def _all_loopback(addresses: list[str]) -> bool:
    return all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in addresses)
