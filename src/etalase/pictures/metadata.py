"""Leaves of a picture what a browser needs to show it: an allow-list, so that no place and no script can hide. Pure.

Image data stay byte for byte, and so do orientation and the colours of a profile. Everything else goes: comments, texts,
previews, positions, serial numbers, maker notes, and the tail after the picture.
"""

from collections.abc import Callable, Iterator

from etalase.pictures.jpeg_metadata import jpeg_orientation, jpeg_without_metadata
from etalase.pictures.outline import Outline
from etalase.pictures.png_metadata import png_orientation, png_without_metadata
from etalase.pictures.webp_metadata import webp_orientation, webp_without_metadata

_WITHOUT: dict[str, Callable[[bytes, Outline], Iterator[bytes]]] = {
    "image/jpeg": jpeg_without_metadata,
    "image/png": png_without_metadata,
    "image/webp": webp_without_metadata,
}
_ORIENTATION: dict[str, Callable[[bytes, Outline], int]] = {
    "image/jpeg": jpeg_orientation,
    "image/png": png_orientation,
    "image/webp": webp_orientation,
}


def without_metadata(data: bytes, content_type: str, outline: Outline) -> bytes:
    """Returns the picture with image data, orientation and ICC profile only; the tail goes too. Lossless.

    A second pass changes nothing.
    """
    return b"".join(_WITHOUT[content_type](data, outline))


def orientation(data: bytes, content_type: str, outline: Outline) -> int:
    """Returns the picture's Exif orientation, 1 to 8."""
    return _ORIENTATION[content_type](data, outline)
