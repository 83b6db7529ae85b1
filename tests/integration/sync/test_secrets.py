"""Checks that no text shows a secret, even if head office or a proxy echoes the request (hazard 74)."""

import base64
import io
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle, product
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from tests.daily import daily
from tests.integration.sync.conftest import Edge
from tests.simulator import Response, picture

from etalase.settings import edge as screen
from etalase.settings.logging import JsonFormatter, Redaction

PASSWORD = 'Nasi "goreng" & teh/2026'
FRESH = {"access": "access-token-of-today", "refresh": "refresh-token-of-today"}

COMMANDS = ("photos_status", "photos_failures", "photos_sync")
ECHOES: dict[str, Callable[[dict[str, Any]], str]] = {
    "JSON": lambda request: json.dumps({"detail": "refused", "request": request}),
    "JSON in JSON": lambda request: json.dumps({"detail": json.dumps(request)}),
    "a form": urlencode,
    "plain": lambda request: " ".join(map(str, request.values())),
    "base64": lambda request: base64.b64encode(f"avril:{request.get('password', '')}".encode()).decode(),
    "HTML": lambda request: f"<html><title>Blocked</title><pre>{request}</pre>",
}


@pytest.fixture
def all_output(edge: Edge, settings: Any, caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Returns a function that collects all output of the edge: logs, rows, both forms of commands, the status page."""
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(Redaction())
    logging.getLogger().addHandler(handler)

    def collect() -> str:
        settings.MIDDLEWARE, settings.ROOT_URLCONF = [], "etalase.edge.urls"
        settings.ETALASE = edge.configured()
        screen.edge_settings.cache_clear()
        try:
            return "\n".join(
                [
                    lines.getvalue(),
                    caplog.text,
                    *(str(row) for row in edge.query("SELECT * FROM etalase_sync_run")),
                    *(str(row) for row in edge.query("SELECT reason, detail FROM etalase_pending_photo")),
                    *(output(name, *args) for name in COMMANDS for args in ((), ("--json",))),
                    Client().get("/status").content.decode(),
                ]
            )
        finally:
            screen.edge_settings.cache_clear()
            logging.getLogger().removeHandler(handler)

    return collect


def output(name: str, *args: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    with suppress(SystemExit):
        try:
            call_command(name, *args, stdout=out, stderr=err)
        except CommandError as error:
            err.write(str(error))
    return out.getvalue() + err.getvalue()


def spellings(secret: str) -> list[str]:
    basic = base64.b64encode(f"avril:{secret}".encode()).decode()
    return [secret, json.dumps(secret)[1:-1], urlencode({"": secret})[1:], basic[8:-4]]


STATUSES = (200, 301, 401, 403, 500)


@pytest.mark.parametrize(("echo", "status"), daily(product(ECHOES, STATUSES), *zip(ECHOES, cycle(STATUSES), strict=False)))
def test_a_token_endpoint_that_echoes_the_request_is_not_quoted(
    edge: Edge, all_output: Callable[[], str], echo: str, status: int
) -> None:
    edge.settings["HO_PASSWORD"] = PASSWORD
    edge.ho.on_token = lambda _path, request: Response(status, ("echoed " + ECHOES[echo](request)).encode())
    report = edge.sync(TRIES=1)
    assert report.exit_status == 4
    shown = all_output() + str(report.error) + json.dumps(report.as_json())
    assert "/api/v1/token/ responded with" in shown or "Response of /api/v1/token/" in shown
    assert "echoed" not in shown
    assert not [spelling for spelling in spellings(PASSWORD) if spelling in shown]


@pytest.mark.parametrize(
    ("cut_at", "status"),
    daily(product([0, 170, 185, 195], [200, 302, 403]), (0, 200), (170, 403), (185, 302), (195, 200)),
)
def test_a_feed_that_echoes_the_token_is_not_quoted(
    edge: Edge, all_output: Callable[[], str], status: int, cut_at: int
) -> None:
    edge.ho.put("sate", picture(1))
    edge.ho.access_token, edge.ho.refresh_token = FRESH.values()
    edge.ho.on_page = lambda _: Response(status, ("x" * cut_at + f"Token {edge.ho.access_token}").encode())
    report = edge.sync()
    assert report.exit_status == 4
    shown = all_output() + str(report.error)
    for secret in FRESH.values():
        assert secret[:12] not in shown


def test_an_unexpected_error_shows_no_secret(
    edge: Edge, all_output: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.settings["HO_PASSWORD"] = edge.ho.password = PASSWORD
    edge.ho.put("sate", picture(1))

    def unforeseen(*_: Any, **__: Any) -> None:
        raise RuntimeError("library state: " + repr({"password": PASSWORD, "key": edge.s3.secret_key}))

    monkeypatch.setattr("etalase.edge.sync.run.plan_changes", unforeseen)
    report = edge.sync()
    shown = all_output() + str(report.error)
    assert "library state" in shown
    assert not [spelling for secret in (PASSWORD, edge.s3.secret_key) for spelling in spellings(secret) if spelling in shown]


# Head office revokes the family of a reused refresh token: an edge may lose the response with its new tokens


def test_an_edge_that_lost_its_new_tokens_logs_in_again_in_the_same_run(edge: Edge) -> None:
    edge.ho.put("sate", picture(1))
    edge.sync()
    edge.ho.access_token = "another-access-token"
    spent: list[str] = []

    def rotate(path: str, request: dict[str, Any]) -> Response | None:
        if not path.endswith("refresh/"):
            return None
        if request["refresh"] in spent:
            return Response(401, b'{"detail": "Token is revoked", "code": "token_not_valid"}')
        spent.append(request["refresh"])
        return Response(200, b'{"access": "', length=500)  # the line breaks, so the tokens never arrive

    edge.ho.on_token = rotate
    edge.ho.requests.clear()
    report = edge.sync()
    assert report.exit_status == 0
    assert spent == ["first-refresh-token"]
    assert edge.ho.requests.count("/api/v1/token/") == 1
    edge.check_equals_head_office()
