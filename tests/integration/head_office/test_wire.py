"""The exact wire format of head office: fields, their order and form, and the bodies of errors."""

import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework_simplejwt.tokens import RefreshToken
from tests.integration.head_office.office import Office

from etalase.head_office.models import Account
from etalase.protocol import Page, parse
from etalase.settings.head_office import head_office_settings

pytestmark = pytest.mark.urls("etalase.head_office.urls")

WIRE = Path(__file__).parents[2] / "wire"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")


def post(
    path: str,
    body: Any,
    *,
    raw: bytes | None = None,
    signed: bool = True,
    content_type: str = "application/json",
    prefer: str = "",
) -> Any:
    token = str(RefreshToken.for_user(Account.objects.get()).access_token) if signed else ""
    headers = {"Prefer": prefer, **({"Authorization": f"Bearer {token}"} if signed else {})}
    return Client().post(f"/api/v1{path}", raw or json.dumps(body), content_type=content_type, headers=headers)


def timeless(text: str) -> Any:
    """Returns the JSON in ``text`` with ``<time>`` for each time in the guide's form."""
    return json.loads(TIME.sub("<time>", text))


def test_a_page_has_the_guides_fields_in_the_guides_form_and_order(the_guides_menu: Office, settings: Any) -> None:
    settings.ETALASE_HEAD_OFFICE = settings.ETALASE_HEAD_OFFICE.model_copy(
        update={"S3_PUBLIC_URL": "http://HO_MINIO_HOST:9000"}
    )
    head_office_settings.cache_clear()
    try:
        answer = post(
            "/sync/product-photos/", {"company_id": str(the_guides_menu.company.id), "store_id": str(the_guides_menu.store.id)}
        )
    finally:
        head_office_settings.cache_clear()
    sent, expected = timeless(answer.content.decode()), timeless((WIRE / "guide_page.json").read_text())
    assert sent.pop("products_changed_at") == "<time>"
    assert json.dumps(sent) == json.dumps(expected), "also the order of the fields"
    parse(answer.content, Page, what="our own page")


def test_pages_and_errors_match_the_recorded_wire(the_guides_menu: Office) -> None:
    """A difference here is a change of the API; the golden file may only grow."""
    ask = {"company_id": str(the_guides_menu.company.id), "store_id": str(the_guides_menu.store.id)}
    answers = {
        "products": post("/sync/products/", ask),
        "stores": post("/sync/stores/", {}),
        "a page in the middle": post("/sync/product-photos/", {**ask, "limit": 1}),
        "a page with the digest": post("/sync/product-photos/", {**ask, "limit": 1}, prefer="photo-digest"),
        "the full set instead": post("/sync/product-photos/", {**ask, "limit": 1, "updated_since": "2999-01-01T00:00:00Z"}),
        "limit 0": post("/sync/product-photos/", {**ask, "limit": 0}),
        "limit x": post("/sync/product-photos/", {**ask, "limit": "x"}),
        "updated_since nonsense": post("/sync/product-photos/", {**ask, "updated_since": "yesterday"}),
        "no store": post("/sync/product-photos/", {}),
        "unknown store": post("/sync/product-photos/", {**ask, "store_id": str(uuid4())}),
        "no token": post("/sync/product-photos/", ask, signed=False),
        "broken JSON": post("/sync/product-photos/", None, raw=b'{"limit": '),
        "deep JSON": post("/sync/product-photos/", None, raw=b"[" * 60_000),
        "a list": post("/sync/product-photos/", []),
        "too large": post("/sync/product-photos/", None, raw=b" " * 65_537),
        "not JSON": post("/sync/product-photos/", None, raw=b"a", content_type="text/plain"),
        "wrong password": post("/token/", {"username": "avril", "password": "wrong"}, signed=False),
        "no password": post("/token/", {"username": "avril"}, signed=False),
        "not a refresh token": post("/token/refresh/", {"refresh": "x"}, signed=False),
    }
    account = Account.objects.get()
    spent = RefreshToken.for_user(account)
    tokens = {"access": str(spent.access_token), "refresh": str(spent)}
    post("/token/refresh/", {"refresh": tokens["refresh"]}, signed=False)
    answers["refresh token spent"] = post("/token/refresh/", {"refresh": tokens["refresh"]}, signed=False)
    answers["wrong method"] = Client().get("/api/v1/sync/products/", headers={"Authorization": f"Bearer {tokens['access']}"})
    answers["token forged"] = _with_token(tokens["access"][:-8] + "AAAAAAAA")
    for _ in range(9):
        answers["too many failures"] = post("/token/", {"username": "avril", "password": "wrong"}, signed=False)
    account.set_password("another long password")
    account.save()
    answers["password changed"] = _with_token(tokens["access"])
    tokens["access"] = str(RefreshToken.for_user(account).access_token)
    Account.objects.update(is_active=False)
    answers["account inactive"] = _with_token(tokens["access"])
    account.delete()
    answers["account gone"] = _with_token(tokens["access"])
    sent = {name: {"status": answer.status_code, "body": timeless(_stable(answer))} for name, answer in answers.items()}
    golden = WIRE / "head_office_answers.json"
    assert sent == json.loads(golden.read_text("utf-8"))


def _with_token(token: str) -> Any:
    return Client().post("/api/v1/sync/stores/", "{}", "application/json", headers={"Authorization": f"Bearer {token}"})


def _stable(answer: Any) -> str:
    """Positions depend on earlier tests; the API promises no more than numbers."""
    return re.sub(r'"next_offset":\d+', '"next_offset":"<position>"', answer.content.decode())


def test_the_reference_documents_every_error_as_sent() -> None:
    reference = TIME.sub("<time>", (WIRE.parents[1] / "docs" / "PRODUCT_PHOTO_SYNC_API_REFERENCE.md").read_text("utf-8"))
    for name, answer in json.loads((WIRE / "head_office_answers.json").read_text("utf-8")).items():
        if answer["status"] >= 400 and name not in {"limit x", "updated_since nonsense", "no password", "not a refresh token"}:
            shown = json.dumps(answer["body"], ensure_ascii=False)
            assert f"| {answer['status']} |" in reference
            assert shown in reference, name
