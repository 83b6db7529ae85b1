"""Validates the queries of the fleet's views, and describes their responses for the OpenAPI document."""

import re
from collections.abc import Mapping
from typing import Any, Final

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from etalase.fault_side import FaultSide
from etalase.head_office.api.openapi import REFUSALS, Failure, Nothing
from etalase.head_office.api.requests import WholeNumber, cut_json
from etalase.head_office.fleet.incidents import IncidentKind
from etalase.head_office.fleet.selection import Selection
from etalase.head_office.fleet.states import StateCause, StoreState, Tone

# A query has texts only. Other texts are left to the validation, which names them in its error.
NUMBER: Final = re.compile(r"[0-9]{1,9}")
MAX_LIMIT: Final = 1000
MOST_INCIDENTS: Final = 200
MAX_OFFSET: Final = 999_999_999
SIDES: Final = [side.value for side in FaultSide]


class StateNames(serializers.Field[frozenset[StoreState], str, str, Any]):
    """Names of states, separated by commas."""

    def to_internal_value(self, data: Any) -> frozenset[StoreState]:
        """Returns the states."""
        names = [name.strip() for name in str(data).split(",") if name.strip()]
        known = {state.value for state in StoreState}
        for name in names:
            if name not in known:
                raise serializers.ValidationError(f"{cut_json(name)} is not one of {', '.join(sorted(known))}.")
        return frozenset(StoreState(name) for name in names)


class FleetQuestion(serializers.Serializer[dict[str, Any]]):
    """Chooses stores."""

    state = StateNames(required=False, help_text="States, separated by commas. Absent: all.")
    region = serializers.CharField(
        required=False, allow_blank=True, max_length=100, help_text="The region; empty for stores without one."
    )
    agent = serializers.CharField(required=False, max_length=40, help_text="The version that reports, as in etalase/0.3.0.")
    q = serializers.CharField(required=False, allow_blank=True, max_length=100, help_text="A part of code or name.")
    limit = WholeNumber(required=False, default=100, min_value=1, max_value=MAX_LIMIT, help_text="Stores on a page.")
    offset = WholeNumber(required=False, default=0, min_value=0, max_value=MAX_OFFSET, help_text="Stores left out before.")

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> "FleetQuestion":
        """Returns the question of a URL's query; call ``is_valid`` next."""
        data: dict[str, Any] = {name: query[name] for name in query}
        for name in ("limit", "offset"):
            if NUMBER.fullmatch(data.get(name, "")):
                data[name] = int(data[name])
        return cls(data=data)

    def selection(self) -> Selection:
        """Returns the choice; call ``is_valid`` first."""
        data = self.validated_data
        return Selection(data.get("state", frozenset()), data.get("region"), data.get("agent"), data.get("q", ""))


class ReasonAnswer(serializers.Serializer[Nothing]):
    """Why a store is in its state."""

    code = serializers.ChoiceField([cause.value for cause in StateCause])
    side = serializers.ChoiceField(SIDES, allow_null=True, help_text="Whose it is. Null: nobody's fault, or see the faults.")
    text = serializers.CharField(help_text="A sentence for people.")


class PhotoCountsAnswer(serializers.Serializer[Nothing]):
    """The photos of a store by its last report."""

    listed = serializers.IntegerField()
    verified = serializers.IntegerField()
    damaged = serializers.IntegerField()
    owed = serializers.IntegerField(help_text="Could not be loaded.")
    held = serializers.IntegerField(help_text="Removals that wait for a person.")
    parked = serializers.IntegerField(help_text="Wait for their product.")
    own = serializers.IntegerField(help_text="The store's own.")


class FleetStoreAnswer(serializers.Serializer[Nothing]):
    """A store with its state now."""

    id = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()
    region = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField([state.value for state in StoreState])
    tone = serializers.ChoiceField([tone.value for tone in Tone], help_text="How much the state asks for attention.")
    since = serializers.DateTimeField(allow_null=True, help_text="Null: never reported, or revoked.")
    reasons = ReasonAnswer(many=True)
    fault_sides = serializers.ListField(child=serializers.CharField(), help_text="Whose its faults are, photo by photo.")
    behind = serializers.IntegerField(help_text="Photos that the store has yet to fetch, as far as they are counted (1,500).")
    photos = PhotoCountsAnswer(allow_null=True)
    agent = serializers.CharField(allow_blank=True)
    asked_at = serializers.DateTimeField(allow_null=True, help_text="Only of a store that never reported: its last login.")
    last_report_at = serializers.DateTimeField(allow_null=True)
    next_report_by = serializers.DateTimeField(allow_null=True, help_text="The store's own promise.")
    verified_at = serializers.DateTimeField(allow_null=True, help_text="When the store last looked at its photos.")
    possession_proved_at = serializers.DateTimeField(allow_null=True, help_text="A proof lasts for 24 hours.")


class FleetPageAnswer(serializers.Serializer[Nothing]):
    """A page of stores."""

    stores = FleetStoreAnswer(many=True)
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="All stores by state, whatever is chosen.")
    total = serializers.IntegerField(help_text="The chosen stores.")
    has_more = serializers.BooleanField()
    next_offset = serializers.IntegerField(allow_null=True)


