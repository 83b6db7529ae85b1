"""HTTP from the edge to head office and its bucket, by curl.

One handle a thread reuses its connections. Under a bandwidth limit curl's own deadlines would count the pauses that the limit
causes: then :class:`_Account` keeps them.
"""

import ipaddress
import re
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pycurl

from etalase.curl import OPTIONS, LinkFault, header, link_fault, set_options, trust
from etalase.edge.sync.download.bandwidth_limiter import Limiter
from etalase.errors import Reason, TransferFailed
from etalase.protocol import printable

USER_AGENT = "etalase"
# Not in pycurl: CURLOPT_DISALLOW_USERNAME_IN_URL (https://curl.se/libcurl/c/CURLOPT_DISALLOW_USERNAME_IN_URL.html)
_DISALLOW_USERNAME_IN_URL = 278
_OPTIONS = {
    pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
    _DISALLOW_USERNAME_IN_URL: 1,
    pycurl.BUFFERSIZE: 256 * 1024,
    pycurl.USERAGENT: USER_AGENT,
    pycurl.NOPROGRESS: 0,
}

_REASON_OF = {
    pycurl.E_OPERATION_TIMEDOUT: Reason.TIMEOUT,
    pycurl.E_FILESIZE_EXCEEDED: Reason.SIZE_MISMATCH,
    pycurl.E_UNSUPPORTED_PROTOCOL: Reason.ORIGIN_REFUSED,
    pycurl.E_URL_MALFORMAT: Reason.ORIGIN_REFUSED,
    pycurl.E_LOGIN_DENIED: Reason.ORIGIN_REFUSED,  # a user name in the URL
}


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long an exchange may take, in seconds: to connect, without ``min_bytes_per_second``, and in all."""

    connect_seconds: float
    idle_seconds: int
    min_bytes_per_second: int
    total_seconds: float


@dataclass(slots=True)
class Response:
    """A response, with its unparsed ``head``; ``body`` is empty where a sink took it."""

    status: int
    head: bytes = b""
    body: bytes = b""

    def header(self, name: bytes) -> str:
        """Returns the header of this lower-case name, or an empty text; of several, the last."""
        return header(self.head, name)


class _Account:
    """One exchange under the limit: pays for its bytes, and keeps its deadlines without the pauses that the limit causes.

    It pays a share at a time. So a slow server costs no pauses, and its deadline passes (hazard 28).
    """

    def __init__(self, limiter: Limiter, deadlines: Deadlines) -> None:
        self._limiter = limiter
        self._deadlines = deadlines
        self._share_bytes = limiter.share_bytes
        self._began = limiter.clock.monotonic()
        self._came = self._paid = self._enough_bytes = 0
        self._slept = self._enough_at = 0.0

    def took(self, size_bytes: int) -> None:
        """Counts more bytes; sleeps where a share of them is due."""
        self._came += size_bytes
        if self._came - self._paid >= self._share_bytes:
            self.settle()

    def brought(self, size_bytes: int) -> None:
        """Counts the bytes of the whole exchange, by curl's own count: only curl knows the size of a compressed body."""
        self.took(max(0, size_bytes - self._came))

    def settle(self) -> None:
        """Pays for all bytes so far."""
        self._slept += self._limiter.pay(self._came - self._paid)
        self._paid = self._came

    def overdrawn(self, response: Response) -> TransferFailed | None:
        """Returns the error of a deadline that passed, or None."""
        awake = self._limiter.clock.monotonic() - self._began - self._slept
        limits = self._deadlines
        if self._came - self._enough_bytes >= limits.min_bytes_per_second * limits.idle_seconds:
            self._enough_bytes, self._enough_at = self._came, awake
        if awake > limits.total_seconds:
            said = f"not complete after {limits.total_seconds:.0f} seconds"
        elif awake - self._enough_at > limits.idle_seconds:
            said = f"less than {limits.min_bytes_per_second} bytes a second for {limits.idle_seconds} seconds"
        else:
            return None
        return TransferFailed(Reason.TIMEOUT, said, status=response.status, head=response.head)


