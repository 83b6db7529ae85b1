"""Finds what a PNG's image data have after the last pixel: decoders skip it, so that anything can hide there. Pure."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from etalase.pictures.outline import Part
from etalase.pictures.png import CHECKSUM_BYTES, read_png

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column and row, and the steps, of each pass (PNG third edition, section 8.1).
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
ALL = ((0, 0, 1, 1),)
STEP_BYTES = 1024**2
SEQUENCE_NUMBER_BYTES, FRAME_CONTROL_BYTES = 4, 26


@dataclass(slots=True)
class _Frame:
    width: int
    height: int
    coded: list[bytes] = field(default_factory=list)


def unused_image_data(data: bytes, most: int) -> Iterator[bytes]:
    """Yields what follows the last pixel of each frame, decompressed or not: up to ``most`` bytes and one more.

    Raises :class:`zlib.error` for a frame of an animation that is damaged.
    """
    parts = read_png(data).parts
    header = data[parts[0].content : parts[0].end]
    bits = header[8] * CHANNELS.get(header[9], 1)
    passes = ADAM7 if header[12] else ALL
    first, *others = _frames(data, parts)
    for frame in (first, *others):
        width, height = min(frame.width, first.width), min(frame.height, first.height)
        yield _after(frame.coded, _raw_bytes(width, height, bits, passes), most + 1)


def is_sound_animation(data: bytes) -> bool:
    """Returns whether the chunks of an animation's frames are intact, complete and in their order; a still one has none."""
    parts = [part for part in read_png(data).parts if part.kind in {"fcTL", "IDAT", "fdAT", "IEND"}]
    if any(part.kind == "fcTL" and following.kind in {"fcTL", "IEND"} for part, following in pairwise(parts)):
        return False
    of_frames = (part for part in parts if part.kind in {"fcTL", "fdAT"})
    return all(_is_sound_chunk(data, part, number) for number, part in enumerate(of_frames))


def _is_sound_chunk(data: bytes, part: Part, number: int) -> bool:
    content, checksum = data[part.content : part.end - CHECKSUM_BYTES], data[part.end - CHECKSUM_BYTES : part.end]
    if part.kind == "fcTL" and len(content) != FRAME_CONTROL_BYTES:
        return False
    is_intact = zlib.crc32(part.kind.encode() + content) == int.from_bytes(checksum, "big")
    return is_intact and content[:SEQUENCE_NUMBER_BYTES] == number.to_bytes(SEQUENCE_NUMBER_BYTES, "big")


def _frames(data: bytes, parts: tuple[Part, ...]) -> list[_Frame]:
    frames = [_Frame(*_sides(data, parts[0].content))]
    for part in parts:
        content = data[part.content : part.end - CHECKSUM_BYTES]
        if part.kind == "fcTL" and frames[0].coded:
            frames.append(_Frame(*_sides(data, part.content + SEQUENCE_NUMBER_BYTES)))
        elif part.kind == "IDAT":
            frames[0].coded.append(content)
        elif part.kind == "fdAT":
            frames[-1].coded.append(content[SEQUENCE_NUMBER_BYTES:])
    return frames


def _sides(data: bytes, place: int) -> tuple[int, int]:
    return int.from_bytes(data[place : place + 4], "big"), int.from_bytes(data[place + 4 : place + 8], "big")


def _raw_bytes(width: int, height: int, bits: int, passes: tuple[tuple[int, int, int, int], ...]) -> int:
    """Returns the bytes of all rows, each with its filter byte."""
    total = 0
    for left, top, step_x, step_y in passes:
        columns, rows = -(-(width - left) // step_x), -(-(height - top) // step_y)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _after(coded: list[bytes], raw_bytes: int, most: int) -> bytes:
    unpack = zlib.decompressobj()
    rest, left = b"", raw_bytes
    for number, piece in enumerate(coded):
        pending = piece
        while not unpack.eof:
            raw = unpack.decompress(pending, STEP_BYTES)
            pending = unpack.unconsumed_tail
            rest += raw[left:]
            left = max(0, left - len(raw))
            if len(rest) >= most:
                return rest[:most]
            if not pending and len(raw) < STEP_BYTES:
                break
        if unpack.eof:
            return (rest + unpack.unused_data + b"".join(coded[number + 1 :]))[:most]
    return rest
