"""Every address of head office, with every method and odd ids, queries, headers and bodies: none causes an error 500."""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import URLResolver
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken
from tests.integration.head_office.office import Office
from tests.odd_requests import METHODS, ODD_BODIES, ODD_HEADERS, ODD_QUERIES, ODD_VALUES

from etalase.head_office import urls
from etalase.head_office.models import Account

pytestmark = [
    pytest.mark.urls("etalase.head_office.urls"),
    # Django's own, of a search that finds nothing
    pytest.mark.filterwarnings("ignore:Pagination may yield inconsistent results"),
]


def addresses(patterns: Iterable[Any] | None = None, before: str = "/") -> Iterator[str]:
    """Returns the routes of head office, with ``<>`` in place of values."""
    some: Iterable[Any] = urls.urlpatterns if patterns is None else patterns
    for pattern in some:
        route = re.sub(r"<[^>]*>", "<>", str(pattern.pattern))
        route = route.replace("^", "").replace("$", "").replace("(?P<>", "<>").replace("\\Z", "")
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, before + route)
        else:
            yield before + route


ADDRESSES = sorted(set(addresses()))
# One address of each kind gets every odd value each time; `make test-long` covers all addresses.
SOME = ("/api/v1/token/", "/api/v1/sync/stores/", "/admin/login/", "/admin/autocomplete/", "/admin/head_office/product/")
SOME_ID = "73ce4e57-19f0-44f8-8e3d-ea1c27c0e21b"
FORMS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")


class Asker:
    """Sends requests as ``who`` and collects unexpected errors."""

    def __init__(self, office: Office, who: str) -> None:
        office.photo(office.product(id_=UUID(SOME_ID)))
        self.faults: list[str] = []
        self._client = Client(raise_request_exception=False)
        self._bearer: dict[str, str] = {}
        if who == "a superuser":
            self._client.force_login(Account.objects.create_superuser("boss", password="x"))
        elif who == "a store":
            token = AccessToken.for_user(Account.objects.get(username="avril"))
            self._bearer = {"HTTP_AUTHORIZATION": f"Bearer {token}"}

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = MappingProxyType({})) -> None:
        """Sends one request in the form of a WSGI server."""
        environ: dict[str, Any] = {**self._bearer, **{_meta(name): value for name, value in headers.items()}}
        kind = environ.pop("CONTENT_TYPE", "application/json")
        try:
            answer: Any = self._client.generic(method, path, body, kind, **environ)
            fault = str(answer.status_code) if answer.status_code >= 500 else ""
        except Exception as error:  # before Django could answer
            fault = repr(error)
        if fault:
            self.faults.append(f"{method[:10]} {path[:120]} {dict(headers)} {kind} {body[:60]!r}: {fault}")


def _meta(name: str) -> str:
    bare = name.upper().replace("-", "_")
    return bare if bare in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{bare}"


def filled(address: str) -> Iterator[str]:
    """Returns the address with odd values, alone and together with a valid one."""
    places = address.count("<>")
    for values in itertools.product((*ODD_VALUES, SOME_ID), repeat=places):
        if places < 2 or values[0] in {"1", "7"} or len(set(values)) == 1:
            yield address.replace("<>", "{}").format(*values)


@pytest.fixture(params=["nobody", "a store", "a superuser"])
def asker(request: pytest.FixtureRequest, office: Office, bucket: Any) -> Asker:
    """Returns each of three askers."""
    return Asker(office, request.param)


def test_no_odd_id_or_method_causes_an_error_500(asker: Asker) -> None:
    for address in ADDRESSES:
        for path in dict.fromkeys(
            address.replace("<>", "{}").format(*ids) for ids in (("1", "zz"), ("zz", "1"), ("%00", "%ff"))
        ):
            asker.ask("GET", path)
        for method in ("POST", "DELETE", "OPTIONS"):
            asker.ask(method, address.replace("<>", "zz"))
    assert not asker.faults, "\n".join(asker.faults[:40])


@pytest.mark.parametrize("address", SOME)
def test_no_odd_query_header_or_body_causes_an_error_500(asker: Asker, address: str) -> None:
    odd(asker, address)
    assert not asker.faults, "\n".join(asker.faults[:40])


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_no_odd_request_to_any_address_causes_an_error_500(asker: Asker) -> None:
    for address in ADDRESSES:
        for method, path in itertools.product(METHODS, filled(address)):
            asker.ask(method, path)
        odd(asker, address)
    assert not asker.faults, "\n".join(asker.faults[:40])


def odd(asker: Asker, address: str) -> None:
    """Sends all odd queries, headers and bodies to one address."""
    path = address.replace("<>", SOME_ID)
    for query in ODD_QUERIES:
        asker.ask("GET", f"{path}?{query}")
    for headers in ODD_HEADERS:
        for method in ("GET", "POST", "OPTIONS"):
            asker.ask(method, path, b'{"username": "a", "password": "b"}', headers)
    for body, form in itertools.product(ODD_BODIES, FORMS):
        asker.ask("POST", path, body, {"Content-Type": form})


def test_a_database_outage_gets_503_at_every_address(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    boss = Client(raise_request_exception=False)
    boss.force_login(Account.objects.create_superuser("boss", password="x"))
    token: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {AccessToken.for_user(Account.objects.get(username='avril'))}"}

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("connection refused: is the server running?")

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", away)
    tried: list[tuple[str, str, dict[str, Any]]] = [("GET", "/admin/", {}), ("GET", "/admin/head_office/product/", {})]
    tried += [("POST", "/admin/login/", {}), ("GET", "/healthz", {})]
    tried += [("POST", f"/api/v1/{path}/", token) for path in ("token", "token/refresh", "sync/product-photos", "sync/stores")]
    for method, path, headers in tried:
        body = json.dumps({"username": "avril", "password": "x", "refresh": str(refresh_token())}).encode()
        kind = "application/json"
        if path == "/admin/login/":
            body, kind = b"username=boss&password=x", "application/x-www-form-urlencoded"
        answer: Any = boss.generic(method, path, body, kind, **headers)
        assert answer.status_code == 503, path
        assert "refused" not in answer.content.decode()


def refresh_token() -> RefreshToken:
    token = RefreshToken()
    token["user_id"] = SOME_ID
    return token
