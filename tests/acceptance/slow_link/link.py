"""Simulates a weak link between two hosts, with real packets between two network namespaces.

Like ``tc netem`` (rate, delay, a queue that drops its tail), for kernels without it; it also cuts the link, which netem cannot.
TCP on both sides is the kernel's own.
"""

import os
import random
import selectors
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

from tests.acceptance.slow_link import packet as packets
from tests.acceptance.slow_link.namespace import Namespace, new_namespace

# A range that no network uses (RFC 2544: for measuring devices).
EDGE_ADDRESS, HEAD_OFFICE_ADDRESS = "198.18.0.2", "198.18.0.1"
MAX_PACKET_BYTES = 65536
LOSS_SEED = 11


class Cut(Enum):
    """How a cut ends a connection: with a reset to both sides, or silently."""

    RESET = "reset"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Weather:
    """The quality of the link. ``delay_seconds`` is one way. After each ``cut_every_seconds`` nothing passes for
    ``down_seconds``, and no connection from before ever works again. ``loss`` is the share of packets that the link loses, each
    way and at random, beside those that find the queue full."""

    bits_per_second: float = 2e6
    delay_seconds: float = 0.150
    queue_bytes: int = 150_000
    cut_every_seconds: float | None = None
    down_seconds: float = 1.0
    cut: Cut = Cut.RESET
    loss: float = 0.0


@dataclass(slots=True)
class Traffic:
    """The traffic received from one port of head office, in bytes of TCP payload.

    ``carried`` crossed the link; ``received`` of it could be read at the edge: the rest was sent twice, or lost in a cut.
    ``heads`` of ``answers`` are HTTP's status lines and headers.
    """

    carried: int = 0
    received: int = 0
    responses: int = 0
    heads: int = 0

    @property
    def body(self) -> int:
        """Returns the bytes of HTTP bodies that arrived in order at the edge."""
        return self.received - self.heads


@dataclass(slots=True)
class _Stream:
    """The bytes that a host received: all up to the sequence number ``next``, and pieces ``ahead`` of a gap, as TCP
    keeps them (RFC 9293, section 3.10.7.4)."""

    next: int = 0
    ahead: dict[int, int] = field(default_factory=dict)

    def take(self, segment: packets.Segment) -> int:
        """Adds a segment and returns the number of bytes that became readable."""
        if segment.flags & packets.SYN:
            self.next = segment.end
            return 0
        began = self.next
        if packets.between(self.ahead.get(segment.seq, self.next), segment.end) > 0:
            self.ahead[segment.seq] = segment.end
        while fits := [seq for seq in self.ahead if packets.between(seq, self.next) >= 0]:
            end = self.ahead.pop(fits[0])
            if packets.between(self.next, end) > 0:
                self.next = end
        return packets.between(began, self.next)


@dataclass(slots=True)
class _Flow:
    """A connection, and the bytes that each host received."""

    edge_port: int
    ho_port: int
    edge: _Stream = field(default_factory=_Stream)
    head_office: _Stream = field(default_factory=_Stream)
    dead: bool = False
    refused_by_edge: bool = False
    heads: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Waiting:
    carried_at: float
    arrives_at: float
    packet: bytes
    segment: packets.Segment


@dataclass(slots=True)
class _Way:
    """One direction of the link: its queue and its packets in flight."""

    source: Namespace
    target: Namespace
    free_at: float = 0.0
    waiting: deque[_Waiting] = field(default_factory=deque)


