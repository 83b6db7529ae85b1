"""The page of tiles: one template, rendered in the POS's language, under a strict Content-Security-Policy."""

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.decorators.http import require_safe

from etalase.edge.pos.messages import DEFAULT_LANGUAGE, LANGUAGES, TEXTS, Language
from etalase.protocol import PLACEHOLDER_URL
from etalase.settings.edge import configured

LANGUAGE_COOKIE = "etalase_language"
# As many as a large screen has room for.
SKELETONS = 40
# «in» is what older Androids call Indonesian (ISO 639 before 1989).
_OLD_CODES = {"in": "id"}


@require_safe
def menu_page(request: HttpRequest) -> HttpResponse:
    """The menu. It reads no database, so that it comes also while that is away and then fills by itself."""
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
                "placeholder_url": PLACEHOLDER_URL,
                "language_cookie": LANGUAGE_COOKIE,
            },
        },
    )
    for name, value in security_headers(configured().S3_PUBLIC_URL).items():
        response[name] = value
    response["Cache-Control"] = "no-cache"
    patch_vary_headers(response, ("Accept-Language", "Cookie"))
    return response


def choose_language(remembered: str | None, accept_language: str) -> Language:
    """The language chosen before on this POS, else the browser's first that we speak, else Indonesian."""
    wanted = [remembered or ""] + [code for code, weight in parse_accept_lang_header(accept_language) if weight > 0]
    for code in wanted:
        primary = code.split("-")[0]
        for language in LANGUAGES:
            if _OLD_CODES.get(primary, primary) == language:
                return language
    return DEFAULT_LANGUAGE


def security_headers(s3_public_url: str, *, form_action: str = "'none'") -> dict[str, str]:
    """Nothing but this server's own files and the bucket's pictures; nothing inline; no frame around it (CSP level 3)."""
    bucket = urlsplit(s3_public_url)
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": f"'self' {bucket.scheme}://{bucket.netloc}",
        "connect-src": "'self'",
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