class FaultAnswer(serializers.Serializer[Nothing]):
    """A photo that the store does not show as head office lists it."""

    photo_id = serializers.UUIDField()
    product_id = serializers.UUIDField()
    product_sku = serializers.CharField(allow_blank=True)
    product_name = serializers.CharField(allow_blank=True, help_text="Empty: head office has no such product.")
    reason = serializers.CharField()
    side = serializers.CharField()
    attempts = serializers.IntegerField()
    since = serializers.DateTimeField(allow_null=True)


class HourAnswer(serializers.Serializer[Nothing]):
    """The last report of an hour."""

    hour = serializers.DateTimeField()
    state = serializers.CharField()
    listed = serializers.IntegerField()
    verified = serializers.IntegerField()
    damaged = serializers.IntegerField()
    owed = serializers.IntegerField()
    held = serializers.IntegerField()


class FleetStoreDetailAnswer(FleetStoreAnswer):
    """A store in full."""

    checkpoint = serializers.DateTimeField(allow_null=True, help_text="Where its next run resumes.")
    clock_skew_seconds = serializers.FloatField(allow_null=True, help_text="By how much its clock is ahead.")
    run = serializers.JSONField(allow_null=True, help_text="Its last run, as reported.")
    menu = serializers.JSONField(allow_null=True)
    storage = serializers.JSONField(allow_null=True)
    traffic = serializers.JSONField(allow_null=True)
    faults_cut = serializers.IntegerField(help_text="Further faults that did not fit into the report.")
    faults = FaultAnswer(many=True)
    history = HourAnswer(many=True)


class MissingAnswer(serializers.Serializer[Nothing]):
    """A store that does not show the photo."""

    store_id = serializers.UUIDField()
    code = serializers.CharField()
    reason = serializers.CharField(help_text="A reason of a fault, challenge_failed, or not_fetched.")
    side = serializers.CharField(allow_null=True, help_text="Null: nobody's; the store fetches it by its next run.")
    since = serializers.DateTimeField(allow_null=True)


class UnknownStoreAnswer(serializers.Serializer[Nothing]):
    """A store of which head office cannot tell."""

    store_id = serializers.UUIDField()
    code = serializers.CharField()
    state = serializers.CharField()


class FleetPhotoAnswer(serializers.Serializer[Nothing]):
    """A photo on stores."""

    id = serializers.UUIDField()
    product_id = serializers.UUIDField()
    product_sku = serializers.CharField()
    product_name = serializers.CharField()
    selling = serializers.IntegerField(help_text="Stores that sell its product: those that show it, miss it, or are unknown.")
    showing = serializers.IntegerField()
    unknown = serializers.IntegerField()
    missing = MissingAnswer(many=True)
    unknown_stores = UnknownStoreAnswer(many=True)


class UncoveredDishAnswer(serializers.Serializer[Nothing]):
    """A dish that some store does not show."""

    product_id = serializers.UUIDField()
    product_sku = serializers.CharField()
    product_name = serializers.CharField()
    has_photo = serializers.BooleanField()
    missing = serializers.IntegerField(help_text="Stores; beyond the 50 newest changes, at least so many.")


class FleetCoverageAnswer(serializers.Serializer[Nothing]):
    """The dishes that every counted store shows."""

    sold = serializers.IntegerField()
    covered = serializers.IntegerField()
    stores = serializers.IntegerField(help_text="The counted stores.")
    left_out = serializers.DictField(child=serializers.IntegerField(), help_text="Stores that nothing is known of, by state.")
    worklist = UncoveredDishAnswer(many=True)


class IncidentQuestion(serializers.Serializer[dict[str, Any]]):
    """Chooses incidents."""

    open = serializers.BooleanField(default=False, help_text="true: only those that have not ended.")


class IncidentAnswer(serializers.Serializer[Nothing]):
    """A cause of what is wrong in stores."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField([kind.value for kind in IncidentKind])
    subject = serializers.CharField(help_text="A photo and a reason, a version and a cause, a reason, a moment, or a store.")
    side = serializers.ChoiceField(SIDES, allow_null=True, help_text="Whose it is.")
    text = serializers.CharField()
    company_name = serializers.CharField()
    opened_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    stores = serializers.IntegerField(help_text="Stores now, or at its end.")
    most_stores = serializers.IntegerField()
    store_ids = serializers.ListField(child=serializers.UUIDField())


class IncidentsAnswer(serializers.Serializer[Nothing]):
    """At most 200 incidents: open ones first, the largest first."""

    incidents = IncidentAnswer(many=True)


_REFUSALS = {
    **{status: REFUSALS[status] for status in (401, 406, 503)},
    403: OpenApiResponse(Failure, "The account has no group with this right; a store's account has none."),
}
_UNKNOWN = {404: OpenApiResponse(Failure, "No such row, or another company's: the same answer.")}
stores = {
    200: FleetPageAnswer,
    400: OpenApiResponse(Failure, "A parameter is wrong; the field says which."),
    **_REFUSALS,
}
store = {200: FleetStoreDetailAnswer, **_REFUSALS, **_UNKNOWN}
photo = {200: FleetPhotoAnswer, **_REFUSALS, **_UNKNOWN}
coverage = {200: FleetCoverageAnswer, **_REFUSALS}
incidents = {
    200: IncidentsAnswer,
    400: OpenApiResponse(Failure, "A parameter is wrong; the field says which."),
    **_REFUSALS,
}
