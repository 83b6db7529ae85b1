"""Validates request bodies, strictly typed; errors name the field, its value and the allowed values."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from rest_framework import serializers

from etalase.head_office.feed import PageRequest
from etalase.protocol import DEFAULT_LIMIT, DIGEST_PREFERENCE, MAX_LIMIT, MIN_LIMIT, AwareTime
from etalase.renditions import RENDITIONS_PREFERENCE

MAX_SHOWN_CHARS = 60


def cut_json(value: Any) -> str:
    """Returns ``value`` as JSON, cut to MAX_SHOWN_CHARS characters."""
    try:
        text = msgspec.json.encode(value).decode()
    except RecursionError:  # nested just below the parser's limit; the stack is deeper here
        text = "[…]" if isinstance(value, list) else "{…}"
    return text if len(text) <= MAX_SHOWN_CHARS else text[:MAX_SHOWN_CHARS] + "…"


def prefers(header: str, preference: str) -> bool:
    """Returns whether a ``Prefer`` header (RFC 7240, section 2) names ``preference``, with any value and parameters."""
    return any(re.split("[;=]", named, maxsplit=1)[0].strip().lower() == preference for named in header.split(","))


class WholeNumber(serializers.IntegerField):
    """A JSON integer: no string, no fraction, no boolean."""

    def to_internal_value(self, data: Any) -> int:
        """Returns ``data`` if it is an integer in the range."""
        if type(data) is not int or not (self.min_value or 0) <= data <= (self.max_value or 0):
            raise serializers.ValidationError(
                f"{cut_json(data)} is not a whole number from {self.min_value} to {self.max_value}."
            )
        return data

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Validates as usual, but refuses null like any other wrong value."""
        return self.to_internal_value(None) if data is None else super().run_validation(data)


class UuidText(serializers.UUIDField):
    """A UUID as a string."""

    def to_internal_value(self, data: Any) -> UUID:
        """Returns the UUID."""
        try:
            return msgspec.convert(data, UUID)
        except msgspec.ValidationError:
            raise serializers.ValidationError(f"{cut_json(data)} is not a UUID.") from None


class Moment(serializers.DateTimeField):
    """A time with its offset, to the microsecond (RFC 3339)."""

    def to_internal_value(self, value: Any) -> datetime:
        """Returns the time in UTC."""
        try:
            return msgspec.convert(value, AwareTime).astimezone(UTC)
        except (msgspec.ValidationError, OverflowError):
            raise serializers.ValidationError(
                f"{cut_json(value)} is not a time with its offset, as in 2026-02-03T07:26:11.813339+00:00."
            ) from None


def page_of(body: dict[str, Any], *, prefer: str) -> tuple[UUID, UUID, PageRequest] | None:
    """Returns company, store and page of a body that :class:`FeedQuestion` accepts, or None for one that it may refuse."""
    limit, offset, since = body.get("limit", DEFAULT_LIMIT), body.get("offset", 0), body.get("updated_since")
    if type(limit) is not int or type(offset) is not int or not (MIN_LIMIT <= limit <= MAX_LIMIT and 0 <= offset < 2**63):
        return None
    try:
        company_id, store_id = (msgspec.convert(body.get(name), UUID) for name in ("company_id", "store_id"))
        moment = None if since is None else msgspec.convert(since, AwareTime).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        return None
    return company_id, store_id, _page(limit, offset, moment, prefer)


def _page(limit: int, offset: int, updated_since: datetime | None, prefer: str) -> PageRequest:
    return PageRequest(
        limit=limit,
        offset=offset,
        updated_since=updated_since,
        with_digest=prefers(prefer, DIGEST_PREFERENCE),
        with_renditions=prefers(prefer, RENDITIONS_PREFERENCE),
    )


class PageQuestion(serializers.Serializer[dict[str, Any]]):
    """The range of a page."""

    limit = WholeNumber(
        required=False, default=DEFAULT_LIMIT, min_value=MIN_LIMIT, max_value=MAX_LIMIT, help_text="Rows on a page."
    )
    offset = WholeNumber(
        required=False, default=0, min_value=0, max_value=2**63 - 1, help_text="0, or what next_offset gave: a cursor."
    )


class StoreQuestion(serializers.Serializer[dict[str, Any]]):
    """A store."""

    company_id = UuidText()
    store_id = UuidText()


class FeedQuestion(PageQuestion, StoreQuestion):
    """A page of a store's feed."""

    updated_since = Moment(
        required=False,
        allow_null=True,
        default=None,
        help_text="The sync_timestamp of an earlier answer: only what changed since. Absent or null: everything.",
    )

    def page(self, *, prefer: str = "") -> PageRequest:
        """Returns the page that the body and the header ``Prefer`` request; call ``is_valid`` first."""
        data = self.validated_data
        return _page(data["limit"], data["offset"], data["updated_since"], prefer)


class StoresQuestion(PageQuestion):
    """A page of the stores that the account may read."""

    company_id = UuidText(required=False, allow_null=True, default=None, help_text="Only the stores of this company.")
