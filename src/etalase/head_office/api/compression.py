"""Compresses the answers of the sync API and the fleet: a page of the feed is a fifth to a seventh of itself (ADR 0034)."""

import gzip
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from etalase.content_coding import accepts_gzip

PATHS = ("/api/v1/sync/", "/api/v1/fleet/", "/fleet/")
LEAST_COMPRESSED_BYTES = 1024
# Twice as fast as level 4, and a tenth larger.
LEVEL = 2


def compressed_feed(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Wraps ``get_response``: compresses answers where the client accepts gzip, as edges do.

    BREACH guesses a secret from the size of bodies that also hold a text of the attacker's. No body here holds a secret: tokens
    are below another path, and a form's token has another text in each page. So no padding is needed.
    """

    def compressed(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not request.path_info.startswith(PATHS) or len(response.content) < LEAST_COMPRESSED_BYTES:
            return response
        patch_vary_headers(response, ("Accept-Encoding",))
        if accepts_gzip(request.META.get("HTTP_ACCEPT_ENCODING", "")) and "Content-Encoding" not in response:
            response.content = gzip.compress(response.content, LEVEL, mtime=0)
            response["Content-Encoding"], response["Content-Length"] = "gzip", str(len(response.content))
        return response

    return compressed
