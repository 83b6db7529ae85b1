"""Reads the structure of a HEIC: where the data of its picture lie, and whether they are all there. Pure.

Its decoder says nothing of lost data, and shows them green. Sources: ISO/IEC 14496-12 (boxes), 23008-12 (items),
14496-15 (NAL units in a file) and ITU-T H.265 section 7.4.2.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from etalase.pictures.outline import refuse_as_cut_short, refuse_as_damaged, refuse_as_too_complex, refuse_too_many_parts

Range: TypeAlias = tuple[int, int]

BOX_HEADER_BYTES, LARGE_HEADER_BYTES, VERSION_BYTES = 8, 16, 4
CODED = b"hvc1"
# An encoder puts a byte 3 after each two zero bytes of a NAL unit: more zeros are a lost block.
NEVER_IN_UNIT = re.compile(rb"\0\0[\0-\2]")
LEAST_UNIT_BYTES = 2
LENGTH_BYTES_AT = 21
# Of a picture with some hundred tiles: 50 KB.
MAX_META_BYTES = 1024**2


@dataclass(slots=True)
class _Items:
    """What the ``meta`` box says: the primary item, each item's type, places and parts, and the bytes of a unit's length."""

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    places: dict[int, list[Range]] = field(default_factory=dict)
    parts: dict[int, list[int]] = field(default_factory=dict)
    length_bytes: set[int] = field(default_factory=set)


def refuse_lost_data(data: bytes) -> None:
    """Raises :class:`PictureRefused` if image data of the primary picture are missing, or cannot come from an encoder.

    A picture whose structure is unknown passes: its decoder decides.
    """
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind in {b"meta", b"mdat"} and end > len(data):
            refuse_as_cut_short("its last bytes are missing")
        if kind != b"meta":
            continue
        if end - start > MAX_META_BYTES:
            refuse_as_too_complex(f"its directory has more than {MAX_META_BYTES} bytes")
        try:
            items = _items(data, start + VERSION_BYTES, end)
        except (struct.error, IndexError):
            refuse_as_damaged("its directory is wrong")
        _refuse_lost(data, items)


def _refuse_lost(data: bytes, items: _Items) -> None:
    coded = [item for item in _with_its_parts(items, items.primary) if items.kinds.get(item) == CODED]
    places = [items.places.get(item, []) for item in coded]
    if any(end > len(data) for ranges in places for _, end in ranges):
        refuse_as_cut_short("some of its image data are missing")
    if sum(end - start for ranges in places for start, end in ranges) > len(data):
        refuse_as_too_complex("its image data overlap")
    if len(items.length_bytes) != 1:
        return
    (length_bytes,) = items.length_bytes
    units = 0
    for ranges in places:
        units = _refuse_wrong_units(b"".join(data[start:end] for start, end in ranges), length_bytes, units)


def _refuse_wrong_units(coded: bytes, length_bytes: int, units: int) -> int:
    """Returns the number of units, ``units`` included."""
    position = 0
    while position < len(coded):
        refuse_too_many_parts(units, "units")
        units += 1
        start = position + length_bytes
        position = start + int.from_bytes(coded[position:start], "big")
        if position - start < LEAST_UNIT_BYTES or position > len(coded) or NEVER_IN_UNIT.search(coded, start, position):
            refuse_as_damaged("some of its image data are wrong")
    return units


def _with_its_parts(items: _Items, item: int) -> list[int]:
    """Returns the item, and the tiles that it is made of."""
    found, waiting = list[int](), [item]
    seen = {item}
    while waiting:
        found.append(waiting.pop())
        new = [part for part in dict.fromkeys(items.parts.get(found[-1], ())) if part not in seen]
        seen.update(new)
        waiting += new
    return found


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yields kind, start and end of the content of each box; the last one may end after ``end``."""
    count = 0
    while start + BOX_HEADER_BYTES <= end:
        refuse_too_many_parts(count, "boxes")
        count += 1
        size, kind = struct.unpack_from(">I4s", data, start)
        content = start + BOX_HEADER_BYTES
        if size == 1 and start + LARGE_HEADER_BYTES <= end:
            (size,) = struct.unpack_from(">Q", data, content)
            content = start + LARGE_HEADER_BYTES
        after = start + size if size else end
        if after < content:
            return
        yield kind, content, after
        start = after


def _items(data: bytes, start: int, end: int) -> _Items:
    items = _Items()
    for kind, content, after in _boxes(data, start, end):
        reader = _Reader(data, content)
        if kind == b"pitm":
            items.primary = reader.number(2 if reader.version() == 0 else 4)
        elif kind == b"iinf":
            items.kinds |= _kinds(data, content + VERSION_BYTES + (2 if reader.version() == 0 else 4), after)
        elif kind == b"iloc":
            items.places |= _places(reader)
        elif kind == b"iref":
            id_bytes = 2 if reader.version() == 0 else 4
            for reference, place, _ in _boxes(data, content + VERSION_BYTES, after):
                if reference == b"dimg":
                    one = _Reader(data, place)
                    whole = one.number(id_bytes)
                    items.parts[whole] = [one.number(id_bytes) for _ in range(one.number(2))]
        elif kind == b"iprp":
            items.length_bytes |= _length_bytes(data, content, after)
    return items


def _kinds(data: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yields number and type of each item."""
    for kind, content, _ in _boxes(data, start, end):
        reader = _Reader(data, content)
        if kind == b"infe" and (version := reader.version()) >= 2:
            item = reader.number(2 if version == 2 else 4)
            yield item, data[reader.place + 2 : reader.place + 6]


def _places(reader: "_Reader") -> Iterator[tuple[int, list[Range]]]:
    """Yields each item that lies in the file itself, with its places."""
    version = reader.version()
    sizes = reader.number(2)
    offset_bytes, length_bytes, base_bytes = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_bytes = sizes & 15 if version else 0
    count = reader.number(4 if version == 2 else 2)
    refuse_too_many_parts(count, "items")
    total = 0
    for _ in range(count):
        item = reader.number(4 if version == 2 else 2)
        method = reader.number(2) & 15 if version else 0
        source, base, extents = reader.number(2), reader.number(base_bytes), reader.number(2)
        places = list[Range]()
        total += extents
        refuse_too_many_parts(total, "places of image data")
        for _ in range(extents):
            reader.number(index_bytes)
            start = base + reader.number(offset_bytes)
            places.append((start, start + reader.number(length_bytes)))
        if method == 0 and source == 0:
            yield item, places


def _length_bytes(data: bytes, start: int, end: int) -> set[int]:
    """Returns how many bytes the lengths of units have, by the decoders' configurations."""
    return {
        (data[place + LENGTH_BYTES_AT] & 3) + 1
        for kind, content, after in _boxes(data, start, end)
        if kind == b"ipco"
        for configuration, place, _ in _boxes(data, content, after)
        if configuration == b"hvcC"
    }


@dataclass(slots=True)
class _Reader:
    """Reads numbers one after another. Raises :class:`struct.error` at the end of the data."""

    data: bytes
    place: int

    def version(self) -> int:
        """Returns the version at the start of a box, and passes its flags."""
        return self.number(VERSION_BYTES) >> 24

    def number(self, size: int) -> int:
        """Returns the next number of ``size`` bytes."""
        if self.place + size > len(self.data):
            raise struct.error("the data end here")
        self.place += size
        return int.from_bytes(self.data[self.place - size : self.place], "big")
