"""Limits the number of connections, also per address, and the time of each phase. Uses no sockets."""

import asyncio
import ipaddress
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """Deadlines and caps of one server process. Each deadline is for the whole phase, not from one byte to the next."""

    idle_seconds: float = 75
    head_seconds: float = 15
    # The time of a body or response, plus one second for each ``min_bytes_per_second`` transferred bytes.
    body_seconds: float = 30
    response_seconds: float = 30
    min_bytes_per_second: int = 512
    max_seconds: float = 3600
    # After a response before the body's end, the rest is read and dropped for this time, so that the client sees the response.
    drain_seconds: float = 10
    max_head_bytes: int = 64 * 1024
    max_body_bytes: int = 64 * 1024
    connections: int = 1000
    # 0: no cap, because all connections come from a proxy.
    connections_per_address: int = 256

    @property
    def sweep_seconds(self) -> float:
        """Returns the interval of the checks, so short that a deadline is kept within a quarter of itself."""
        return min(1.0, min(self.idle_seconds, self.head_seconds, self.body_seconds, self.response_seconds) / 4)

    def transfer_seconds(self, base_seconds: float, byte_count: int) -> float:
        """Returns the time that a transfer of ``byte_count`` bytes may have taken so far."""
        return min(base_seconds + byte_count / self.min_bytes_per_second, max(self.max_seconds, base_seconds))


class Phase(IntEnum):
    """The phase of a connection; connections of lower phases make room first."""

    IDLE = 0  # between requests, or before the first byte
    DRAIN = 1  # after the response; the rest of a body is dropped
    HEAD = 2
    BODY = 3
    RESPONSE = 4  # the client has unread bytes
    WORK = 5  # the request has arrived; the application makes its response


class Visitor(Protocol):
    """A connection as the door sees it."""

    group: str

    def standing(self) -> tuple[Phase, float]:
        """Returns the phase, and its start by the loop's clock."""
        ...

    def check(self, now: float) -> None:
        """Ends the connection if a deadline has passed."""
        ...

    def evict(self) -> None:
        """Ends the connection at once."""
        ...


def group_of(address: str) -> str:
    """Returns the client: an IPv4 address, also one mapped into IPv6, or a /64, which belongs to one customer."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return str(ipaddress.ip_network((ip, 64), strict=False))
        ip = ip.ipv4_mapped
    return str(ip)


class Door:
    """All connections of this process, by address. Used from the event loop only."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._groups: dict[str, dict[Visitor, None]] = {}
        self._count = 0
        self._sweeping = False

    def admit(self, visitor: Visitor) -> bool:
        """Counts ``visitor`` in. Returns False if there is no room and no connection that can be closed.

        The closed connection is the longest idle one of the address with the most connections. So idle connections of browsers
        behind one NAT, or an attacker's, never keep out a request.
        """
        cap = self.limits.connections_per_address
        own = self._groups.get(visitor.group, {})
        if cap and visitor.group and len(own) >= cap and not self._make_room(own):
            return False
        if self._count >= self.limits.connections and not self._make_room(max(self._groups.values(), key=len)):
            return False
        self._groups.setdefault(visitor.group, {})[visitor] = None
        self._count += 1
        self._start_sweeping()
        return True

    def leave(self, visitor: Visitor) -> None:
        """Counts ``visitor`` out, if it was in."""
        group = self._groups.get(visitor.group, {})
        if visitor in group:
            del group[visitor]
            self._count -= 1
            if not group:
                del self._groups[visitor.group]

    def _make_room(self, group: dict[Visitor, None]) -> bool:
        phase, _, place = min(((*visitor.standing(), visitor) for visitor in group), key=lambda entry: entry[:2])
        if phase is Phase.WORK:
            return False
        self.leave(place)
        place.evict()
        return True

    def _start_sweeping(self) -> None:
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(self.limits.sweep_seconds, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = False
        now = asyncio.get_running_loop().time()
        for visitor in [visitor for group in self._groups.values() for visitor in group]:
            visitor.check(now)
        if self._groups:
            self._start_sweeping()
