"""Checks accepted and refused deviations of feed pages (API reference, "Lenient reading at the edge")."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.strategies import MAX_PHOTO_BYTES, row_of

from etalase.edge.sync.feed.json_parts import elements, members, scalar
from etalase.edge.sync.feed.lenient import read_photo_page, read_product_page, read_tokens
from etalase.edge.sync.plan.plan import plan
from etalase.errors import FeedRefused, Reason
from etalase.protocol import Odd, Page, Photo, ProductPage, parse

GUIDE = json.loads((Path(__file__).parents[4] / "wire" / "guide_page.json").read_bytes())
ROW: dict[str, Any] = GUIDE["photos"][0]
ID, PRODUCT = UUID(ROW["id"]), UUID(ROW["product_id"])
AT = datetime(2026, 2, 3, 4, 14, 24, tzinfo=UTC)
DEEP = "[" * 10_000 + "]" * 10_000


class Absent:
    """Marks a field as missing."""


def body(*rows: object, **fields: Any) -> bytes:
    """Returns the guide's page with these rows and other fields."""
    page = {**GUIDE, "photos": list(rows) if rows else GUIDE["photos"], **fields}
    return json.dumps({name: value for name, value in page.items() if value is not Absent}).encode()


def row(**fields: Any) -> dict[str, Any]:
    """Returns the guide's first row with other fields."""
    return {name: value for name, value in {**ROW, **fields}.items() if value is not Absent}


def read(text: bytes) -> Page:
    """Returns the page in ``text``."""
    return read_photo_page(text, what="Page of the feed at offset 0")


def read_row(raw: str) -> tuple[Photo, Page]:
    """Returns the photo of a row; the guide's second row beside it must stay unchanged."""
    text = json.dumps({**GUIDE, "photos": [0, GUIDE["photos"][1]]}).replace("[0, ", f"[{raw}, ", 1)
    page = read(text.encode("utf-8", "surrogatepass"))
    (other,) = [photo for photo in page.photos if str(photo.id) == GUIDE["photos"][1]["id"]]
    assert other == parse(json.dumps(GUIDE).encode(), Page, what="page").photos[1]
    return next(photo for photo in page.photos if photo is not other), page


# Rows

READ = [
    ("updated_at", "2026-02-03T04:14:24", AT),
    ("updated_at", "2026-02-03 04:14:24", AT),
    ("updated_at", AT.timestamp(), AT),
    ("updated_at", int(AT.timestamp() * 1000), AT),
    ("updated_at", None, None),
    ("updated_at", Absent, None),
    ("updated_at", "yesterday", None),
    ("updated_at", "0000-00-00 00:00:00", None),
    ("updated_at", 10**30, None),
    ("updated_at", "\ud83d", None),
    ("updated_at", [1], None),
    ("is_primary", None, False),
    ("is_primary", Absent, False),
    ("is_primary", 1, True),
    ("is_primary", 0.0, False),
    ("is_primary", "true", True),
    ("is_primary", "False", False),
    ("size", "43111", 43111),
    ("size", " 43111 ", 43111),
    ("size", 43111.0, 43111),
    ("size", "43111.00", 43111),
    ("version", "2", 2),
    ("version", Absent, None),
    ("sort_order", 1.5, 1),
    ("sort_order", -1.5, -1),
    ("sort_order", "-3", -3),
    ("sort_order", Absent, None),
    ("filename", Absent, None),
    ("filename", 7, "7"),
    ("filename", "sate \ud83d.jpg", "sate \ufffd.jpg"),
    ("product_sku", 5018970, "5018970"),
    ("product_sku", Absent, None),
    ("product_name", ["SATE"], None),
    ("product_name", "SATE \ud83c", "SATE \ufffd"),
    ("product_id", ROW["product_id"].upper(), PRODUCT),
    ("product_id", "{" + ROW["product_id"] + "}", PRODUCT),
    ("id", ROW["id"].replace("-", ""), ID),
    ("id", f"urn:uuid:{ROW['id']}", ID),
    ("checksum", Absent, None),
    ("content_type", Absent, None),
    ("object_key", Absent, None),
]


@pytest.mark.parametrize(("name", "value", "read_as"), READ)
def test_a_page_that_the_guides_own_client_accepts_is_read(name: str, value: object, read_as: object) -> None:
    photo, page = read_row(json.dumps(row(**{name: value})))
    assert getattr(photo, name) == read_as
    assert photo.flaws == ()
    noted = {oddity.field for oddity in page.oddities if oddity.kind is Odd.ROW_MENDED}
    plain = name in {"id", "product_id"} and isinstance(value, str) and not {"{", ":"} & set(value)
    assert noted == (set() if plain else {name})


