"""Checks the POS API on a real PostgreSQL."""

import gzip
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from etalase.edge.models import Checkpoint, Doubt, Product, ProductPhoto, SyncRun

pytestmark = pytest.mark.django_db

PLACEHOLDER = "/static/images/no-image.png"
MD5 = "5cd6a73f49b355a6fd4347f5dd0a2338"


def product(name: str = "ASAHI SALMON BOWL", sku: str = "05018970", *photos: dict[str, Any]) -> UUID:
    """Adds a product with photos that have these fields."""
    made = Product.objects.create(id=uuid4(), name=name, sku=sku)
    for number, fields in enumerate(photos):
        wanted = {"id": uuid4(), "object_key": f"products/{made.id}/{number}.jpg", "checksum": MD5} | fields
        ProductPhoto.objects.create(product_id=made.id, **wanted)
    return made.id


def image(client: Client, product_id: UUID | str) -> dict[str, Any]:
    """Returns the image response of an existing product."""
    response = client.get(f"/api/products/{product_id}/image")
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


def listed(client: Client, **query: Any) -> dict[str, Any]:
    """Returns a page of the menu."""
    response = client.get("/api/products/", query)
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


# One image


def test_the_image_url_is_reachable_for_a_browser(client: Client) -> None:
    key = "products/63ea9d40/primary.jpg"
    product_id = product("ASAHI SALMON BOWL", "05018970", {"object_key": key, "content_type": "image/jpeg"})
    body = image(client, product_id)
    assert body.pop("updated_at").endswith("+00:00")
    assert UUID(body.pop("photo_id"))
    assert body == {
        "product_id": str(product_id),
        "product_sku": "05018970",
        "product_name": "ASAHI SALMON BOWL",
        "image_url": f"http://127.0.0.1:1/product-images/{key}?v=5cd6a73f",
        "is_placeholder": False,
        "checksum": MD5,
        "content_type": "image/jpeg",
        "renditions": [],
        "thumbhash": None,
    }


def test_special_characters_of_a_key_are_quoted_in_the_url(client: Client) -> None:
    product_id = product("x", "x", {"object_key": "products/a b/#1?100%+é&.jpg"})
    assert image(client, product_id)["image_url"] == (
        "http://127.0.0.1:1/product-images/products/a%20b/%231%3F100%25%2B%C3%A9%26.jpg?v=5cd6a73f"
    )


def test_without_a_checksum_the_version_breaks_caches(client: Client) -> None:
    assert image(client, product("x", "x", {"checksum": None, "version": 7}))["image_url"].endswith(".jpg?v=7")


def test_a_product_without_a_photo_shows_the_placeholder(client: Client) -> None:
    body = image(client, product("AIR MINERAL", "1"))
    assert (body["image_url"], body["product_name"], body["is_placeholder"]) == (PLACEHOLDER, "AIR MINERAL", True)


@pytest.mark.parametrize(
    ("photos", "shown"),
    [
        ([{"sort_order": 0}, {"is_primary": True, "sort_order": 9}], 1),
        ([{"sort_order": 2}, {"sort_order": 1}], 1),
        ([{"id": UUID(int=2)}, {"id": UUID(int=1)}], 1),
        ([{"is_primary": True, "id": UUID(int=2)}, {"is_primary": True, "id": UUID(int=1)}], 1),
        ([{"is_primary": None, "sort_order": None}, {"is_primary": False, "sort_order": -1}], 1),
        ([{"is_primary": None}, {"is_primary": True}], 1),
        ([{"is_primary": True, "object_key": None}, {}], 1),
        ([{"is_primary": True, "object_key": ""}, {}], 1),
    ],
    ids=["primary", "sort order", "id", "two primaries", "nulls", "null is not primary", "no key", "empty key"],
)
def test_exactly_one_photo_is_shown_if_any_is_usable(client: Client, photos: list[dict[str, Any]], shown: int) -> None:
    product_id = product("x", "x", *photos)
    assert image(client, product_id)["image_url"].endswith(f"/{shown}.jpg?v=5cd6a73f")
    [entry] = listed(client)["products"]
    assert entry["image_url"] == image(client, product_id)["image_url"] == entry["photos"][0]["image_url"]


