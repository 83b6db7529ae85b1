"""Checks the wire format: pages, photos and keys."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.strategies import MAX_PHOTO_BYTES, changed, photo

from etalase.errors import FeedRefused, Reason
from etalase.protocol import (
    Page,
    Photo,
    TokenPair,
    cache_key,
    check_envelope,
    defect,
    format_time,
    key_problem,
    object_url,
    parse,
    parse_time,
    printable,
)

COMPANY_ID = UUID("48917ccd-b3f6-4984-b6ed-a96d9d5c8d9b")
STORE_ID = UUID("fe2d2dbf-9616-48f5-bd5b-302c087d7181")

# The guide's own response, verbatim.
GUIDE_PAGE = """
{
  "photos": [
    {
      "id": "73ce4e57-19f0-44f8-8e3d-ea1c27c0e21b",
      "product_id": "63ea9d40-47f2-4202-95b6-f9b9e798d762",
      "product_sku": "05018970",
      "product_name": "ASAHI SALMON BOWL",
      "object_key": "products/63ea9d40-47f2-4202-95b6-f9b9e798d762/primary.jpg",
      "filename": "Menu_Image_20250922025939.jpg",
      "size": 43111,
      "content_type": "image/jpeg",
      "checksum": "5cd6a73f49b355a6fd4347f5dd0a2338",
      "version": 1,
      "is_primary": true,
      "sort_order": 0,
      "updated_at": "2026-02-03T04:14:24.796133+00:00",
      "image_url": "http://HO_MINIO_HOST:9000/product-images/products/63ea9d40-47f2-4202-95b6-f9b9e798d762/primary.jpg?v=5cd6a73f"
    },
    {
      "id": "7067df8c-ef2b-40e0-9125-4617322d6d61",
      "product_id": "8fc95977-3e87-46e9-b911-c9d744f7e7ff",
      "product_sku": "05015917",
      "product_name": "ASIATIQUE SPAGHETTI VONGOLE",
      "object_key": "products/8fc95977-3e87-46e9-b911-c9d744f7e7ff/primary.webp",
      "filename": "Menu_Image_20250904021453.webp",
      "size": 49124,
      "content_type": "image/webp",
      "checksum": "42f666388fc03ee559c172ebb6132d6a",
      "version": 1,
      "is_primary": true,
      "sort_order": 0,
      "updated_at": "2026-02-03T04:14:35.015113+00:00",
      "image_url": "http://HO_MINIO_HOST:9000/product-images/products/8fc95977-3e87-46e9-b911-c9d744f7e7ff/primary.webp?v=42f66638"
    }
  ],
  "deleted_ids": [],
  "sync_timestamp": "2026-02-03T07:26:11.813339+00:00",
  "total": 2,
  "has_more": false,
  "next_offset": null,
  "filter": {
    "company_id": "48917ccd-b3f6-4984-b6ed-a96d9d5c8d9b",
    "store_id": "fe2d2dbf-9616-48f5-bd5b-302c087d7181"
  },
  "store": {
    "id": "fe2d2dbf-9616-48f5-bd5b-302c087d7181",
    "code": "AVRIL-001",
    "name": "AVR-SUNDA"
  }
}
"""


def page(**changes: Any) -> Page:
    """Returns the guide's page with ``changes``."""
    return msgspec.convert({**json.loads(GUIDE_PAGE), **changes}, Page)


def refused(body: bytes) -> str:
    """Returns the message that refuses ``body``."""
    with pytest.raises(FeedRefused) as refusal:
        parse(body, Page, what="Page of the feed at offset 0")
    return str(refusal.value)


def test_the_guides_own_response_is_a_valid_page() -> None:
    parsed = parse(GUIDE_PAGE.encode(), Page, what="page")

    check_envelope(parsed, company_id=COMPANY_ID, store_id=STORE_ID, offset=0)
    first, second = parsed.photos
    assert first.id == UUID("73ce4e57-19f0-44f8-8e3d-ea1c27c0e21b")
    assert (first.product_sku, first.product_name) == ("05018970", "ASAHI SALMON BOWL")
    assert (first.size, first.checksum, first.is_primary) == (43111, "5cd6a73f49b355a6fd4347f5dd0a2338", True)
    assert first.updated_at == datetime(2026, 2, 3, 4, 14, 24, 796133, UTC)
    assert second.content_type == "image/webp"
    assert [defect(one, max_photo_bytes=MAX_PHOTO_BYTES) for one in parsed.photos] == [None, None]


