"""This head office serves the edges of every release, and its responses match those of every release."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from tests.integration.head_office.conftest import WIRE
from tests.integration.head_office.office import Office
from tests.wire.recordings import RELEASES, differences, neutral, record, recorded

pytestmark = pytest.mark.urls("etalase.head_office.urls")

INSTANCE = "0d9619ff-8b86-4d01-b42d-00cf4fc964f0"
PASSWORD = "a store's own password"
REPORT: dict[str, Any] = json.loads((WIRE / "report.json").read_text("utf-8")) | {"sequence": 1, "instance": "<instance>"}
SCENARIO: list[tuple[str, str, dict[str, Any]]] = [
    ("/api/v1/token/", "", {"username": "<username>", "password": "<password>"}),
    ("/api/v1/token/refresh/", "", {"refresh": "<refresh>"}),
    ("/api/v1/sync/product-photos/", "photo-digest", {"limit": 500, "offset": 0}),
    ("/api/v1/sync/product-photos/", "", {"limit": 1, "offset": 0}),
    ("/api/v1/sync/product-photos/", "", {"limit": 500, "offset": 0, "updated_since": "<time>"}),
    ("/api/v1/sync/product-photos/", "", {"limit": 500, "updated_since": "2999-01-01T00:00:00.0Z"}),
    ("/api/v1/sync/product-photos/", "renditions", {"limit": 500, "offset": 0}),
    ("/api/v1/sync/product-photos/", "renditions", {"limit": 500, "updated_since": "2999-01-01T00:00:00.0Z", "report": REPORT}),
    ("/api/v1/sync/report/", "", REPORT | {"sequence": 2}),
    ("/api/v1/sync/products/", "", {"limit": 500, "offset": 0}),
    ("/api/v1/sync/stores/", "", {}),
]


def send(exchange: dict[str, Any]) -> Any:
    """Posts a recorded request, with an account's own tokens and an updated_since of an hour ago in place of its marks."""
    tokens = (
        Client().post("/api/v1/token/", {"username": "avril", "password": PASSWORD}, content_type="application/json").json()
    )
    marks = {
        "<username>": "avril",
        "<password>": PASSWORD,
        "<refresh>": tokens["refresh"],
        "<time>": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
        "<position>": 0,
        "<amount>": 1,
        "<instance>": INSTANCE,
        "<agent>": "etalase/0.3.0",
        "<digest>": "0" * 32,
        "<nonce>": "0" * 32,
        "<proof>": "0" * 64,
    }
    body = _filled(exchange["request"], marks)
    headers = {"Prefer": exchange["prefer"], "Authorization": f"Bearer {tokens['access']}"}
    if "/token/" in exchange["path"]:
        del headers["Authorization"]
    return Client().post(exchange["path"], json.dumps(body), content_type="application/json", headers=headers)


def _filled(value: Any, marks: dict[str, Any]) -> Any:
    """Returns a recorded request with values in the place of its marks."""
    match value:
        case dict():
            return {name: _filled(inner, marks) for name, inner in value.items()}
        case list():
            return [_filled(inner, marks) for inner in value]
        case str():
            return marks.get(value, value)
    return value


def test_responses_match_those_of_every_released_head_office(the_guides_menu: Office) -> None:
    ids = {"company_id": str(the_guides_menu.company.id), "store_id": str(the_guides_menu.store.id)}
    exchanges = [
        {"path": path, "prefer": prefer, "request": {**(ids if "/product" in path or "/report" in path else {}), **body}}
        for path, prefer, body in SCENARIO
    ]
    answers = [send(exchange) for exchange in exchanges]
    assert {answer.status_code for answer in answers} == {200}
    now = [{**exchange, "response": neutral(answer.json())} for exchange, answer in zip(exchanges, answers, strict=True)]
    record("head_office", now)
    for release in RELEASES:
        for exchange in recorded(release, "head_office"):
            answer = send(exchange)
            assert answer.status_code == 200, (release, exchange["path"], answer.content)
            assert differences(exchange["response"], neutral(json.loads(answer.content))) == [], (release, exchange["path"])


def test_requests_of_every_released_edge_succeed(the_guides_menu: Office) -> None:
    for release in RELEASES:
        for exchange in recorded(release, "edge"):
            answer = send(exchange)
            assert answer.status_code == 200, (release, exchange, answer.content)
