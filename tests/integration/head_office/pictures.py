"""Small real pictures, made on the spot."""

import io
from typing import Any

from PIL import Image


def picture(kind: str = "JPEG", *, size: tuple[int, int] = (48, 32), colour: str = "red", **options: Any) -> bytes:
    """The bytes of a picture in one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind, **options)
    return file.getvalue()


def animated(kind: str, *, frames: int = 3, size: tuple[int, int] = (48, 32)) -> bytes:
    """An animation, each frame of another colour."""
    file = io.BytesIO()
    images = [Image.new("RGB", size, (80 * n, 20, 20)) for n in range(frames)]
    images[0].save(file, kind, save_all=True, append_images=images[1:])
    return file.getvalue()
