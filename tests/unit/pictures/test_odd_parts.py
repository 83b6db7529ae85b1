"""Checks that what is wrong beside the image harms nothing: intake accepts it, and what goes out is sound."""

from collections.abc import Iterator

import pytest
import pyvips
from tests.odd_parts import damaged_animations, plain_of, rows, spoilt
from tests.pictures import animated, png_chunk

from etalase.errors import PictureRefused
from etalase.pictures.decoder import Decoder
from etalase.pictures.metadata import orientation, without_metadata
from etalase.pictures.reading import read_outline

ROWS = rows()
# The specification allows an eXIf chunk after the image, too. Chromium does not read that one.
TURNED = {"as it should be", "too long", "twice", "wrong, then right", "right, then wrong", "before the palette"}
TURNED |= {"after the image", "within the image"}


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    """Yields a decoder."""
    decoder = Decoder(processes=1)
    yield decoder
    decoder.close()


def outcome(data: bytes, decoder: Decoder) -> bytes:
    """Returns what goes out of the upload, as intake decides."""
    made = without_metadata(data, *read_outline(data))
    content_type, outline = read_outline(made)
    decoder.check(made, content_type)
    assert without_metadata(made, content_type, outline) == made
    return made


def pixels(data: bytes) -> bytes:
    """Returns the pixels as they are in the file. Raises :class:`pyvips.Error` for any warning."""
    return bytes(pyvips.Image.new_from_buffer(data, "", fail_on="warning").write_to_memory())


def expected_pixels(name: str, kind: str) -> bytes:
    """Returns the pixels of a picture, or those of the plain one where the decoder gives up."""
    try:
        return pixels(ROWS[kind][name])
    except pyvips.Error:
        return pixels(plain_of(name, kind))


@pytest.mark.parametrize("kind", ROWS)
def test_what_is_wrong_beside_the_image_harms_nothing(kind: str, decoder: Decoder) -> None:
    wrong: dict[str, str] = {}
    for name, data in ROWS[kind].items():
        try:
            made = outcome(data, decoder)
        except PictureRefused as refused:
            wrong[name] = str(refused)
            continue
        turned = 6 if kind == "PNG" and " eXIf " in name and name.partition(" eXIf ")[2] in TURNED else 1
        if pixels(made) != expected_pixels(name, kind):
            wrong[name] = "other pixels"
        elif orientation(made, *read_outline(made)) != turned:
            wrong[name] = "turned"
    assert wrong == {}
    assert len(ROWS[kind]) > 50


@pytest.mark.parametrize(
    ("form", "data"), list(damaged_animations()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_an_animation_with_damaged_frames_is_refused(form: str, data: bytes, decoder: Decoder) -> None:
    if form == "fdAT longer":  # sound, and with more than its pixels
        assert not decoder.check(data, "image/png")
        return
    with pytest.raises(PictureRefused, match="damaged"):
        outcome(data, decoder)


def test_a_picture_with_a_damaged_header_of_an_animation_is_a_still_one(decoder: Decoder) -> None:
    data = animated("PNG")
    start = data.index(b"acTL") - 4
    made = outcome(data[:start] + spoilt(data[start : start + 20]) + data[start + 20 :], decoder)
    assert not any(kind in made for kind in (b"acTL", b"fcTL", b"fdAT"))
    assert outcome(data, decoder) == data
    assert png_chunk(b"acTL", b"") not in made
