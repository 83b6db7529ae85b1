"""Validates photos by their bytes, not by the file name (hazard 50)."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from PIL import Image

from etalase.errors import PictureRefused
from etalase.head_office.images.gps import without_location
from etalase.head_office.images.png import read_through
from etalase.media_types import EXTENSION_OF, MAGIC_BYTES, sniff_type

# Pillow's own limit only warns; ``max_pixels`` is checked before decoding.
Image.MAX_IMAGE_PIXELS = None
LARGE_PIXELS = 40_000_000
_ONE_LARGE = Lock()
PNG_END = b"IEND\xaeB`\x82"


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
    content_type = sniff_type(data[:MAGIC_BYTES])
    if content_type is None:
        raise PictureRefused("The file is not a JPEG, PNG or WebP picture, whatever its name says.", code="no_picture")
    body = without_location(data, content_type)
    return Picture(body, content_type, hashlib.md5(body, usedforsecurity=False).hexdigest())


def prepare_file(path: Path, limits: PictureLimits) -> Picture:
    """Works like :func:`prepare_picture` for a file; checks its size before it reads it. Raises also :class:`OSError`."""
    size = path.stat().st_size
    if size > limits.max_bytes:
        raise _too_large(size, limits)
    return prepare_picture(path.read_bytes(), limits)


def check_picture(picture: Picture, limits: PictureLimits) -> None:
    """Raises :class:`PictureRefused` unless the picture is complete and can be decoded."""
    if problem := _cut_short(picture.body, picture.content_type):
        raise PictureRefused(f"The picture is cut short: {problem}.", code="cut_short")
    try:
        # The format is named, so that no other decoder of Pillow runs on untrusted bytes.
        with Image.open(io.BytesIO(picture.body), formats=[picture.content_type.removeprefix("image/").upper()]) as image:
            _decode(image, picture.body, limits)
    except PictureRefused:
        raise
    except Exception as error:  # decoders raise any exception for hostile bytes
        raise PictureRefused(f"The picture cannot be decoded: {error}.", code="undecodable") from error


def _decode(image: Image.Image, body: bytes, limits: PictureLimits) -> None:
    """Decodes every frame, after a check of the size in the header."""
    # The further pictures of a phone's file (MPO) are not frames: a browser shows the first one only.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    width, height = image.size
    if width * height * frames > limits.max_pixels:
        what = f"{width}×{height} pixels" + (f" in {frames} frames" if frames > 1 else "")
        reason = f"The picture has {what}; {limits.max_pixels} pixels are allowed (ETALASE_MAX_PIXELS)."
        raise PictureRefused(reason, code="too_many_pixels", width=width, height=height, most=limits.max_pixels)
    if frames == 1 and width * height > LARGE_PIXELS:
        _decode_large(image, body)
        return
    for frame in range(frames):
        image.seek(frame)
        image.load()


def _decode_large(image: Image.Image, body: bytes) -> None:
    """Decodes one large picture at a time, in little memory if its format allows it: 250 megapixels take 1 GB decoded."""
    with _ONE_LARGE:
        if image.format == "PNG":
            read_through(body)
        else:
            # A JPEG can be decoded at an eighth of its width and height; a WebP cannot.
            image.draft(image.mode, (image.width // 8, image.height // 8))
            image.load()


def extension(picture: Picture) -> str:
    """Returns the extension of the photo's key."""
    return EXTENSION_OF[picture.content_type]


def _too_large(size: int, limits: PictureLimits) -> PictureRefused:
    reason = f"The file has {size} bytes; {limits.max_bytes} are allowed (ETALASE_MAX_PHOTO_BYTES)."
    return PictureRefused(reason, code="too_large", size=size, most=limits.max_bytes)


def _cut_short(body: bytes, content_type: str) -> str | None:
    """Returns the missing end of the format, or None; decoders accept a picture that is cut short."""
    if content_type == "image/jpeg" and body.rfind(b"\xff\xd9") < body.rfind(b"\xff\xda"):
        return "a JPEG ends with an end-of-image marker"
    if content_type == "image/png" and PNG_END not in body:
        return "a PNG ends with an IEND chunk"
    promised = int.from_bytes(body[4:8], "little") + 8
    if content_type == "image/webp" and promised > len(body):
        return f"its header promises {promised} bytes, and it has {len(body)}"
    return None
