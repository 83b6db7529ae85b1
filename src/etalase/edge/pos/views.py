"""Serves the POS API from :mod:`etalase.edge.pos.catalogue`."""

import logging
import re
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from etalase.edge.pos import catalogue, responses
from etalase.errors import DatabaseAway, DatabaseRefused, UsageError
from etalase.protocol import MAX_INT32, printable

logger = logging.getLogger("etalase.edge")

DEFAULT_LIMIT, MAX_LIMIT = 100, 1000
MAX_SEARCH_CHARS = 100
# A project's own categories may be longer than head office's.
MAX_CATEGORY_CHARS = 500


@login_not_required
@require_safe
def product_image(request: HttpRequest, product_id: str) -> HttpResponseBase:
    """Returns the displayed photo of a product or the placeholder: ``GET /api/products/{id}/image``."""
    product = None
    if (uuid := parse_uuid(product_id)) is not None:
        try:
            product = catalogue.find(uuid)
        except DatabaseAway as error:
            logger.error("%s", error)
            return responses.uncached(
                responses.ImageRefused(detail=_public(error), product_name=responses.NAME_UNAVAILABLE), status=503
            )
    if product is None:
        detail = f"There is no product «{printable(product_id[:80])}» in this store."
        return responses.uncached(responses.ImageRefused(detail=detail, product_name=responses.UNKNOWN_PRODUCT), status=404)
    return responses.found(request, responses.image_of(product))


@login_not_required
@require_safe
def products(request: HttpRequest) -> HttpResponseBase:
    """Returns a page of the menu: ``GET /api/products/`` with ``limit``, ``offset``, ``q`` and ``category``.

    ``q`` is a part of a name or SKU, ``category`` the exact text of an entry.
    """
    try:
        limit = whole_number(request.GET, "limit", default=DEFAULT_LIMIT, least=1, most=MAX_LIMIT)
        offset = whole_number(request.GET, "offset", default=0, least=0, most=MAX_INT32)
        search = filter_text(request.GET, "q", most=MAX_SEARCH_CHARS).strip()
        category = filter_text(request.GET, "category", most=MAX_CATEGORY_CHARS)
        page = catalogue.page(limit=limit, offset=offset, search=search, category=category)
    except UsageError as error:
        return responses.uncached(responses.Refused(str(error)), status=400)
    except DatabaseAway as error:
        logger.error("%s", error)
        return responses.uncached(responses.Refused(_public(error)), status=503)
    more = offset + limit < page.total
    filters = {name: text for name, text in (("q", search), ("category", category)) if text}
    after = {"limit": limit, "offset": offset + limit} | filters
    return responses.found(
        request,
        responses.ProductList(
            products=[responses.entry_of(product) for product in page.products],
            total=page.total,
            limit=limit,
            offset=offset,
            # Without scheme and host, because a proxy in front may change both.
            next=f"{request.path}?{urlencode(after)}" if more else None,
        ),
    )


# The public text; the log has the cause.
DATABASE_AWAY = "The edge's database does not answer; try again in a few seconds."
DATABASE_REFUSED = "The edge's database answers, and cannot be used; the edge's log and its page /status say why."


def _public(error: DatabaseAway) -> str:
    return DATABASE_REFUSED if isinstance(error, DatabaseRefused) else DATABASE_AWAY


def parse_uuid(text: str) -> UUID | None:
    """Returns the UUID if ``text`` is its canonical spelling (RFC 9562, section 4), else None: each product has one address."""
    return UUID(text) if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) else None


def whole_number(query: QueryDict, field: str, *, default: int, least: int, most: int) -> int:
    """Returns the number in ``query``. Raises :class:`UsageError` with the field and the text sent."""
    text = query.get(field)
    if text is None:
        return default
    # int() also accepts «1_0», « 1» and digits of other scripts.
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
        raise UsageError(f"{field} is «{printable(text[:40])}», not a whole number from {least} to {most}.")
    return int(text)


def filter_text(query: QueryDict, field: str, *, most: int) -> str:
    """Returns the text in ``query``. Raises :class:`UsageError` if it is too long or has a NUL (PostgreSQL's text has none)."""
    text = query.get(field) or ""
    if len(text.strip()) > most or "\0" in text:
        raise UsageError(
            f"{field} is «{printable(text[:40])}…» of {len(text)} characters; it may have at most {most}, and no NUL."
        )
    return text
