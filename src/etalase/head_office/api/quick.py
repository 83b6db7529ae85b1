"""Answers the valid requests of stores' edges for pages of the feed, without Django's other middleware and DRF (ADR 0034).

Every other request goes on to the view, which finds out what is wrong with it and says so.
"""

import logging
import re
import time
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Final
from uuid import UUID

import django.db
import msgspec
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, resolve
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings

from etalase.head_office import feed
from etalase.head_office.api.reports import FIELD as REPORT_FIELD
from etalase.head_office.api.requests import page_of
from etalase.head_office.api.responses import DatabaseUnavailable, json_response
from etalase.head_office.api.tokens import AccessToken
from etalase.head_office.api.views import photo_page
from etalase.head_office.database import as_database_error, first_row, is_away
from etalase.head_office.fleet.reports import ReportRefused, read_report
from etalase.head_office.permissions import OfficeRole
from etalase.report import Report
from etalase.settings.head_office import head_office_settings

logger = logging.getLogger("etalase.head_office")

PHOTOS_PATH: Final = "/api/v1/sync/product-photos/"
PATHS: Final = frozenset({PHOTOS_PATH, "/api/v1/sync/products/"})
# As DRF adds it to the view's answer, and Django's CommonMiddleware the length.
HEADERS: Final = {"Allow": "POST, OPTIONS"}
# What DRF negotiates to JSON without a look at the details.
ACCEPTED = {"*/*", "application/json"}
# Of a body, with a report or without.
BODY_BYTES = re.compile("[0-9]{1,5}")
# As many stores as one process serves in an hour, for which their tokens last; each entry takes a kilobyte.
KEPT_TOKENS = 16_384


def quick_pages(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Wraps ``get_response``, which gets each request that is not answered here."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path_info not in PATHS:
            return get_response(request)
        request.get_host()  # raises DisallowedHost
        try:
            response = _answer(request)
        except django.db.Error as error:
            if not is_away(error):
                raise
            logger.error("%s", as_database_error(error))
            response = json_response({"detail": DatabaseUnavailable.default_detail}, status_code=503)
        if response is None:
            return get_response(request)
        request.resolver_match = _match(request.path_info)  # for the metrics
        return response

    return answer


@cache
def _match(path: str) -> ResolverMatch:
    return resolve(path)


def _answer(request: HttpRequest) -> HttpResponse | None:
    """Returns the page, or None where the request is not certain to get it."""
    meta = request.META
    if request.method != "POST" or meta.get("CONTENT_TYPE") != "application/json" or meta.get("QUERY_STRING"):
        return None
    length = meta.get("CONTENT_LENGTH") or "0"
    if meta.get("HTTP_ACCEPT", "*/*") not in ACCEPTED or not BODY_BYTES.fullmatch(length):
        return None
    if int(length) > head_office_settings().MAX_REQUEST_BYTES:
        return None
    try:
        body = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    asked = page_of(body, prefer=meta.get("HTTP_PREFER", "")) if isinstance(body, dict) else None
    if asked is None:
        return None
    company_id, store_id, page_request = asked
    found = _store(meta.get("HTTP_AUTHORIZATION", ""), company_id, store_id)
    if found is None:
        return None
    store, is_own = found
    if request.path_info != PHOTOS_PATH:
        content = feed.product_page(store, page_request)
    elif REPORT_FIELD not in body:
        content = photo_page(store, page_request)
    elif is_own and not page_request.offset and (report := _report(body[REPORT_FIELD])) is not None:
        content = photo_page(store, page_request, report)
    else:
        return None
    response = json_response(content, headers=HEADERS)
    response.headers["Content-Length"] = str(len(response.content))
    return response


def _report(value: Any) -> Report | None:
    try:
        return read_report(value)
    except ReportRefused:
        return None


def _store(authorization: str, company_id: UUID, store_id: UUID) -> tuple[feed.StoreIdentity, bool] | None:
    """Returns the store if the account of the token may read it now, and whether it is the account's own."""
    kind, _, token = authorization.partition(" ")
    if kind != "Bearer":
        return None
    try:
        account_id, password, expires_at = _claims(token)
    except TokenError:
        return None
    if expires_at <= time.time():
        return None
    row = first_row(READABLE_STORE, {"account_id": account_id, "company_id": company_id, "store_id": store_id})
    if row is None or row[0] != password:
        return None
    return feed.StoreIdentity(id=store_id, company_id=company_id, code=row[1], name=row[2]), row[3]


@lru_cache(KEPT_TOKENS)
def _claims(token: str) -> tuple[str, object, int]:
    """Returns account, password and end of a token that this server has signed. Raises TokenError, which is not kept."""
    verified = AccessToken(token)
    claims = (api_settings.USER_ID_CLAIM, api_settings.REVOKE_TOKEN_CLAIM, "exp")
    account_id, password, expires_at = (verified.get(name) for name in claims)
    if account_id is None:
        raise TokenError("Token is invalid")
    return account_id, password, expires_at


# As SimpleJWT's check of the account (CHECK_REVOKE_TOKEN) and accounts.stores_of.
READABLE_STORE = f"""
SELECT upper(md5(a.password)), s.code, s.name, NOT a.is_staff AND s.id IS NOT DISTINCT FROM a.store_id
FROM head_office_account a JOIN head_office_store s ON CASE WHEN NOT a.is_staff THEN s.id = a.store_id ELSE
    a.is_superuser
    OR EXISTS (SELECT FROM head_office_account_companies c WHERE c.account_id = a.id AND c.company_id = s.company_id)
    OR EXISTS (SELECT FROM head_office_account_groups m JOIN auth_group g ON g.id = m.group_id
        WHERE m.account_id = a.id AND g.name = '{OfficeRole.ADMIN}')
    END
WHERE a.id = %(account_id)s::uuid AND a.is_active AND s.id = %(store_id)s AND s.company_id = %(company_id)s
"""
