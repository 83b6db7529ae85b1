"""Makes the photos of a menu as a photographer delivers them: pictures of food with some 300 KB, the same in every run."""

import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from PIL import Image, ImageEnhance, ImageOps

from bench.photos import SEED, BenchPhoto, equal_photos
from bench.pos_store import Picture, small_pictures

PIXELS = (1200, 900)
TARGET_BYTES = 300_000
NEAR_ENOUGH = 0.1
QUALITIES = range(20, 101)
EVERY_WEBP = 4  # every fourth photo


@dataclass(frozen=True, slots=True)
class FoodPhoto(BenchPhoto):
    """A photo with a picture that people can look at, and that renditions can be made of."""

    picture: bytes = b""

    def body(self) -> bytes:
        """Returns its bytes."""
        return self.picture


def food_photos(dishes: int) -> Iterator[FoodPhoto]:
    """Yields one photo for each of ``dishes`` products: a part of a demo photo, enlarged, with a sensor's noise.

    Some are mirrored, each is somewhat brighter or darker.
    """
    pictures = small_pictures()
    for number, blank in enumerate(_primaries(dishes)):
        content_type = "image/webp" if number % EVERY_WEBP == 0 else "image/jpeg"
        body = _photograph(pictures[number % len(pictures)], random.Random(f"{SEED} {number}"), content_type)
        yield FoodPhoto(number, blank.photo_id, blank.product_id, True, len(body), content_type=content_type, picture=body)


def _primaries(dishes: int) -> Sequence[BenchPhoto]:
    return [photo for photo in equal_photos(dishes * 2, 1) if photo.is_primary][:dishes]


def _photograph(source: Picture, chosen: random.Random, content_type: str) -> bytes:
    with Image.open(io.BytesIO(source.body)) as image:
        whole = image.convert("RGB")
    share = chosen.uniform(0.75, 1.0)
    width, height = (round(side * share) for side in whole.size)
    left, top = chosen.randint(0, whole.width - width), chosen.randint(0, whole.height - height)
    part = whole.crop((left, top, left + width, top + height))
    if chosen.random() < 0.5:
        part = ImageOps.mirror(part)
    part = ImageEnhance.Brightness(part).enhance(chosen.uniform(0.85, 1.15))
    enlarged = ImageOps.fit(part, PIXELS, Image.Resampling.LANCZOS)
    size = PIXELS[0] * PIXELS[1] * 3
    noise = Image.frombytes("RGB", PIXELS, chosen.randbytes(size))
    return _encoded(Image.blend(enlarged, noise, 0.06), content_type)


def _encoded(image: Image.Image, content_type: str) -> bytes:
    """Returns the picture with the quality that comes nearest to the size wanted."""
    encode = partial(_encode, image, content_type)
    least, most = QUALITIES[0], QUALITIES[-1]
    while True:
        quality = (least + most) // 2
        body = encode(quality)
        if least >= most or abs(len(body) - TARGET_BYTES) <= NEAR_ENOUGH * TARGET_BYTES:
            return body
        least, most = (quality + 1, most) if len(body) < TARGET_BYTES else (least, quality)


def _encode(image: Image.Image, content_type: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    if content_type == "image/webp":
        image.save(buffer, "WEBP", quality=quality, method=0)
    else:
        image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
