"""Verifies a PNG from end to end without keeping its pixels, of which 250 megapixels would take 1 GB."""

import zlib
from collections.abc import Iterator

START = 8
STEP_BYTES = 1 << 20
SAMPLES_OF_COLOUR_TYPE = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column, first row, step between columns, between rows (PNG third edition, section 8.2).
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def read_through(png: bytes) -> None:
    """Raises ValueError unless every chunk is intact and the number of pixels is exactly right."""
    promised = inflated = 0
    pixels = zlib.decompressobj()
    for kind, body in _chunks(png):
        if kind == b"IHDR":
            promised = _promised_bytes(body)
        elif kind == b"IDAT":
            rest = body
            while rest and inflated <= promised:
                inflated += len(pixels.decompress(rest, STEP_BYTES))
                rest = pixels.unconsumed_tail
    while not pixels.eof and (more := pixels.decompress(pixels.unconsumed_tail, STEP_BYTES)):
        inflated += len(more)
    if not promised or inflated != promised:
        raise ValueError(f"its pixels are {inflated} bytes, not {promised}")


def _chunks(png: bytes) -> Iterator[tuple[bytes, memoryview | bytes]]:
    view, position = memoryview(png), START
    while position + 12 <= len(png):
        length = int.from_bytes(view[position : position + 4], "big")
        kind, end = bytes(view[position + 4 : position + 8]), position + 8 + length
        if zlib.crc32(view[position + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            raise ValueError(f"chunk {kind!r} is damaged")
        yield kind, view[position + 8 : end]
        if kind == b"IEND":
            return
        position = end + 4
    raise ValueError("it has no end")


def _promised_bytes(header: memoryview | bytes) -> int:
    """Returns the size of the inflated pixels in bytes, with one filter byte per row and pass of an interlaced picture."""
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    depth, colour_type, interlaced = header[8], header[9], header[12]
    bits = depth * SAMPLES_OF_COLOUR_TYPE[colour_type]
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = max(0, -(-(width - left) // across)), max(0, -(-(height - top) // down))
        if columns:
            total += rows * (1 + -(-columns * bits // 8))
    return total