@pytest.mark.parametrize(
    ("damaged", "order"),
    [
        ([], [0, 1, 2]),
        ([0], [1, 2, 0]),
        ([1], [0, 2, 1]),
        ([0, 1], [2, 0, 1]),
        ([0, 1, 2], [0, 1, 2]),
    ],
)
def test_a_whole_photo_is_shown_before_a_damaged_primary_one(client: Client, damaged: list[int], order: list[int]) -> None:
    ids = [UUID(int=3), UUID(int=1), UUID(int=2)]
    product_id = product("x", "x", *({"id": id_, "is_primary": n == 0} for n, id_ in enumerate(ids)))
    Doubt.objects.bulk_create(Doubt(photo_id=ids[n], kind="missing") for n in damaged)
    [entry] = listed(client)["products"]
    assert [photo["id"] for photo in entry["photos"]] == [str(ids[n]) for n in order]
    assert entry["image_url"] == image(client, product_id)["image_url"] == entry["photos"][0]["image_url"]


@pytest.mark.parametrize(
    "product_id", ["00000000-0000-4000-8000-000000000000", "1", "no-uuid", "..", "%00", "a/b", "%3Cb%3E", "é", "x" * 3000]
)
def test_an_unknown_product_is_404_with_the_placeholder(client: Client, product_id: str) -> None:
    product()
    response = client.get(f"/api/products/{product_id}/image")
    assert response.status_code == 404
    body = response.json()
    assert (body["image_url"], body["is_placeholder"]) == (PLACEHOLDER, True)
    assert body["product_name"] == "Produk tidak dikenal · Unknown product"
    assert response["Cache-Control"] == "no-store"


# Caches


