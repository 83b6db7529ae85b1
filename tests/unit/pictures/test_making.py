"""Checks photos and renditions on real pictures: upright, in sRGB, small, and nothing in them but the image."""

import base64
import io
import random
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import pytest
from PIL import Image, ImageCms
from tests.daily import daily
from tests.hidden_places import with_tag
from tests.pictures import animated, dish, exif, picture

import etalase.demo
from etalase.errors import PictureRefused
from etalase.pictures.making import FocalPoint, MadePicture, Maker
from etalase.renditions import MAX_RENDITION_BYTES, MAX_THUMBHASH_BYTES

DISHES = sorted((Path(etalase.demo.__file__).parent / "photos").glob("*.*"))
CORNERS = {"red": (200, 30, 30), "green": (30, 160, 30), "blue": (30, 30, 200), "white": (250, 250, 250)}
# Exif's name of a turn, and what undoes it.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.fixture(scope="module")
def maker() -> Iterator[Maker]:
    """Yields a maker with one process, which outlives each refused picture."""
    maker = Maker(processes=1)
    yield maker
    maker.close()


def opened(made: MadePicture) -> Image.Image:
    """Returns the picture decoded, after a check of what is said of it."""
    image = Image.open(io.BytesIO(made.body))
    assert (image.size, Image.MIME[image.format or ""]) == ((made.width, made.height), made.content_type)
    assert not image.info.keys() & {"exif", "icc_profile", "xmp", "comment"}
    image.load()
    return image


def colour(image: Image.Image, x: float, y: float) -> str:
    """Returns the name of the colour at a place, in shares of width and height."""
    found = image.convert("RGB").getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(found, tuple)
    return min(CORNERS, key=lambda name: sum(abs(a - b) for a, b in zip(CORNERS[name], found, strict=True)))


def corners(image: Image.Image) -> list[str]:
    """Returns the colours of the corners, row by row."""
    return [colour(image, x, y) for y, x in product((0.1, 0.9), (0.1, 0.9))]


def four_colours(kind: str, size: tuple[int, int], orientation: int = 1) -> bytes:
    """Returns a picture with a colour in each corner as a person sees it; the file is turned as Exif says."""
    small = Image.new("RGB", (2, 2))
    small.putdata(list(CORNERS.values()))
    image = small.resize(size, Image.Resampling.NEAREST)
    if orientation != 1:
        image = image.transpose(TURNS[orientation])
    file = io.BytesIO()
    image.save(file, kind, exif=exif(orientation=orientation))
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "orientation"),
    daily(
        [(kind, orientation) for kind in ("JPEG", "PNG", "WEBP") for orientation in range(1, 9)],
        *(("JPEG", orientation) for orientation in range(1, 9)),
        ("PNG", 6),
        ("WEBP", 6),
    ),
)
def test_renditions_are_upright(maker: Maker, kind: str, orientation: int) -> None:
    made = maker.renditions(four_colours(kind, (800, 600), orientation)).renditions
    assert [(one.width, one.height) for one in made] == [(160, 120), (320, 240), (640, 480)]
    assert all(corners(opened(one)) == list(CORNERS) for one in made)


def test_the_cut_is_around_the_focal_point(maker: Maker) -> None:
    tall = four_colours("JPEG", (600, 1800), orientation=6)
    for y, expected in ((0.1, ["red", "green"] * 2), (0.5, list(CORNERS)), (0.9, ["blue", "white"] * 2)):
        largest = maker.renditions(tall, focal_point=FocalPoint(0.5, y)).renditions[-1]
        assert (largest.width, largest.height) == (600, 450)
        assert corners(opened(largest)) == expected


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 3000), (3000, 1), (100, 100), (161, 160), (640, 480), (5000, 3000)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_of_any_size_has_renditions(maker: Maker, kind: str, size: tuple[int, int]) -> None:
    made = maker.renditions(picture(kind, size=size))
    assert made.renditions
    assert all(opened(one).width <= size[0] for one in made.renditions)
    assert 20 < len(base64.b64decode(made.thumbhash, validate=True)) <= MAX_THUMBHASH_BYTES


@pytest.mark.parametrize("path", DISHES[::12], ids=lambda path: path.name)
def test_a_tile_of_a_real_dish_has_at_most_20_kilobytes(maker: Maker, path: Path) -> None:
    by_width = {one.width: one for one in maker.renditions(path.read_bytes()).renditions}
    assert len(by_width[160].body) < 8_000
    assert len(by_width[320].body) < 20_000


