"""How many connections there may be, of whom, and how long each phase of one may take. No sockets here."""

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
    # A body or a response gets this long, and a second more for each ``min_bytes_per_second`` bytes that crossed.
    body_seconds: float = 30
    response_seconds: float = 30
    min_bytes_per_second: int = 512
    max_seconds: float = 3600
    # After a response that did not wait for the body's end: so long the rest is read and dropped, for the client to see it.
    drain_seconds: float = 10
    max_head_bytes: int = 64 * 1024
    max_body_bytes: int = 64 * 1024
    connections: int = 1000
    # 0: no cap, for where all connections come from a proxy.
    connections_per_address: int = 256

    @property
    def sweep_seconds(self) -> float:
        """How often connections are looked at: often enough that a deadline is kept within a quarter of itself."""
        return min(1.0, min(self.idle_seconds, self.head_seconds, self.body_seconds, self.response_seconds) / 4)

    def transfer_seconds(self, base_seconds: float, byte_count: int) -> float:
        """How long a transfer of ``byte_count`` bytes so far may have taken."""
        return min(base_seconds + byte_count / self.min_bytes_per_second, max(self.max_seconds, base_seconds))


class Phase(IntEnum):
    """What a connection is doing; the lower, the sooner it makes room for another."""

    IDLE = 0  # between requests, or not yet a byte of the first one
    DRAIN = 1  # answered; the rest of a body is dropped
    HEAD = 2
    BODY = 3
    RESPONSE = 4  # the client has yet to read
    WORK = 5  # the request is here and its response is being made


class Visitor(Protocol):
    """A connection as the door sees it."""

    group: str

    def standing(self) -> tuple[Phase, float]:
        """The phase, and since when by the loop's clock."""
        ...

    def check(self, now: float) -> None:
        """End the connection where a deadline has passed."""
        ...

    def evict(self) -> None:
        """End the connection at once."""
        ...


def group_of(address: str) -> str:
    """Who counts as one: an IPv4 address, also one mapped into IPv6, or a /64, which one customer has to himself."""
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
        """Count ``visitor`` in, or return False where there is no room and nobody whose place could be taken.

        The one that makes room is of the address that has too many, and the one that has kept it waiting for longest: so that
        idle connections of browsers behind one NAT, or an attacker's, never keep out a request.
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
        """Count ``visitor`` out, if it was in."""
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