@pytest.mark.parametrize("address", ["/api/products/", "/api/products/{}/image"])
def test_an_unchanged_response_is_304_and_a_changed_one_has_a_new_etag(client: Client, address: str) -> None:
    product_id = product("x", "x", {})
    address = address.format(product_id)
    first = client.get(address)
    assert (first["Cache-Control"], first["X-Content-Type-Options"]) == ("no-cache", "nosniff")
    etag = first["ETag"]
    for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = client.get(address, headers={"If-None-Match": condition})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag), condition
    assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
    ProductPhoto.objects.update(checksum="0" * 32)
    changed = client.get(address, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed["ETag"] != etag
    assert b"?v=00000000" in changed.content


def test_a_long_list_is_compressed_for_clients_that_accept_it(client: Client) -> None:
    for number in range(20):
        product(f"Hidangan {number}", str(number), {})
    plain = client.get("/api/products/")
    assert (plain["Vary"], plain.headers.get("Content-Encoding")) == ("Accept-Encoding", None)
    for accepted in ("gzip, deflate, br", "br;q=1.0, gzip;q=0.8", "GZIP"):
        packed = client.get("/api/products/", headers={"Accept-Encoding": accepted})
        assert (packed["Content-Encoding"], packed["Vary"]) == ("gzip", "Accept-Encoding")
        assert gzip.decompress(packed.content) == plain.content
        assert int(packed.headers.get("Content-Length", len(packed.content))) == len(packed.content) < len(plain.content) / 3
        assert packed["ETag"] != plain["ETag"], "a strong ETag names these bytes"
        again = client.get("/api/products/", headers={"Accept-Encoding": accepted, "If-None-Match": packed["ETag"]})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", packed["ETag"])
        assert (again["Vary"], again.headers.get("Content-Encoding")) == ("Accept-Encoding", None)
    for accepted in ("gzip;q=0", "gzip; q=0.000, br", "identity", "xgzipx"):
        response = client.get("/api/products/", headers={"Accept-Encoding": accepted})
        assert (response.headers.get("Content-Encoding"), response["ETag"]) == (None, plain["ETag"]), accepted


# The list


def test_the_menu_is_listed_by_name_with_all_photos(client: Client) -> None:
    second, first = product("bakso", "2", {}, {}), product("Ayam", "1")
    product("CENDOL", "3", {})
    body = listed(client)
    assert [entry["name"] for entry in body["products"]] == ["Ayam", "bakso", "CENDOL"]
    assert body["products"][0] == {
        "id": str(first),
        "sku": "1",
        "name": "Ayam",
        "category": None,
        "image_url": PLACEHOLDER,
        "has_photo": False,
        "photos": [],
        "renditions": [],
        "thumbhash": None,
    }
    assert (body["products"][1]["id"], len(body["products"][1]["photos"])) == (str(second), 2)
    assert (body["total"], body["limit"], body["offset"], body["next"]) == (3, 100, 0, None)


def test_the_pages_of_the_menu_list_each_product_once(client: Client) -> None:
    for number in range(7):
        product(f"Hidangan {number}", str(number), {})
    product("Lain", "9")
    address: str | None = "/api/products/?limit=3&q=hidangan"
    names: list[str] = []
    while address:
        body = client.get(address).json()
        assert body["total"] == 7
        names += [entry["name"] for entry in body["products"]]
        address = body["next"]
    assert names == [f"Hidangan {number}" for number in range(7)]
    assert listed(client, limit=3, offset=100, q="hidangan") == {
        "products": [],
        "total": 7,
        "limit": 3,
        "offset": 100,
        "next": None,
    }


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("SALMON", 1),
        ("salmon bowl", 1),
        ("0501", 2),
        ("spagvon", 1),
        ("slamon bowl", 1),
        ("%", 0),
        ("_", 0),
        ("'; DROP TABLE product; --", 0),
        ("  ", 2),
        ("🍜", 0),
    ],
)
def test_the_search_finds_parts_of_a_name_or_sku(client: Client, search: str, found: int) -> None:
    product("ASAHI SALMON BOWL", "05018970")
    product("SPAGHETTI VONGOLE", "05015917")
    assert listed(client, q=search)["total"] == found


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "1000000000"),
        ("limit", "x"),
        ("limit", ""),
        ("offset", "-1"),
        ("offset", "1e9"),
    ],
)
def test_a_bad_page_parameter_is_refused_with_field_and_value(client: Client, field: str, value: str) -> None:
    response = client.get("/api/products/", {field: value})
    assert response.status_code == 400
    assert response.json()["detail"].startswith(f"{field} is «{value}»")
    assert response["Content-Type"] == "application/json"


def test_a_search_with_a_nul_is_refused(client: Client) -> None:
    response = client.get("/api/products/?q=a%00b")
    assert response.status_code == 400
    assert response.json()["detail"].startswith("q is «a\\x00b")


def test_names_pass_through_json_unchanged(client: Client) -> None:
    name = """<script>alert("1")</script> 'Soto'\n🍜 \u2028"""
    product(name, "x")
    assert listed(client)["products"][0]["name"] == name


def test_1000_products_are_listed_in_four_queries(client: Client) -> None:
    products = [Product(id=uuid4(), name=f"Hidangan {number:04}", sku=str(number)) for number in range(1000)]
    Product.objects.bulk_create(products)
    ProductPhoto.objects.bulk_create(
        ProductPhoto(id=uuid4(), product_id=one.id, object_key=f"products/{one.id}/primary.jpg", checksum=MD5, is_primary=True)
        for one in products
    )
    with CaptureQueriesContext(
        connection,
    ) as queries:
        body = listed(client, limit=1000)
    assert (len(body["products"]), body["total"], len(queries)) == (1000, 1000, 4)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("address", ["/", "/healthz", "/api/products/", "/api/products/x/image"])
def test_the_pos_api_only_reads(client: Client, method: str, address: str) -> None:
    send: Callable[[str], HttpResponse] = getattr(client, method)
    response = send(address)
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")


# Health


