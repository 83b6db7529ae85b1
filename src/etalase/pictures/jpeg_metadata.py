"""Selects the segments of a JPEG that a decoder uses (ITU-T T.81, T.871 for JFIF, ICC.1 annex B.4). Pure."""

from collections.abc import Iterator

from etalase.pictures.icc import colour_profile
from etalase.pictures.jpeg import SHOWN_FRAME_HEADERS, START
from etalase.pictures.orientation import EXIF_HEADER, UPRIGHT, exif_of, read_orientation
from etalase.pictures.outline import Outline, Part

KEPT = SHOWN_FRAME_HEADERS | {"DQT", "DHT", "DRI", "SOS", "EOI"}
JFIF, ADOBE, ICC = b"JFIF\0", b"Adobe", b"ICC_PROFILE\0"
JFIF_BYTES, ADOBE_BYTES = 14, 12
# After the header: which of how many.
ICC_PIECE_BYTES = 0xFFFF - 2 - len(ICC) - 2


def jpeg_without_metadata(data: bytes, outline: Outline) -> Iterator[bytes]:
    """Yields the JPEG: JFIF and Adobe headers (they name the colours' transform), orientation, profile, and the image."""
    yield START
    # A decoder takes the last of each. JFIF demands the first place for its own.
    if jfif := _last(data, outline, "APP0", JFIF, JFIF_BYTES):
        yield _segment(0xE0, jfif[:12] + b"\0\0")  # without its thumbnail
    if (turned := jpeg_orientation(data, outline)) != UPRIGHT:
        yield _segment(0xE1, EXIF_HEADER + exif_of(turned))
    profile = colour_profile(_icc_profile(data, outline))
    pieces = [profile[start : start + ICC_PIECE_BYTES] for start in range(0, len(profile), ICC_PIECE_BYTES)]
    for number, piece in enumerate(pieces, start=1):
        yield _segment(0xE2, ICC + bytes([number, len(pieces)]) + piece)
    if adobe := _last(data, outline, "APP14", ADOBE, ADOBE_BYTES):
        yield _segment(0xEE, adobe[:ADOBE_BYTES])
    yield from (data[part.start : part.end] for part in outline.parts if part.kind in KEPT)


def jpeg_orientation(data: bytes, outline: Outline) -> int:
    """Returns the orientation that the first Exif segment names."""
    for part in outline.parts:
        if part.kind == "APP1" and data.startswith(EXIF_HEADER, part.content, part.end):
            return read_orientation(data[part.content + len(EXIF_HEADER) : part.end])
    return UPRIGHT


def _icc_profile(data: bytes, outline: Outline) -> bytes:
    """Returns the colour profile; nothing if a piece is missing, as decoders do."""
    pieces = dict[int, bytes]()
    count = 0
    for part in _with_header(data, outline, "APP2", ICC):
        start = part.content + len(ICC) + 2
        if start > part.end:
            continue
        number, count = data[start - 2 : start]
        pieces.setdefault(number, data[start : part.end])
    return b"".join(pieces[n] for n in range(1, count + 1)) if pieces.keys() == set(range(1, count + 1)) else b""


def _last(data: bytes, outline: Outline, kind: str, header: bytes, length: int) -> bytes:
    long_enough = (part for part in _with_header(data, outline, kind, header) if part.end - part.content >= length)
    last = next(reversed(list(long_enough)), None)
    return data[last.content : last.end] if last else b""


def _with_header(data: bytes, outline: Outline, kind: str, header: bytes) -> list[Part]:
    return [part for part in outline.parts if part.kind == kind and data.startswith(header, part.content, part.end)]


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content
