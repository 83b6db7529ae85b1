"""Serves the page of tiles: one template in the language of the POS, under a strict Content-Security-Policy."""

from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.decorators.http import require_safe

from etalase.edge.pos.messages import DEFAULT_LANGUAGE, LANGUAGES, TEXTS, Language
from etalase.edge.pos.placeholder import placeholder_url, static_origin
from etalase.settings.edge import edge_settings

LANGUAGE_COOKIE = "etalase_language"
# A large screen has room for this many tiles.
SKELETONS = 40
# Older Android versions send «in» for Indonesian (ISO 639 before 1989).
_OLD_CODES = {"in": "id"}


@login_not_required
@require_safe
def menu_page(request: HttpRequest) -> HttpResponse:
    """Returns the menu page. It reads no database, so that it loads during a database outage and fills itself afterwards."""
    language = choose_language(request.COOKIES.get(LANGUAGE_COOKIE), request.headers.get("Accept-Language", ""))
    response = render(
        request,
        "etalase_pos/menu.html",
        {
            "language": language,
            "languages": LANGUAGES,
            "text": TEXTS[language],
            "skeletons": range(SKELETONS),
            "page": {
                "texts": TEXTS,
                "products_url": reverse("etalase_pos:products"),
                "placeholder_url": placeholder_url(),
                "language_cookie": LANGUAGE_COOKIE,
            },
        },
    )
    for name, value in security_headers(edge_settings().S3_PUBLIC_URL).items():
        response[name] = value
    response["Cache-Control"] = "no-cache"
    patch_vary_headers(response, ("Accept-Language", "Cookie"))
    return response


def choose_language(remembered: str | None, accept_language: str) -> Language:
    """Returns the language saved in the POS's cookie, else the browser's first supported language, else Indonesian."""
    wanted = [remembered or ""] + [code for code, weight in parse_accept_lang_header(accept_language) if weight > 0]
    for code in wanted:
        primary = code.split("-")[0]
        for language in LANGUAGES:
            if _OLD_CODES.get(primary, primary) == language:
                return language
    return DEFAULT_LANGUAGE


def security_headers(s3_public_url: str, *, form_action: str = "'none'") -> dict[str, str]:
    """Returns headers that allow only this server's files and the bucket's images: nothing inline, no frames (CSP level 3)."""
    bucket = urlsplit(s3_public_url)
    own = f"'self' {static_origin()}".strip()
    policy = {
        "default-src": "'none'",
        "script-src": own,
        "style-src": own,
        "img-src": f"{own} {bucket.scheme}://{bucket.netloc}",
        # A picture that cannot be decoded is fetched once more, past the browser's cache.
        "connect-src": f"'self' {bucket.scheme}://{bucket.netloc}",
        "base-uri": "'none'",
        "form-action": form_action,
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
