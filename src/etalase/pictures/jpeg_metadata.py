"""Selects the segments of a JPEG that a decoder uses (ITU-T T.81, T.871 for JFIF, ICC.1 annex B.4). Pure."""

from collections.abc import Iterator
from itertools import takewhile

from etalase.pictures.icc import colour_profile
from etalase.pictures.jpeg import SHOWN_FRAME_HEADERS, START
from etalase.pictures.jpeg_tables import segments_with_used_tables
from etalase.pictures.orientation import EXIF_HEADER, UPRIGHT, exif_of, read_orientation
from etalase.pictures.outline import Outline, Part

KEPT = SHOWN_FRAME_HEADERS | {"SOS", "EOI"}
TABLE_MARKERS = {"DQT": 0xDB, "DHT": 0xC4, "DRI": 0xDD}
JFIF, ADOBE, ICC = b"JFIF\0", b"Adobe", b"ICC_PROFILE\0"
JFIF_BYTES, ADOBE_BYTES = 14, 12
VERSION = b"\1\1"
# After the header: which of how many.
ICC_PIECE_BYTES = 0xFFFF - 2 - len(ICC) - 2


def jpeg_without_metadata(data: bytes, outline: Outline) -> Iterator[bytes]:
    """Yields the JPEG: JFIF and Adobe headers (they name the colours' transform), orientation, profile, and the image."""
    headers = _before_image(outline)
    yield START
    # A decoder takes the last of each. JFIF demands the first place for its own.
    if jfif := _last(data, headers, "APP0", JFIF, JFIF_BYTES):
        version = jfif[5:7] if jfif[5] == 1 else VERSION  # decoders warn of another one
        yield _segment(0xE0, JFIF + version + jfif[7:12] + b"\0\0")  # without its thumbnail
    if (turned := jpeg_orientation(data, outline)) != UPRIGHT:
        yield _segment(0xE1, EXIF_HEADER + exif_of(turned))
    profile = colour_profile(_icc_profile(data, headers))
    pieces = [profile[start : start + ICC_PIECE_BYTES] for start in range(0, len(profile), ICC_PIECE_BYTES)]
    for number, piece in enumerate(pieces, start=1):
        yield _segment(0xE2, ICC + bytes([number, len(pieces)]) + piece)
    if adobe := _last(data, headers, "APP14", ADOBE, ADOBE_BYTES):
        yield _segment(0xEE, adobe[:ADOBE_BYTES])
    tables = {part.start: content for part, content in segments_with_used_tables(data, outline)}
    for part in outline.parts:
        if part.kind in KEPT:
            yield data[part.start : part.end]
        elif content := tables.get(part.start):
            yield _segment(TABLE_MARKERS[part.kind], content)


def jpeg_orientation(data: bytes, outline: Outline) -> int:
    """Returns the orientation that the first Exif segment names."""
    for part in _before_image(outline):
        if part.kind == "APP1" and data.startswith(EXIF_HEADER, part.content, part.end):
            return read_orientation(data[part.content + len(EXIF_HEADER) : part.end])
    return UPRIGHT


def _before_image(outline: Outline) -> list[Part]:
    """Returns the parts before the first scan: browsers read orientation and colours there."""
    return list(takewhile(lambda part: part.kind != "SOS", outline.parts))


def _icc_profile(data: bytes, headers: list[Part]) -> bytes:
    """Returns the colour profile; nothing if a piece is missing, as decoders do."""
    pieces = dict[int, bytes]()
    count = 0
    for part in _with_header(data, headers, "APP2", ICC):
        start = part.content + len(ICC) + 2
        if start > part.end:
            continue
        number, count = data[start - 2 : start]
        pieces.setdefault(number, data[start : part.end])
    return b"".join(pieces[n] for n in range(1, count + 1)) if pieces.keys() == set(range(1, count + 1)) else b""


def _last(data: bytes, headers: list[Part], kind: str, header: bytes, length: int) -> bytes:
    long_enough = (part for part in _with_header(data, headers, kind, header) if part.end - part.content >= length)
    last = next(reversed(list(long_enough)), None)
    return data[last.content : last.end] if last else b""


def _with_header(data: bytes, headers: list[Part], kind: str, header: bytes) -> list[Part]:
    return [part for part in headers if part.kind == kind and data.startswith(header, part.content, part.end)]


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content
