"""Defines the admin page of the audit: read-only, for auditors and admins, with a CSV file of the chosen entries."""

# mypy: disable-error-code="type-arg"
# Django's admin classes are generic in their stubs only.

import csv
import json
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

from etalase.head_office.admin.companies import OwnCompaniesAdmin
from etalase.head_office.audit_models import AuditEntry
from etalase.head_office.messages import lazy_text
from etalase.head_office.models import Company
from etalase.head_office.permissions import Right, may
from etalase.spreadsheet import safe_cell

COLUMNS = ("at", "username", "address", "action", "object_kind", "object_id", "object_name", "company", "details")


class _Line:
    """Takes the lines of a CSV writer, and returns each of them to its caller."""

    def write(self, line: str) -> str:
        """Returns the line."""
        return line


@admin.register(AuditEntry)
class AuditAdmin(OwnCompaniesAdmin):
    """The audit entries of the person's companies."""

    list_display = ("at", "username", "address", "action", "object_kind", "object_name")
    list_filter = ("action", "object_kind")
    search_fields = ("username", "object_name", "object_id", "address")
    fields = ("at", "username", "address", "action", "object_kind", "object_id", "object_name", "company_id", "details")
    actions = ("as_csv",)
    show_full_result_count = False

    @admin.action(description=lazy_text("as_csv"), permissions=["view"])
    def as_csv(self, request: HttpRequest, entries: QuerySet[AuditEntry]) -> StreamingHttpResponse:
        """Returns the chosen entries as a CSV file that no spreadsheet executes."""
        headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
        return StreamingHttpResponse(_lines(entries), content_type="text/csv; charset=utf-8", headers=headers)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns whether the person reads the audit."""
        return may(request.user, Right.READ_AUDIT)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Returns whether the person reads the audit."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Returns False: only actions add entries."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns False: nobody changes an entry."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns False: nobody deletes an entry."""
        return False


def _lines(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    names = {company.id: company.name for company in Company.objects.all()}
    rows: Any = csv.writer(_Line(), lineterminator="\r\n")
    yield rows.writerow(COLUMNS)
    for entry in entries.iterator(chunk_size=1000):
        company = "" if entry.company_id is None else names.get(entry.company_id, str(entry.company_id))
        cells = (
            entry.at.isoformat(),
            *(getattr(entry, name) for name in COLUMNS[1:7]),
            company,
            json.dumps(entry.details, ensure_ascii=False) if entry.details else "",
        )
        yield rows.writerow([safe_cell(cell) for cell in cells])
