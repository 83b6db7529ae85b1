"""Describes reports for the OpenAPI document, from the messages themselves."""

from typing import Any

import msgspec
from drf_spectacular.utils import OpenApiResponse, extend_schema_field
from rest_framework import serializers

from etalase.head_office.api.openapi import REFUSALS, UNKNOWN, Failure, PhotoPageAnswer
from etalase.head_office.api.requests import FeedQuestion
from etalase.report import Report, ReportResponse

_REFERENCE = "#/$defs/"


def schema_of(message: type[msgspec.Struct]) -> dict[str, Any]:
    """Returns the schema of a message with everything in place: OpenAPI has its definitions elsewhere."""
    schema = msgspec.json.schema(message)
    definitions = schema.pop("$defs", {})

    def in_place(value: Any) -> Any:
        if isinstance(value, list):
            return [in_place(entry) for entry in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return in_place(definitions[value["$ref"].removeprefix(_REFERENCE)])
        return {name: in_place(entry) for name, entry in value.items()}

    found: dict[str, Any] = in_place(schema)
    return found


def _request() -> dict[str, Any]:
    schema = schema_of(Report)
    ids = {name: {"type": "string", "format": "uuid"} for name in ("company_id", "store_id")}
    return {**schema, "properties": {**ids, **schema["properties"]}, "required": [*ids, *schema["required"]]}


@extend_schema_field(schema_of(Report))
class _ReportField(serializers.JSONField):
    """A report, as the document shows it."""


class PhotosQuestion(FeedQuestion):
    """A page of a store's photos; the first may bring the store's report."""

    report = _ReportField(required=False, help_text="Only with offset 0, and only the store's own.")


request = {"application/json": _request()}
responses = {
    200: OpenApiResponse(schema_of(ReportResponse), "The report was taken, or known already."),
    **REFUSALS,
    **UNKNOWN,
    403: OpenApiResponse(Failure, "The account is not the store's own."),
}
photos = {
    200: PhotoPageAnswer,
    **REFUSALS,
    **UNKNOWN,
    403: OpenApiResponse(Failure, "There is a report, and the account is not the store's own."),
}
