"""The size limit of a request body, decided from the head before the body is read."""

import io
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.test import Client
from tests.integration.head_office.office import Office

from etalase.head_office.api.parsers import bounded
from etalase.head_office.models import Account
from etalase.head_office.upload_limits import body_limit
from etalase.settings.head_office import MIB, head_office_settings

LEAST = 64 * 1024

FORM = "/admin/head_office/product/add/"


def head(path: str, cookie: str = "", byte_count: int = 200 * MIB) -> dict[str, Any]:
    """Returns the WSGI environ of a request, with a body that must not be read."""
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
        "CONTENT_LENGTH": str(byte_count),
        "HTTP_COOKIE": cookie,
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
        "wsgi.input": Unread(),
    }


class Unread(io.BytesIO):
    """A body that must not be read."""

    def read(self, size: int | None = -1, /) -> bytes:
        pytest.fail("the body was read")


def login(**rights: Any) -> str:
    """Returns the session cookie of a logged-in user."""
    names = rights.pop("permissions", ())
    account = Account.objects.create_user("somebody", password="a password of ours", **rights)
    account.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


@pytest.mark.parametrize(
    ("rights", "limit"),
    [
        ({"is_staff": True, "is_superuser": True}, 256 * MIB),
        ({"is_staff": True, "permissions": ["change_photo"]}, 256 * MIB),
        ({"is_staff": True, "permissions": ["add_photo"]}, 256 * MIB),
        ({"is_staff": True, "permissions": ["view_photo"]}, settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
        ({"is_staff": True, "is_superuser": True, "is_active": False}, LEAST),
        ({}, LEAST),
    ],
)
def test_the_large_body_limit_needs_permission_to_change_photos(office: Office, rights: dict[str, Any], limit: int) -> None:
    cookie = login(**rights)
    assert body_limit(head(FORM, cookie)) == limit
    # The cookie raises the limit for no other address.
    for path in ("/", "/api/v1/token/", "/api/v1/sync/product-photos/", "/nothing"):
        assert body_limit(head(path, cookie)) == LEAST


@pytest.mark.parametrize(
    "cookie", ["", "sessionid=", "sessionid=forged", "sessionid=" + "a" * 5000, "sessionid=a;sessionid=b", "\x00"]
)
def test_the_small_body_limit_applies_without_a_login(office: Office, cookie: str) -> None:
    for path in ("/admin/login/", FORM, "/admin/", "/admin/nothing/", "/api/v1/token/"):
        assert body_limit(head(path, cookie)) == LEAST


@pytest.mark.parametrize(("path", "kind"), [("/admin/login/", "text/plain"), ("/api/v1/token/", "application/json")])
def test_a_body_above_the_limit_gets_413_unread_on_any_wsgi_server(office: Office, path: str, kind: str) -> None:
    message: list[Any] = []
    application = bounded(lambda _environ, _start: pytest.fail("it got there"), body_limit)
    body = b"".join(application(head(path), lambda status, headers: message.extend([status, dict(headers)])))
    assert message[0].startswith("413")
    assert message[1]["Content-Type"].startswith(kind)
    assert str(head_office_settings().MAX_REQUEST_BYTES).encode() in body


def test_a_small_body_costs_no_database_query(office: Office, django_assert_num_queries: Any) -> None:
    reached: list[bool] = []

    def application(_environ: Any, _start: Any) -> list[bytes]:
        reached.append(True)
        return []

    with django_assert_num_queries(0):
        list(bounded(application, body_limit)(head(FORM, "sessionid=abc", LEAST), None))
    assert reached == [True]