def test_the_noisiest_picture_keeps_within_the_bound(maker: Maker) -> None:
    made = maker.renditions(dish("JPEG", size=(640, 480), quality=95))
    assert max(len(one.body) for one in made.renditions) < MAX_RENDITION_BYTES / 2
    assert len(made.renditions[1].body) < 30_000


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("size", [(640, 480), (160, 120)])
def test_a_thumbnail_of_pure_noise_has_at_most_10_kilobytes(maker: Maker, mode: str, size: tuple[int, int]) -> None:
    bits = random.Random(1).getrandbits(8 * len(mode) * size[0] * size[1])
    noise = bits.to_bytes(len(mode) * size[0] * size[1], "big").translate(bytes(128) + b"\xff" * 128)
    file = io.BytesIO()
    Image.frombytes(mode, size, noise).save(file, "PNG")
    assert len(maker.renditions(file.getvalue()).renditions[0].body) <= 10_000


def test_jpeg_is_taken_where_webp_is_larger(maker: Maker) -> None:
    types = {one.content_type for path in DISHES[:3] for one in maker.renditions(path.read_bytes()).renditions}
    types |= {one.content_type for one in maker.renditions(picture(size=(1, 1))).renditions}
    types |= {one.content_type for one in maker.renditions(dish("PNG", size=(640, 480))).renditions}
    assert types <= {"image/webp", "image/jpeg"}
    assert "image/webp" in types


def test_transparency_stays(maker: Maker) -> None:
    file = io.BytesIO()
    Image.new("RGBA", (400, 300), (255, 0, 0, 90)).save(file, "PNG")
    for one in maker.renditions(file.getvalue()).renditions:
        image = opened(one)
        assert (image.mode, one.content_type) == ("RGBA", "image/webp")
        assert image.getchannel("A").getextrema() == (90, 90)
    opaque = io.BytesIO()
    Image.new("RGBA", (400, 300), (255, 0, 0, 255)).save(opaque, "PNG")
    assert {opened(one).mode for one in maker.renditions(opaque.getvalue()).renditions} == {"RGB"}


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_the_first_frame_of_an_animation_is_shown(maker: Maker, kind: str) -> None:
    red, *_ = opened(maker.renditions(animated(kind, frames=4)).renditions[-1]).convert("RGB").getpixel((3, 3))  # type: ignore[misc]
    assert red < 40  # 0, 80, 160 and 240 in the four frames


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "1", "LA", "I;16"])
def test_every_kind_of_pixels_becomes_srgb(maker: Maker, mode: str) -> None:
    file = io.BytesIO()
    image = (
        Image.new("L", (40, 30), 255).convert("I").point(lambda v: v * 257) if mode == "I;16" else Image.new("L", (40, 30), 255)
    )
    image.convert(mode).save(file, "JPEG" if mode == "CMYK" else "PNG")
    made = opened(maker.renditions(file.getvalue()).renditions[-1])
    assert made.mode == "RGB"
    assert min(made.getpixel((20, 15))) > 240  # type: ignore[arg-type]


