"""Tokens under attack: replay, races, odd claims, malformed tokens (RFC 9700, RFC 8725)."""

import base64
import json
import threading
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.daily import daily
from tests.integration.head_office.office import Office

from etalase.head_office.models import Account, TokenFamily

pytestmark = pytest.mark.urls("etalase.head_office.urls")

PHOTOS, TOKEN, REFRESH = "/api/v1/sync/product-photos/", "/api/v1/token/", "/api/v1/token/refresh/"
LOGIN = {"username": "avril", "password": "a store's own password"}


def post(path: str, body: Any, token: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Client(raise_request_exception=False).post(path, json.dumps(body), content_type="application/json", headers=headers)


def ask(office: Office) -> dict[str, str]:
    return {"company_id": str(office.company.id), "store_id": str(office.store.id)}


# Rotation


def test_a_replayed_refresh_token_revokes_its_family_and_no_other_login(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    first, other = post(TOKEN, LOGIN).json(), post(TOKEN, LOGIN).json()
    second = post(REFRESH, {"refresh": first["refresh"]}).json()
    third = post(REFRESH, {"refresh": second["refresh"]}).json()

    replayed = post(REFRESH, {"refresh": first["refresh"]})

    assert (replayed.status_code, replayed.json()["code"]) == (401, "token_not_valid")
    assert post(REFRESH, {"refresh": third["refresh"]}).status_code == 401
    assert post(REFRESH, {"refresh": other["refresh"]}).status_code == 200
    assert [record.account for record in caplog.records if "used twice" in record.message] == ["avril"]  # type: ignore[attr-defined]


def test_a_store_that_lost_a_refresh_response_logs_in_again(office: Office) -> None:
    pair = post(TOKEN, LOGIN).json()
    post(REFRESH, {"refresh": pair["refresh"]})  # lost
    assert post(REFRESH, {"refresh": pair["refresh"]}).status_code == 401
    anew = post(TOKEN, LOGIN)
    assert anew.status_code == 200
    assert post(PHOTOS, ask(office), anew.json()["access"]).status_code == 200
    assert post(REFRESH, {"refresh": anew.json()["refresh"]}).status_code == 200


@pytest.mark.parametrize("at_once", [2, 8])
def test_of_parallel_refreshes_with_one_token_at_most_one_succeeds(office: Office, at_once: int) -> None:
    pair = post(TOKEN, LOGIN).json()
    ready, answers = threading.Barrier(at_once), []

    def refresh() -> None:
        try:
            connection.ensure_connection()
            ready.wait()
            answers.append(post(REFRESH, {"refresh": pair["refresh"]}))
        finally:
            connection.close()

    threads = [threading.Thread(target=refresh) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [401] * (at_once - 1)
    (won,) = (answer.json() for answer in answers if answer.status_code == 200)
    assert post(REFRESH, {"refresh": won["refresh"]}).status_code == 401, "the others were replays"
    assert not TokenFamily.objects.exists()


def test_a_token_family_keeps_one_row_after_many_refreshes(office: Office) -> None:
    pair = post(TOKEN, LOGIN).json()
    for _ in range(5):
        pair = post(REFRESH, {"refresh": pair["refresh"]}).json()
    assert TokenFamily.objects.count() == 1
    assert abs(TokenFamily.objects.get().expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=5)


def test_a_token_without_a_family_claim_is_refused(office: Office) -> None:
    claims = decoded(post(TOKEN, LOGIN).json()["refresh"])
    del claims["family"]
    assert post(REFRESH, {"refresh": signed(claims)}).status_code == 401


def test_a_token_cannot_revoke_the_family_of_another_account(office: Office) -> None:
    Account.objects.create_user("neighbour", password="a neighbour's password", store=office.store)
    pair = post(TOKEN, LOGIN).json()
    other = decoded(post(TOKEN, {"username": "neighbour", "password": "a neighbour's password"}).json()["refresh"])
    assert post(REFRESH, {"refresh": signed({**other, "family": decoded(pair["refresh"])["family"]})}).status_code == 401
    assert post(REFRESH, {"refresh": pair["refresh"]}).status_code == 200


# Odd and malformed tokens


def decoded(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def signed(claims: dict[str, Any]) -> str:
    """Signs like PyJWT, but without its checks of some claims."""
    body = b64(json.dumps(claims).encode())
    head = b64(b'{"alg":"HS256","typ":"JWT"}')
    key = jwt.get_algorithm_by_name("HS256").prepare_key(django_settings.SECRET_KEY)
    signature = jwt.get_algorithm_by_name("HS256").sign(f"{head}.{body}".encode(), key)
    return f"{head}.{body}.{b64(signature)}"


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    10**400,
    1.5,
    -0.0,
    float("inf"),
    float("nan"),
    "",
    "x",
    "\0",
    "\ud800",
    "9999999999",
    "a" * 1500,
    [],
    ["x"],
    {},
    {"a": 1},
    [[[[]]]],
]


CHECKED = ("user_id", "jti", "exp", "token_type", "hash_password")


@pytest.mark.parametrize(
    "claim", daily([*CHECKED, "iat", "nbf", "aud", "iss", "sub", "family"], "user_id", "exp", "hash_password", "family")
)
def test_a_signed_token_with_odd_claims_is_refused(office: Office, claim: str) -> None:
    pair = post(TOKEN, LOGIN).json()
    for value in [*ODD, "absent"]:
        for kind in ("access", "refresh"):
            claims = {name: held for name, held in {**decoded(pair[kind]), claim: value}.items() if held != "absent"}
            answer = (
                post(PHOTOS, ask(office), signed(claims)) if kind == "access" else post(REFRESH, {"refresh": signed(claims)})
            )
            if (claim in CHECKED and (claim, value) != ("exp", 2**31)) or (claim, kind) == ("family", "refresh"):
                assert answer.status_code == 401, (kind, value)
                assert answer.json()["detail"]
            assert answer.status_code in {200, 401}, (kind, value)
            if answer.status_code == 200 and kind == "refresh":
                pair = post(TOKEN, LOGIN).json()


BROKEN = [
    "",
    ".",
    "..",
    "...",
    "a.b.c",
    "é.é.é",
    "\ud800",
    "\0.\0.\0",
    b64(b"[" * 3000) + ".e30.x",
    b64(b'{"a":' * 700) + ".e30.x",
    b64(b"[]") + ".e30.x",
    b64(b"null") + ".e30.x",
    b64(b'{"alg":null}') + ".e30.x",
    b64(b'{"alg":["HS256"]}') + ".e30.x",
    b64(b'{"alg":{"a":1}}') + ".e30.x",
    b64(b'{"alg":"none"}') + ".e30.",
    b64(b'{"alg":"HS256","kid":5}') + ".e30.x",
    b64(b'{"alg":"HS256","crit":["b64"],"b64":false}') + ".e30.x",
    b64(b'{"alg":"HS256","crit":5}') + ".e30.x",
    b64(b'{"alg":"\xff"}') + ".e30.x",
    b64(b'{"alg":"RS256","jwk":{"kty":"oct"}}') + ".e30.x",
]


@pytest.mark.parametrize("token", BROKEN, ids=range(len(BROKEN)))
def test_a_malformed_token_is_refused_with_401(office: Office, token: str) -> None:
    statuses = {post(REFRESH, {"refresh": token}).status_code}
    if token.isascii() and "\0" not in token:
        statuses.add(post(PHOTOS, ask(office), token).status_code)
    assert statuses <= {400, 401}


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    claims=st.dictionaries(
        st.sampled_from(["user_id", "jti", "exp", "iat", "token_type", "hash_password", "family", "nbf", "aud", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
            max_leaves=4,
        ),
    )
)
def test_no_claim_in_a_token_causes_an_error_500(office: Office, claims: dict[str, Any]) -> None:
    for answer in (post(PHOTOS, ask(office), signed(claims)), post(REFRESH, {"refresh": signed(claims)})):
        assert answer.status_code in {400, 401}
