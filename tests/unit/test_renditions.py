"""Checks the keys, messages and digest of renditions."""

from uuid import UUID

import msgspec
import pytest

from etalase.renditions import (
    ListedRenditions,
    RenditionKey,
    WireRendition,
    digest_line,
    parse_key,
    rendition_problem,
    renditions_digest,
)

PHOTO = UUID("0a000000-0000-4000-8000-00000000000b")
MD5 = "0123456789abcdef0123456789abcdef"
KEY = f"renditions/{PHOTO}/{MD5}-320.webp"
RENDITION = WireRendition(
    width=320, height=240, object_key=KEY, size=9000, checksum=MD5, content_type="image/webp", image_url="http://ho/x"
)


def test_a_key_names_photo_md5_width_and_type() -> None:
    assert str(RenditionKey(PHOTO, MD5, 320, "image/webp")) == KEY
    assert parse_key(KEY) == RenditionKey(PHOTO, MD5, 320, "image/webp")
    assert parse_key(KEY.replace("webp", "jpg")) == RenditionKey(PHOTO, MD5, 320, "image/jpeg")


@pytest.mark.parametrize(
    "key",
    [
        "renditions/",
        "renditions/readme.txt",
        KEY.upper(),
        KEY + "\n",
        KEY.replace("320", "0320"),
        KEY.replace("320", "٣٢٠"),
        KEY.replace("webp", "png"),
        KEY.replace(MD5, MD5[:-1]),
        KEY.replace("renditions", "products"),
        "/" + KEY,
    ],
)
def test_an_object_of_another_form_is_not_a_rendition(key: str) -> None:
    assert parse_key(key) is None


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({}, None),
        ({"width": 160}, "object_key"),
        ({"checksum": MD5[::-1]}, "object_key"),
        ({"content_type": "image/jpeg"}, "object_key"),
        ({"content_type": "image/png"}, "content_type"),
        ({"object_key": "products/x.webp"}, "object_key"),
    ],
)
def test_a_rendition_whose_key_is_not_its_own_is_refused(changed: dict[str, object], problem: str | None) -> None:
    found = rendition_problem(PHOTO, msgspec.structs.replace(RENDITION, **changed))
    assert found is None if problem is None else problem in str(found)


def test_a_rendition_of_another_photo_is_refused() -> None:
    assert rendition_problem(UUID(int=1), RENDITION)


def test_the_digest_covers_photo_bytes_thumbhash_and_keys_in_any_order() -> None:
    one = ListedRenditions(PHOTO, MD5, "1QcSHQ", [KEY, KEY.replace("320", "160")])
    assert digest_line(one) == f"{PHOTO}|{MD5}|1QcSHQ|{KEY.replace('320', '160')}|{KEY}"
    same = renditions_digest([ListedRenditions(PHOTO, MD5, "1QcSHQ", one.keys[::-1])])
    assert renditions_digest([one]) == same
    assert renditions_digest([]) != same
    for other in (
        ListedRenditions(UUID(int=1), MD5, "1QcSHQ", one.keys),
        ListedRenditions(PHOTO, MD5[::-1], "1QcSHQ", one.keys),
        ListedRenditions(PHOTO, MD5, "", one.keys),
        ListedRenditions(PHOTO, MD5, "1QcSHQ", one.keys[:1]),
    ):
        assert renditions_digest([other]) != same


def test_the_digest_refuses_photos_out_of_order() -> None:
    one = ListedRenditions(PHOTO, MD5, "", [KEY])
    with pytest.raises(ValueError, match="out of order"):
        renditions_digest([one, one])
