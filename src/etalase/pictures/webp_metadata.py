"""Selects the chunks of a WebP that a decoder uses (RFC 9649, section 2.7). Pure."""

from collections.abc import Iterator

from etalase.pictures.icc import colour_profile
from etalase.pictures.orientation import EXIF_HEADER, UPRIGHT, exif_of, read_orientation
from etalase.pictures.outline import Outline, Part
from etalase.pictures.webp import chunks

IMAGE = frozenset({"VP8 ", "VP8L", "ALPH"})
FRAME_HEADER_BYTES, CANVAS_BYTES, ANIMATION_BYTES = 16, 10, 6
# One for the transparency, one for the picture, and some of other programs.
MAX_CHUNKS_OF_FRAME = 10
HAS_PROFILE, HAS_ALPHA, HAS_EXIF, IS_ANIMATED = 0x20, 0x10, 0x08, 0x02


def webp_without_metadata(data: bytes, outline: Outline) -> Iterator[bytes]:
    """Yields the WebP: image, animation, profile and orientation."""
    made = b"".join(_kept(data, outline))
    yield b"RIFF" + (4 + len(made)).to_bytes(4, "little") + b"WEBP"
    yield made


def webp_orientation(data: bytes, outline: Outline) -> int:
    """Returns the orientation that the EXIF chunk names, if the header announces one."""
    first = outline.parts[0]
    if first.kind != "VP8X" or not data[first.content] & HAS_EXIF:
        return UPRIGHT
    for part in outline.parts:
        if part.kind == "EXIF":
            return read_orientation(data[part.content : part.end].removeprefix(EXIF_HEADER))
    return UPRIGHT


def _kept(data: bytes, outline: Outline) -> Iterator[bytes]:
    first, *others = outline.parts
    if first.kind != "VP8X":
        yield _chunk(first.kind, data[first.content : first.end])
        return
    turned = webp_orientation(data, outline)
    profile = next((colour_profile(data[part.content : part.end]) for part in others if part.kind == "ICCP"), b"")
    flags = data[first.content] & (HAS_ALPHA | IS_ANIMATED)
    flags |= HAS_PROFILE if profile else 0
    flags |= HAS_EXIF if turned != UPRIGHT else 0
    yield _chunk("VP8X", bytes([flags, 0, 0, 0]) + data[first.content + 4 : first.content + CANVAS_BYTES])
    if profile:
        yield _chunk("ICCP", profile)
    if flags & IS_ANIMATED:
        yield from _animation(data, others)
    else:
        yield from _still(data, others)
    if turned != UPRIGHT:
        yield _chunk("EXIF", exif_of(turned))


def _animation(data: bytes, parts: list[Part]) -> Iterator[bytes]:
    for part in parts:
        if part.kind == "ANIM":
            yield _chunk("ANIM", data[part.content : min(part.end, part.content + ANIMATION_BYTES)])
        elif part.kind == "ANMF":
            start = part.content + FRAME_HEADER_BYTES
            image = b"".join(_still(data, chunks(data, start, part.end, MAX_CHUNKS_OF_FRAME)))
            yield _chunk("ANMF", data[part.content : min(start, part.end)] + image)


def _still(data: bytes, parts: list[Part]) -> Iterator[bytes]:
    """Yields the first picture, with the transparency before it."""
    seen: set[str] = set()
    for part in parts:
        if part.kind in IMAGE and part.kind not in seen:
            seen.add(part.kind)
            yield _chunk(part.kind, data[part.content : part.end])
        if part.kind in {"VP8 ", "VP8L"}:
            return


def _chunk(kind: str, content: bytes) -> bytes:
    header = kind.encode("latin-1") + len(content).to_bytes(4, "little")
    return header + content + bytes(len(content) % 2)
