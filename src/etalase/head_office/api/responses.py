"""Makes the responses of the API: always JSON; an error has ``detail`` and the names of the fields at fault."""

import logging
from typing import Any

import msgspec
from django.db import DataError
from django.http import HttpResponse
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from etalase.head_office.database import as_database_error, is_away

logger = logging.getLogger("etalase.head_office")

NO_SUCH_STORE = "There is no such store for this account. GET /api/v1/sync/stores/ lists those that it may ask for."


class NoSuchStore(APIException):
    """The store does not exist or belongs to another account; both get the same response (hazard 48)."""

    status_code = status.HTTP_404_NOT_FOUND
    default_detail = NO_SUCH_STORE


class DatabaseUnavailable(APIException):
    """PostgreSQL does not respond; the edges retry."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "Head office's database does not answer. Try again later."


def json_response(content: Any, *, status_code: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """Returns ``content`` as JSON. msgspec is several times faster than a renderer over serializers."""
    return HttpResponse(msgspec.json.encode(content), status=status_code, content_type="application/json", headers=headers)


def explain(error: Exception, context: dict[str, Any]) -> Response | None:
    """Handles exceptions for DRF; ``detail`` is a complete sentence, also for errors of single fields."""
    if is_away(error):
        logger.error("%s", as_database_error(error))
        error = DatabaseUnavailable()
    elif isinstance(error, DataError | UnicodeEncodeError):  # a NUL or a lone surrogate, in a field that accepts it
        error = ParseError("The request has a value that cannot be stored or looked for.")
    response = exception_handler(error, context)
    if response is not None and isinstance(error, ValidationError) and isinstance(response.data, dict):
        problems = {name: [str(message) for message in messages] for name, messages in response.data.items()}
        sentences = [f"{name}: {message}" for name, messages in problems.items() for message in messages]
        response.data = {"detail": " ".join(sentences), **problems}
    return response
