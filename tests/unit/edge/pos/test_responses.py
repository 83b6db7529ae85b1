"""Checks the responses of the POS API and its query parameters."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.http import QueryDict
from PIL import Image

import etalase.edge.pos
from etalase.edge.pos.catalogue import MenuProduct, ShownPhoto
from etalase.edge.pos.page import security_headers
from etalase.edge.pos.responses import entry_of, image_of
from etalase.edge.pos.views import filter_text, parse_uuid, whole_number
from etalase.errors import UsageError

PRODUCT = UUID("63ea9d40-47f2-4202-95b6-f9b9e798d762")
PHOTO = ShownPhoto(
    id=UUID("73ce4e57-19f0-44f8-8e3d-ea1c27c0e21b"),
    image_url="http://edge:9000/product-images/products/a/primary.jpg?v=5cd6a73f",
    checksum="5cd6a73f49b355a6fd4347f5dd0a2338",
    content_type="image/jpeg",
    updated_at=datetime(2026, 2, 3, 4, 14, 24, 796133, tzinfo=UTC),
)


def test_the_first_photo_is_the_products_image() -> None:
    other = ShownPhoto(UUID(int=1), "http://edge:9000/other.jpg?v=1", None, None, None)
    product = MenuProduct(id=PRODUCT, sku="05018970", name="ASAHI SALMON BOWL", category="Makanan", photos=(PHOTO, other))
    image = image_of(product)
    assert (image.image_url, image.product_name, image.is_placeholder) == (PHOTO.image_url, "ASAHI SALMON BOWL", False)
    assert image.updated_at == "2026-02-03T04:14:24.796133+00:00"
    entry = entry_of(product)
    assert (entry.image_url, entry.has_photo, entry.category) == (PHOTO.image_url, True, "Makanan")
    assert [photo.id for photo in entry.photos] == [PHOTO.id, other.id]


def test_a_product_without_a_photo_has_the_placeholder_as_its_image() -> None:
    product = MenuProduct(id=PRODUCT, sku="", name="AIR MINERAL", category=None, photos=())
    image, entry = image_of(product), entry_of(product)
    assert (image.image_url, image.is_placeholder, image.photo_id) == ("/static/images/no-image.png", True, None)
    assert (entry.image_url, entry.has_photo, entry.photos) == ("/static/images/no-image.png", False, [])


def test_the_placeholder_is_a_small_image_of_the_package() -> None:
    path = Path(etalase.edge.pos.__file__).parent / "static/images/no-image.png"
    with Image.open(path) as image:
        assert (image.format, image.size) == ("PNG", (480, 360))
    assert path.stat().st_size < 16_000


@pytest.mark.parametrize("text", ["", "1", "x" * 36, f"{{{PRODUCT}}}", f"urn:uuid:{PRODUCT}", PRODUCT.hex, f"{PRODUCT}\n"])
def test_only_the_canonical_spelling_of_a_uuid_is_accepted(text: str) -> None:
    assert parse_uuid(text) is None
    assert parse_uuid(str(PRODUCT).upper()) == PRODUCT


@pytest.mark.parametrize("text", ["", "-1", "0", "1001", "1e3", "1_0", " 1", "١", "x", "99999999999999999999", "\0"])
def test_an_invalid_limit_is_refused_by_its_name(text: str) -> None:
    query = QueryDict(mutable=True)
    query["limit"] = text
    with pytest.raises(UsageError, match=r"^limit is «.*», not a whole number from 1 to 1000"):
        whole_number(query, "limit", default=100, least=1, most=1000)


def test_a_missing_number_has_its_default() -> None:
    assert whole_number(QueryDict(""), "limit", default=100, least=1, most=1000) == 100
    assert whole_number(QueryDict("limit=1000"), "limit", default=100, least=1, most=1000) == 1000


@pytest.mark.parametrize("field", ["q", "category"])
@pytest.mark.parametrize("text", ["a\0b", "x" * 101])
def test_a_filter_that_no_product_can_match_is_refused(field: str, text: str) -> None:
    query = QueryDict(mutable=True)
    query[field] = text
    with pytest.raises(UsageError, match=f"^{field} is «"):
        filter_text(query, field, most=100)


@pytest.mark.parametrize(
    ("public_url", "origin"),
    [
        ("http://10.1.2.3:9000", "http://10.1.2.3:9000"),
        ("https://photos.store.example", "https://photos.store.example"),
        ("https://store.example/s3", "https://store.example"),
        ("http://[fd00::1]:9000", "http://[fd00::1]:9000"),
    ],
)
def test_the_security_policy_allows_only_own_files_and_the_buckets_images(public_url: str, origin: str) -> None:
    headers: dict[str, Any] = security_headers(public_url)
    directives = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert directives == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": f"'self' {origin}",
        "connect-src": f"'self' {origin}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