def test_the_guides_own_response_survives_a_round_trip() -> None:
    fields = json.loads(GUIDE_PAGE)
    for name in ("photos", "filter", "store", "sync_timestamp", "total", "has_more", "next_offset", "deleted_ids"):
        again = json.loads(msgspec.json.encode(page()))[name]
        if name in {"filter", "store"}:
            fields = {**fields, "store": {"id": fields["store"]["id"]}}  # code and name are for people
        if name == "photos":  # msgspec writes UTC as Z; head office formats times itself
            again = [{**one, "updated_at": one["updated_at"].replace("Z", "+00:00")} for one in again]
        assert again == fields[name]


def test_the_guides_cache_key_is_in_the_guides_url() -> None:
    for one in page().photos:
        assert one.image_url.endswith(f"?v={cache_key(one.checksum, one.version)}")


def test_unknown_fields_of_another_head_office_are_accepted() -> None:
    body = json.loads(GUIDE_PAGE)
    body["photos"][0]["thumbnail_url"] = "http://elsewhere/"
    body["store"]["city"] = "Bandung"
    body["api_version"] = 2
    assert len(parse(json.dumps(body).encode(), Page, what="page").photos) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Log in to the Wi-Fi</body></html>",
        b"[]",
        b"null",
        b"{}",
        GUIDE_PAGE.encode()[:-100],
        GUIDE_PAGE.encode() + b"}",
        GUIDE_PAGE.replace("ASAHI", "\xff").encode("latin-1"),
        b'{"photos":' + b"[" * 100_000,
        b'{"unknown":' + b'{"a":' * 100_000,
    ],
)
def test_an_invalid_page_is_refused_and_never_read_as_an_empty_list(body: bytes) -> None:
    assert "offset 0" in refused(body)


def test_a_page_cut_at_any_byte_is_refused() -> None:
    whole = GUIDE_PAGE.strip().encode()
    for length in range(0, len(whole), 7):
        refused(whole[:length])


def test_a_refusal_quotes_the_response_without_control_characters() -> None:
    assert "\x1b" not in refused(b"\x1b[2Jgone\r\n")


OTHER = "00000000-0000-0000-0000-000000000001"


@pytest.mark.parametrize(
    ("changes", "offset", "says"),
    [
        ({"filter": {"company_id": str(COMPANY_ID), "store_id": OTHER}}, 0, "store"),
        ({"store": {"id": OTHER, "code": "X", "name": "X"}}, 0, "store"),
        ({"filter": {"company_id": OTHER, "store_id": str(STORE_ID)}}, 0, "company"),
        ({"has_more": True, "next_offset": None}, 0, "next_offset is null"),
        ({"has_more": True, "next_offset": 100}, 100, "never end"),
        ({"has_more": True, "next_offset": 50}, 100, "never end"),
        ({"has_more": True, "next_offset": 0}, 0, "never end"),
    ],
)
def test_a_page_of_another_store_or_without_progress_is_refused(changes: dict[str, Any], offset: int, says: str) -> None:
    with pytest.raises(FeedRefused, match=says):
        check_envelope(page(**changes), company_id=COMPANY_ID, store_id=STORE_ID, offset=offset)


@pytest.mark.parametrize("changes", [{"has_more": True, "next_offset": 101}, {"has_more": False, "next_offset": 3}])
def test_a_page_with_a_valid_next_offset_or_an_end_is_accepted(changes: dict[str, Any]) -> None:
    check_envelope(page(**changes), company_id=COMPANY_ID, store_id=STORE_ID, offset=100)


def test_the_checkpoint_timestamp_keeps_every_digit() -> None:
    assert page().sync_timestamp == "2026-02-03T07:26:11.813339+00:00"
    assert parse_time("2026-02-03T14:26:11.813339+07:00", field="x") == datetime(2026, 2, 3, 7, 26, 11, 813339, UTC)


def test_timestamps_are_written_as_in_the_guide() -> None:
    assert format_time(datetime(2026, 2, 3, 4, 14, 24, 796133, UTC)) == "2026-02-03T04:14:24.796133+00:00"
    assert format_time(datetime(2026, 2, 3, tzinfo=UTC)) == "2026-02-03T00:00:00.000000+00:00"


