"""Validation of photos, and the removal of their GPS position."""

import contextlib
import hashlib
import io
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo
from tests.pictures import GPS, MAKE, ORIENTATION, animated, exif, picture

from etalase.errors import PictureRefused
from etalase.head_office.images.gps import without_location
from etalase.head_office.images.recipe import blanked
from etalase.head_office.images.validate import Picture, PictureLimits, cleaned_picture, extension, read_upload

LIMITS = PictureLimits(max_bytes=1024 * 1024, max_pixels=100_000)
KINDS = ["JPEG", "PNG", "WEBP"]


def taken(data: bytes, limits: PictureLimits = LIMITS) -> Picture:
    """Returns the picture that head office before recipe 1 made of a sound file."""
    body = blanked(read_upload(data, limits))
    cleaned, _, _ = cleaned_picture(body, limits)
    return Picture.of(body, cleaned.content_type)


def assembled(header: bytes, pixels: bytes) -> bytes:
    """Returns a PNG of these parts."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def gps_of(data: bytes) -> dict[int, object]:
    with Image.open(io.BytesIO(data)) as image:
        return {tag: value for tag, value in image.getexif().get_ifd(GPS).items() if tag != 0}


# Accepted pictures


@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_without_a_position_keeps_its_bytes(kind: str) -> None:
    data = picture(kind)
    one = taken(data)
    assert one.body is data
    assert one.checksum == hashlib.md5(data).hexdigest()
    assert one.content_type == f"image/{kind.lower()}"


@pytest.mark.parametrize(("kind", "ext"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
def test_the_extension_depends_on_the_bytes(kind: str, ext: str) -> None:
    assert extension(taken(picture(kind))) == ext


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_accepted(kind: str) -> None:
    taken(animated(kind))


def test_progressive_grey_cmyk_and_palette_pictures_are_accepted() -> None:
    taken(picture(progressive=True))
    for mode, kind in (
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("P", "PNG"),
        ("1", "PNG"),
        ("RGBA", "PNG"),
        ("I;16", "PNG"),
        ("RGBA", "WEBP"),
    ):
        file = io.BytesIO()
        Image.new(mode, (20, 20)).save(file, kind)
        taken(file.getvalue())


def test_bytes_after_the_end_of_a_picture_are_accepted() -> None:
    for kind in KINDS:
        taken(picture(kind) + b"some cameras leave something here")


# Refused files


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"GIF89a" + bytes(40),
        b"<html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        b"BM" + bytes(60),
    ],
    ids=["empty", "two bytes", "GIF", "HTML", "SVG", "PDF", "BMP"],
)
def test_a_file_that_is_not_a_picture_is_refused(data: bytes) -> None:
    with pytest.raises(PictureRefused):
        taken(data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_cut_short_anywhere_is_refused(kind: str) -> None:
    data = picture(kind, size=(64, 64))
    for length in range(len(data)):
        with pytest.raises(PictureRefused):
            taken(data[:length])


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_cut_short_is_refused(kind: str) -> None:
    data = animated(kind)
    for length in range(len(data) // 2, len(data), 7):
        with pytest.raises(PictureRefused):
            taken(data[:length])


def test_a_photo_above_the_byte_limit_is_refused_with_both_numbers() -> None:
    data = picture()
    with pytest.raises(PictureRefused, match=rf"{len(data)} bytes; {len(data) - 1} are allowed \(ETALASE_MAX_PHOTO_BYTES\)"):
        taken(data, PictureLimits(max_bytes=len(data) - 1, max_pixels=10**6))
    taken(data, PictureLimits(max_bytes=len(data), max_pixels=10**6))


@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_above_the_pixel_limit_is_refused(kind: str) -> None:
    with pytest.raises(PictureRefused, match="48×32 pixels; 1535 pixels are allowed"):
        taken(picture(kind), PictureLimits(max_bytes=10**6, max_pixels=48 * 32 - 1))
    taken(picture(kind), PictureLimits(max_bytes=10**6, max_pixels=48 * 32))


def test_the_frames_of_an_animation_count_together() -> None:
    with pytest.raises(PictureRefused, match="in 3 frames"):
        taken(animated("WEBP"), PictureLimits(max_bytes=10**6, max_pixels=48 * 32 * 2))


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    bomb = assembled(struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0), zlib.compress(bytes(1000)))
    with pytest.raises(PictureRefused, match="60000×60000 pixels"):
        taken(bomb, PictureLimits(max_bytes=10**6, max_pixels=80_000_000))


@given(data=st.binary(max_size=400), kind=st.sampled_from(KINDS))
def test_no_bytes_cause_an_unexpected_exception(data: bytes, kind: str) -> None:
    start = picture(kind)
    for made in (data, start[: len(start) // 2] + data, start[:12] + data, start[:40] + data + start[40:]):
        with contextlib.suppress(PictureRefused):
            taken(made)


# GPS position


@pytest.mark.parametrize(
    ("file", "checksum"),
    [
        ("position.jpg", "e5a2d4207af287ebb44f9a80309f377c"),
        ("position.png", "51a357d44076ee58d63c1c7d81804647"),
        ("position.webp", "8ea5d65b5bfc74985e6f048cc857c0e9"),
    ],
)
def test_recipe_0_never_changes(file: str, checksum: str) -> None:
    """Version 0.2.0 published these: with other bytes, an import after an upgrade would change each photo of a phone."""
    assert taken((Path(__file__).parent / file).read_bytes()).checksum == checksum


@pytest.mark.parametrize("kind", KINDS)
def test_the_gps_position_is_blanked_and_nothing_else_changes(kind: str) -> None:
    data = picture(kind, exif=exif())
    assert gps_of(data), "the fixture has a position"
    out = taken(data).body
    assert gps_of(out) == {}
    assert len(out) == len(data)
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(out)) as after:
        assert before.tobytes() == after.tobytes()
        assert (after.getexif()[ORIENTATION], after.getexif()[MAKE]) == (6, "A phone of some make")
        assert after.getexif().get_ifd(0x8769)[0x9003] == "2026:02:03 04:14:24"
        assert ImageOps.exif_transpose(after).size == (32, 48)


@pytest.mark.parametrize("kind", KINDS)
def test_no_digit_of_the_gps_position_is_left_in_the_file(kind: str) -> None:
    data = picture(kind, exif=exif())
    degrees = {struct.pack(order + "II", 3141, 100) for order in "<>"}
    assert any(number in data for number in degrees)
    assert not any(number in taken(data).body for number in degrees)


@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_with_exif_but_without_a_position_keeps_its_bytes(kind: str) -> None:
    data = picture(kind, exif=exif(gps=False))
    assert taken(data).body is data


def test_a_gps_directory_with_a_version_only_keeps_its_bytes() -> None:
    written = Image.Exif()
    written.get_ifd(GPS)[0] = b"\2\3\0\0"
    data = picture(exif=written)
    assert taken(data).body is data


@pytest.mark.parametrize("kind", KINDS)
def test_blanking_a_blanked_photo_changes_nothing(kind: str) -> None:
    once = taken(picture(kind, exif=exif())).body
    assert taken(once).body is once


XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a exif:GPSLatitude="6,10.52S"/>'
    b"<exif:GPSLongitude>106,49.6E</exif:GPSLongitude></x:xmpmeta>"
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_gps_position_in_xmp_is_blanked(kind: str) -> None:
    if kind == "PNG":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        data = picture(kind, pnginfo=info)
    else:
        data = picture(kind, xmp=XMP)
    out = taken(data).body
    assert len(out) == len(data)
    assert b"6,10.52S" in data
    assert b"6,10.52S" not in out
    assert b"106,49.6E" not in out


def test_a_gps_position_in_imagemagicks_form_of_exif_is_blanked() -> None:
    raw = b"Exif\0\0" + exif().tobytes()[6:]
    profile = f"\nexif\n{len(raw):8d}\n" + "\n".join(raw.hex()[n : n + 72] for n in range(0, len(raw.hex()), 72)) + "\n"
    for compressed in (True, False):
        info = PngInfo()
        info.add_text("Raw profile type exif", profile, zip=compressed)
        data = picture("PNG", pnginfo=info)
        assert gps_of(data), "the fixture has a position"
        assert gps_of(taken(data).body) == {}


def test_the_gps_position_of_a_phones_second_picture_is_blanked() -> None:
    file = io.BytesIO()
    first, second = Image.new("RGB", (40, 30), "red"), Image.new("RGB", (20, 15), "blue")
    first.save(file, "MPO", save_all=True, append_images=[second], exif=exif())
    data = file.getvalue()
    out = taken(data).body
    assert taken(data).content_type == "image/jpeg"
    with Image.open(io.BytesIO(out)) as image:
        for frame in range(2):
            image.seek(frame)
            assert not image.getexif().get_ifd(GPS)
    assert len(out) == len(data)


@given(data=st.binary(min_size=1, max_size=60), at=st.integers(0, 400))
def test_damaged_exif_causes_no_exception(data: bytes, at: int) -> None:
    for kind in KINDS:
        whole = picture(kind, exif=exif())
        start = min(at, len(whole) - len(data))
        damaged = whole[:start] + data + whole[start + len(data) :]
        out = without_location(damaged, f"image/{kind.lower()}")
        assert len(out) == len(damaged)


def test_overlapping_exif_is_processed_in_linear_time() -> None:
    """Segments that all reach to the end, and values that share the same bytes, once took minutes for a small file."""
    segment = b"\xff\xe1\xff\xffExif\0\0II*\0\x08\0\0\0\xff\xff"
    with pytest.raises(PictureRefused, match="Exif"):
        without_location(b"\xff\xd8" + segment * 20_000 + b"GPS", "image/jpeg")
    size = 4_000_000
    entry = struct.pack("<HHII", 1, 1, size, 0)
    tiff = struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, GPS, 4, 1, 26, 0) + struct.pack("<H", 60_000) + entry * 60_000
    chunk = struct.pack(">I", size) + b"eXIf" + tiff.ljust(size, b"\1") + bytes(4)
    out = without_location(b"\x89PNG\r\n\x1a\n" + chunk, "image/png")
    assert set(out[16:-4]) == {0}
