"""Defines the admin pages of accounts and of failed logins."""

# mypy: disable-error-code="type-arg"
# Django's admin classes are generic in their stubs only.

from typing import Any

from axes.admin import AccessAttemptAdmin
from axes.models import AccessFailureLog, AccessLog
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase

from etalase.head_office.admin.companies import OwnRelatedFilter, is_offered_filter
from etalase.head_office.admin.confirming import ConfirmingAdmin
from etalase.head_office.forms import AccountForm
from etalase.head_office.messages import lazy_text, text
from etalase.head_office.models import Account
from etalase.head_office.removals import RowsToRemove

# Groups are not managed here, and the two logs are not written.
admin.site.unregister((Group, AccessLog, AccessFailureLog))
# The action of axes checks no permission, although it deletes. Its date hierarchy raises an error 500 for the year 9999.
AccessAttemptAdmin.cleanup_expired_attempts.allowed_permissions = ("delete",)
AccessAttemptAdmin.date_hierarchy = None
AccessAttemptAdmin.lookup_allowed = is_offered_filter


@admin.register(Account)
class AccountAdmin(ConfirmingAdmin, UserAdmin):
    """Accounts of stores and of head office admins (staff). Deactivating an account also ends its tokens at once."""

    list_display = ("username", "store", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_active", "groups", ("companies", OwnRelatedFilter))
    list_select_related = ("store",)
    search_fields = ("username", "store__code", "store__name")
    autocomplete_fields = ("store",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (lazy_text("may_ask"), {"fields": ("store", "is_staff", "groups", "companies", "is_superuser", "is_active")}),
        (lazy_text("dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "usable_password", "password1", "password2", "store")}),
    )

    form = AccountForm

    def get_fieldsets(self, request: HttpRequest, obj: Account | None = None) -> Any:
        """Adds the confirmation field if the account can be changed."""
        fieldsets = super().get_fieldsets(request, obj)
        asks = obj is not None and self.has_change_permission(request, obj)
        return [*fieldsets, (None, {"fields": ("agreed",)})] if asks else fieldsets

    def has_delete_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        """Returns whether the person may delete the account: nobody deletes the own one."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.pk != request.user.pk)

    @admin.action(description=lazy_text("delete_selected"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseBase | None:
        """Deletes the other accounts; the person's own one stays, so that somebody can still log in."""
        others = queryset.exclude(pk=request.user.pk)
        if queryset.count() == others.count():
            return super().delete_selected(request, queryset)
        self.message_user(request, text("own_account_stays"), messages.WARNING)
        return super().delete_selected(request, others) if others else None

    def removal_of(self, rows: QuerySet[Any]) -> RowsToRemove:
        """Returns the accounts; a store without another account is cut off."""
        return RowsToRemove(accounts=frozenset(rows.values_list("id", flat=True)))
