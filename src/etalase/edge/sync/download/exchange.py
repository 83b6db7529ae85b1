"""Defines the deadlines and the response of one HTTP exchange, and its account with the bandwidth limit."""

from dataclasses import dataclass

from etalase.curl import header
from etalase.edge.sync.download.bandwidth_limiter import Limiter
from etalase.errors import Reason, TransferFailed


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Deadlines of an exchange in seconds: to connect, below ``min_bytes_per_second``, and in total."""

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


class ExchangeAccount:
    """One exchange under the limit: pays for its bytes, and measures its deadlines without the pauses of the limit.

    It pays in shares, so that a slow server causes no pauses and reaches its deadline (hazard 28).
    """

    def __init__(self, limiter: Limiter, deadlines: Deadlines) -> None:
        self._limiter, self._deadlines = limiter, deadlines
        self._share_bytes = limiter.share_bytes
        self._began = limiter.clock.monotonic()
        self._received = self._paid = self._enough_bytes = 0
        self._slept = self._enough_at = 0.0

    def add(self, size_bytes: int) -> None:
        """Counts received bytes; sleeps where a share of them is due."""
        self._received += size_bytes
        if self._received - self._paid >= self._share_bytes:
            self.settle()

    def set_total(self, size_bytes: int) -> None:
        """Counts the bytes of the exchange by curl's total: only curl knows the size of a compressed body."""
        self.add(max(0, size_bytes - self._received))

    def settle(self) -> None:
        """Pays for all bytes so far. Sleeps."""
        self._slept += self._limiter.pay(self._received - self._paid)
        self._paid = self._received

    def overdrawn(self, response: Response) -> TransferFailed | None:
        """Returns the error of a deadline that passed, or None."""
        awake = self._limiter.clock.monotonic() - self._began - self._slept
        limits = self._deadlines
        if self._received - self._enough_bytes >= limits.min_bytes_per_second * limits.idle_seconds:
            self._enough_bytes, self._enough_at = self._received, awake
        if awake > limits.total_seconds:
            detail = f"not complete after {limits.total_seconds:.0f} seconds"
        elif awake - self._enough_at > limits.idle_seconds:
            detail = f"less than {limits.min_bytes_per_second} bytes a second for {limits.idle_seconds} seconds"
        else:
            return None
        return TransferFailed(Reason.TIMEOUT, detail, status=response.status, head=response.head)