class Link:
    """The link between the hosts ``edge`` and ``head_office``; a thread carries its packets until :meth:`close`."""

    def __init__(self, weather: Weather) -> None:
        self.weather = weather
        self.edge, self.head_office = new_namespace(EDGE_ADDRESS), new_namespace(HEAD_OFFICE_ADDRESS)
        self.cuts = 0
        self._ways = (_Way(self.head_office, self.edge), _Way(self.edge, self.head_office))
        self._flows: dict[tuple[int, int], _Flow] = {}
        self._traffic: dict[int, Traffic] = {}
        self._down_until = 0.0
        self._next_cut = self._after_cut(time.monotonic())
        self._random = random.Random(LOSS_SEED)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="slow-link")
        self._thread.start()

    def from_head_office(self, port: int) -> Traffic:
        """Returns the traffic received so far from a port of head office."""
        return self._traffic.setdefault(port, Traffic())

    def close(self) -> None:
        """Stops the thread and both hosts."""
        self._stopped.set()
        self._thread.join()
        self.edge.close()
        self.head_office.close()

    def _after_cut(self, now: float) -> float:
        return now + self.weather.cut_every_seconds if self.weather.cut_every_seconds else float("inf")

    def _carry(self) -> None:
        with selectors.DefaultSelector() as selector:
            for way in self._ways:
                selector.register(way.source.tun, selectors.EVENT_READ, way)
            while not self._stopped.is_set():
                due = [way.waiting[0].arrives_at for way in self._ways if way.waiting]
                # Wakes at least every 50 ms, for a cut and for the end.
                pause = max(0.0, min([*due, time.monotonic() + 0.05]) - time.monotonic())
                for key, _ in selector.select(pause):
                    self._take(key.data)
                now = time.monotonic()
                for way in self._ways:
                    while way.waiting and way.waiting[0].arrives_at <= now:
                        self._deliver(way, way.waiting.popleft())
                if now >= self._next_cut:
                    self._cut(now)

    def _take(self, way: _Way) -> None:
        """Enqueues the packets that a host sends, or drops them if the queue is full."""
        with suppress(BlockingIOError):
            while True:
                packet = os.read(way.source.tun, MAX_PACKET_BYTES)
                segment = packets.read(packet)
                if segment and self._passes(way, segment):
                    self._enqueue(way, packet, segment)

    def _passes(self, way: _Way, segment: packets.Segment) -> bool:
        flow = self._flow(way, segment)
        if segment.flags & packets.SYN and not segment.flags & packets.ACK:
            flow = self._flows[flow.edge_port, flow.ho_port] = _Flow(flow.edge_port, flow.ho_port)
        if flow.dead:
            if self.weather.cut is Cut.RESET and not segment.flags & packets.RST:
                self._reset(flow, way.source, segment.ack)
            return False
        # The receiver is gone, for example after a kill.
        flow.refused_by_edge |= way.source is self.edge and bool(segment.flags & packets.RST)
        return time.monotonic() >= self._down_until

    def _enqueue(self, way: _Way, packet: bytes, segment: packets.Segment) -> None:
        now = time.monotonic()
        backlog_seconds = max(0.0, way.free_at - now)
        if backlog_seconds * self.weather.bits_per_second / 8 + len(packet) > self.weather.queue_bytes:
            return
        if self.weather.loss and self._random.random() < self.weather.loss:
            return
        way.free_at = now + backlog_seconds + len(packet) * 8 / self.weather.bits_per_second
        way.waiting.append(_Waiting(way.free_at, way.free_at + self.weather.delay_seconds, packet, segment))

    def _deliver(self, way: _Way, waiting: _Waiting) -> None:
        self._note_carried(way, waiting)
        flow = self._flow(way, waiting.segment)
        if way.target is self.head_office:
            flow.head_office.take(waiting.segment)
        elif not flow.refused_by_edge:
            self._note_received(flow, waiting.segment)
        with suppress(BlockingIOError):
            os.write(way.target.tun, waiting.packet)

    def _note_carried(self, way: _Way, waiting: _Waiting) -> None:
        if way.target is self.edge:
            self.from_head_office(waiting.segment.source_port).carried += len(waiting.segment.payload)

    def _note_received(self, flow: _Flow, segment: packets.Segment) -> None:
        traffic = self.from_head_office(flow.ho_port)
        traffic.received += flow.edge.take(segment)
        if segment.payload.startswith(b"HTTP/1.") and segment.seq not in flow.heads:
            flow.heads.add(segment.seq)
            traffic.responses += 1
            traffic.heads += segment.payload.find(b"\r\n\r\n") + 4

    def _cut(self, now: float) -> None:
        """Drops the queues and ends every connection; packets in flight are lost."""
        self.cuts += 1
        for way in self._ways:
            for waiting in way.waiting:
                if waiting.carried_at <= now:
                    self._note_carried(way, waiting)
            way.waiting.clear()
            way.free_at = now
        for flow in self._flows.values():
            if not flow.dead:
                flow.dead = True
                if self.weather.cut is Cut.RESET:
                    self._reset(flow, self.edge, flow.edge.next)
                    self._reset(flow, self.head_office, flow.head_office.next)
        self._down_until = now + self.weather.down_seconds
        self._next_cut = self._after_cut(now)

    def _reset(self, flow: _Flow, target: Namespace, seq: int) -> None:
        ends = [(self.edge.address, flow.edge_port), (self.head_office.address, flow.ho_port)]
        (to, to_port), (source, source_port) = ends if target is self.edge else reversed(ends)
        with suppress(BlockingIOError):
            os.write(target.tun, packets.reset(source=source, source_port=source_port, target=to, target_port=to_port, seq=seq))

    def _flow(self, way: _Way, segment: packets.Segment) -> _Flow:
        ports = segment.source_port, segment.target_port
        edge_port, ho_port = ports if way.source is self.edge else reversed(ports)
        return self._flows.setdefault((edge_port, ho_port), _Flow(edge_port, ho_port))
