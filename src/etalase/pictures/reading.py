"""Reads the structure of any picture that a POS browser shows. Pure."""

from collections.abc import Callable

from etalase.errors import PictureRefused
from etalase.media_types import MAGIC_BYTES, sniff_type
from etalase.pictures.jpeg import read_jpeg
from etalase.pictures.outline import Outline
from etalase.pictures.png import read_png
from etalase.pictures.webp import read_webp

READERS: dict[str, Callable[[bytes], Outline]] = {"image/jpeg": read_jpeg, "image/png": read_png, "image/webp": read_webp}


def content_type_of(data: bytes) -> str:
    """Returns the media type by the first bytes. Raises :class:`PictureRefused` for data that begin as no picture."""
    content_type = sniff_type(data[:MAGIC_BYTES])
    if content_type is None:
        raise PictureRefused("The file is not a JPEG, PNG or WebP picture, whatever its name says.", code="no_picture")
    return content_type


def read_outline(data: bytes) -> tuple[str, Outline]:
    """Returns the media type and the outline of the picture in ``data``. Raises :class:`PictureRefused`."""
    content_type = content_type_of(data)
    return content_type, READERS[content_type](data)
