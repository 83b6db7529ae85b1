"""Checks that no hostile picture costs more than the limits, and that each is refused in our own words or made harmless."""

import io
import re
from collections.abc import Iterator

import pytest
from PIL import Image
from tests.daily import named
from tests.hostile_pictures import hostile_pictures

from etalase.errors import PictureFault, PictureRefused
from etalase.pictures.decoder import Decoder
from etalase.pictures.making import Maker
from etalase.pictures.metadata import without_metadata
from etalase.pictures.reading import read_outline

PICTURES = dict(hostile_pictures())
MAX_PIXELS = 250_000_000
# Words of libraries, and addresses of objects.
NOT_OURS = re.compile(r"0x[0-9a-f]{6}|vips|png read|libpng|libjpeg|PIL|Error|<_io|b'", re.ASCII)
DAILY = (
    "WebP of 34 bytes and 15,800² pixels",
    "WebP with 900 frames",
    "JPEG of 65,500² pixels",
    "JPEG of 1,000 scans",
    "JPEG with overlapping APP1",
    "JPEG with overlapping GPS values",
    "JPEG with an ICC bomb",
    "PNG with a small ICC bomb",
    "PNG without an IHDR",
    "TIFF whose directory follows itself",
    "AVIF with 65,535 places",
    "HEIC of boxes in boxes",
    "JPEG, spoilt 3",
)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    """Yields a decoder with little time and memory."""
    decoder = Decoder(processes=1, seconds=20, memory_bytes=1 << 30)
    yield decoder
    decoder.close()


@pytest.fixture(scope="module")
def maker() -> Iterator[Maker]:
    """Yields a maker with little time and memory."""
    maker = Maker(processes=1, seconds=20, memory_bytes=1 << 30)
    yield maker
    maker.close()


def intake(data: bytes, decoder: Decoder, maker: Maker) -> list[bytes]:
    """Returns what an upload becomes: the photo as it is but for metadata, and its renditions."""
    content_type, outline = read_outline(data)
    if outline.pixels > MAX_PIXELS:
        raise PictureRefused("The picture has too many pixels.", code=PictureFault.TOO_MANY_PIXELS)
    photo = without_metadata(data, content_type, outline)
    assert len(photo) <= len(data) + 1000
    decoder.check(photo, content_type)
    return [photo, *(one.body for one in maker.renditions(photo).renditions)]


def edge(data: bytes, decoder: Decoder, maker: Maker) -> list[bytes]:
    """Returns the renditions that an edge makes of a photo, damaged or not."""
    return [one.body for one in maker.renditions(data).renditions]


def upload(data: bytes, decoder: Decoder, maker: Maker) -> list[bytes]:
    """Returns the photo that is made of an upload."""
    return [maker.photo(data, max_side_pixels=2048, max_bytes=600_000, max_pixels=MAX_PIXELS).body]


def test_there_are_500() -> None:
    assert len(PICTURES) >= 500


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", named(PICTURES, *DAILY))
def test_a_hostile_picture_is_refused_or_harmless(name: str, decoder: Decoder, maker: Maker) -> None:
    data = PICTURES[name]()
    for way in (intake, edge, upload):
        refusal, made = "", []
        try:
            made = way(data, decoder, maker)
        except PictureRefused as refused:
            refusal = str(refused)
        assert made or refusal[:1].isupper()
        assert not NOT_OURS.search(refusal), refusal
        assert not any(b"<script" in body for body in made)
        assert all(Image.open(io.BytesIO(body)).size for body in made[1:])
