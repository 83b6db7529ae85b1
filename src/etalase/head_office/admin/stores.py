"""Defines the admin pages of companies, stores and their sales."""

# mypy: disable-error-code="type-arg"
# Django's admin classes are generic in their stubs only.

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from etalase.head_office.admin.companies import OwnRelatedFilter
from etalase.head_office.admin.confirming import ConfirmingAdmin, first_names, may_save
from etalase.head_office.forms import (
    AssortmentForm,
    StoreForm,
)
from etalase.head_office.messages import text
from etalase.head_office.models import Assortment, Company, Product, Store
from etalase.head_office.removals import RowsToRemove


@admin.register(Company)
class CompanyAdmin(ConfirmingAdmin):
    """Companies."""

    list_display = ("name", "id")
    search_fields = ("name",)
    fields = ("id", "name")

    def removal_of(self, rows: QuerySet[Any]) -> RowsToRemove:
        """Returns the company's products and stores, which the page lists; they also protect the company from deletion."""
        return RowsToRemove(
            products=frozenset(Product.objects.filter(company__in=rows).values_list("id", flat=True)),
            stores=frozenset(Store.objects.filter(company__in=rows).values_list("id", flat=True)),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Company | None = None) -> tuple[str, ...]:
        """Makes the id of an existing company read-only; a new one may have a prescribed id."""
        return ("id",) if obj else ()


@admin.register(Store)
class StoreAdmin(ConfirmingAdmin):
    """Stores."""

    list_display = ("code", "name", "region", "company", "id")
    list_filter = (("company", OwnRelatedFilter),)
    list_select_related = ("company",)
    search_fields = ("code", "name", "region", "id")
    form = StoreForm

    def removal_of(self, rows: QuerySet[Any]) -> RowsToRemove:
        """Returns the stores; their sales go with them."""
        return RowsToRemove(stores=frozenset(rows.values_list("id", flat=True)))

    def get_fields(self, request: HttpRequest, obj: Store | None = None) -> Any:
        """Adds the products sold; not for a read-only page, since Django cannot show a field that is not the model's."""
        fields = ["id", "company", "code", "name", "region"]
        return [*fields, "sells", "agreed"] if may_save(self, request, obj) else fields

    def get_readonly_fields(self, request: HttpRequest, obj: Store | None = None) -> tuple[str, ...]:
        """Makes id and company of an existing store read-only; a new one may have a prescribed id."""
        return ("id", "company") if obj else ()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Saves also the store's sales; unchanged sales keep their rows."""
        super().save_related(request, form, formsets, change)
        ended = Assortment.objects.filter(store=form.instance).exclude(product__in=form.cleaned_data["sells"])
        names = [str(sale.product) for sale in ended.select_related("product").order_by("product__sku")]
        ended.delete()
        new = [Assortment(store=form.instance, product=product) for product in form.cleaned_data["sells"]]
        Assortment.objects.bulk_create(new, ignore_conflicts=True)
        if names:
            warning = text("stopped_here", store=form.instance, names=first_names(names))
            self.message_user(request, warning, messages.WARNING)


@admin.register(Assortment)
class AssortmentAdmin(ConfirmingAdmin):
    """Sales, by store: filter, then add or delete."""

    list_display = ("store", "product", "updated_at")
    list_filter = (("store", OwnRelatedFilter),)
    form = AssortmentForm
    list_select_related = ("store", "product")
    search_fields = ("product__sku", "product__name", "store__code")
    autocomplete_fields = ("store", "product")
    show_full_result_count = False

    def removal_of(self, rows: QuerySet[Any]) -> RowsToRemove:
        """Returns the sales."""
        return RowsToRemove(sales=frozenset(rows.values_list("store_id", "product_id")))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Assortment]:
        """Joins the names of store and product, which the confirmation page shows."""
        sales: QuerySet[Assortment] = super().get_queryset(request).select_related("store", "product")
        return sales

    def has_change_permission(self, request: HttpRequest, obj: Assortment | None = None) -> bool:
        """Returns False: a sale has nothing to change."""
        return False