UNUSABLE = [
    ("size", "big"),
    ("size", 43111.5),
    ("size", True),
    ("size", "1e5"),
    ("size", [43111]),
    ("version", "two"),
    ("version", {}),
    ("sort_order", "first"),
    ("is_primary", "yes"),
    ("is_primary", 2),
    ("is_primary", []),
    ("product_id", None),
    ("product_id", Absent),
    ("product_id", 7),
    ("product_id", "7"),
    ("image_url", None),
    ("image_url", Absent),
    ("image_url", {"url": "x"}),
    ("image_url", "http://ho/\ud800.jpg"),
    ("object_key", "products/\ud800.jpg"),
    ("object_key", ["products"]),
    ("filename", {"name": "x"}),
    ("checksum", False),
]


@pytest.mark.parametrize(("name", "value"), UNUSABLE)
def test_an_unusable_field_fails_its_photo_with_name_and_value(name: str, value: object) -> None:
    photo, page = read_row(json.dumps(row(**{name: value})))
    assert (photo.id, [flaw for flaw, _ in photo.flaws]) == (ID, [name])
    planned = plan([photo], [], known_products={PRODUCT}, max_photo_bytes=MAX_PHOTO_BYTES)
    ((failed, error),) = planned.failed
    assert (failed.id, error.reason) == (ID, Reason.BAD_FIELD)
    assert f"{name} is " in error.detail
    assert error.detail.isprintable()
    assert not [oddity for oddity in page.oddities if oddity.kind is Odd.ROW_NAMELESS]


RAW = [
    ('"size": NaN', "size"),
    ('"size": Infinity', "size"),
    ('"sort_order": -Infinity', "sort_order"),
    (f'"size": {"9" * 5000}', "size"),
    (f'"filename": {DEEP}', "filename"),
    (f'"image_url": {DEEP}', "image_url"),
    ('"image_url": nonsense', "image_url"),
]


@pytest.mark.parametrize(("member", "name"), RAW)
def test_an_invalid_json_value_fails_only_its_photo(member: str, name: str) -> None:
    photo, _ = read_row(json.dumps(ROW)[:-1] + f", {member}}}")
    assert (photo.id, [flaw for flaw, _ in photo.flaws]) == (ID, [name])


@pytest.mark.parametrize(
    "member",
    [
        f'"extra": {DEEP}',
        '"extra": NaN',
        '"extra": "\\ud83d"',
        '"extra": "a\tb"',
        '"extra": nonsense',
        '"size": 1, "size": 43111',
    ],
)
def test_an_odd_value_in_an_unused_field_has_no_effect(member: str) -> None:
    photo, _ = read_row(json.dumps(ROW)[:-1] + f", {member}}}")
    assert photo == parse(body(), Page, what="page").photos[0]


def test_control_characters_and_invalid_utf8_are_read_as_python_reads_them() -> None:
    text = body(row(product_name="A B C")).replace(b"A B C", b"A\tB\xff")
    assert read(text).photos[0].product_name == "A\tB\ufffd"
    (photo,) = read(body(row()).replace(b"primary.jpg", b"prim\xe4r.jpg")).photos
    assert [name for name, _ in photo.flaws] == ["image_url", "object_key"]


NO_IDS: list[object] = [None, 7, "7", []]
NAMELESS = [
    "7",
    "null",
    '"row"',
    "[]",
    DEEP,
    "{}",
    "nonsense",
    "NaN",
    *(json.dumps(row(id=value)) for value in NO_IDS),
]


@pytest.mark.parametrize("raw", NAMELESS)
def test_a_row_without_an_id_gets_a_stable_id(raw: str) -> None:
    photo, page = read_row(raw)
    assert photo.is_nameless
    assert [oddity.kind for oddity in page.oddities] == [Odd.ROW_NAMELESS]
    assert read_row(raw)[0].id == photo.id
    assert read_row(json.dumps(row(id=Absent)))[0].id != photo.id or "id" in raw


def test_a_row_without_an_id_keeps_its_stable_id_if_its_other_fields_change() -> None:
    first, second = (read_row(json.dumps(row(id=None, image_url=f"http://ho/{n}?signature={n}")))[0] for n in range(2))
    assert first.id == second.id != read_row(json.dumps(row(id=None, filename="other.jpg")))[0].id


def test_of_two_rows_with_one_id_the_usable_one_counts() -> None:
    assert [photo.flaws == () for photo in read(body(row(), row(image_url=None))).photos] == [False, True]


