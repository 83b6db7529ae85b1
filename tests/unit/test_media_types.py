"""Media types are compared as media types (RFC 9110, section 8.3.1), and the bytes prove them."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.strategies import changed, photo, row_of

from etalase.edge.sync.plan.plan import differs, normalised
from etalase.media_types import EXTENSION_OF, media_type, picture_type, sniff_type
from etalase.protocol import MAX_CONTENT_TYPE_CHARS


@pytest.mark.parametrize(
    ("text", "picture"),
    [
        ("image/jpeg", "image/jpeg"),
        ("IMAGE/JPEG", "image/jpeg"),
        ("image/jpeg; charset=binary", "image/jpeg"),
        (" image/jpeg\t;x", "image/jpeg"),
        ("image/jpg", "image/jpeg"),
        ("image/pjpeg", "image/jpeg"),
        ("image/x-png", "image/png"),
        ("image/webp;", "image/webp"),
        ("application/octet-stream", None),
        ("binary/octet-stream", None),
        ("image/svg+xml", None),
        ("image/gif", None),
        ("image", None),
        (";image/jpeg", None),
        ("", None),
        (None, None),
    ],
)
def test_a_media_type_is_parsed(text: str | None, picture: str | None) -> None:
    assert picture_type(text) == picture


@given(
    name=st.sampled_from(sorted(EXTENSION_OF)),
    shout=st.randoms(use_true_random=False),
    space=st.text(" \t", max_size=3),
    parameters=st.text(max_size=20),
)
def test_case_space_and_parameters_do_not_change_a_media_type(name: str, shout: Random, space: str, parameters: str) -> None:
    spelled = "".join(c.upper() if shout.random() < 0.5 else c for c in name)
    assert picture_type(f"{space}{spelled}{space};{parameters}") == name


@given(st.text() | st.none())
def test_any_text_is_a_media_type_or_none(text: str | None) -> None:
    assert picture_type(text) in {None, *EXTENSION_OF}
    assert ";" not in media_type(text)


@given(st.text() | st.text(alphabet="image/jpeg;\0 ", min_size=90) | st.none())
def test_the_row_keeps_any_media_type_of_head_office_that_fits_its_column(text: str | None) -> None:
    stored = normalised(changed(photo("a"), content_type=text))
    assert stored.content_type == (text and text.replace("\0", "")[:MAX_CONTENT_TYPE_CHARS])
    assert not differs(stored, row_of(stored))


@pytest.mark.parametrize(
    ("first_bytes", "content_type"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0\1", "image/jpeg"),
        (b"\xff\xd8\xff\xe1....Exif", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"RIFF\x10\0\0\0WEBP", "image/webp"),
        (b"RIFF\n\n\n\nWEBP", "image/webp"),
        (b"RIFF\x10\0\0\0WAVE", None),
        (b"\x89PNG\n\x1a\n", None),
        (b"\xff\xd8", None),
        (b"<!DOCTYPE html>", None),
        (b"<svg xmlns=", None),
        (b"GIF89a", None),
        (b"", None),
        (b" \xff\xd8\xff\xe0", None),
    ],
)
def test_an_image_is_recognised_by_its_first_bytes(first_bytes: bytes, content_type: str | None) -> None:
    assert sniff_type(first_bytes) == content_type