def test_healthz_and_status_report_the_same_last_good_run(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "last_success_at": None, "last_success_age_seconds": None}
    now = timezone.now()
    Checkpoint.objects.create(store_id=uuid4(), company_id=uuid4(), sync_timestamp="x")
    # A run that left photos on the retry list counts as good; a run that yielded before its end does not.
    for minutes, outcome, checkpoint in ((99, "success", "x"), (90, "partial", "x"), (60, "partial", None), (30, "failed", "x"),
                                         (5, None, None)):  # fmt: skip
        began = now - timedelta(minutes=minutes)
        finished = began + timedelta(minutes=1) if outcome else None
        given = {"outcome": outcome, "checkpoint": checkpoint, "started_at": began, "finished_at": finished}
        SyncRun.objects.create(kind="full", trigger="hand", **given)
    body = client.get("/healthz").json()
    assert body["status"] == "ok"
    assert body["last_success_age_seconds"] == pytest.approx(89 * 60, abs=5)


# The page


def test_the_menu_page_has_a_strict_security_policy_and_nothing_inline(client: Client) -> None:
    response = client.get("/", headers={"Accept-Language": "en"})
    assert response["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src")
    assert (response["Referrer-Policy"], response["X-Content-Type-Options"]) == ("no-referrer", "nosniff")
    assert "camera=()" in response["Permissions-Policy"]
    assert {"Accept-Language", "Cookie"} <= set(response["Vary"].split(", "))
    html = response.content.decode()
    assert '<html lang="en">' in html
    assert " style=" not in html
    assert "<style" not in html
    assert " onclick=" not in html
    assert "http://" not in html.replace("http://www.w3.org", "")


def test_the_saved_language_comes_before_the_browsers(client: Client) -> None:
    client.cookies["etalase_language"] = "en"
    assert b'<html lang="en">' in client.get("/", headers={"Accept-Language": "id"}).content


def test_the_texts_in_the_page_are_json_that_cannot_end_its_script_element(client: Client) -> None:
    html = client.get("/").content.decode()
    data = html.partition('<script id="page" type="application/json">')[2].partition("</script>")[0]
    assert json.loads(data)["products_url"] == "/api/products/"


@pytest.mark.parametrize("path", ["/api/products/{}/image", "/api/products/"])
def test_a_database_without_the_tables_is_told_from_one_that_does_not_answer(client: Client, path: str) -> None:
    product_id = product()
    with connection.cursor() as db:
        db.execute("ALTER TABLE product_photo RENAME TO elsewhere")  # the test's transaction takes it back
    response = client.get(path.format(product_id))
    assert (response.status_code, "cannot be used" in response.json()["detail"]) == (503, True)


# Categories


def in_categories(**category_of: str) -> None:
    for name, category in category_of.items():
        Product.objects.filter(pk=product(name)).update(category=category)


def test_an_entry_has_its_category_or_null(client: Client) -> None:
    in_categories(COFFEE="Minuman", SATE="", TEA="  ")
    assert {entry["name"]: entry["category"] for entry in listed(client)["products"]} == {
        "COFFEE": "Minuman",
        "SATE": None,
        "TEA": None,
    }


def test_the_menu_is_filtered_by_exactly_one_category(client: Client) -> None:
    in_categories(COFFEE="Minuman", JUICE="Minuman", TEA="Minuman", ODD="minuman", SATE="Bakar & Goreng", WATER="")
    first = listed(client, category="Minuman", limit=2)
    assert ([entry["name"] for entry in first["products"]], first["total"]) == (["COFFEE", "JUICE"], 3)
    assert first["next"] == "/api/products/?limit=2&offset=2&category=Minuman"
    assert [entry["name"] for entry in client.get(first["next"]).json()["products"]] == ["TEA"]
    assert [entry["name"] for entry in listed(client, category="Minuman", q="juice")["products"]] == ["JUICE"]
    assert [entry["name"] for entry in listed(client, category="Bakar & Goreng")["products"]] == ["SATE"]
    assert listed(client, category="Kue")["total"] == 0
    assert listed(client, category="")["total"] == 6


@pytest.mark.parametrize("category", ["\0", "x" * 501])
def test_a_category_that_cannot_be_is_a_400_with_field_and_value(client: Client, category: str) -> None:
    response = client.get("/api/products/", {"category": category})
    assert response.status_code == 400
    assert response.json()["detail"].startswith("category is «")
