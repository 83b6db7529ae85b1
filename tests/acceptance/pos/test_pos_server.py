"""Checks the edge's web server over HTTP, started by ``etalase edge serve``."""

import json
import time
from hashlib import md5
from urllib.request import urlopen

import pytest

from tests.acceptance.pos.shop import RED, Shop, picture

PLACEHOLDER = "/static/images/no-image.png"


def test_a_published_image_is_readable_without_credentials_and_whole(shop: Shop) -> None:
    product = shop.product("Ayam", RED)
    status, _, body = shop.get(f"/api/products/{product}/image")
    response = json.loads(body)
    assert status == 200
    with urlopen(response["image_url"], timeout=60) as image:
        content = image.read()
        assert (image.headers["Content-Type"], image.headers["Cache-Control"]) == ("image/png", "no-cache")
    assert content == picture(RED)
    assert md5(content, usedforsecurity=False).hexdigest() == response["checksum"]


def test_the_placeholder_is_served_at_the_guides_address(shop: Shop) -> None:
    status, headers, body = shop.get(PLACEHOLDER)
    assert (status, headers["Content-Type"], headers["X-Content-Type-Options"]) == (200, "image/png", "nosniff")
    assert body.startswith(b"\x89PNG")
    assert shop.get(PLACEHOLDER, **{"If-None-Match": headers["ETag"]})[0] == 304


@pytest.mark.parametrize(
    ("name", "content_type"), [("menu.js", "text/javascript"), ("menu.css", "text/css"), ("icon.svg", "image/svg+xml")]
)
def test_browsers_revalidate_the_pages_files_each_time(shop: Shop, name: str, content_type: str) -> None:
    status, headers, _ = shop.get(f"/static/etalase_pos/{name}")
    assert (status, headers.get_content_type()) == (200, content_type)
    assert "max-age=0" in headers["Cache-Control"]


def test_cors_allows_only_the_configured_origins(shop: Shop) -> None:
    for path in ("/api/products/", "/api/products/no-uuid/image"):
        assert shop.get(path, Origin="https://pos.example")[1]["Access-Control-Allow-Origin"] == "https://pos.example"
        assert shop.get(path, Origin="https://other.example")[1]["Access-Control-Allow-Origin"] is None


def test_without_the_database_responses_have_the_placeholder_and_no_secret(shop: Shop) -> None:
    product = shop.product("Ayam", RED)
    assert shop.get("/healthz")[0] == 200
    with shop.database_away():
        began = time.monotonic()
        status, headers, body = shop.get(f"/api/products/{product}/image")
        assert (status, headers["Retry-After"], headers["Cache-Control"]) == (503, "5", "no-store")
        assert json.loads(body)["image_url"] == PLACEHOLDER
        bodies = [body]
        for path in ("/api/products/", "/healthz"):
            status, headers, body = shop.get(path)
            assert (status, headers["Content-Type"]) == (503, "application/json")
            bodies.append(body)
        assert json.loads(bodies[-1])["status"] == "database_away"
        assert shop.get("/")[0] == shop.get(PLACEHOLDER)[0] == 200
        assert time.monotonic() - began < 10
    for body in bodies:
        for secret in (shop.postgres.password, shop.postgres.user, str(shop.postgres.port)):
            assert secret.encode() not in body
    status, _, body = shop.get(f"/api/products/{product}/image")
    assert (status, json.loads(body)["product_name"]) == (200, "Ayam")
    assert shop.get("/healthz")[0] == 200


def test_an_unknown_address_is_404(shop: Shop) -> None:
    product = shop.product("Ayam", RED)
    for path in ("/admin/", "/static/../settings/edge.py", "/static/%2e%2e/views.py", f"/api/products/{product}/image/"):
        assert shop.get(path)[0] == 404, path
