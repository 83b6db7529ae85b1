"""Checks every address of the edge with every method and odd ids, queries, headers and bodies: no response is 500."""

import itertools
from typing import Any

import pytest
from django.test import Client
from tests.odd_requests import METHODS, ODD_BODIES, ODD_HEADERS, ODD_QUERIES, ODD_VALUES

pytestmark = [pytest.mark.django_db, pytest.mark.urls("etalase.edge.urls")]

ADDRESSES = (
    "/",
    "/status",
    "/status/sync",
    pytest.param("/status.json", marks=pytest.mark.long),
    pytest.param("/metrics", marks=pytest.mark.long),
    "/healthz",
    "/api/products/",
    "/api/products/zz/image",
    "/static/zz",
)
MORE_QUERIES = ("limit=%F3", "offset=2147483648", "q=%25%5C%27", "q=%ED%A0%80", "language=%00", "language=id&language=en")
# Allowed statuses without a running bucket or broker.
AWAY = 503


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_odd_request_returns_500(settings: Any, address: str) -> None:
    # As in the standalone edge, without sessions or accounts.
    settings.MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
    settings.ETALASE = settings.ETALASE.model_copy(update={"S3_ENDPOINT": "http://127.0.0.1:1", "METRICS": True})
    client = Client(raise_request_exception=False)
    faults: list[str] = []

    def ask(method: str, path: str, body: bytes = b"", **headers: Any) -> None:
        environ: dict[str, Any] = {
            name if name in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{name}": value for name, value in headers.items()
        }
        try:
            response: Any = client.generic(method, path, body, environ.pop("CONTENT_TYPE", "application/json"), **environ)
        except Exception as error:
            faults.append(f"{method} {path[:80]} {headers}: {error!r}")
            return
        if response.status_code >= 500 and (response.status_code, address[:7]) != (AWAY, "/status"):
            faults.append(f"{method} {path[:80]} {headers} {body[:40]!r}: {response.status_code}")

    for method, path in itertools.product(METHODS, dict.fromkeys(address.replace("zz", value) for value in ODD_VALUES)):
        ask(method, path)
    for query in (*ODD_QUERIES, *MORE_QUERIES):
        ask("GET", f"{address}?{query}")
        ask("HEAD", f"{address}?{query}")
    for headers in ODD_HEADERS:
        for method in ("GET", "POST", "OPTIONS"):
            ask(method, address, b"x=1", **{name.upper().replace("-", "_"): value for name, value in headers.items()})
    for body in ODD_BODIES:
        ask("POST", address, body, CONTENT_TYPE="application/x-www-form-urlencoded")
        ask("POST", address, body, CONTENT_TYPE="multipart/form-data; boundary=x")
    assert not faults, "\n".join(faults[:40])
