"""Selects the chunks of a PNG that a decoder uses (PNG third edition, section 11). Pure."""

import zlib
from collections.abc import Container, Iterator

from etalase.pictures.icc import MAX_PROFILE_BYTES, colour_profile
from etalase.pictures.orientation import UPRIGHT, exif_of, read_orientation
from etalase.pictures.outline import Outline, Part
from etalase.pictures.png import CHECKSUM_BYTES, SIGNATURE

GREY, COLOUR, INDEXED, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
IMAGE, ANIMATION = frozenset({"IHDR", "IDAT"}), frozenset({"acTL", "fcTL", "fdAT"})
# Chunks that change colours or transparency, with the lengths that decoders accept: one that they skip can hide something.
LENGTHS: dict[str, Container[int]] = {"gAMA": {4}, "cHRM": {32}, "sRGB": {1}, "cICP": {4}, "mDCV": {24}, "cLLI": {8}}
SIGNIFICANT_BITS = {GREY: 1, COLOUR: 3, INDEXED: 3, GREY_ALPHA: 2, COLOUR_ALPHA: 4}
TRANSPARENT_COLOUR = {GREY: 2, COLOUR: 6}
BYTES_OF_COLOUR = 3
# A name is a text, too.
PROFILE_NAME = b"ICC Profile\0\0"


def png_without_metadata(data: bytes, outline: Outline) -> Iterator[bytes]:
    """Yields the PNG: image, palette, transparency, colours, animation, profile and orientation."""
    yield SIGNATURE
    first, *others = outline.parts
    bits, colour_type = data[first.content + 8 : first.content + 10]
    lengths = LENGTHS | {"sBIT": {SIGNIFICANT_BITS.get(colour_type)}, "tRNS": {TRANSPARENT_COLOUR.get(colour_type)}}
    is_animated = _is_animated(data, outline)
    yield data[first.start : first.end]
    if (turned := png_orientation(data, outline)) != UPRIGHT:
        yield _chunk(b"eXIf", exif_of(turned))
    kept: set[str] = set()
    for part in others:
        content = _content(data, part)
        if part.kind in IMAGE or (part.kind in ANIMATION and is_animated):
            yield data[part.start : part.end]
        elif part.kind == "PLTE" and colour_type == INDEXED:  # pictures of other types do not need it
            most = BYTES_OF_COLOUR << bits
            yield data[part.start : part.end] if len(content) <= most else _chunk(b"PLTE", content[:most])
            lengths["tRNS"] = range(1, min(len(content), most) // BYTES_OF_COLOUR + 1)
        elif part.kind in kept or "IDAT" in kept or not _is_intact(data, part):  # the first one before the image counts
            continue
        elif part.kind == "iCCP" and (profile := colour_profile(_icc_profile(content))):
            yield _chunk(b"iCCP", PROFILE_NAME + zlib.compress(profile))
        elif len(content) in lengths.get(part.kind, ()):
            yield data[part.start : part.end]
        else:
            continue
        kept.add(part.kind)
    yield _chunk(b"IEND", b"")


def png_orientation(data: bytes, outline: Outline) -> int:
    """Returns the orientation that the first intact eXIf chunk names."""
    for part in outline.parts:
        if part.kind == "eXIf" and _is_intact(data, part):
            return read_orientation(_content(data, part))
    return UPRIGHT


def _is_animated(data: bytes, outline: Outline) -> bool:
    """Returns whether decoders play an animation: its header is intact, and before the image."""
    for part in outline.parts:
        if part.kind == "IDAT":
            break
        if part.kind == "acTL":
            return len(_content(data, part)) == 8 and _is_intact(data, part)
    return False


def _icc_profile(content: bytes) -> bytes:
    _, _, coded = content.partition(b"\0")
    unpack = zlib.decompressobj()
    try:
        profile = unpack.decompress(coded[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if unpack.eof else b""


def _is_intact(data: bytes, part: Part) -> bool:
    """Returns whether the checksum is right: decoders skip an ancillary chunk with a wrong one."""
    checksum = data[part.end - CHECKSUM_BYTES : part.end]
    return zlib.crc32(data[part.start + 4 : part.end - CHECKSUM_BYTES]).to_bytes(CHECKSUM_BYTES, "big") == checksum


def _content(data: bytes, part: Part) -> bytes:
    return data[part.content : part.end - CHECKSUM_BYTES]


def _chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
