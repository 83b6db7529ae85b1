"""Generates the photos of a bench: ids, sizes and bytes. Pure, and reproducible by the seed."""

import hashlib
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from etalase.media_types import EXTENSION_OF
from etalase.renditions import TILE_HEIGHT, TILE_WIDTH

CONTENT_TYPE = "image/jpeg"
# The structure that the edge checks. Noise is its image data, which no compression on the way can shrink.
JPEG_HEADER = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0000b080001000101011100ffda0008010100003f00")
JPEG_END = bytes.fromhex("ffd9")
WITHOUT_MARKERS = bytes.maketrans(b"\xff", b"\xfe")
SEED = 20260203
# The guide's photos: a menu picture has some 45 KB.
MEDIAN_BYTES, SPREAD = 45_000, 0.6
LEAST_BYTES, MOST_BYTES = 4_000, 400_000
PHOTOS_OF_FIVE_PRODUCTS = 6
# Bytes of a photo's renditions by their widths: about those that head office makes of a photo of 46 KB.
RENDITION_BYTES = {160: 4_000, 320: 11_000, 640: 30_000}
# The place of height and width in the header.
JPEG_SIZE_AT = JPEG_HEADER.index(bytes.fromhex("00010001010111"))


@dataclass(frozen=True, slots=True)
class BenchRendition:
    """A rendition of a photo, with its bytes."""

    width: int
    height: int
    body: bytes
    content_type: str = CONTENT_TYPE

    @property
    def checksum(self) -> str:
        """Returns the MD5 of its bytes."""
        return md5(self.body)


@dataclass(frozen=True, slots=True)
class BenchPhoto:
    """A photo as in head office's feed. ``size`` is in bytes; ``version`` changes the bytes, not their number."""

    number: int
    photo_id: UUID
    product_id: UUID
    is_primary: bool
    size: int
    version: int = 1
    content_type: str = CONTENT_TYPE

    @property
    def object_key(self) -> str:
        """Returns its key, in head office's form."""
        return f"products/{self.product_id}/{'primary' if self.is_primary else self.photo_id}.{EXTENSION_OF[self.content_type]}"

    def body(self) -> bytes:
        """Returns its bytes."""
        return _picture(f"{SEED} {self.number} {self.version}", self.size)

    def renditions(self) -> list[BenchRendition]:
        """Returns its renditions."""
        return [
            BenchRendition(width, height, _picture(f"{SEED} {self.number} {self.version} {width}", size, width, height))
            for width, size in RENDITION_BYTES.items()
            for height in [width * TILE_HEIGHT // TILE_WIDTH]
        ]

    def changed(self) -> "BenchPhoto":
        """Returns the same photo with other bytes."""
        return replace(self, version=self.version + 1)


def menu_photos(count: int) -> list[BenchPhoto]:
    """Returns ``count`` photos of a menu, with lognormal sizes around 45 KB, from 4 to 400 KB."""
    sizes = random.Random(SEED)
    drawn = (round(sizes.lognormvariate(math.log(MEDIAN_BYTES), SPREAD)) for _ in range(count))
    return _photos([min(max(size, LEAST_BYTES), MOST_BYTES) for size in drawn])


def equal_photos(count: int, size: int) -> list[BenchPhoto]:
    """Returns ``count`` photos of ``size`` bytes each."""
    return _photos([size] * count)


def share(photos: Sequence[BenchPhoto], count: int, turn: int) -> list[BenchPhoto]:
    """Returns ``count`` photos, evenly spread over the list; each ``turn`` selects others."""
    step = len(photos) // count
    return [photos[(place * step + turn) % len(photos)] for place in range(count)]


def md5(body: bytes) -> str:
    """Returns the checksum of ``body`` as in the feed."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _picture(seed: str, size: int, width: int = 1, height: int = 1) -> bytes:
    pixels = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    header = JPEG_HEADER[:JPEG_SIZE_AT] + pixels + JPEG_HEADER[JPEG_SIZE_AT + len(pixels) :]
    data = random.Random(seed).randbytes(size - len(header) - len(JPEG_END)).translate(WITHOUT_MARKERS)
    return header + data + JPEG_END


def _photos(sizes: Sequence[int]) -> list[BenchPhoto]:
    ids = _ids()
    photos: list[BenchPhoto] = []
    product_id = next(ids)
    for number, size in enumerate(sizes):
        # Every fifth product has a second photo.
        is_primary = number % PHOTOS_OF_FIVE_PRODUCTS != PHOTOS_OF_FIVE_PRODUCTS - 1
        if is_primary:
            product_id = next(ids)
        photos.append(BenchPhoto(number, next(ids), product_id, is_primary, size))
    return photos


def _ids() -> Iterator[UUID]:
    source = random.Random(SEED + 1)
    while True:
        yield UUID(int=source.getrandbits(128), version=4)