# Tokens


@pytest.mark.parametrize("access", ["", "two words", "line\nbreak", "nul\0", "é", "x" * 20_000])
def test_a_text_that_does_not_fit_an_authorization_header_is_not_a_token(access: str) -> None:
    with pytest.raises(FeedRefused):
        parse(json.dumps({"access": access}).encode(), TokenPair, what="token")


def test_a_json_web_token_is_a_token() -> None:
    pair = parse(b'{"access": "eyJhbGciOi.eyJ0b2tl_bl.r7-Xs~+/=", "refresh": "r"}', TokenPair, what="token")
    assert pair.access.startswith("eyJ")


# Keys


@pytest.mark.parametrize(
    "key",
    [
        "products/63ea9d40-47f2-4202-95b6-f9b9e798d762/primary.jpg",
        "products/a.jpg",
        "products/nasi goreng #1?.jpg",
        "products/100%.jpg",
        "products/été/日本.webp",
        "products/...jpg",
        "products/" + "x" * 255,
        "products/" + "/".join(["y" * 100] * 5)[: 500 - len("products/")],
    ],
)
def test_a_key_below_products_is_valid(key: str) -> None:
    assert key_problem(key) is None


@pytest.mark.parametrize(
    "key",
    [
        "",
        "products",
        "products/",
        "products//a.jpg",
        "products/a/",
        "/products/a.jpg",
        "Products/a.jpg",
        "other/a.jpg",
        "products/../secret",
        "products/a/../../b",
        "products/..",
        "products/./a.jpg",
        "products\\a.jpg",
        "products/..\\a.jpg",
        "products/a\0.jpg",
        "products/a\n.jpg",
        "products/a\x7f.jpg",
        "products/a\u00a0.jpg",
        "products/a\u202egpj.exe",
        "products/a\u200b.jpg",
        "products/a\u2028.jpg",
        "products/\ud800.jpg",
        "products/" + "x" * 256,
        "products/" + "é" * 128,
        "products/" + "/".join(["y" * 100] * 5)[: 501 - len("products/")],
        "products/" + "/".join(["名" * 80] * 5),
        "C:/products/a.jpg",
        "file:///products/a.jpg",
    ],
)
def test_an_ambiguous_key_is_refused(key: str) -> None:
    assert key_problem(key) is not None


@given(st.text(max_size=40))
def test_any_valid_key_is_a_plain_path_below_products(text: str) -> None:
    key = "products/" + text
    if key_problem(key) is None:
        parts = key.split("/")
        assert not {"", ".", ".."} & set(parts)
        assert key.isprintable()
        assert key.encode()


# Photos

MAX_INT32 = 2**31 - 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"object_key": None}, Reason.BAD_KEY),
        ({"object_key": ""}, Reason.BAD_KEY),
        ({"object_key": "products/../x"}, Reason.BAD_KEY),
        ({"object_key": "products/" + "x/" * 300}, Reason.BAD_KEY),
        ({"checksum": None}, Reason.CHECKSUM_MISSING),
        ({"checksum": ""}, Reason.CHECKSUM_MISSING),
        ({"checksum": "5cd6a73f"}, Reason.CHECKSUM_MISSING),
        ({"checksum": "z" * 32}, Reason.CHECKSUM_MISSING),
        ({"checksum": "0" * 32 + "\n"}, Reason.CHECKSUM_MISSING),
        ({"checksum": "٠" * 32}, Reason.CHECKSUM_MISSING),
        ({"size": None}, Reason.BAD_FIELD),
        ({"size": 0}, Reason.BAD_FIELD),
        ({"size": -1}, Reason.BAD_FIELD),
        ({"size": -(10**30)}, Reason.BAD_FIELD),
        ({"size": MAX_PHOTO_BYTES + 1}, Reason.TOO_LARGE),
        ({"size": 10**30}, Reason.TOO_LARGE),
        ({"filename": "x" * 256}, Reason.BAD_FIELD),
        ({"filename": "x" * 10_000}, Reason.BAD_FIELD),
        ({"filename": "a\0b.jpg"}, Reason.BAD_FIELD),
    ],
)
def test_an_unpublishable_photo_has_a_reason(fields: dict[str, Any], reason: Reason) -> None:
    problem = defect(changed(photo(), **fields), max_photo_bytes=MAX_PHOTO_BYTES)
    assert problem is not None
    assert problem.reason is reason
    assert problem.detail.isprintable()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"version": None, "sort_order": None, "filename": None, "product_name": None, "product_sku": None},
        {"checksum": "5CD6A73F49B355A6FD4347F5DD0A2338"},
        {"content_type": None},
        {"content_type": "x" * 10_000},
        {"filename": "👩‍🍳 Sate\nPadang.jpg"},
        {"filename": "x" * 255},
        {"product_name": "x" * 10_000},
        {"version": MAX_INT32, "sort_order": -MAX_INT32},
        {"size": MAX_PHOTO_BYTES},
        {"updated_at": parse_time("0001-01-01T00:00:00+00:00", field="t")},  # Go's zero time
    ],
)
def test_a_photo_that_fits_the_guides_table_is_publishable(fields: dict[str, Any]) -> None:
    assert defect(changed(photo(), **fields), max_photo_bytes=MAX_PHOTO_BYTES) is None


