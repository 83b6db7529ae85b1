"""Reads the structure of a WebP: the chunks of its RIFF container (RFC 9649, section 2). Pure."""

from etalase.errors import PictureFault, PictureRefused
from etalase.pictures.outline import (
    MAX_PARTS,
    Data,
    Outline,
    Part,
    refuse_as_cut_short,
    refuse_as_damaged,
    refuse_too_many_frames,
    refuse_too_many_parts,
)

RIFF_BYTES, HEADER_BYTES = 12, 8
PICTURES = frozenset({"VP8 ", "VP8L", "ANMF"})
VP8_HEADER_BYTES = 10
VP8_START, VP8L_SIGNATURE = b"\x9d\x01\x2a", 0x2F


def read_webp(data: Data) -> Outline:
    """Returns the outline of a WebP, up to the end of its container. Raises :class:`PictureRefused`."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise PictureRefused("The file is not a WebP picture.", code=PictureFault.NO_PICTURE)
    promised = HEADER_BYTES + int.from_bytes(data[4:8], "little")
    end = min(promised, len(data))
    if promised > end + 1:
        refuse_as_cut_short(f"its header promises {promised} bytes, and it has {len(data)}")
    parts = chunks(data, RIFF_BYTES, end)
    if promised > end and (not parts or parts[-1].end != end):  # only the padding of the last chunk may be missing
        refuse_as_cut_short(f"its header promises {promised} bytes, and it has {len(data)}")
    frames = [part for part in parts if part.kind in PICTURES]
    if not frames:
        raise PictureRefused("The file is a WebP without a picture.", code=PictureFault.NO_PICTURE)
    refuse_too_many_frames(len(frames))
    width, height = _size(data, parts[0])
    if not width or not height:
        refuse_as_damaged("it has no pixels")
    return Outline(width, height, frames=len(frames), parts=tuple(parts), end=end)


def has_webp_image(data: Data) -> bool:
    """Returns whether a browser may show some of a damaged WebP: the start of a picture with a size."""
    position = RIFF_BYTES
    while len(head := data[position : position + HEADER_BYTES]) == HEADER_BYTES:
        start = data[position + HEADER_BYTES : position + HEADER_BYTES + VP8_HEADER_BYTES]
        if head[:4] in {b"VP8 ", b"VP8L", b"ANMF"}:
            return head[:4] == b"ANMF" or start[3:6] == VP8_START or start[:1] == bytes([VP8L_SIGNATURE])
        length = int.from_bytes(head[4:], "little")
        position += HEADER_BYTES + length + length % 2
    return False


def chunks(data: Data, start: int, end: int, most: int = MAX_PARTS) -> list[Part]:
    """Returns the chunks in ``data[start:end]``. Raises :class:`PictureRefused` for more than ``most``."""
    parts: list[Part] = []
    while start + HEADER_BYTES <= end:
        refuse_too_many_parts(len(parts), "chunks", most)
        content = start + HEADER_BYTES
        length = int.from_bytes(data[start + 4 : content], "little")
        if content + length > end:
            refuse_as_damaged("a chunk ends after the file")
        parts.append(Part(data[start : start + 4].decode("latin-1"), start, content, content + length))
        start = content + length + length % 2  # chunks start at even places
    return parts


def _size(data: Data, first: Part) -> tuple[int, int]:
    """Returns the size that the first chunk names: canvas, key frame of VP8 (RFC 6386, section 9.1), or VP8L."""
    content = data[first.content : first.end]
    if first.kind == "VP8X" and len(content) >= 10:
        return int.from_bytes(content[4:7], "little") + 1, int.from_bytes(content[7:10], "little") + 1
    if first.kind == "VP8L" and len(content) >= 5 and content[0] == VP8L_SIGNATURE:
        bits = int.from_bytes(content[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if first.kind != "VP8 " or content[3:6] != VP8_START or len(content) < 10:
        refuse_as_damaged("it names no size")
    return int.from_bytes(content[6:8], "little") & 0x3FFF, int.from_bytes(content[8:10], "little") & 0x3FFF