def test_an_unusable_row_is_not_on_the_retry_list_if_its_usable_fields_match_the_row_here() -> None:
    good = read(body()).photos[0]
    for name in ("image_url", "product_id", "size"):
        (photo,) = read(body(row(**{name: "?" if name != "image_url" else None}))).photos
        assert photo.flaws
        planned = plan([photo], [row_of(good)], known_products=set(), max_photo_bytes=MAX_PHOTO_BYTES)
        assert (planned.unchanged, planned.failed, planned.products) == ([good.id], [], [])
        for here in (row_of(good, object_etag=None), row_of(good, checksum="0" * 32), row_of(good, sort_order=9)):
            planned = plan([photo], [here], known_products=set(), max_photo_bytes=MAX_PHOTO_BYTES)
            assert [photo.id for photo, _ in planned.failed] == [good.id]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ODD_ROWS = JSON_VALUES | st.dictionaries(st.sampled_from(list(ROW)), JSON_VALUES).map(lambda fields: row(**fields))


@given(st.lists(ODD_ROWS, max_size=3), st.lists(ODD_ROWS, max_size=3))
def test_an_odd_row_never_affects_the_other_rows(before: list[Any], after: list[Any]) -> None:
    sane = GUIDE["photos"][1]
    page = read(body(*before, sane, *after))
    read_as = [photo for photo in page.photos if str(photo.id) == sane["id"]]
    assert read_as == [parse(body(sane), Page, what="page").photos[0]]
    assert len(page.photos) == len(before) + len(after) + 1
    for photo in page.photos:
        check_can_be_kept(photo)
    planned = plan(page.photos, [], known_products={photo.product_id for photo in read_as}, max_photo_bytes=MAX_PHOTO_BYTES)
    assert read_as[0].id in {step.photo.id for product in planned.products for step in product.steps}


def check_can_be_kept(photo: Photo) -> None:
    """Asserts that a photo can be saved on the retry list and in a run's notices."""
    kept = msgspec.json.encode(photo).decode()
    assert "\0" not in kept
    assert msgspec.json.decode(kept, type=Photo) == photo


# Envelopes


@pytest.mark.parametrize(
    ("changes", "read_as"),
    [
        ({"deleted_ids": Absent}, {"deleted_ids": []}),
        ({"deleted_ids": None}, {"deleted_ids": []}),
        ({"deleted_ids": {}}, {"deleted_ids": []}),
        ({"deleted_ids": [ROW["id"], "7", None, 5]}, {"deleted_ids": [ID]}),
        ({"deleted_ids": "none"}, {"deleted_ids": []}),
        ({"total": Absent}, {"total": None}),
        ({"total": None}, {"total": None}),
        ({"total": "2"}, {"total": 2}),
        ({"total": 2.0}, {"total": 2}),
        ({"total": -1}, {"total": None}),
        ({"total": "two"}, {"total": None}),
        ({"has_more": Absent}, {"has_more": None}),
        ({"has_more": None}, {"has_more": None}),
        ({"has_more": "false"}, {"has_more": False}),
        ({"has_more": 1}, {"has_more": True}),
        ({"has_more": "perhaps"}, {"has_more": None}),
        ({"next_offset": Absent}, {"next_offset": None}),
        ({"next_offset": "100"}, {"next_offset": 100}),
        ({"next_offset": 10**30}, {"next_offset": None}),
        ({"next_offset": -100}, {"next_offset": None}),
        ({"filter": Absent, "store": Absent}, {"names_its_store": False}),
        ({"filter": None, "store": None}, {"names_its_store": False}),
        ({"filter": {}, "store": "AVRIL-001"}, {"names_its_store": False}),
        ({"filter": {"store_id": 7}, "store": {"id": "AVRIL"}}, {"names_its_store": False}),
        ({"store": None}, {"names_its_store": True}),
        ({"store": {**GUIDE["store"], "code": 7, "name": None}}, {"names_its_store": True}),
        ({"sync_timestamp": Absent}, {"sync_timestamp": None}),
        ({"sync_timestamp": None}, {"sync_timestamp": None}),
        ({"sync_timestamp": "now"}, {"sync_timestamp": None}),
        ({"sync_timestamp": "\ud83d"}, {"sync_timestamp": None}),
        ({"sync_timestamp": 1770103571}, {"sync_timestamp": None}),
        ({"sync_timestamp": "2026-02-03T07:26:11"}, {"sync_timestamp": "2026-02-03T07:26:11"}),
        ({"full": "maybe"}, {"full": False}),
        ({"digest": [[[]]], "products_changed_at": 7}, {"digest": None, "products_changed_at": "7"}),
    ],
)
def test_an_envelope_with_odd_fields_is_read_with_its_rows(changes: dict[str, Any], read_as: dict[str, Any]) -> None:
    page = read(body(**changes))
    assert page.photos == parse(body(), Page, what="page").photos
    assert {name: getattr(page, name) for name in read_as} == read_as


