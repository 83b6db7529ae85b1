"""Makes thumbnails for the admin's lists on demand: an original may have 64 MB, and a list shows fifty photos.

Parallelism, memory and cache are bounded.
"""

import io
from functools import cache
from threading import BoundedSemaphore

from django.core.cache import caches
from PIL import Image, ImageOps

from etalase.errors import ObjectMissing, ObjectStoreError
from etalase.head_office import ingest
from etalase.head_office.models import Photo

# Pillow's own limit only warns; MAX_DECODED_PIXELS is checked after the draft.
Image.MAX_IMAGE_PIXELS = None
MAX_BYTES = 10_000
SIDE = 96
# Pixels per decoding: a JPEG is decoded at up to an eighth of its width and height, unless it is progressive.
MAX_DECODED_PIXELS = 25_000_000
MAX_PARALLEL = 2
WAIT_SECONDS = 10.0
_slots = BoundedSemaphore(MAX_PARALLEL)


def etag(photo: Photo) -> str:
    """Returns the ETag of the photo's thumbnail, which changes with the photo's bytes and the thumbnail's size."""
    return f'"{photo.checksum}-{SIDE}"'


def thumbnail(photo: Photo) -> bytes | None:
    """Returns a WebP of about :data:`MAX_BYTES` at most, or None: photo unreadable or too large, no free slot."""
    kept: bytes | None = caches["thumbnails"].get(etag(photo))
    if kept is not None or not _slots.acquire(timeout=WAIT_SECONDS):
        return kept
    try:
        made = shrink(ingest.bucket().get(photo.object_key), photo.content_type)
    except (ObjectStoreError, ObjectMissing):
        return None
    finally:
        _slots.release()
    if made is not None:
        caches["thumbnails"].set(etag(photo), made, timeout=None)
    return made


def shrink(body: bytes, content_type: str) -> bytes | None:
    """Returns the thumbnail of the picture in ``body``, or None if decoding fails or would take too much memory."""
    try:
        with Image.open(io.BytesIO(body), formats=[content_type.removeprefix("image/").upper()]) as image:
            if image.format == "JPEG" and not image.info.get("progressive"):
                image.draft("RGB", (SIDE * 2, SIDE * 2))
            if image.width * image.height > MAX_DECODED_PIXELS:
                return None
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((SIDE * 2, SIDE * 2))
            return _encoded(upright.convert("RGBA"))
    except Exception:  # decoders raise any exception for hostile bytes
        return None


@cache
def placeholder() -> bytes:
    """Returns a grey tile, for photos without a thumbnail."""
    return _encoded(Image.new("RGBA", (SIDE, SIDE), "#d0d0d0"))


def _encoded(image: Image.Image) -> bytes:
    """Returns the image as WebP, at the highest quality that fits into :data:`MAX_BYTES`."""
    body = b""
    for quality in (75, 50, 25, 5):
        file = io.BytesIO()
        image.save(file, "WEBP", quality=quality, method=4)
        body = file.getvalue()
        if len(body) <= MAX_BYTES:
            return body
    return body
