"""Defines the views of ``/api/v1/fleet/...``: the state of stores and photos, for people at head office."""

from typing import Any
from uuid import UUID

from django.db.models import prefetch_related_objects
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTAuthentication

from etalase.head_office.api import openapi_fleet
from etalase.head_office.api.readable import account_of, valid
from etalase.head_office.api.responses import json_response
from etalase.head_office.fleet import wire
from etalase.head_office.fleet.coverage import coverage_of
from etalase.head_office.fleet.detail import detail_of
from etalase.head_office.fleet.incident_rows import incident_rows
from etalase.head_office.fleet.overview import Reach, overview, reach_of
from etalase.head_office.fleet.photo_stores import stores_of_photo
from etalase.head_office.fleet.rows import rows_of
from etalase.head_office.permissions import Right, may


class NothingSuch(APIException):
    """The row does not exist or is of another company; both get the same response (hazard 48)."""

    status_code = 404
    default_detail = "There is no such row for this account."


class FleetView(APIView):
    """A view for people at head office: with a token, or logged in on the pages."""

    authentication_classes = [JWTAuthentication, SessionAuthentication]

    def reach(self, request: Request, right: Right) -> Reach:
        """Returns the stores that the account sees. Raises PermissionDenied without the right."""
        account = account_of(request)
        prefetch_related_objects([account], "groups")
        if not may(account, right):
            raise PermissionDenied("The account may not see this: a group with the right is missing.")
        return reach_of(account)


class FleetStores(FleetView):
    """The stores with the state of each now."""

    @extend_schema(parameters=[openapi_fleet.FleetQuestion], responses=openapi_fleet.stores)
    def get(self, request: Request) -> HttpResponse:
        """Returns the chosen stores by code, and the number of all stores by state."""
        reach = self.reach(request, Right.SEE_STORES)
        question = valid(openapi_fleet.FleetQuestion.of_query(request.query_params))
        limit, offset = question.validated_data["limit"], question.validated_data["offset"]
        found = overview(reach)
        chosen = question.selection().of(found.stores)
        shown = chosen[offset : offset + limit]
        has_more = len(chosen) > offset + limit
        return json_response(
            {
                "stores": [wire.store_fields(row) for row in rows_of(shown).rows],
                "counts": {state.value: count for state, count in found.counts.items()},
                "total": len(chosen),
                "has_more": has_more,
                "next_offset": offset + limit if has_more else None,
            }
        )


class FleetStore(FleetView):
    """A store in full."""

    @extend_schema(responses=openapi_fleet.store)
    def get(self, request: Request, store_id: UUID) -> HttpResponse:
        """Returns the store with its history of 14 days and its faults."""
        detail = detail_of(self.reach(request, Right.SEE_STORES), store_id)
        return _found(detail and wire.detail_fields(detail))


class FleetPhoto(FleetView):
    """A photo on the stores that sell its product."""

    @extend_schema(responses=openapi_fleet.photo)
    def get(self, request: Request, photo_id: UUID) -> HttpResponse:
        """Returns where the photo is shown, where it is missing and why, and of which stores nothing is known."""
        found = stores_of_photo(account_of(request), self.reach(request, Right.SEE_PHOTOS), photo_id)
        return _found(found and wire.photo_fields(found))


class FleetCoverage(FleetView):
    """The dishes that every store shows."""

    @extend_schema(responses=openapi_fleet.coverage)
    def get(self, request: Request) -> HttpResponse:
        """Returns how many of the dishes sold every store shows, and the list of the others, most stores first."""
        return json_response(wire.coverage_fields(coverage_of(self.reach(request, Right.SEE_PHOTOS))))


class FleetIncidents(FleetView):
    """The causes of what is wrong in stores."""

    @extend_schema(parameters=[openapi_fleet.IncidentQuestion], responses=openapi_fleet.incidents)
    def get(self, request: Request) -> HttpResponse:
        """Returns the open incidents, the largest first, and the newest ended ones unless ``open`` is true."""
        reach = self.reach(request, Right.SEE_PHOTOS)
        question = valid(openapi_fleet.IncidentQuestion(data=request.query_params.dict()))
        rows = incident_rows(reach, open_only=question.validated_data["open"], limit=openapi_fleet.MOST_INCIDENTS)
        return json_response({"incidents": [wire.incident_fields(row) for row in rows]})


def _found(fields: Any) -> HttpResponse:
    if fields is None:
        raise NothingSuch
    return json_response(fields)
