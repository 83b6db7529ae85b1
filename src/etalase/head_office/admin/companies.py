"""Defines the base of the admin pages: rows of the person's companies, the filters that a list offers, and the audit."""

# mypy: disable-error-code="type-arg"
# Django's admin classes are generic in their stubs only.

import re
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from etalase.head_office import audit
from etalase.head_office.audit import Audited
from etalase.head_office.permissions import own_rows

# The suffixes that Django's filters append to the name of a field.
_FILTER_SUFFIX = re.compile(r"(__id)?(__(exact|isnull|gte|lt))?\Z")


def is_offered_filter(page: admin.ModelAdmin, lookup: str, value: str, request: HttpRequest | None = None) -> bool:  # noqa: ARG001
    """Returns whether ``lookup`` belongs to a filter that the list offers. The signature is Django's.

    Django allows any lookup of the model's fields: many raise an error 500 (``id__range=1``), and a regular expression can
    keep the database busy.
    """
    offered: list[Any] = [one[0] if isinstance(one, tuple) else one for one in page.list_filter]
    return _FILTER_SUFFIX.sub("", lookup) in {getattr(one, "parameter_name", one) for one in offered}


class OwnRelatedFilter(admin.RelatedFieldListFilter):
    """Filters by the related rows that belong to the person's companies."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Returns the choices."""
        own = own_rows(field.remote_field.model.objects.all(), request.user)
        ordering = self.field_admin_ordering(field, request, model_admin)
        return field.get_choices(include_blank=False, ordering=ordering, limit_choices_to={"pk__in": own.values("pk")})


class OwnCompaniesAdmin(admin.ModelAdmin):
    """Shows the rows of the person's companies only, and audits what the person does to them."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Returns the rows of the person's companies, for lists, choosers, pages of one row, actions and histories."""
        return own_rows(super().get_queryset(request), request.user)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offers, and accepts, related rows of the person's companies only."""
        kwargs.setdefault("queryset", own_rows(db_field.remote_field.model.objects.all(), request.user))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Returns the form's class, made for this request, with the person's account."""
        form = super().get_form(request, obj, change=change, **kwargs)
        form.account = request.user  # type: ignore[attr-defined]
        return form

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Returns whether the list offers this filter."""
        return is_offered_filter(self, lookup, value, request)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Audits a new row."""
        audit.note(audit.person_of(request), Audited.ADDED, [obj], message=message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Audits a changed row, with the names of the changed fields."""
        audit.note(audit.person_of(request), Audited.CHANGED, [obj], message=message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Audits rows before their deletion."""
        audit.note(audit.person_of(request), Audited.DELETED, queryset)
        return super().log_deletions(request, queryset)
