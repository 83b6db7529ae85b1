"""Checks that image data, orientation and colours stay of a picture, and nothing else, with equal pixels."""

import io

import pytest
from PIL import Image, ImageCms
from tests.pictures import animated, dish, exif, picture

from etalase.pictures.metadata import orientation, without_metadata
from etalase.pictures.reading import read_outline

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def cleaned(data: bytes) -> bytes:
    """Returns the picture without metadata; a second pass changes nothing."""
    made = without_metadata(data, *read_outline(data))
    assert without_metadata(made, *read_outline(made)) == made
    return made


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("turned", range(1, 9))
def test_orientation_and_pixels_stay(kind: str, turned: int) -> None:
    data = dish(kind, exif=exif(orientation=turned), icc_profile=PROFILE) + b"<script>"
    made = cleaned(data)
    assert orientation(made, *read_outline(made)) == turned
    before, after = (Image.open(io.BytesIO(body)) for body in (data, made))
    assert before.tobytes() == after.tobytes()
    assert dict(after.getexif()) == ({0x0112: turned} if turned != 1 else {})
    assert after.info["icc_profile"]
    assert not any(text in made for text in (b"A phone", b"2026:02:03", b"<script>", b"GPS"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_without_metadata_stays_byte_for_byte(kind: str) -> None:
    data = picture(kind)
    assert cleaned(data) == data


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_stays(kind: str) -> None:
    data = animated(kind, frames=3)
    made = Image.open(io.BytesIO(cleaned(data)))
    assert made.n_frames == 3  # type: ignore[attr-defined]
    made.seek(2)
    assert made.tobytes()
