"""Checks how renditions on a feed page are read: any JSON in their place harms neither its photo nor another one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etalase.edge.sync.feed.features import offers_renditions
from etalase.edge.sync.feed.renditions import is_thumbhash, read_rendition_page
from etalase.renditions import WireRendition

PHOTO = "73ce4e57-19f0-44f8-8e3d-ea1c27c0e21b"
OTHER = "84df5f68-2ae1-45a9-9f4e-fb2d38d1f32c"
MD5 = "5cd6a73f49b355a6fd4347f5dd0a2338"


def photo(id_: str, **fields: Any) -> dict[str, Any]:
    """Returns a photo as the feed lists it, with one rendition."""
    return {
        "id": id_,
        "product_id": id_,
        "object_key": f"products/{id_}/primary.jpg",
        "size": 3,
        "content_type": "image/jpeg",
        "checksum": MD5.upper(),
        "is_primary": True,
        "updated_at": "2026-02-03T04:14:24.796133+00:00",
        "image_url": "http://ho/a.jpg",
        "filename": "a.jpg",
        "version": 1,
        "sort_order": 0,
        "product_sku": "1",
        "product_name": "NASI",
        "renditions": [rendition(id_)],
        "thumbhash": "1QcSHQRnh493V4dIh4eXh1h4kJUI",
        **fields,
    }


def rendition(id_: str, width: int = 160) -> dict[str, Any]:
    """Returns a rendition as the feed lists it."""
    key = f"renditions/{id_}/{MD5}-{width}.webp"
    return {
        "width": width,
        "height": 120,
        "object_key": key,
        "size": 900,
        "checksum": MD5,
        "content_type": "image/webp",
        "image_url": f"http://ho/{key}",
    }


def read(*photos: dict[str, Any], **fields: Any) -> Any:
    """Returns the page with these photos, as it is read."""
    page = {"photos": photos, "deleted_ids": [], "total": len(photos), "has_more": False, "next_offset": None, **fields}
    return read_rendition_page(json.dumps(page).encode(), what="page")


def test_a_plain_page_has_the_sets_of_its_photos() -> None:
    page = read(photo(PHOTO), photo(OTHER, renditions=[], thumbhash=None), rendition_digest=MD5)
    first, second = page.renditions
    assert (str(first.photo_id), first.photo_checksum, first.is_primary) == (PHOTO, MD5, True)
    assert [one.width for one in first.renditions] == [160]
    assert (second.renditions, second.thumbhash) == ((), "")
    assert (page.rendition_digest, page.oddities, len(page.photos)) == (MD5, (), 2)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(ANY_JSON, st.sampled_from(["renditions", "thumbhash", "rendition_digest"]))
def test_any_json_harms_no_photo_and_no_other_set(odd: Any, name: str) -> None:
    fields = {name: odd}
    page = read(photo(PHOTO, **fields) if name != "rendition_digest" else photo(PHOTO), photo(OTHER), **fields)
    assert [str(one.id) for one in page.photos] == [PHOTO, OTHER]
    (other,) = [one for one in page.renditions if str(one.photo_id) == OTHER]
    assert len(other.renditions) == 1
    assert not any(one.flaws for one in page.photos)


@given(ANY_JSON, st.sampled_from(list(WireRendition.__struct_fields__)))
def test_any_json_in_a_rendition_costs_at_most_that_rendition(odd: Any, name: str) -> None:
    (found,) = read(photo(PHOTO, renditions=[{**rendition(PHOTO, 320), name: odd}, rendition(PHOTO)])).renditions
    assert 160 in {one.width for one in found.renditions}
    assert all(one.object_key.startswith(f"renditions/{PHOTO}/{one.checksum}-{one.width}.") for one in found.renditions)


WRONG: dict[str, list[Any]] = {
    "object_key": ["renditions/../products/x.jpg", f"renditions/{OTHER}/{MD5}-160.webp", "products/x.jpg", ""],
    "checksum": ["0" * 32, MD5.upper()],
    "width": [161, 0, -1, 10**9],
    "size": [0, 10_000_000, -1],
    "content_type": ["image/svg+xml", "image/png", "image/jpeg"],
    "image_url": ["http://\u0000", "http://é", "h" * 5000],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_rendition_that_contradicts_itself_is_left_out_and_reported(name: str, value: Any) -> None:
    page = read(photo(PHOTO, renditions=[{**rendition(PHOTO), name: value}, rendition(PHOTO, 320)]))
    assert [one.width for one in page.renditions[0].renditions] == [320]
    assert [oddity.field for oddity in page.oddities] == ["renditions"]


def test_a_photo_without_the_field_says_nothing_about_its_set() -> None:
    plain = photo(PHOTO)
    del plain["renditions"]
    assert [str(one.photo_id) for one in read(plain, photo(OTHER)).renditions] == [OTHER]


def test_a_photo_that_cannot_be_used_has_no_set() -> None:
    assert read(photo(PHOTO, checksum=None), photo(PHOTO, id="?")).renditions == ()


def test_deeply_nested_values_end_no_reading() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    body = json.dumps({"photos": [photo(PHOTO, renditions="DEEP"), photo(OTHER)], "deleted_ids": []}).replace('"DEEP"', deep)
    page = read_rendition_page(body.encode(), what="page")
    assert [str(one.photo_id) for one in page.renditions if one.renditions] == [OTHER]


@pytest.mark.parametrize(
    ("header", "offered"),
    [("report=1, renditions=1", True), ("renditions=1", True), ("renditions=2", False), ("renditions", False), ("", False)],
)
def test_only_the_known_form_is_an_offer(header: str, offered: bool) -> None:
    assert offers_renditions(header) is offered


def test_a_thumbhash_has_at_most_40_bytes() -> None:
    assert is_thumbhash("")
    assert is_thumbhash("A" * 52)
    assert not is_thumbhash("A" * 56)
    assert not is_thumbhash("not base64")
