"""Describes the responses of joining for the OpenAPI document, from the messages themselves."""

from drf_spectacular.utils import OpenApiResponse

from etalase.head_office.api.openapi import REFUSALS, Failure
from etalase.head_office.api.openapi_report import schema_of
from etalase.joining import JoinResponse

responses = {
    200: OpenApiResponse(schema_of(JoinResponse), "The code is used now; the password is sent this once."),
    **{status: refusal for status, refusal in REFUSALS.items() if status != 401},
    400: OpenApiResponse(Failure, "A field is missing or malformed, or the code has a typing error."),
    403: OpenApiResponse(Failure, "The code is wrong, used, revoked or expired: the same answer for all four."),
    409: OpenApiResponse(Failure, "The code is for another store than `store_id`; it stays unused."),
    429: OpenApiResponse(Failure, "Too many wrong codes. `Retry-After` says when the next is looked at."),
    503: OpenApiResponse(Failure, "The database does not answer, or many passwords are being hashed: see `Retry-After`."),
}
