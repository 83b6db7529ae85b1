"""Defines the admin's forms: a photo with its file, a product with its stores, a store with its products."""

# mypy: disable-error-code="type-arg"
# Django's form classes are generic in their stubs only.

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.contrib.auth.forms import UserChangeForm
from django.core.exceptions import ValidationError
from django.db.models import Manager, QuerySet
from django.forms import BaseFormSet
from django.utils.html import format_html
from django.utils.safestring import SafeString

from etalase.head_office.accounts import is_odd_code
from etalase.head_office.confirmation import changes_text, impact_text
from etalase.head_office.imports.category import category_problem, normalised
from etalase.head_office.imports.sku import is_unreadable_name, oddity, plain
from etalase.head_office.messages import lazy_text, text
from etalase.head_office.models import Account, Assortment, Product, Store
from etalase.head_office.permissions import own_rows
from etalase.head_office.removals import Impact, RowsToRemove, impact_of

# Per product page. Django's default of 2,000 rows takes many seconds to render.
MAX_PHOTO_ROWS = 200


class TwoLists(FilteredSelectMultiple):
    """A list of choices beside the list of chosen items, with the wrapper that the admin's script expects."""

    def render(self, *args: Any, **kwargs: Any) -> SafeString:
        """Returns the widget's HTML."""
        return format_html('<div class="related-widget-wrapper">{}</div>', super().render(*args, **kwargs))


class ConfirmedForm(forms.ModelForm):
    """A form that may remove dishes from tills: its field ``agreed`` asks for a tick or, beyond the bound, for a number.

    The field is hidden until a confirmation is needed.
    """

    # The person's: the admin sets it on the class of each request. Without it, no related row is offered.
    account: ClassVar[Account | None] = None
    agreed = forms.CharField(required=False, widget=forms.HiddenInput, label=lazy_text("agree"))

    def require_confirmation(self, impact: Impact) -> None:
        """Adds an error unless the number of affected dishes was sent: as the value of the tick, or typed."""
        number, confirmation = impact.number, impact.confirmation
        if confirmation.is_given_by(str(self.data.get("agreed", ""))):
            return
        field = self.fields["agreed"]
        if confirmation.is_required:
            field.widget = forms.TextInput(attrs={"inputmode": "numeric"})
            refusal = text("agree_number", number=number, what=changes_text(confirmation.beyond))
        else:
            field.widget = forms.CheckboxInput({"value": number})
            refusal = text("agree_one", number=number, what=impact_text(impact))
        self.add_error("agreed", refusal)


class ProductForm(ConfirmedForm):
    """A product with the stores that sell it, in one list for any number of stores."""

    sold_in = forms.ModelMultipleChoiceField(
        Store.objects.none(), required=False, widget=TwoLists(lazy_text("stores"), is_stacked=False), label=lazy_text("sold_in")
    )

    class Meta:
        model = Product
        fields = ("id", "company", "sku", "name", "category")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self, "sold_in", Store.objects.all(), Assortment.objects.filter(product=self.instance), "store_id")

    def validate_constraints(self) -> None:
        """Checks nothing: :meth:`clean` reports a taken SKU, also if the company is not among the fields."""

    def clean(self) -> dict[str, Any] | None:
        """Refuses stores of another company, a taken or odd SKU and an unreadable name; asks for confirmation of losses."""
        _refuse_foreign(self, "sold_in")
        _refuse_taken(self, "sku", Product.objects)
        if "sku" in self.changed_data and oddity(sku := self.cleaned_data.get("sku", "")):
            self.add_error("sku", text("sku_odd", meant=plain(sku)))
        if "name" in self.changed_data and "name" in self.cleaned_data and is_unreadable_name(self.cleaned_data["name"]):
            self.add_error("name", text("no_name"))
        if not self.errors and not self.instance._state.adding:  # noqa: SLF001 - Django's documented way to ask
            impact = impact_of(self._removal())
            if impact.bare or impact.unsold or impact.confirmation.is_required:
                self.require_confirmation(impact)
        return super().clean()

    def clean_category(self) -> str:
        """Returns the category in its one form; refuses one that a till cannot show."""
        category = normalised(self.cleaned_data["category"])
        if category_problem(category):
            raise ValidationError(text("category_odd"))
        return category

    def _removal(self) -> RowsToRemove:
        """Returns the removal that saving means. Reads the raw photo rows, which Django validates after the form."""
        stores = {UUID(str(id_)) for id_ in self.initial["sold_in"]} - {store.id for store in self.cleaned_data["sold_in"]}
        rows = range(_row_count(str(self.data.get("photos-TOTAL_FORMS", ""))))
        deleted = [self.data.get(f"photos-{row}-id", "") for row in rows if self.data.get(f"photos-{row}-DELETE")]
        new = [row for row in rows if not self.data.get(f"photos-{row}-id") and not self.data.get(f"photos-{row}-DELETE")]
        has_new_photo = any(f"photos-{row}-upload" in self.files for row in new)
        mine = {str(id_): id_ for id_ in self.instance.photos.values_list("id", flat=True)}
        return RowsToRemove(
            photos=frozenset(mine[id_] for id_ in deleted if id_ in mine),
            sales=frozenset((store_id, self.instance.id) for store_id in stores),
            replaced=frozenset([self.instance.id] if has_new_photo else []),
            resold=frozenset([self.instance.id] if self.cleaned_data["sold_in"] else []),
        )


