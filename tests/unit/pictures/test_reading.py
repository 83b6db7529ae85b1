"""Checks the structure of pictures: sound ones with anything beside the picture pass, others are refused by name."""

import contextlib
import mmap
import struct
import tempfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pictures import animated, bytes_of_picture, dish, picture, png_chunk

from etalase.errors import PictureRefused
from etalase.pictures.jpeg import MAX_SCANS, read_jpeg
from etalase.pictures.reading import content_type_of, read_outline, structural_damage

KINDS = ["JPEG", "PNG", "WEBP"]
TAILS = {
    "text": b"some cameras leave something here",
    "markers": b"\xff\xda\xff\xd8\xff\xe1\xff\xff",
    "a second picture": picture(colour="blue"),
    "HTML": b"<html><script>alert(1)</script>",
}


def segment(marker: int, content: bytes) -> bytes:
    """Returns a JPEG segment."""
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
def test_a_tail_does_not_belong_to_the_picture(kind: str, tail: bytes) -> None:
    data = picture(kind)
    media_type, outline = read_outline(data + tail)
    assert (media_type, outline.width, outline.height, outline.frames) == (f"image/{kind.lower()}", 48, 32, 1)
    assert outline.end == len(data)


def test_the_parts_of_a_jpeg_cover_it_without_a_gap() -> None:
    data = picture(progressive=True)
    outline = read_jpeg(data)
    assert outline.parts[0].start == 2
    assert [part.end for part in outline.parts[:-1]] == [part.start for part in outline.parts[1:]]
    assert outline.parts[-1].end == len(data)


def test_a_marker_within_a_segment_is_content() -> None:
    comment = segment(0xFE, b"\xff\xd9\xff\xda\xff\xc0 not a marker")
    data = picture()
    assert read_jpeg(data[:2] + comment + data[2:]).pixels == read_jpeg(data).pixels


def test_fill_bytes_and_stray_bytes_between_segments_are_skipped() -> None:
    data = picture()
    for filling in (b"\xff\xff\xff", b"\0\0\0", b"\xff\x00"):
        assert read_jpeg(data[:2] + filling + data[2:]).pixels == read_jpeg(data).pixels


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_the_frames_of_an_animation_are_counted(kind: str) -> None:
    assert read_outline(animated(kind, frames=3))[1].frames == 3


@pytest.mark.parametrize("content", [b"<html>", b"", b"\xe0\0\0", bytes(100)], ids=["HTML", "nothing", "no length", "zeros"])
@pytest.mark.parametrize("first", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\xff\0\0\0WEBP"], ids=KINDS)
def test_the_first_bytes_alone_are_not_a_picture(first: bytes, content: bytes) -> None:
    with pytest.raises(PictureRefused) as refused:
        read_outline(first + content)
    assert refused.value.code in {"no_picture", "cut_short", "undecodable"}


@pytest.mark.parametrize("sof", [0xC3, 0xC5, 0xC9, 0xCA, 0xCF])
def test_a_kind_of_jpeg_that_browsers_do_not_show_is_refused(sof: int) -> None:
    with pytest.raises(PictureRefused, match="Not every browser shows this kind of JPEG"):
        read_jpeg(picture().replace(b"\xff\xc0", bytes([0xFF, sof]), 1))


def test_too_many_scans_are_refused() -> None:
    data = picture(progressive=True)
    last = [part for part in read_jpeg(data).parts if part.kind == "SOS"][-1]
    with pytest.raises(PictureRefused, match=f"more than {MAX_SCANS} scans"):
        read_jpeg(data[: last.end] + data[last.start : last.end] * MAX_SCANS + data[last.end :])


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_parts_are_refused(kind: str) -> None:
    data = picture(kind)
    junk = {"JPEG": segment(0xFE, b""), "PNG": png_chunk(b"tEXt", b"a\0b"), "WEBP": b"JUNK\0\0\0\0"}[kind] * 30_000
    at = {"JPEG": 2, "PNG": 33, "WEBP": 12}[kind]
    many = data[:at] + junk + data[at:]
    if kind == "WEBP":
        many = b"RIFF" + struct.pack("<I", len(many) - 8) + many[8:]
    with pytest.raises(PictureRefused, match="more than"):
        read_outline(many)


def test_a_webp_may_lack_the_padding_of_its_last_chunk() -> None:
    data = picture("WEBP")
    odd = data + b"note" + struct.pack("<I", 3) + b"abc\0"
    whole = odd[:4] + struct.pack("<I", len(odd) - 8) + odd[8:]
    assert read_outline(whole[:-1])[1].end == len(whole) - 1
    for less in (whole[:-2], data[:-1]):
        with pytest.raises(PictureRefused):
            read_outline(less)


def test_text_beside_a_png_harms_nothing() -> None:
    data = picture("PNG")
    texts = [
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"a" * 3_000_000),
        png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(3_000_000))),
        png_chunk(b"tEXt", b"Comment\0hello")[:-4] + b"oops",
    ]
    assert read_outline(data[:33] + b"".join(texts) + data[33:])[1].pixels == 48 * 32


@given(data=st.binary(max_size=400), kind=st.sampled_from(KINDS), cut=st.integers(0, 60))
def test_no_bytes_cause_an_unexpected_exception(data: bytes, kind: str, cut: int) -> None:
    start = picture(kind)
    for made in (data, start[: len(start) // 2] + data, start[:cut] + data, start[:cut] + data + start[cut:]):
        with contextlib.suppress(PictureRefused):
            read_outline(made)


PAGE = b"<html><script>alert(1)</script>" * 40
NO_PICTURES = {
    "a page": b"\xff\xd8\xff" + PAGE,
    "a page after a header": picture()[:20] + PAGE,
    "tables only": picture()[: picture().index(b"\xff\xc0")],
    "a PNG's header and a page": picture("PNG")[:33] + PAGE,
    "a PNG without image data": picture("PNG")[:33] + png_chunk(b"IEND", b""),
    "a WebP and a page": b"RIFF\xff\xff\0\0WEBP" + PAGE,
    "a WebP's name and a page": b"RIFF\xff\xff\0\0WEBPVP8 " + PAGE,
    "first bytes of a JPEG": b"\xff\xd8\xff",
    "first bytes of a PNG": b"\x89PNG\r\n\x1a\n",
    "first bytes of a WebP": b"RIFF\0\0\0\0WEBP",
}


@pytest.mark.parametrize("data", NO_PICTURES.values(), ids=NO_PICTURES)
def test_a_picture_is_one_by_its_structure(data: bytes) -> None:
    with pytest.raises(PictureRefused) as refused:
        structural_damage(data)
    assert refused.value.code == "no_picture"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.6, 0.8, 0.99])
def test_a_picture_that_is_cut_short_is_a_damaged_one(kind: str, share: float) -> None:
    data = dish(kind)
    assert structural_damage(data) is None
    assert "cut short" in (structural_damage(data[: int(len(data) * share)]) or "")


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_judged_where_it_is_mapped_into_memory(kind: str) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(dish(kind))
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            assert structural_damage(data) is None


@pytest.mark.parametrize("kind", ["image/jpeg", "image/png", "image/webp"])
@pytest.mark.parametrize("size", [100, 101, 5000, 60_150, 200_000])
def test_the_pictures_of_the_tests_are_sound(kind: str, size: int) -> None:
    made = bytes_of_picture(size, size, kind)
    assert (len(made), content_type_of(made), structural_damage(made)) == (size, kind, None)
    assert made != bytes_of_picture(0, size, kind)
