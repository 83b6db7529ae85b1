"""Selects the tables of a JPEG that a scan uses (ITU-T T.81, sections B.2.3 and B.2.4). Others can hide a text. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from etalase.pictures.outline import Outline, Part

TABLES = frozenset({"DQT", "DHT", "DRI"})
CODE_LENGTHS = 16
DC, AC = 0x00, 0x10
PROGRESSIVE = "SOF2"


@dataclass(slots=True)
class _Table:
    """A table with its place in the file. ``key``: a later table of the same key replaces it."""

    key: tuple[str, int]
    start: int
    end: int
    is_used: bool = False


def segments_with_used_tables(data: bytes, outline: Outline) -> Iterator[tuple[Part, bytes]]:
    """Yields the segments of tables with their content: the tables that a scan uses, and no other byte."""
    tables = _with_their_use(data, outline)
    for part in outline.parts:
        if part.kind in TABLES:
            yield part, b"".join(data[table.start : table.end] for table in tables[part.start] if table.is_used)


def _with_their_use(data: bytes, outline: Outline) -> dict[int, list[_Table]]:
    """Returns the tables of each segment, by the segment's start."""
    found: dict[int, list[_Table]] = {}
    present: dict[tuple[str, int], _Table] = {}
    quantized_by: dict[int, int] = {}
    is_progressive = False
    for part in outline.parts:
        if part.kind in TABLES:
            found[part.start] = list(_SPLIT[part.kind](data, part))
            present |= {table.key: table for table in found[part.start]}
        elif part.kind.startswith("SOF"):
            is_progressive = part.kind == PROGRESSIVE
            quantized_by = _quantized_by(data[part.content : part.end])
        elif part.kind == "SOS":
            for key in _used_keys(data[part.content : part.end], quantized_by, is_progressive=is_progressive):
                if key in present:
                    present[key].is_used = True
    return found


def _quantized_by(header: bytes) -> dict[int, int]:
    """Returns the quantization table of each component of a frame header."""
    return {header[at]: header[at + 2] for at in range(6, len(header) - 2, 3)}


def _used_keys(header: bytes, quantized_by: dict[int, int], *, is_progressive: bool) -> Iterator[tuple[str, int]]:
    """Yields what a scan uses. A component keeps the quantization table that it had in its first scan."""
    yield "DRI", 0
    parameters = 1 + 2 * header[0] if header else 0
    if len(header) < parameters + 3:
        return
    first, _, approximation = header[parameters : parameters + 3]
    has_dc = not is_progressive or (first == 0 and approximation < AC)
    has_ac = not is_progressive or first > 0
    for at in range(1, parameters, 2):
        if (table := quantized_by.pop(header[at], None)) is not None:
            yield "DQT", table
        if has_dc:
            yield "DHT", DC | header[at + 1] >> 4
        if has_ac:
            yield "DHT", AC | header[at + 1] & 0x0F


def _quantization_tables(data: bytes, part: Part) -> Iterator[_Table]:
    start = part.content
    while start < part.end:
        end = start + (129 if data[start] >> 4 else 65)
        if end > part.end:
            return
        yield _Table(("DQT", data[start] & 0x0F), start, end)
        start = end


def _huffman_tables(data: bytes, part: Part) -> Iterator[_Table]:
    start = part.content
    while start + 1 + CODE_LENGTHS <= part.end:
        end = start + 1 + CODE_LENGTHS + sum(data[start + 1 : start + 1 + CODE_LENGTHS])
        if end > part.end:
            return
        yield _Table(("DHT", data[start]), start, end)
        start = end


def _restart_interval(_: bytes, part: Part) -> Iterator[_Table]:
    if part.end - part.content == 2:
        yield _Table(("DRI", 0), part.content, part.end)


_SPLIT = {"DQT": _quantization_tables, "DHT": _huffman_tables, "DRI": _restart_interval}