class StoreForm(ConfirmedForm):
    """A store with the products that it sells."""

    sells = forms.ModelMultipleChoiceField(
        Product.objects.none(),
        required=False,
        widget=TwoLists(lazy_text("products"), is_stacked=False),
        label=lazy_text("sells"),
    )

    class Meta:
        model = Store
        fields = ("id", "company", "code", "name", "region")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self, "sells", Product.objects.all(), Assortment.objects.filter(store=self.instance), "product_id")

    def validate_constraints(self) -> None:
        """Checks nothing: see :class:`ProductForm`."""

    def clean(self) -> dict[str, Any] | None:
        """Refuses products of another company and a taken or odd code; asks for confirmation of losses."""
        _refuse_foreign(self, "sells")
        _refuse_taken(self, "code", Store.objects)
        if "code" in self.changed_data and is_odd_code(self.cleaned_data.get("code", "-")):
            self.add_error("code", text("code_odd"))
        if not self.errors and not self.instance._state.adding:  # noqa: SLF001 - Django's documented way to ask
            ended = {UUID(str(id_)) for id_ in self.initial["sells"]} - {product.id for product in self.cleaned_data["sells"]}
            impact = impact_of(RowsToRemove(sales=frozenset((self.instance.id, product_id) for product_id in ended)))
            if impact.unsold or impact.confirmation.is_required:
                self.require_confirmation(impact)
        return super().clean()


class AccountForm(ConfirmedForm, UserChangeForm):
    """An account. The end of a store's last active account needs confirmation."""

    class Meta(UserChangeForm.Meta):
        model = Account

    def clean(self) -> dict[str, Any] | None:
        """Asks for confirmation if the store's edge can no longer log in afterwards."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        kept = cleaned.get("is_active") and cleaned.get("store") == self.instance.store
        if not self.errors and not kept:
            impact = impact_of(RowsToRemove(accounts=frozenset([self.instance.pk])))
            if impact.cut_off:
                self.require_confirmation(impact)
        return cleaned


class AssortmentForm(forms.ModelForm):
    """A sale: of a dish of the store's own company, once."""

    class Meta:
        model = Assortment
        fields = ("store", "product")

    def validate_constraints(self) -> None:
        """Checks nothing: see :class:`ProductForm`."""

    def clean(self) -> dict[str, Any] | None:
        """Refuses a sale across companies and a second sale of the same dish."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        store, product = cleaned.get("store"), cleaned.get("product")
        if store is not None and product is not None:
            if store.company_id != product.company_id:
                self.add_error("product", text("foreign", names=product))
            elif Assortment.objects.filter(store=store, product=product).exists():
                self.add_error("product", text("sold_already", name=product, store=store))
        return cleaned


def _row_count(text: str) -> int:
    """Returns the number of photo rows in the request, at most MAX_PHOTO_ROWS; 0 for an invalid number."""
    return min(int(text), MAX_PHOTO_ROWS) if re.fullmatch("[0-9]{1,9}", text) else 0


def _refuse_taken(form: forms.ModelForm, name: str, rows: Manager[Any]) -> None:
    """Refuses the SKU or code of another row of the same company; the form may lack the company field."""
    wanted, company = form.cleaned_data.get(name), form.cleaned_data.get("company") or form.instance.company_id
    if wanted and company and (other := rows.filter(company=company, **{name: wanted}).exclude(pk=form.instance.pk).first()):
        form.add_error(name, text("taken", value=wanted, name=other.name))


def _offer(form: ConfirmedForm, name: str, rows: QuerySet[Any], sales: QuerySet[Assortment], column: str) -> None:
    """Offers ``rows`` as choices, of the form's own company or the person's, with the present sales as initial value."""
    is_new = form.instance._state.adding  # noqa: SLF001 - Django's documented way to ask
    choice: Any = form.fields[name]
    own = rows.none() if form.account is None else own_rows(rows, form.account)
    choice.queryset = own if is_new else own.filter(company=form.instance.company_id)
    form.initial[name] = [] if is_new else list(sales.values_list(column, flat=True))


def _refuse_foreign(form: forms.ModelForm, name: str) -> None:
    company = form.cleaned_data.get("company") or getattr(form.instance, "company_id", None)
    company_id = getattr(company, "id", company)
    foreign = [row for row in form.cleaned_data.get(name, []) if row.company_id != company_id]
    if foreign:
        form.add_error(name, text("foreign", names=", ".join(map(str, foreign[:5]))))


@dataclass(frozen=True, slots=True)
class ErrorLink:
    """An error of a page, and the id of the element that it concerns."""

    anchor: str
    label: str
    message: str


def error_links(form: forms.BaseForm, formsets: Sequence[BaseFormSet]) -> list[ErrorLink]:
    """Returns every error of the page, in the order of the page."""
    links = [ErrorLink("content-start", "", str(message)) for message in form.non_field_errors()]
    links += _field_links(form, "")
    for formset in formsets:
        links += [ErrorLink(f"{formset.prefix}-group", "", str(message)) for message in formset.non_form_errors()]
        for number, row in enumerate(formset.forms):
            of = text("photo_row", number=number + 1) if number < formset.initial_form_count() else text("new_photo_row")
            links += [ErrorLink(f"{formset.prefix}-group", of, str(message)) for message in row.non_field_errors()]
            links += _field_links(row, of)
    return links


def _field_links(form: forms.BaseForm, of: str) -> list[ErrorLink]:
    links = []
    for field in form:
        # The admin's script replaces the field by the two lists, each with its own id.
        anchor = f"{field.auto_id}_from" if isinstance(field.field.widget, TwoLists) else str(field.auto_id)
        label = ", ".join(part for part in (of, str(field.label)) if part)
        links += [ErrorLink(anchor, label, str(message)) for message in field.errors]
    return links