@dataclass(slots=True)
class _Taking:
    """The callbacks of one exchange. An error in a callback is kept: curl would swallow it."""

    sink: Callable[[Response, bytes], None] | None
    address_allowed: Callable[[str], bool]
    stopped: threading.Event
    account: _Account | None
    window_bytes: int | None
    # Unparsed: most are never read, and curl calls for each of them.
    head: list[bytes] = field(default_factory=list)
    _response: Response | None = None
    pieces: list[bytes] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)
    failure: BaseException | None = None

    @property
    def response(self) -> Response:
        """Returns the last head: that of the response itself, once its body has begun."""
        if self._response is None or not self._response.status:
            self._response = _parsed(self.head)
        return self._response

    def body(self, piece: bytes) -> int | None:
        try:
            if self.account is not None and not self.response.header(b"content-encoding"):
                self.account.took(len(piece))
            if self.sink is None:
                self.pieces.append(piece)
            else:
                self.sink(self.response, piece)
        except BaseException as error:
            self.failure = error
            return 0
        return None

    def progress(self, _total: int, came: int, *_: int) -> int:
        if self.account is not None:
            try:
                self.account.brought(came)
            except BaseException as error:
                self.failure = error
            else:
                self.failure = self.account.overdrawn(self.response)
        return int(self.failure is not None or self.stopped.is_set())

    def open_socket(self, _purpose: int, address: Any) -> Any:
        family, kind, protocol, target = address[:4]
        if not self.address_allowed(str(target[0])):
            self.refused.append(str(target[0]))
            return pycurl.SOCKET_BAD
        self.sockets.append(socket.socket(family, kind, protocol))
        if self.window_bytes is not None:
            self.sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.window_bytes)
        return self.sockets[-1]

    def close(self) -> None:
        # pycurl works on duplicates; the originals stay ours.
        for opened in self.sockets:
            opened.close()


@dataclass(slots=True)
class Transport:
    """Makes HTTP exchanges, one after the other in each thread. ``stopped`` ends those in flight within a second.

    All transports of a run share ``limiter``; None: no limit, ever. ``ca_file`` has certificates that are trusted besides this
    machine's; error texts name ``setting`` as the source of the addresses.
    """

    address_allowed: Callable[[str], bool] = lambda _: True
    stopped: threading.Event = field(default_factory=threading.Event)
    limiter: Limiter | None = None
    ca_file: Path | None = None
    setting: str = "ETALASE_HO_URL"
    _local: threading.local = field(default_factory=threading.local)

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

        A body of more than ``max_bytes`` ends the exchange. ``sink`` takes the body piece by piece; its errors end the exchange
        and are raised here. Sleeps as the limit requires; ``deadlines`` do not count that. Raises :class:`TransferFailed` with
        its reason where no whole response arrived.
        """
        limiter = self.limiter
        window_bytes = None if limiter is None else limiter.window_bytes
        account = None if limiter is None else _Account(limiter, deadlines)
        taking = _Taking(sink, self.address_allowed, self.stopped, account, window_bytes)
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
        curl.setopt(pycurl.HEADERFUNCTION, taking.head.append)
        curl.setopt(pycurl.WRITEFUNCTION, taking.body)
        curl.setopt(pycurl.XFERINFOFUNCTION, taking.progress)
        curl.setopt(pycurl.OPENSOCKETFUNCTION, taking.open_socket)
        try:
            curl.perform()
        except pycurl.error as error:
            os_errno = curl.getinfo(pycurl.OS_ERRNO)
            self._drop_handle()
            if taking.failure is not None:
                raise taking.failure from None
            fault = link_fault(error.args[0], str(error.args[1]), url, os_errno=os_errno, setting=self.setting)
            raise _failed(error, fault, taking.response, taking.refused, self.stopped) from error
        finally:
            taking.close()
            if account is not None:
                account.settle()
        response = taking.response
        response.body = b"".join(taking.pieces)
        return response

    def _handle(self, window_bytes: int | None) -> Any:
        curl = getattr(self._local, "curl", None)
        if curl is not None and self._local.window_bytes != window_bytes:
            # Its connections keep the window of their opening, and another step of the timetable began.
            self._drop_handle()
            curl = None
        if curl is None:
            self._local.window_bytes = window_bytes
            curl = self._local.curl = pycurl.Curl()
            set_options(curl, {**OPTIONS, **_OPTIONS, **trust(self.ca_file)})
        return curl

    def _drop_handle(self) -> None:
        # A handle that failed in a callback is not used again: its connection is in an unknown state.
        self._local.curl.close()
        self._local.curl = None


_STATUS_LINE = re.compile(rb"HTTP/[0-9.]+ +([0-9]{3})")


def _parsed(head: Sequence[bytes]) -> Response:
    """Returns the last head: a 100 may stand before it (RFC 9110, section 15.2).

    A head begins at the first line and after an empty one: elsewhere, a line like a status line is a field.
    """
    for at in range(len(head) - 1, -1, -1):
        if (at == 0 or not head[at - 1].strip()) and (status := _STATUS_LINE.match(head[at])):
            return Response(int(status[1]), b"".join(head[at:]))
    return Response(0)


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
    # Where waiting does not help, the text names the setting; a broken link needs no advice.
    text = fault.text if fault.passes else f"{fault.text}. {fault.hint}"
    return TransferFailed(reason, printable(text), status=head.status, head=head.head, passes=fault.passes)


def _all_loopback(addresses: list[str]) -> bool:
    return all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in addresses)
