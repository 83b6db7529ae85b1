"""Reads the pictures that libvips does not read, with Pillow: BMP, animated AVIF, and HEIC where pillow-heif is installed."""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from etalase.pictures.upload_type import AVIF, BMP, HEIC

KINDS = {BMP: "BMP", AVIF: "AVIF", HEIC: "HEIF"}


class HeicUnsupported(Exception):
    """The library for HEIC is not installed."""


class PictureUnreadable(Exception):
    """The picture is damaged, or not one."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """An upright picture: 3 or 4 bytes a pixel, row by row, and its ICC profile."""

    data: bytes
    width: int
    height: int
    bands: int
    profile: bytes


def read_pixels(data: bytes, content_type: str, check: Callable[[int, int], None]) -> Pixels:
    """Returns the picture, after ``check`` accepts its width and height.

    Raises :class:`HeicUnsupported`, :class:`PictureUnreadable` or the error of ``check``.
    """
    if content_type == HEIC:
        try:
            from pillow_heif import register_heif_opener
        except ImportError as error:
            raise HeicUnsupported from error
        register_heif_opener(thumbnails=False)
    Image.MAX_IMAGE_PIXELS = None  # `check` does that
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Image.Image = Image.open(io.BytesIO(data), formats=[KINDS[content_type]])
            check(*image.size)
            mode = "RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB"
            profile = image.info.get("icc_profile") or b""
            image = ImageOps.exif_transpose(image).convert(mode)
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, RuntimeError, UnidentifiedImageError) as error:
        raise PictureUnreadable from error
    return Pixels(image.tobytes(), *image.size, len(mode), profile)