def test_a_colour_profile_is_applied(maker: Maker) -> None:
    """Checks with a profile that swaps colours: LAB's numbers would be nonsense without it."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")
    for kind in ("JPEG", "PNG", "WEBP"):
        data = picture(kind, size=(40, 30), colour=(200, 0, 0), icc_profile=swapped)  # type: ignore[arg-type]
        pixel = opened(maker.renditions(data).renditions[-1]).convert("RGB").getpixel((20, 15))
        assert isinstance(pixel, tuple)
        assert pixel[2] > 150 > pixel[0]


@pytest.mark.parametrize("content", [b"", b"curv" + bytes(4) + b"\0\1\0\0" + bytes(40)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "CMYK"])
def test_a_profile_that_no_library_can_use_is_left_out(maker: Maker, kind: str, content: bytes) -> None:
    """Browsers do so. It has the form of a profile, but a curve is cut or missing."""
    profile = with_tag(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), b"rTRC", content)
    file = io.BytesIO()
    image = Image.new("RGB", (40, 30), "red")
    if kind == "CMYK":
        image.convert(kind).save(file, "JPEG", icc_profile=profile)
    else:
        image.save(file, kind, icc_profile=profile)
    made = maker.photo(file.getvalue(), max_side_pixels=20, max_bytes=100_000)
    assert colour(opened(made), 0.5, 0.5) == "red"
    if kind not in {"TIFF", "AVIF"}:
        assert colour(opened(maker.renditions(file.getvalue()).renditions[0]), 0.5, 0.5) == "red"


@pytest.mark.parametrize("profile", [b"not a profile" * 30, b"", bytes(3000)])
def test_a_broken_colour_profile_harms_nothing(maker: Maker, profile: bytes) -> None:
    data = picture(size=(40, 30), icc_profile=profile)
    assert colour(opened(maker.renditions(data).renditions[-1]), 0.5, 0.5) == "red"


def test_a_picture_that_is_cut_short_shows_what_is_there(maker: Maker) -> None:
    data = four_colours("JPEG", (800, 600))
    made = maker.renditions(data[: int(len(data) * 0.7)] + b"\xff\xd9").renditions
    assert corners(opened(made[-1]))[:2] == ["red", "green"]


@pytest.mark.parametrize("data", [b"", b"<html>", picture()[:300], picture("PNG")[:40], picture("WEBP")[:30]])
def test_what_is_not_a_picture_is_refused(maker: Maker, data: bytes) -> None:
    with pytest.raises(PictureRefused) as refused:
        maker.renditions(data)
    assert "0x" not in str(refused.value)


def test_a_photo_is_within_both_limits(maker: Maker) -> None:
    upload = dish("JPEG", size=(1200, 800), quality=95)
    for side, most in ((1024, 400_000), (1024, 20_000), (300, 600_000)):
        made = maker.photo(upload, max_side_pixels=side, max_bytes=most)
        assert max(opened(made).size) <= side
        assert len(made.body) <= most
        assert made.width * 2 == pytest.approx(made.height * 3, abs=3)
        assert made == maker.photo(upload, max_side_pixels=side, max_bytes=most)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_photo_is_upright(maker: Maker, kind: str) -> None:
    made = maker.photo(four_colours(kind, (300, 400), orientation=6), max_side_pixels=200, max_bytes=600_000)
    assert (made.width, made.height) == (150, 200)
    assert corners(opened(made)) == list(CORNERS)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "1", "P"])
def test_a_bmp_becomes_a_photo(maker: Maker, mode: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "white").convert(mode).save(file, "BMP")
    assert colour(opened(maker.photo(file.getvalue(), max_side_pixels=200, max_bytes=9000)), 0.5, 0.5) == "white"


@pytest.mark.parametrize("mode", ["CMYK", "L", "LA", "I;16", "F", "1", "P"])
def test_a_tiff_becomes_a_photo(maker: Maker, mode: str) -> None:
    file = io.BytesIO()
    Image.new(mode, (40, 30)).save(file, "TIFF")
    assert opened(maker.photo(file.getvalue(), max_side_pixels=200, max_bytes=9000)).size == (40, 30)


def test_more_pixels_than_allowed_are_refused_before_they_are_decoded(maker: Maker) -> None:
    for kind in ("JPEG", "TIFF", "AVIF", "BMP"):
        with pytest.raises(PictureRefused, match="300×200 pixels; 100 pixels are allowed") as refused:
            maker.photo(picture(kind, size=(300, 200)), max_side_pixels=200, max_bytes=9000, max_pixels=100)
        assert refused.value.code == "too_many_pixels"


def test_animations_and_large_forms_are_read_as_their_first_picture(maker: Maker) -> None:
    big = io.BytesIO()
    Image.new("RGB", (48, 32), (80, 20, 20)).save(big, "TIFF", big_tiff=True)
    for data in (animated("AVIF"), animated("TIFF"), big.getvalue()):
        made = maker.photo(data, max_side_pixels=200, max_bytes=9000)
        assert (made.width, made.height) == (48, 32)


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "AVIF"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.8])
def test_an_upload_that_is_cut_short_is_refused(maker: Maker, kind: str, share: float) -> None:
    data = dish(kind)
    with pytest.raises(PictureRefused) as refused:
        maker.photo(data[: int(len(data) * share)], max_side_pixels=200, max_bytes=9000)
    assert refused.value.code == "undecodable"


def test_other_files_are_refused_with_what_to_do(maker: Maker) -> None:
    for data, text in ((picture("GIF"), "GIF"), (b"%PDF-1.7", "not a JPEG"), (b"", "not a JPEG")):
        with pytest.raises(PictureRefused, match=text):
            maker.photo(data, max_side_pixels=200, max_bytes=9000)


def test_a_heic_picture_without_the_library_says_what_to_install(maker: Maker) -> None:
    data = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    with pytest.raises(PictureRefused) as refused:
        maker.photo(data, max_side_pixels=200, max_bytes=9000)
    assert refused.value.code == ("undecodable" if find_spec("pillow_heif") else "heic_unsupported")
