"""Defines the base of the admin pages that may remove something: deletion with confirmation."""

# mypy: disable-error-code="type-arg"
# Django's admin classes are generic in their stubs only.

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.actions import delete_selected as django_delete_selected
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.template.response import TemplateResponse

from etalase.head_office.admin.companies import OwnCompaniesAdmin
from etalase.head_office.confirmation import confirmation_context, is_confirmed
from etalase.head_office.forms import error_links
from etalase.head_office.messages import lazy_text, text
from etalase.head_office.removals import Impact, RowsToRemove, impact_of


class ConfirmingAdmin(OwnCompaniesAdmin):
    """Deletes only after a person has seen and confirmed the impact on dishes, photos and stores."""

    delete_confirmation_template = "admin/head_office/delete_confirmation.html"
    delete_selected_confirmation_template = "admin/head_office/delete_selected_confirmation.html"
    actions: Any = ("delete_selected",)

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
