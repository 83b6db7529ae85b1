"""Parses TCP segments in IPv4 packets (RFC 791, RFC 9293) and builds the reset that ends a connection. Pure."""

import socket
import struct
from dataclasses import dataclass

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
_TCP = 6
_SEQUENCE = 1 << 32


@dataclass(frozen=True, slots=True)
class Segment:
    """A parsed packet. ``end`` is the sequence number after its last byte; SYN and FIN count as one each."""

    source_port: int
    target_port: int
    seq: int
    ack: int
    flags: int
    payload: bytes

    @property
    def end(self) -> int:
        return (self.seq + len(self.payload) + bool(self.flags & SYN) + bool(self.flags & FIN)) % _SEQUENCE


def read(packet: bytes) -> Segment | None:
    """Returns the TCP segment in ``packet``, or None for any other packet."""
    if packet[0] >> 4 != 4 or packet[9] != _TCP:
        return None
    at = (packet[0] & 15) * 4
    source_port, target_port, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", packet, at)
    return Segment(source_port, target_port, seq, ack, flags, packet[at + (offset >> 4) * 4 :])


def between(earlier: int, later: int) -> int:
    """Returns the bytes from one sequence number to the other; negative if ``later`` comes first."""
    distance = (later - earlier) % _SEQUENCE
    return distance - _SEQUENCE if distance >= _SEQUENCE // 2 else distance


def reset(*, source: str, source_port: int, target: str, target_port: int, seq: int) -> bytes:
    """Builds a packet that ends the connection at ``target``, as if sent by ``source``."""
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    tcp = struct.pack("!HHIIBBHHH", source_port, target_port, seq, 0, 5 << 4, RST, 0, 0, 0)
    tcp = tcp[:16] + _checksum(ends + struct.pack("!HH", _TCP, len(tcp)) + tcp) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 4 << 4 | 5, 0, 20 + len(tcp), 0, 0, 64, _TCP, 0) + ends
    return ip[:10] + _checksum(ip) + ip[12:] + tcp


def _checksum(data: bytes) -> bytes:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", total ^ 0xFFFF)
