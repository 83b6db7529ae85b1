"""Checks that image data, orientation and colours stay of a picture, and nothing else, with equal pixels."""

import contextlib
import io
import struct
from collections.abc import Iterator

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from tests.hidden_places import FORMS, SECRET, hides, in_image_data, tags_of, with_tag
from tests.hidden_places import dish as plain
from tests.pictures import animated, dish, exif, picture, png_chunk

from etalase.errors import PictureRefused
from etalase.pictures.decoder import Decoder
from etalase.pictures.icc import TYPES, colour_profile
from etalase.pictures.metadata import orientation, without_metadata
from etalase.pictures.reading import read_outline

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    """Yields a decoder."""
    decoder = Decoder(processes=1)
    yield decoder
    decoder.close()


def cleaned(data: bytes) -> bytes:
    """Returns the picture without metadata; a second pass changes nothing."""
    made = without_metadata(data, *read_outline(data))
    assert without_metadata(made, *read_outline(made)) == made
    return made


def pixels(data: bytes) -> tuple[int, int, bytes]:
    """Returns the size, and the pixels as they are in the file."""
    image = pyvips.Image.new_from_buffer(data, "")
    return image.width, image.height, bytes(image.write_to_memory())


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
    assert not any(text in made for text in (b"A phone", b"2026:02:03", b"<script>"))


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


@pytest.mark.parametrize(("kind", "form"), [(kind, form) for kind, forms in FORMS.items() for form in forms])
def test_no_hidden_place_and_no_script_survives(kind: str, form: str) -> None:
    data = FORMS[kind][form]()
    assert hides(data)
    made = cleaned(data)
    assert not hides(made)
    try:
        expected = pixels(data)
    except pyvips.Error:  # what is hidden is where decoders give up
        expected = pixels(plain(kind))
    assert pixels(made) == expected


def test_turned_pictures_stay_turned_in_every_form() -> None:
    for form, kind in (("Exif GPS", "JPEG"), ("eXIf", "PNG"), ("EXIF", "WEBP"), ("EXIF with JPEG's prefix", "WEBP")):
        made = cleaned(FORMS[kind][form]())
        assert orientation(made, *read_outline(made)) == 6


@pytest.mark.parametrize("form", in_image_data())
def test_what_hides_in_image_data_does_not_go_out(form: str, decoder: Decoder) -> None:
    content_type, _ = read_outline(in_image_data()[form])
    if content_type == "image/png":  # its checksums are right: it goes out, encoded anew
        assert not decoder.check(cleaned(in_image_data()[form]), content_type)
        return
    with pytest.raises(PictureRefused, match="damaged"):
        decoder.check(cleaned(in_image_data()[form]), content_type)


def test_what_changes_colours_stays() -> None:
    """Checks a CMYK JPEG (Adobe's header says that it is inverted), an RGB one, and the chunks of a PNG."""
    for mode, options in (("CMYK", {}), ("RGB", {"keep_rgb": True})):
        file = io.BytesIO()
        Image.open(io.BytesIO(dish("PNG"))).convert(mode).save(file, "JPEG", **options)
        before, after = (Image.open(io.BytesIO(data)).tobytes() for data in (file.getvalue(), cleaned(file.getvalue())))
        assert before == after
    colours = {b"gAMA": b"\0\0\xb1\x8f", b"cHRM": bytes(32), b"sRGB": b"\0", b"sBIT": b"\x08\x08\x08", b"tRNS": bytes(6)}
    data = picture("PNG")
    made = cleaned(data[:33] + b"".join(png_chunk(*chunk) for chunk in colours.items()) + data[33:])
    assert all(png_chunk(*chunk) in made for chunk in colours.items())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_large_colour_profile_stays(kind: str) -> None:
    """Checks one of two JPEG segments, as that of a printer."""
    points = 25
    sizes = bytes([3, 3, points]) + bytes(37) + struct.pack(">HH", 2, 2)
    table = b"mft2" + bytes(4) + sizes + bytes(2 * (2 * 3 + points**3 * 3 + 2 * 3))
    header = PROFILE[:128] + (1).to_bytes(4, "big") + b"A2B0" + (144).to_bytes(4, "big") + len(table).to_bytes(4, "big")
    data = dish(kind, icc_profile=header + table)
    assert table in Image.open(io.BytesIO(cleaned(data))).info["icc_profile"]


@given(data=st.binary(max_size=300), kind=st.sampled_from(["JPEG", "PNG", "WEBP"]), cut=st.integers(0, 900))
def test_no_bytes_cause_an_unexpected_exception(data: bytes, kind: str, cut: int) -> None:
    start = FORMS[kind]["film"]()
    with contextlib.suppress(PictureRefused):
        cleaned(start[:cut] + data + start[cut:])


@pytest.mark.parametrize("name", ["srgb", "p3", "cmyk"])
def test_every_tag_that_changes_colours_stays(name: str) -> None:
    profile = pyvips.Image.profile_load(name)
    before, after = tags_of(profile), tags_of(colour_profile(profile))
    assert {tag: before[tag] for tag in before.keys() & TYPES.keys()} == {
        tag: after[tag] for tag in after.keys() & TYPES.keys()
    }


@pytest.mark.parametrize(
    ("tag", "kind"),
    [(tag, kind) for tag, kinds in sorted(TYPES.items()) for kind in (b"text", *sorted(kinds)) if kind != b"sf32"],
)
@pytest.mark.parametrize("numbers", [b"", bytes(4), bytes(4) + b"\1", bytes(8)])
def test_a_text_in_the_place_of_colours_goes(tag: bytes, kind: bytes, numbers: bytes) -> None:
    """Nine numbers of a matrix can be any bytes (ADR 0029)."""
    profile = with_tag(PROFILE, tag, kind + numbers + SECRET.encode() * 3)
    assert hides(profile)
    made = colour_profile(profile)
    assert not hides(made)
    assert colour_profile(made) == made
