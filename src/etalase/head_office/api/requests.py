"""What may be asked: the request bodies, strictly typed, with errors that name field, value and what is allowed."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from rest_framework import serializers

from etalase.head_office.feed import PageRequest
from etalase.protocol import DEFAULT_LIMIT, MAX_LIMIT, MIN_LIMIT, AwareTime

MAX_SHOWN_CHARS = 60


def shown(value: Any) -> str:
    """``value`` as it was written in the request, cut to a length that fits into a sentence."""
    try:
        text = msgspec.json.encode(value).decode()
    except RecursionError:  # it came in just below the limit, and we are deeper in the stack by now
        text = "[…]" if isinstance(value, list) else "{…}"
    return text if len(text) <= MAX_SHOWN_CHARS else text[:MAX_SHOWN_CHARS] + "…"


def prefers(header: str, preference: str) -> bool:
    """Whether a ``Prefer`` header (RFC 7240, section 2) names ``preference``; the values and parameters of any are skipped."""
    return any(re.split("[;=]", named, maxsplit=1)[0].strip().lower() == preference for named in header.split(","))


class WholeNumber(serializers.IntegerField):
    """An integer of JSON: no text, no fraction, no boolean."""

    def to_internal_value(self, data: Any) -> int:
        """``data`` itself, where it lies in the range."""
        if type(data) is not int or not (self.min_value or 0) <= data <= (self.max_value or 0):
            raise serializers.ValidationError(f"{shown(data)} is not a whole number from {self.min_value} to {self.max_value}.")
        return data

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """As ever, but null is a value like any other that is wrong."""
        return self.to_internal_value(None) if data is None else super().run_validation(data)


class UuidText(serializers.UUIDField):
    """A UUID as text."""

    def to_internal_value(self, data: Any) -> UUID:
        """The UUID."""
        try:
            return msgspec.convert(data, UUID)
        except msgspec.ValidationError:
            raise serializers.ValidationError(f"{shown(data)} is not a UUID.") from None


class Moment(serializers.DateTimeField):
    """A time with its offset, to the microsecond (RFC 3339)."""

    def to_internal_value(self, value: Any) -> datetime:
        """The time in UTC."""
        try:
            return msgspec.convert(value, AwareTime).astimezone(UTC)
        except (msgspec.ValidationError, OverflowError):
            raise serializers.ValidationError(
                f"{shown(value)} is not a time with its offset, as in 2026-02-03T07:26:11.813339+00:00."
            ) from None


class PageQuestion(serializers.Serializer[dict[str, Any]]):
    """Which stretch of a list."""

    limit = WholeNumber(
        required=False, default=DEFAULT_LIMIT, min_value=MIN_LIMIT, max_value=MAX_LIMIT, help_text="Rows on a page."
    )
    offset = WholeNumber(
        required=False, default=0, min_value=0, max_value=2**63 - 1, help_text="0, or what next_offset gave: a cursor."
    )


class FeedQuestion(PageQuestion):
    """Which page of which store's feed."""

    company_id = UuidText()
    store_id = UuidText()
    updated_since = Moment(
        required=False,
        allow_null=True,
        default=None,
        help_text="The sync_timestamp of an earlier answer: only what changed since. Absent or null: everything.",
    )

    def page(self, *, with_digest: bool = False) -> PageRequest:
        """The page that was asked for; after ``is_valid``."""
        asked = self.validated_data
        return PageRequest(
            limit=asked["limit"], offset=asked["offset"], updated_since=asked["updated_since"], with_digest=with_digest
        )


class StoresQuestion(PageQuestion):
    """Which page of the stores that the account may see."""

    company_id = UuidText(required=False, allow_null=True, default=None, help_text="Only the stores of this company.")
