"""Reads the structure of a JPEG: each marker once, from the front (ITU-T T.81, annex B). Pure."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NoReturn

from etalase.errors import PictureFault, PictureRefused
from etalase.pictures.outline import (
    Data,
    Outline,
    Part,
    refuse_as_cut_short,
    refuse_as_damaged,
    refuse_as_too_complex,
    refuse_too_many_parts,
)

START = b"\xff\xd8"
# The next marker after image data: 0xFF00 is a byte 0xFF of the data, and restart markers belong to it (B.1.1.5).
NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
START_OF_IMAGE, END_OF_IMAGE, START_OF_SCAN = 0xD8, 0xD9, 0xDA
# Decoders skip these whatever they have: a length below 2, its own bytes, counts as 2.
SKIPPED = frozenset({0xFE, *range(0xE0, 0xF0)})
WITHOUT_CONTENT = frozenset({0x01, *range(0xD0, 0xD8)})
FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Baseline, extended and progressive, Huffman-coded: browsers show no other process.
SHOWN_FRAME_HEADERS = frozenset({"SOF0", "SOF1", "SOF2"})
# Each scan of a progressive JPEG is decoded over all its pixels. Encoders write up to some 15.
MAX_SCANS = 100
COEFFICIENTS = 64
# Of a frame or a scan with four components.
MAX_HEADER_BYTES = 6 + 3 * 4
NAMES = {
    0xC4: "DHT",
    0xDA: "SOS",
    0xDB: "DQT",
    0xDC: "DNL",
    0xDD: "DRI",
    0xFE: "COM",
    **{0xE0 + n: f"APP{n}" for n in range(16)},
    **{code: f"SOF{code - 0xC0}" for code in FRAME_HEADERS},
}


def read_jpeg(data: Data) -> Outline:
    """Returns the outline of a JPEG, up to its first end-of-image marker. Raises :class:`PictureRefused`.

    The parts are its segments and ``EOI``; a scan's image data belong to its ``SOS``.
    """
    if data[: len(START)] != START:
        raise PictureRefused("The file is not a JPEG picture.", code=PictureFault.NO_PICTURE)
    parts: list[Part] = []
    size: tuple[int, int] | None = None
    scans = 0
    for part in _segments(data):
        refuse_too_many_parts(len(parts), "segments")
        parts.append(part)
        if part.kind.startswith("SOF"):
            if size is not None:
                refuse_as_damaged("it has two frame headers")
            size = _size(part.kind, data[part.content : part.end])
        elif part.kind == "SOS":
            scans += 1
            if size is None:
                refuse_as_damaged("its image data come before its size")
            if scans > MAX_SCANS:
                refuse_as_too_complex(f"it has more than {MAX_SCANS} scans")
    if size is None or not scans:
        raise PictureRefused("The file is a JPEG without a picture.", code=PictureFault.NO_PICTURE)
    _refuse_missing_scans(data, parts)
    return Outline(*size, frames=1, parts=tuple(parts), end=parts[-1].end)


def _refuse_missing_scans(data: Data, parts: list[Part]) -> None:
    """Raises :class:`PictureRefused` for a progressive picture without its last scans: a browser shows it blurred (G.1.1)."""
    missing: dict[int, set[int]] = {}
    for part in parts:
        header = data[part.content : min(part.end, part.content + MAX_HEADER_BYTES)]
        if part.kind == "SOF2":
            missing = {header[at]: set(range(COEFFICIENTS)) for at in range(6, len(header) - 2, 3)}
        elif part.kind == "SOS" and missing and header and len(header) >= (parameters := 1 + 2 * header[0]) + 3:
            first, last, approximation = header[parameters : parameters + 3]
            if approximation & 0x0F == 0:  # the last bit of these coefficients
                for component in header[1:parameters:2]:
                    missing.get(component, set()).difference_update(range(first, last + 1))
    if any(missing.values()):
        refuse_as_cut_short("its last scans are missing")


def has_jpeg_image(data: Data) -> bool:
    """Returns whether a browser shows some of a damaged JPEG: a frame header and the start of a scan."""
    kinds = set[str]()
    with suppress(PictureRefused):
        for part in _segments(data, to_first_scan=True):
            kinds.add(part.kind)
            if part.kind == "SOS":
                return not kinds.isdisjoint(SHOWN_FRAME_HEADERS)
    return False


def _segments(data: Data, *, to_first_scan: bool = False) -> Iterator[Part]:
    """Yields the segments and the end-of-image marker. ``to_first_scan``: only up to the first scan's header."""
    position = len(START)
    while True:
        start = _next_marker(data, position)
        marker = data[start + 1]
        content = start + 4
        if marker == END_OF_IMAGE:
            yield Part("EOI", start, start + 2, start + 2)
            return
        if marker in WITHOUT_CONTENT:
            position = start + 2
            continue
        if marker == START_OF_IMAGE:
            refuse_as_cut_short("another picture begins before its end")
        length = int.from_bytes(data[start + 2 : content], "big")
        if marker in SKIPPED:
            length = max(length, 2)
        position = start + 2 + length
        if length < 2 or position > len(data):
            if start == len(START):
                raise PictureRefused("The file has a JPEG's first bytes, but is not a picture.", code=PictureFault.NO_PICTURE)
            refuse_as_cut_short(f"segment {_name(marker)} ends after the file")
        if marker == START_OF_SCAN and to_first_scan:
            yield Part(_name(marker), start, content, position)
            return
        if marker == START_OF_SCAN:
            found = NEXT_MARKER.search(data, position)
            position = found.start() if found else len(data)
        yield Part(_name(marker), start, content, position)


def _next_marker(data: Data, position: int) -> int:
    """Returns the place of the next marker; decoders skip other bytes between segments, and fill bytes."""
    found = NEXT_MARKER.search(data, position)
    if found is None:
        refuse_as_cut_short("a JPEG ends with an end-of-image marker")
    return found.start()


def _size(kind: str, header: bytes) -> tuple[int, int]:
    if kind not in SHOWN_FRAME_HEADERS:
        _refuse_as_not_shown(f"this kind of JPEG ({kind})")
    if len(header) < 6:
        refuse_as_damaged("its frame header is too short")
    if header[0] != 8:
        _refuse_as_not_shown(f"a JPEG with {header[0]} bits for each sample")
    height, width = int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:5], "big")
    if not width or not height:
        refuse_as_damaged("it has no pixels")
    return width, height


def _refuse_as_not_shown(what: str) -> NoReturn:
    raise PictureRefused(f"Not every browser shows {what}.", code=PictureFault.NOT_SHOWN)


def _name(marker: int) -> str:
    return NAMES.get(marker, f"0x{marker:02X}")
