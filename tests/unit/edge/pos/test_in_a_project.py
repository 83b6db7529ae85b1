"""Checks what the POS takes over from the settings of a project around it."""

import pytest
from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import URLPattern

from etalase.edge.pos import responses
from etalase.edge.pos.page import security_headers
from etalase.edge.pos.urls import urlpatterns


@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: str(pattern.name))
def test_a_till_needs_no_login_where_the_project_requires_one(pattern: URLPattern) -> None:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    middleware = LoginRequiredMiddleware(lambda _: HttpResponse())
    assert middleware.process_view(request, pattern.callback, (), {}) is None


@pytest.mark.parametrize(
    ("static_url", "placeholder", "scripts"),
    [
        ("/static/", "/static/images/no-image.png", "'self'"),
        ("/assets/v2/", "/assets/v2/images/no-image.png", "'self'"),
        ("https://cdn.example/pos/", "https://cdn.example/pos/images/no-image.png", "'self' https://cdn.example"),
        (None, "/static/images/no-image.png", "'self'"),
    ],
)
def test_the_placeholder_follows_the_address_of_static_files(
    monkeypatch: pytest.MonkeyPatch, static_url: str | None, placeholder: str, scripts: str
) -> None:
    monkeypatch.setattr(settings, "STATIC_URL", static_url)
    assert responses.ImageRefused(detail="", product_name="").image_url == placeholder
    policy = security_headers("http://127.0.0.1:9000")["Content-Security-Policy"]
    assert f"script-src {scripts};" in policy
    assert f"img-src {scripts} http://127.0.0.1:9000;" in policy
