"""Is this a photo? Decided from the bytes alone: the name of a file says nothing (hazard 50)."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from PIL import Image

from etalase.errors import PictureRefused
from etalase.head_office.images.gps import without_location
from etalase.head_office.images.png import read_through
from etalase.protocol import EXTENSION_OF, MAGIC_BYTES, sniff_type

# Pillow's own guard only warns at this limit, with a number of its own; ours stands before the decoding.
Image.MAX_IMAGE_PIXELS = None
LARGE_PIXELS = 40_000_000
_ONE_LARGE = Lock()
PNG_END = b"IEND\xaeB`\x82"


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """What is taken. ``max_pixels`` counts all frames of an animation together."""

    max_bytes: int
    max_pixels: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo's bytes as they go out, with what the feed says of them. ``checksum`` is their MD5 in hex."""

    body: bytes
    content_type: str
    checksum: str


def take(data: bytes, limits: PictureLimits) -> Picture:
    """``data`` as a picture to be, without the place where it was taken; :func:`check` says whether it can be shown.

    Raises :class:`PictureRefused` for what is no JPEG, PNG or WebP, empty, or too large.
    """
    if not data:
        raise PictureRefused("The file is empty.", code="empty")
    if len(data) > limits.max_bytes:
        raise _too_large(len(data), limits)
    content_type = sniff_type(data[:MAGIC_BYTES])
    if content_type is None:
        raise PictureRefused("The file is no JPEG, PNG or WebP picture, whatever its name says.", code="no_picture")
    body = without_location(data, content_type)
    return Picture(body, content_type, hashlib.md5(body, usedforsecurity=False).hexdigest())


def take_file(path: Path, limits: PictureLimits) -> Picture:
    """:func:`take` for a file, whose size is looked at before it is read. Raises :class:`OSError` besides."""
    size = path.stat().st_size
    if size > limits.max_bytes:
        raise _too_large(size, limits)
    return take(path.read_bytes(), limits)


def check(picture: Picture, limits: PictureLimits) -> None:
    """Raise :class:`PictureRefused` unless the whole picture is there and can be decoded."""
    if problem := _cut_short(picture.body, picture.content_type):
        raise PictureRefused(f"The picture is cut short: {problem}.", code="cut_short")
    try:
        # The formats are named, so that nothing else Pillow can read is ever tried on a stranger's bytes.
        with Image.open(io.BytesIO(picture.body), formats=[picture.content_type.removeprefix("image/").upper()]) as image:
            _decode(image, picture.body, limits)
    except PictureRefused:
        raise
    except Exception as error:  # decoders raise anything over bytes made to confuse them
        raise PictureRefused(f"The picture cannot be decoded: {error}.", code="undecodable") from error


def _decode(image: Image.Image, body: bytes, limits: PictureLimits) -> None:
    """Every frame, after the size that the header promises was found bearable."""
    # A phone's further pictures (MPO) are no frames: a browser shows the first one only.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    width, height = image.size
    if width * height * frames > limits.max_pixels:
        what = f"{width}×{height} pixels" + (f" in {frames} frames" if frames > 1 else "")
        said = f"The picture has {what}; {limits.max_pixels} pixels are allowed (ETALASE_MAX_PIXELS)."
        raise PictureRefused(said, code="too_many_pixels", width=width, height=height, most=limits.max_pixels)
    if frames == 1 and width * height > LARGE_PIXELS:
        _decode_large(image, body)
        return
    for frame in range(frames):
        image.seek(frame)
        image.load()


def _decode_large(image: Image.Image, body: bytes) -> None:
    """One picture at a time, and in little memory where its format allows it: 250 megapixels decoded are a gigabyte."""
    with _ONE_LARGE:
        if image.format == "PNG":
            read_through(body)
        else:
            # A JPEG is decoded whole, but to an eighth of its width and height; a WebP has no such way.
            image.draft(image.mode, (image.width // 8, image.height // 8))
            image.load()


def extension(picture: Picture) -> str:
    """What the photo's key ends with."""
    return EXTENSION_OF[picture.content_type]


def _too_large(size: int, limits: PictureLimits) -> PictureRefused:
    said = f"The file has {size} bytes; {limits.max_bytes} are allowed (ETALASE_MAX_PHOTO_BYTES)."
    return PictureRefused(said, code="too_large", size=size, most=limits.max_bytes)


def _cut_short(body: bytes, content_type: str) -> str | None:
    """What is missing at the end, which decoders forgive: each format says how it ends."""
    if content_type == "image/jpeg" and body.rfind(b"\xff\xd9") < body.rfind(b"\xff\xda"):
        return "a JPEG ends with an end-of-image marker"
    if content_type == "image/png" and PNG_END not in body:
        return "a PNG ends with an IEND chunk"
    promised = int.from_bytes(body[4:8], "little") + 8
    if content_type == "image/webp" and promised > len(body):
        return f"it says that it has {promised} bytes, and has {len(body)}"
    return None
