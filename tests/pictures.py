"""Makes small real images on demand."""

import io
import random
import struct
import zlib
from fractions import Fraction
from typing import Any

from PIL import Image

GPS = 0x8825
ORIENTATION, MAKE = 0x0112, 0x010F


def picture(kind: str = "JPEG", *, size: tuple[int, int] = (48, 32), colour: str = "red", **options: Any) -> bytes:
    """Returns the bytes of a picture in one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind, **options)
    return file.getvalue()


def animated(kind: str, *, frames: int = 3, size: tuple[int, int] = (48, 32)) -> bytes:
    """Returns an animation with a colour for each frame."""
    file = io.BytesIO()
    images = [Image.new("RGB", size, (80 * n, 20, 20)) for n in range(frames)]
    images[0].save(file, kind, save_all=True, append_images=images[1:])
    return file.getvalue()


def exif(*, gps: bool = True, orientation: int = 6) -> Image.Exif:
    """Returns Exif data as a phone writes it."""
    written = Image.Exif()
    written[MAKE] = "A phone of some make"
    written[ORIENTATION] = orientation
    written.get_ifd(0x8769)[0x9003] = "2026:02:03 04:14:24"
    if gps:
        written.get_ifd(GPS).update(
            {0: b"\2\3\0\0", 1: "S", 2: (Fraction(6), Fraction(10), Fraction(3141, 100)), 3: "E", 4: (106.0, 49.0, 37.5)}
        )
    return written


def dish(kind: str, *, size: tuple[int, int] = (320, 240), **options: Any) -> bytes:
    """Returns a picture with as much detail as a photo."""
    file = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(file, kind, **options)
    return file.getvalue()


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """Returns a PNG chunk."""
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def assembled_png(size: tuple[int, int], rows: bytes) -> bytes:
    """Returns an RGB PNG of these rows, each with its filter byte."""
    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def renditions(number: int, *widths: int, kind: str = "WEBP") -> list[bytes]:
    """Returns small pictures in the shape of a tile, of 160, 320 and 640 pixels by default; others for each number."""
    colour = f"#{number * 7919 % 0xFFFFFF:06x}"
    return [picture(kind, size=(width, width * 3 // 4), colour=colour) for width in widths or (160, 320, 640)]


def bytes_of_picture(seed: object, size: int, kind: str = "image/jpeg") -> bytes:
    """Returns a picture of exactly ``size`` bytes, different for each seed, that is sound in its structure and costs little.

    A browser does not show it: its noise is where a camera's notes would be.
    """
    noise = random.Random(str(seed))
    head, tail, overhead, longest = _SHELLS[kind]
    room = size - len(head) - len(tail)
    parts = []
    while room:
        length = min(room, longest + overhead)
        if 0 < room - length < overhead:
            length -= overhead
        parts.append(_noise_part(kind, noise.randbytes(length - overhead)))
        room -= length
    made = head + b"".join(parts) + tail
    return b"RIFF" + struct.pack("<I", size - 8) + made[8:] if kind == "image/webp" else made


def _noise_part(kind: str, content: bytes) -> bytes:
    if kind == "image/jpeg":
        return b"\xff\xe0" + (len(content) + 2).to_bytes(2, "big") + content
    if kind == "image/png":
        return png_chunk(b"noTe", content)
    return b"note" + struct.pack("<I", len(content)) + content


# Beginning, end, and bytes of a part around its content, and its longest content.
_SHELLS = {
    "image/jpeg": (
        b"\xff\xd8",
        b"\xff\xc0\0\x0b\x08\0\x01\0\x01\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0\xff\xd9",
        4,
        60_000,
    ),
    "image/png": (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        png_chunk(b"IDAT", zlib.compress(b"\0\0")) + png_chunk(b"IEND", b""),
        12,
        2**30,
    ),
    "image/webp": (b"RIFF\0\0\0\0WEBPVP8L\x06\0\0\0\x2f\0\0\0\0\0", b"", 8, 2**30),
}
