"""Validates photos by their bytes, not by the file name (hazard 50)."""

import atexit
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from etalase.errors import PictureRefused
from etalase.head_office.images.gps import without_location
from etalase.media_types import EXTENSION_OF
from etalase.pictures.decoder import Decoder
from etalase.pictures.reading import content_type_of, read_outline


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """The limits of a photo. ``max_pixels`` counts all frames of an animation together."""

    max_bytes: int
    max_pixels: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo's bytes as they are published, with their media type and ``checksum`` (MD5 in hex)."""

    body: bytes
    content_type: str
    checksum: str


def prepare_picture(data: bytes, limits: PictureLimits) -> Picture:
    """Returns the picture in ``data`` without its GPS position; :func:`check_picture` then decodes it.

    Raises :class:`PictureRefused` for data that is not a JPEG, PNG or WebP, is empty, or is too large.
    """
    if not data:
        raise PictureRefused("The file is empty.", code="empty")
    if len(data) > limits.max_bytes:
        raise _too_large(len(data), limits)
    content_type = content_type_of(data)
    body = without_location(data, content_type)
    return Picture(body, content_type, hashlib.md5(body, usedforsecurity=False).hexdigest())


def prepare_file(path: Path, limits: PictureLimits) -> Picture:
    """Works like :func:`prepare_picture` for a file; checks its size before it reads it. Raises also :class:`OSError`."""
    size = path.stat().st_size
    if size > limits.max_bytes:
        raise _too_large(size, limits)
    return prepare_picture(path.read_bytes(), limits)


def check_picture(picture: Picture, limits: PictureLimits) -> None:
    """Raises :class:`PictureRefused` unless the picture is complete, within the limits, and decoded without a warning."""
    _, outline = read_outline(picture.body)
    if outline.pixels > limits.max_pixels:
        size = f"{outline.width}×{outline.height}"
        what = f"{size} pixels" + (f" in {outline.frames} frames" if outline.frames > 1 else "")
        reason = f"The picture has {what}; {limits.max_pixels} pixels are allowed (ETALASE_MAX_PIXELS)."
        code = {"width": outline.width, "height": outline.height, "most": limits.max_pixels}
        raise PictureRefused(reason, code="too_many_pixels", **code)
    _decoder().check(picture.body, picture.content_type)


@cache
def _decoder() -> Decoder:
    """Returns the decoder of this process, started with the first picture."""
    decoder = Decoder()
    atexit.register(decoder.close)
    return decoder


def extension(picture: Picture) -> str:
    """Returns the extension of the photo's key."""
    return EXTENSION_OF[picture.content_type]


def _too_large(size: int, limits: PictureLimits) -> PictureRefused:
    reason = f"The file has {size} bytes; {limits.max_bytes} are allowed (ETALASE_MAX_PHOTO_BYTES)."
    return PictureRefused(reason, code="too_large", size=size, most=limits.max_bytes)