# URLs and texts


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("products/a/primary.jpg", "products/a/primary.jpg"),
        ("products/a b.jpg", "products/a%20b.jpg"),
        ("products/a#1?x.jpg", "products/a%231%3Fx.jpg"),
        ("products/100%25.jpg", "products/100%2525.jpg"),
        ("products/été.jpg", "products/%C3%A9t%C3%A9.jpg"),
        ("products/\"<x>&'.jpg", "products/%22%3Cx%3E%26%27.jpg"),
    ],
)
def test_the_key_is_quoted_in_the_url(key: str, path: str) -> None:
    url = object_url("http://edge:9000/", "product-images", key, checksum="5cd6a73f49b355a6fd4347f5dd0a2338")
    assert url == f"http://edge:9000/product-images/{path}?v=5cd6a73f"


@given(st.binary(), st.binary())
def test_other_bytes_have_another_cache_key(one: bytes, other: bytes) -> None:
    keys = [cache_key(hashlib.md5(body).hexdigest(), 1) for body in (one, other)]
    assert (keys[0] == keys[1]) is (one == other)


@pytest.mark.parametrize(
    ("checksum", "version", "expected"), [(None, 7, "7"), (None, None, "1"), ("", 3, "3"), ("ab" * 16, 3, "abababab")]
)
def test_without_a_checksum_the_version_breaks_caches(checksum: str | None, version: int | None, expected: str) -> None:
    assert cache_key(checksum, version) == expected


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_printable_text_is_one_line_without_terminal_control(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    assert shown.encode().decode() == shown


def test_printable_text_is_not_changed() -> None:
    assert printable("Ayam Geprek «Pedas» 👍 日本") == "Ayam Geprek «Pedas» 👍 日本"
    assert printable("a\x1b[31m\n\u202e") == "a\\x1b[31m\\n\\u202e"


def test_a_photo_survives_a_round_trip_through_json() -> None:
    kept = changed(photo(filename="nul\0 and 👩‍🍳"), product_name=None)
    assert msgspec.json.decode(msgspec.json.encode(kept), type=Photo) == kept


# The digest of a page

DIGEST = "0b8af26f55125a7d4f554bdccbafc3dd"


@pytest.mark.parametrize(
    "digest",
    [
        "null",
        "7",
        "1e400",
        "9" * 400,
        "true",
        '{"sha256": ["x"]}',
        '""',
        '"sha256:00"',
        f'"{DIGEST.upper()}"',
        f'"{DIGEST}0"',
        f'["{DIGEST}"]',
        '"\xff"',
    ],
)
def test_an_odd_digest_field_of_another_head_office_is_ignored(digest: str) -> None:
    body = GUIDE_PAGE.encode().replace(b'"total"', b'"digest": ' + digest.encode("latin-1") + b', "total"')
    assert parse(body, Page, what="page").digest is None


@pytest.mark.parametrize("blank", ["", " ", "\n\t"])
def test_a_page_carries_its_digest(blank: str) -> None:
    body = GUIDE_PAGE.replace('"total"', f'"digest":{blank}"{DIGEST}"{blank}, "total"').encode()
    assert parse(body, Page, what="page").digest == DIGEST
    assert page().digest is None
