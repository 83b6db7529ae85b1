"""Selects the chunks of a PNG that a decoder uses (PNG third edition, section 11). Pure."""

import zlib
from collections.abc import Iterator

from etalase.pictures.icc import MAX_PROFILE_BYTES, colour_profile
from etalase.pictures.orientation import UPRIGHT, exif_of, read_orientation
from etalase.pictures.outline import Outline, Part
from etalase.pictures.png import CHECKSUM_BYTES, SIGNATURE

# With their longest content in bytes. A chunk that decoders skip since it is longer can hide something.
IMAGE = {"IHDR": 13, "PLTE": 768, "IDAT": 2**31, "acTL": 8, "fcTL": 26, "fdAT": 2**31}
# The same for ancillary chunks that change colours or transparency; the first of each counts.
COLOURS = {"tRNS": 256, "gAMA": 4, "cHRM": 32, "sRGB": 1, "sBIT": 4, "cICP": 4, "mDCV": 24, "cLLI": 8}
# A name is a text, too.
PROFILE_NAME = b"ICC Profile\0\0"


def png_without_metadata(data: bytes, outline: Outline) -> Iterator[bytes]:
    """Yields the PNG: image, palette, transparency, colours, animation, profile and orientation."""
    yield SIGNATURE
    seen: set[str] = set()
    for part in outline.parts:
        if part.kind == "iCCP" and part.kind not in seen and (profile := colour_profile(_icc_profile(data, part))):
            yield _chunk(b"iCCP", PROFILE_NAME + zlib.compress(profile))
        elif _is_kept(data, part) and not (part.kind in COLOURS and part.kind in seen):
            yield data[part.start : part.end]
        if part.kind == "IHDR" and (turned := png_orientation(data, outline)) != UPRIGHT:
            yield _chunk(b"eXIf", exif_of(turned))
        seen.add(part.kind)
    yield _chunk(b"IEND", b"")


def png_orientation(data: bytes, outline: Outline) -> int:
    """Returns the orientation that the first eXIf chunk names."""
    for part in outline.parts:
        if part.kind == "eXIf":
            return read_orientation(_content(data, part))
    return UPRIGHT


def _icc_profile(data: bytes, part: Part) -> bytes:
    _, _, coded = _content(data, part).partition(b"\0")
    unpack = zlib.decompressobj()
    try:
        profile = unpack.decompress(coded[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if unpack.eof else b""


def _is_kept(data: bytes, part: Part) -> bool:
    """Returns whether a decoder uses the chunk. It skips an ancillary one with a wrong checksum."""
    content = _content(data, part)
    if part.kind in IMAGE:
        return len(content) <= IMAGE[part.kind]
    checksum = data[part.end - CHECKSUM_BYTES : part.end]
    expected = zlib.crc32(part.kind.encode() + content).to_bytes(CHECKSUM_BYTES, "big")
    return len(content) <= COLOURS.get(part.kind, -1) and checksum == expected


def _content(data: bytes, part: Part) -> bytes:
    return data[part.content : part.end - CHECKSUM_BYTES]


def _chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
