"""Makes the photo that goes out from the file that a person gave: the recipe, with a version (docs/adr/0031).

An upload within the limits of a photo goes out as it is but for its metadata. Any other is made smaller.
"""

from dataclasses import dataclass

from etalase.errors import PictureRefused
from etalase.head_office.images.gps import without_location
from etalase.head_office.images.validate import Picture, PictureLimits, Upload, cleaned_picture
from etalase.media_types import MAGIC_BYTES, sniff_type
from etalase.pictures.making import make_photo
from etalase.pictures.outline import Outline

# Raise it where the same upload and the same limits give another photo.
RECIPE_VERSION = 1
# The recipe of head office before version 1: the upload, with its GPS position blanked.
RECIPE_0 = "0"


@dataclass(frozen=True, slots=True)
class Recipe:
    """The way from an upload to a photo: at most ``max_side_pixels`` on the long side, and ``max_bytes``."""

    max_side_pixels: int
    max_bytes: int

    def __str__(self) -> str:
        return f"{RECIPE_VERSION} {self.max_side_pixels}px {self.max_bytes}B"

    def make(self, upload: Upload, limits: PictureLimits) -> Picture:
        """Returns the photo. Raises :class:`PictureRefused` for a file that is not a sound picture within the limits."""
        body = upload.body
        if sniff_type(body[:MAGIC_BYTES]) is not None:
            cleaned, outline, has_pixels_only = cleaned_picture(body, limits)
            is_small = max(outline.width, outline.height) <= self.max_side_pixels and len(cleaned.body) <= self.max_bytes
            if is_small and has_pixels_only and not is_cmyk(body, outline):
                return cleaned
            body = cleaned.body
        made = make_photo(body, max_side_pixels=self.max_side_pixels, max_bytes=self.max_bytes, max_pixels=limits.max_pixels)
        return Picture.of(made.body, made.content_type)


def is_cmyk(data: bytes, outline: Outline) -> bool:
    """Returns whether the picture is a JPEG in four colours, for print: tills show each of them in other ones."""
    return any(data[part.content + 5 : part.content + 6] == b"\4" for part in outline.parts if part.kind.startswith("SOF"))


def blanked(upload: Upload) -> bytes:
    """Returns the photo that recipe 0 made; the upload itself where it made none."""
    content_type = sniff_type(upload.body[:MAGIC_BYTES])
    if content_type is None:
        return upload.body
    try:
        return without_location(upload.body, content_type)
    except PictureRefused:
        return upload.body
