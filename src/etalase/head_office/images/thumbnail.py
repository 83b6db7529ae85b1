"""Small pictures for the admin's lists, made when they are asked for: an original may have 64 MB, a list shows fifty.

Bounded in parallel, in memory and in what is kept; renditions will replace it.
"""

import io
from functools import cache
from threading import BoundedSemaphore

from django.core.cache import caches
from PIL import Image, ImageOps

from etalase.errors import ObjectMissing, ObjectStoreError
from etalase.head_office import ingest
from etalase.head_office.models import Photo

MAX_BYTES = 10_000
SIDE = 96
# Decoded at once, in pixels: a JPEG is decoded at an eighth of its width and height, unless it is progressive.
MAX_DECODED_PIXELS = 25_000_000
AT_ONCE = 2
WAIT_SECONDS = 10.0
_turns = BoundedSemaphore(AT_ONCE)


def etag(photo: Photo) -> str:
    """The ETag of the photo's thumbnail: it changes with the bytes, or with how we make it."""
    return f'"{photo.checksum}-{SIDE}"'


def thumbnail(photo: Photo) -> bytes | None:
    """A WebP of at most :data:`MAX_BYTES`, or None where the photo cannot be had or is too large to decode here."""
    kept: bytes | None = caches["thumbnails"].get(etag(photo))
    if kept is not None or not _turns.acquire(timeout=WAIT_SECONDS):
        return kept
    try:
        made = shrink(ingest.bucket().get(photo.object_key), photo.content_type)
    except (ObjectStoreError, ObjectMissing):
        return None
    finally:
        _turns.release()
    if made is not None:
        caches["thumbnails"].set(etag(photo), made, timeout=None)
    return made


def shrink(body: bytes, content_type: str) -> bytes | None:
    """The picture in ``body``, small; None where decoding it would take too much memory, or fails."""
    try:
        with Image.open(io.BytesIO(body), formats=[content_type.removeprefix("image/").upper()]) as image:
            if image.format == "JPEG" and not image.info.get("progressive"):
                image.draft("RGB", (SIDE * 2, SIDE * 2))
            if image.width * image.height > MAX_DECODED_PIXELS:
                return None
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((SIDE * 2, SIDE * 2))
            return _encoded(upright.convert("RGBA"))
    except Exception:  # decoders raise anything over bytes made to confuse them
        return None


@cache
def placeholder() -> bytes:
    """A grey tile in place of what cannot be shown."""
    return _encoded(Image.new("RGBA", (SIDE, SIDE), "#d0d0d0"))


def _encoded(image: Image.Image) -> bytes:
    """WebP, of less quality where it would be too large."""
    body = b""
    for quality in (75, 50, 25, 5):
        file = io.BytesIO()
        image.save(file, "WEBP", quality=quality, method=4)
        body = file.getvalue()
        if len(body) <= MAX_BYTES:
            return body
    return body
