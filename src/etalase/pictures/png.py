"""Reads the structure of a PNG: its chunks (PNG third edition, sections 5 and 11). Pure."""

from etalase.errors import PictureFault, PictureRefused
from etalase.pictures.outline import (
    Data,
    Outline,
    Part,
    refuse_as_cut_short,
    refuse_as_damaged,
    refuse_too_many_frames,
    refuse_too_many_parts,
)

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_BYTES, CHECKSUM_BYTES, IHDR_BYTES = 8, 4, 13


def read_png(data: Data) -> Outline:
    """Returns the outline of a PNG, up to its IEND chunk. Raises :class:`PictureRefused`.

    Checksums are left to the decoder: a wrong one in a chunk beside the picture, as text, harms nothing.
    """
    if data[: len(SIGNATURE)] != SIGNATURE:
        raise PictureRefused("The file is not a PNG picture.", code=PictureFault.NO_PICTURE)
    parts: list[Part] = []
    frames, position = 0, len(SIGNATURE)
    while not parts or parts[-1].kind != "IEND":
        refuse_too_many_parts(len(parts), "chunks")
        content = position + HEADER_BYTES
        end = content + int.from_bytes(data[position : position + 4], "big") + CHECKSUM_BYTES
        kind = data[position + 4 : content]
        if not parts and kind != b"IHDR":
            raise PictureRefused("The file has a PNG's first bytes, but is not a picture.", code=PictureFault.NO_PICTURE)
        if end > len(data) or len(kind) < 4:
            refuse_as_cut_short("a PNG ends with an IEND chunk")
        if not kind.isalpha():
            refuse_as_damaged("a chunk's name is not made of letters")
        frames += kind == b"fcTL"
        parts.append(Part(kind.decode("ascii"), position, content, end))
        position = end
    if not any(part.kind == "IDAT" for part in parts):
        raise PictureRefused("The file is a PNG without a picture.", code=PictureFault.NO_PICTURE)
    header = data[parts[0].content : parts[0].end]
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    if len(header) != IHDR_BYTES + CHECKSUM_BYTES:
        refuse_as_damaged("its header has a wrong length")
    if not width or not height:
        refuse_as_damaged("it has no pixels")
    refuse_too_many_frames(frames)
    return Outline(width, height, frames=max(frames, 1), parts=tuple(parts), end=position)


def has_png_image(data: Data) -> bool:
    """Returns whether a browser shows some of a damaged PNG: its header, and the start of its image data."""
    position, is_first = len(SIGNATURE), True
    while len(head := data[position : position + HEADER_BYTES]) == HEADER_BYTES:
        kind = head[4:]
        if is_first and kind != b"IHDR":
            return False
        if kind == b"IDAT" or not kind.isalpha():
            return kind == b"IDAT"
        position += HEADER_BYTES + int.from_bytes(head[:4], "big") + CHECKSUM_BYTES
        is_first = False
    return False
