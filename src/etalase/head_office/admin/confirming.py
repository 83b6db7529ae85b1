"""Defines the base of the admin pages: rows of own companies, deletion with confirmation, the filters that a list offers."""

# mypy: disable-error-code="type-arg"
# Django's admin classes are generic in their stubs only.

import re
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.actions import delete_selected as django_delete_selected
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.template.response import TemplateResponse

from etalase.head_office.confirmation import confirmation_context, is_confirmed
from etalase.head_office.forms import error_links
from etalase.head_office.messages import lazy_text, text
from etalase.head_office.permissions import own_rows
from etalase.head_office.removals import Impact, RowsToRemove, impact_of

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


class ConfirmingAdmin(admin.ModelAdmin):
    """Shows rows of the person's own companies only.

    Deletes only after a person has seen and confirmed the impact on dishes, photos and stores.
    """

    delete_confirmation_template = "admin/head_office/delete_confirmation.html"
    delete_selected_confirmation_template = "admin/head_office/delete_selected_confirmation.html"
    actions: Any = ("delete_selected",)

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

    def removal_of(self, rows: QuerySet[Any]) -> RowsToRemove:
        """Returns the removal that the deletion of ``rows`` means."""
        raise NotImplementedError

    @admin.action(description=lazy_text("delete_selected"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseBase | None:
        """Shows Django's confirmation page again until the number is right."""
        context = self._confirmation_context(request, impact_of(self.removal_of(queryset)))
        answer: HttpResponseBase | None = django_delete_selected(self, request, queryset)
        if isinstance(answer, TemplateResponse) and answer.context_data is not None:
            answer.context_data |= context
        return answer

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Renders the form with all errors on top, each a link to its field."""
        inlines = context.get("inline_admin_formsets", ())
        more = {"error_links": error_links(context["adminform"].form, [inline.formset for inline in inlines])}
        return super().render_change_form(request, {**context, **more, "errors_title": text("errors_title")}, *args, **kwargs)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Shows the confirmation page for one object."""
        row = self.get_object(request, unquote(object_id))
        context: dict[str, Any] = {}
        if row is not None and self.has_delete_permission(request, row):
            context = self._confirmation_context(request, impact_of(self.removal_of(self.model.objects.filter(pk=row.pk))))
        return super().delete_view(request, object_id, {**(extra_context or {}), **context})

    def _confirmation_context(self, request: HttpRequest, impact: Impact) -> dict[str, Any]:
        """Returns the context of the confirmation page; removes an insufficient confirmation from the request."""
        context = confirmation_context(request, impact)
        if request.method == "POST" and not is_confirmed(request, impact):
            left = request.POST.copy()
            left.pop("post", None)
            is_action = "action" in left
            request.POST = left if is_action else QueryDict()  # type: ignore[assignment]
        return context


def may_save(page: admin.ModelAdmin, request: HttpRequest, row: Any) -> bool:
    """Returns whether the person may change ``row``, or add one where it is None."""
    return page.has_change_permission(request, row) if row else page.has_add_permission(request)


def first_names(names: Iterable[str], most: int = 20) -> str:
    """Returns the first ``most`` names in one text, with the number of the others."""
    listed = list(names)
    more = [text("and_more", count=len(listed) - most)] if len(listed) > most else []
    return ", ".join([*listed[:most], *more])
