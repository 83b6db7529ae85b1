"""Validates uploads by their bytes, not by the file name (hazard 50)."""

import atexit
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from etalase.checksum import md5_hex
from etalase.errors import PictureFault, PictureRefused
from etalase.media_types import EXTENSION_OF
from etalase.pictures.decoder import Decoder
from etalase.pictures.metadata import without_metadata
from etalase.pictures.outline import Outline, refuse_too_many_pixels
from etalase.pictures.reading import read_outline


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """The limits of an upload. ``max_pixels`` counts all frames of an animation together."""

    max_bytes: int
    max_pixels: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo's bytes as they are published, with their media type and ``checksum`` (MD5 in hex)."""

    body: bytes
    content_type: str
    checksum: str

    @classmethod
    def of(cls, body: bytes, content_type: str) -> "Picture":
        """Returns the picture of these bytes."""
        return cls(body, content_type, md5_hex(body))


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as a person gave it, with its MD5 in hex."""

    body: bytes
    checksum: str


def read_upload(data: bytes, limits: PictureLimits) -> Upload:
    """Returns the upload. Raises :class:`PictureRefused` if it is empty or too large."""
    if not data:
        raise PictureRefused("The file is empty.", code=PictureFault.EMPTY)
    if len(data) > limits.max_bytes:
        raise _too_large(len(data), limits)
    return Upload(data, md5_hex(data))


def read_upload_file(path: Path, limits: PictureLimits) -> Upload:
    """Works like :func:`read_upload` for a file; checks its size before it reads it. Raises also :class:`OSError`."""
    size = path.stat().st_size
    if size > limits.max_bytes:
        raise _too_large(size, limits)
    return read_upload(path.read_bytes(), limits)


def cleaned_picture(body: bytes, limits: PictureLimits) -> tuple[Picture, Outline, bool]:
    """Returns the picture without metadata, the outline of ``body``, and whether its data have pixels only.

    What goes does no harm: decoded is what goes out. Raises :class:`PictureRefused` for a picture that is incomplete, damaged
    or beyond the limits.
    """
    content_type, outline = read_outline(body)
    refuse_too_many_pixels(outline.width, outline.height, limits.max_pixels, frames=outline.frames)
    cleaned = without_metadata(body, content_type, outline)
    read_outline(cleaned)
    has_pixels_only = _decoder().check(cleaned, content_type)
    return Picture.of(cleaned, content_type), outline, has_pixels_only


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
    return PictureRefused(reason, code=PictureFault.TOO_LARGE, size=size, most=limits.max_bytes)
