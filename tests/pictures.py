"""Makes small real images on demand."""

import io
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
