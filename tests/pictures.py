"""Makes small real images on demand."""

import io
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
