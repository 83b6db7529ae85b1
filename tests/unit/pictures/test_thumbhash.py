"""Checks ThumbHashes against those of the reference encoder (thumbhash 0.1.1 for JavaScript)."""

import base64

import pytest

from etalase.pictures.thumbhash import thumbhash
from etalase.renditions import MAX_THUMBHASH_BYTES


def pixels(width: int, height: int, *, transparent: bool) -> bytes:
    """Returns RGBA pixels by formulas that JavaScript has, too."""
    return bytes(
        value % 256
        for y in range(height)
        for x in range(width)
        for value in (7 * x + 3 * y, x * y, x * x + 5 * y, 11 * x + 13 * y if transparent else 255)
    )


@pytest.mark.parametrize(
    ("width", "height", "transparent", "expected"),
    [
        (32, 24, False, "3UcOJYhAZohUeHmFiGd4h3CFBNm2"),
        (24, 32, False, "nDcKLQhAdWGHaYhoeId3iKC1BX7p"),
        (32, 24, True, "nVeGFIQXUGZkeqdoCDlHgHt5dYiIRAdnCA=="),
        (1, 1, False, "AAgCBwAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        (100, 100, True, "3weCBQIHRFRFV0QGRjN30PypRUXBwVQTTw=="),
        (100, 3, False, "F4cGGY5AM5Ghh3eHhLC49YQ="),
        (7, 50, False, "mDYSIQp0gHh4d4d4cM76aZQ="),
    ],
)
def test_a_hash_is_that_of_the_reference(width: int, height: int, *, transparent: bool, expected: str) -> None:
    made = thumbhash(width, height, pixels(width, height, transparent=transparent))
    assert base64.b64encode(made).decode() == expected
    assert len(made) <= MAX_THUMBHASH_BYTES


@pytest.mark.parametrize("pixel", [bytes(4), b"\xff\xff\xff\xff", b"\xff\0\0\xff", b"\0\xff\0\x80"])
def test_one_colour_has_a_hash(pixel: bytes) -> None:
    assert 20 < len(thumbhash(4, 3, pixel * 12)) <= MAX_THUMBHASH_BYTES


def test_a_larger_picture_has_none() -> None:
    with pytest.raises(ValueError, match="100×100"):
        thumbhash(101, 1, bytes(404))