def test_dropped_fields_of_an_envelope_are_noticed_by_name_and_value() -> None:
    page = read(body(total="two", deleted_ids=["7"], sync_timestamp="now"))
    assert {(oddity.kind, oddity.field, oddity.shown) for oddity in page.oddities} == {
        (Odd.PAGE_MENDED, "total", '«"two"»'),
        (Odd.PAGE_MENDED, "sync_timestamp", '«"now"»'),
        (Odd.DELETION_UNREAD, "deleted_ids", '«"7"»'),
    }


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_other_encodings_of_json_are_read(encoding: str) -> None:
    assert read(body().decode().encode(encoding)).photos == read(body()).photos


def test_a_valid_page_is_decoded_by_the_strict_decoder_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etalase.edge.sync.feed.lenient.members", None)
    assert read(body()) == parse(body(), Page, what="page")


@pytest.mark.parametrize("photos", ["", 7, {"a": 1}, Absent])
def test_a_page_without_a_list_of_photos_is_refused(photos: object) -> None:
    with pytest.raises(FeedRefused, match="photos"):
        read(body(photos=photos))


@given(st.integers(1, len(body()) - 1))
def test_a_page_cut_at_any_byte_is_refused(length: int) -> None:
    with pytest.raises(FeedRefused):
        read(body()[:length])


@pytest.mark.parametrize(
    "text", [b"", b"<html>", b"[]", b"null", b"{}", b'{"photos":' + b"[" * 100_000, body() + b"}", body() * 2]
)
def test_an_invalid_page_is_refused(text: bytes) -> None:
    with pytest.raises(FeedRefused, match="offset 0"):
        read(text)


# Products and tokens


def test_products_are_read_one_by_one() -> None:
    rows = [
        {"id": ROW["product_id"], "sku": 5018970, "name": None},
        {"id": ROW["id"], "sku": "x", "name": "SOTO", "updated_at": 7},
        {"sku": "x", "name": "GADO"},
        7,
    ]
    page: ProductPage = read_product_page(body(products=rows), what="page")
    assert [(product.id, product.sku, product.name) for product in page.products] == [
        (PRODUCT, "5018970", None),
        (ID, "x", "SOTO"),
    ]
    assert {oddity.kind for oddity in page.oddities} == {Odd.ROW_MENDED, Odd.ROW_NAMELESS}


@pytest.mark.parametrize("refresh", [None, 7, "two words", "nul\0", [], {"a": 1}, "x" * 20_000])
def test_an_odd_refresh_token_is_ignored(refresh: object) -> None:
    response = json.dumps({"access": "eyJ.a.b", "refresh": refresh, "extra": "\ud83d"}).encode()
    assert (tokens := read_tokens(b"\xef\xbb\xbf" + response, what="token")).access == "eyJ.a.b"
    assert tokens.refresh is None


@pytest.mark.parametrize("access", [None, 7, "", "two words", [], "\ud83d"])
def test_without_an_access_token_there_are_no_tokens_and_the_response_is_not_quoted(access: object) -> None:
    with pytest.raises(FeedRefused) as refusal:
        read_tokens(json.dumps({"access": access, "refresh": "secret"}).encode(), what="Response of /token/")
    assert "secret" not in str(refusal.value)


# Splitting


@given(JSON_VALUES)
def test_json_arrays_are_split_as_python_reads_them(value: Any) -> None:
    cut = elements(json.dumps([value, value]).encode())
    assert len(cut) == 2
    if not isinstance(value, list | dict):
        assert repr(scalar(cut[0])) == repr(json.loads(json.dumps(value)))
    assert list(members(json.dumps({"a": value, "a\u00e9": 1}).encode())) == ["a", "a\u00e9"]


@pytest.mark.parametrize("text", ["", "[", "[1,]", "[,1]", "[1 2]", "[[}]", '["a]', "[1]x", "[]]", "[1,2", "{}", "NaN,"])
def test_text_that_is_not_an_array_is_not_split(text: str) -> None:
    with pytest.raises(ValueError):
        elements(text.encode().replace(b"1", b"NaN"))


@pytest.mark.parametrize(
    "text", ["", "{", '{"a":1,}', '{"a" 1}', "{1:2}", '{"a":}', '{"a":1 "b":2}', '{"a":1}}', "[]", '{"a":[}']
)
def test_text_that_is_not_an_object_is_not_split(text: str) -> None:
    with pytest.raises(ValueError):
        members(text.encode().replace(b"1", b"NaN"))
