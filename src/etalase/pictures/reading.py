"""Reads the structure of any picture that a POS browser shows. Pure."""

from collections.abc import Callable

from etalase.errors import PictureFault, PictureRefused
from etalase.media_types import MAGIC_BYTES, sniff_type
from etalase.pictures.jpeg import has_jpeg_image, read_jpeg
from etalase.pictures.outline import Data, Outline
from etalase.pictures.png import has_png_image, read_png
from etalase.pictures.webp import has_webp_image, read_webp

READERS: dict[str, Callable[[Data], Outline]] = {"image/jpeg": read_jpeg, "image/png": read_png, "image/webp": read_webp}
HAS_IMAGE: dict[str, Callable[[Data], bool]] = {
    "image/jpeg": has_jpeg_image,
    "image/png": has_png_image,
    "image/webp": has_webp_image,
}


def content_type_of(data: Data) -> str:
    """Returns the media type by the first bytes. Raises :class:`PictureRefused` for data that begin as no picture."""
    content_type = sniff_type(data[:MAGIC_BYTES])
    if content_type is None:
        raise PictureRefused(
            "The file is not a JPEG, PNG or WebP picture, whatever its name says.", code=PictureFault.NO_PICTURE
        )
    return content_type


def read_outline(data: Data) -> tuple[str, Outline]:
    """Returns the media type and the outline of the picture in ``data``. Raises :class:`PictureRefused`."""
    content_type = content_type_of(data)
    return content_type, READERS[content_type](data)


def structural_damage(data: Data) -> str | None:
    """Returns what is wrong with a picture's structure, or None. Raises :class:`PictureRefused` for what is not a picture.

    Of a damaged picture browsers show a part, or nothing. A web page or a film with a picture's first bytes is not a picture.
    """
    refuse_no_picture(data)
    try:
        read_outline(data)
    except PictureRefused as refused:
        return str(refused)
    return None


def refuse_no_picture(data: Data) -> None:
    """Raises :class:`PictureRefused` for what is not a picture; a damaged one is one. Reads little of a sound picture."""
    content_type = content_type_of(data)
    if HAS_IMAGE[content_type](data):
        return
    try:
        READERS[content_type](data)
    except PictureRefused as refused:
        raise PictureRefused(
            "The file has a picture's first bytes, but is not a picture.", code=PictureFault.NO_PICTURE
        ) from refused
