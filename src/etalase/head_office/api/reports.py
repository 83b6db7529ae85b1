"""Takes the reports of stores: by ``POST /api/v1/sync/report/``, or with the first page of the photo feed."""

from typing import Any, Final

import msgspec
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from etalase.head_office.api import openapi_report
from etalase.head_office.api.readable import account_of, readable_store, valid
from etalase.head_office.api.requests import StoreQuestion
from etalase.head_office.api.responses import json_response
from etalase.head_office.fleet.receive import take_report
from etalase.head_office.fleet.reports import ReportRefused, read_report
from etalase.head_office.models import Account
from etalase.report import Report, ReportResponse

# The place of the report in the body of a feed request.
FIELD: Final = "report"


class StoreReports(APIView):
    """The reports of stores."""

    @extend_schema(request=openapi_report.request, responses=openapi_report.responses)
    def post(self, request: Request) -> HttpResponse:
        """Takes the report of the account's store."""
        question = valid(StoreQuestion(data=request.data))
        store = readable_store(request, question)
        check_own_store(account_of(request), store.id)
        return json_response(as_fields(take_report(store.id, _read(request.data, prefix=""))))


def report_with_page(account: Account, store_id: Any, body: Any, *, offset: int) -> Report | None:
    """Returns the report in the body of a feed request, None without one.

    Raises DRF's ValidationError with the field at fault, and PermissionDenied for an account that is not the store's own.
    """
    if FIELD not in body:
        return None
    check_own_store(account, store_id)
    if offset:
        raise ValidationError({FIELD: ["A report goes with the first page, at offset 0."]})
    return _read(body[FIELD], prefix=FIELD)


def as_fields(response: ReportResponse) -> dict[str, Any]:
    """Returns the fields that head office adds to its answer."""
    return msgspec.structs.asdict(response)


def check_own_store(account: Account, store_id: Any) -> None:
    """Raises PermissionDenied unless the store is the account's own: an admin reads every store, and speaks for none."""
    if account.store_id != store_id or account.is_staff:
        raise PermissionDenied("Only the store's own account reports for it.")


def _read(value: Any, *, prefix: str) -> Report:
    try:
        return read_report(value, prefix=prefix)
    except ReportRefused as refused:
        raise ValidationError({refused.field: [refused.problem]}) from None
