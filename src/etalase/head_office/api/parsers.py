"""Parses request bodies: JSON with a limit of size and depth (hazard 53)."""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import msgspec
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from etalase.settings.head_office import head_office_settings

Environ: TypeAlias = dict[str, Any]
Application: TypeAlias = Callable[[Environ, Any], Iterable[bytes]]


class BodyTooLarge(APIException):
    """The body has more bytes than MAX_REQUEST_BYTES and was not read."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE


class JsonParser(BaseParser):
    """Parses one JSON object in UTF-8."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Returns the object. Raises :class:`BodyTooLarge` before reading, and ParseError with reason and position."""
        max_bytes = head_office_settings().MAX_REQUEST_BYTES
        promised = int(parser_context["request"].META.get("CONTENT_LENGTH") or 0) if parser_context else 0
        if promised > max_bytes:
            raise BodyTooLarge(f"The request has {promised} bytes; {max_bytes} are allowed.")
        try:
            body = msgspec.json.decode(stream.read(max_bytes))
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ParseError(f"The request is not valid JSON: {error}.") from None
        if not isinstance(body, dict):
            raise ParseError('The request must be a JSON object, as in {"limit": 100}.')
        return body


def bounded(application: Application, body_limit: Callable[[Environ], int]) -> Application:
    """Wraps ``application``: a body above ``body_limit`` gets 413 and is not read."""

    def within_limit(environ: Environ, start_response: Any) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or "0"
        byte_count = int(length) if length.isascii() and length.isdigit() else 0
        if byte_count <= head_office_settings().MAX_REQUEST_BYTES or byte_count <= (limit := body_limit(environ)):
            return application(environ, start_response)
        detail = f"The request has {byte_count} bytes; {limit} are allowed."
        is_json = environ.get("PATH_INFO", "").startswith("/api/")
        kind = "application/json" if is_json else "text/plain; charset=utf-8"
        start_response("413 Content Too Large", [("Content-Type", kind)])
        return [msgspec.json.encode({"detail": detail}) if is_json else detail.encode()]

    return within_limit


def counted(application: Application, *, max_bytes: int) -> Application:
    """Wraps ``application``: gives chunked request bodies (RFC 9112, section 7.1) a Content-Length, which Django needs.

    Reads at most one byte more than ``max_bytes``, which is enough for a refusal.
    """

    def with_length(environ: Environ, start_response: Any) -> Iterable[bytes]:
        if environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):
            body = environ["wsgi.input"].read(max_bytes + 1)
            environ["wsgi.input"] = io.BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        return application(environ, start_response)

    return with_length
