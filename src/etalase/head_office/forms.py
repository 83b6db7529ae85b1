"""The admin's forms: a photo with its file, a product with its stores, a store with its products."""

# mypy: disable-error-code="type-arg"
# Django's form classes are generic in their stubs only.

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.contrib.auth.forms import UserChangeForm
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Manager, QuerySet
from django.forms import BaseFormSet
from django.forms.models import BaseInlineFormSet
from django.utils.html import format_html
from django.utils.safestring import SafeString

from etalase.errors import PictureRefused
from etalase.head_office import ingest
from etalase.head_office.accounts import is_odd_code
from etalase.head_office.confirmation import changes_text, impact_text
from etalase.head_office.images.validate import check, take
from etalase.head_office.imports.sku import is_no_name, oddity, plain
from etalase.head_office.messages import lazy_text, text
from etalase.head_office.models import Account, Assortment, Photo, Product, Store
from etalase.head_office.removals import Impact, Removal, impact_of
from etalase.protocol import MAX_FILENAME_CHARS

# Of one product's page. Django's own 2,000 take it many seconds to show.
MAX_PHOTO_ROWS = 200


class PhotoForm(forms.ModelForm):
    """A photo with its file; the file is checked before anything is saved."""

    upload = forms.FileField(required=False, label=lazy_text("file"), help_text=lazy_text("file_help"))

    class Meta:
        model = Photo
        fields = ("is_primary", "sort_order")

    def clean(self) -> dict[str, Any] | None:
        """The file judged, with the reason beside the field where it is refused."""
        cleaned = super().clean()
        upload: UploadedFile | None = self.cleaned_data.get("upload")
        self.picture = None
        if upload is None:
            if self.instance._state.adding:  # noqa: SLF001 - Django's documented way to ask
                self.add_error("upload", text("file_missing"))
            return cleaned
        try:
            # One byte more than is allowed is enough to be refused.
            self.picture = take(upload.read(ingest.limits().max_bytes + 1), ingest.limits())
            check(self.picture, ingest.limits())
        except PictureRefused as error:
            megabytes = f"{ingest.limits().max_bytes / 1_000_000:.3g}"
            self.add_error("upload", text(f"picture_{error.code}", **error.values, megabytes=megabytes))
        self.filename = (upload.name or "photo")[-MAX_FILENAME_CHARS:]
        return cleaned

    def validate_constraints(self) -> None:
        """Nothing: making a photo primary demotes the one that was, and the database has the last word."""


class PhotoFormSet(BaseInlineFormSet):
    """All photos of a product: at most one of them is primary."""

    def clean(self) -> None:
        """Refuse two primaries, rather than let the later one win."""
        super().clean()
        rows = [form.cleaned_data for form in self.forms if getattr(form, "cleaned_data", None) and form.has_changed()]
        if sum(bool(row.get("is_primary")) and not row.get("DELETE") for row in rows) > 1:
            raise ValidationError(text("one_primary"))


class TwoLists(FilteredSelectMultiple):
    """What can be chosen beside what is chosen, in the wrapping that the admin's script expects around it."""

    def render(self, *args: Any, **kwargs: Any) -> SafeString:
        """The widget's HTML."""
        return format_html('<div class="related-widget-wrapper">{}</div>', super().render(*args, **kwargs))


class AgreedForm(forms.ModelForm):
    """A form whose saving may take dishes from tills: then it asks in ``agreed`` for a tick, or beyond the bound for a number.

    The field is hidden until it is needed.
    """

    agreed = forms.CharField(required=False, widget=forms.HiddenInput, label=lazy_text("agree"))

    def ask(self, impact: Impact) -> None:
        """Refuse to save until the number of dishes that lose something was sent: as the tick's value, or typed."""
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


class ProductForm(AgreedForm):
    """A product with the stores that sell it: one list, however many there are."""

    sold_in = forms.ModelMultipleChoiceField(
        Store.objects.none(), required=False, widget=TwoLists(lazy_text("stores"), is_stacked=False), label=lazy_text("sold_in")
    )

    class Meta:
        model = Product
        fields = ("id", "company", "sku", "name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self, "sold_in", Store.objects.all(), Assortment.objects.filter(product=self.instance), "store_id")

    def validate_constraints(self) -> None:
        """Nothing: :meth:`clean` says in our words which SKU is taken, also where the company is not among the fields."""

    def clean(self) -> dict[str, Any] | None:
        """A store sells only what its own company has; what tills lose is asked for."""
        _refuse_foreign(self, "sold_in")
        _refuse_taken(self, "sku", Product.objects)
        if "sku" in self.changed_data and oddity(sku := self.cleaned_data.get("sku", "")):
            self.add_error("sku", text("sku_odd", meant=plain(sku)))
        if "name" in self.changed_data and "name" in self.cleaned_data and is_no_name(self.cleaned_data["name"]):
            self.add_error("name", text("no_name"))
        if not self.errors and not self.instance._state.adding:  # noqa: SLF001 - Django's documented way to ask
            impact = impact_of(self._going())
            if impact.bare or impact.unsold or impact.confirmation.is_required:
                self.ask(impact)
        return super().clean()

    def _going(self) -> Removal:
        """What saving removes. Photos are of the formset below the form, which is judged later than the form."""
        stores = {UUID(str(id_)) for id_ in self.initial["sold_in"]} - {store.id for store in self.cleaned_data["sold_in"]}
        rows = range(_row_count(str(self.data.get("photos-TOTAL_FORMS", ""))))
        gone = [self.data.get(f"photos-{row}-id", "") for row in rows if self.data.get(f"photos-{row}-DELETE")]
        new = [row for row in rows if not self.data.get(f"photos-{row}-id") and not self.data.get(f"photos-{row}-DELETE")]
        coming = any(f"photos-{row}-upload" in self.files for row in new)
        mine = {str(id_): id_ for id_ in self.instance.photos.values_list("id", flat=True)}
        return Removal(
            photos=frozenset(mine[id_] for id_ in gone if id_ in mine),
            sales=frozenset((store_id, self.instance.id) for store_id in stores),
            replaced=frozenset([self.instance.id] if coming else []),
            resold=frozenset([self.instance.id] if self.cleaned_data["sold_in"] else []),
        )


class StoreForm(AgreedForm):
    """A store with the products that it sells."""

    sells = forms.ModelMultipleChoiceField(
        Product.objects.none(),
        required=False,
        widget=TwoLists(lazy_text("products"), is_stacked=False),
        label=lazy_text("sells"),
    )

    class Meta:
        model = Store
        fields = ("id", "company", "code", "name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self, "sells", Product.objects.all(), Assortment.objects.filter(store=self.instance), "product_id")

    def validate_constraints(self) -> None:
        """Nothing: see :class:`ProductForm`."""

    def clean(self) -> dict[str, Any] | None:
        """A store sells only what its own company has; what many tills lose is asked for."""
        _refuse_foreign(self, "sells")
        _refuse_taken(self, "code", Store.objects)
        if "code" in self.changed_data and is_odd_code(self.cleaned_data.get("code", "-")):
            self.add_error("code", text("code_odd"))
        if not self.errors and not self.instance._state.adding:  # noqa: SLF001 - Django's documented way to ask
            ended = {UUID(str(id_)) for id_ in self.initial["sells"]} - {product.id for product in self.cleaned_data["sells"]}
            impact = impact_of(Removal(sales=frozenset((self.instance.id, product_id) for product_id in ended)))
            if impact.unsold or impact.confirmation.is_required:
                self.ask(impact)
        return super().clean()


class AccountForm(AgreedForm, UserChangeForm):
    """An account. Whoever takes a store's last active one away says so."""

    class Meta(UserChangeForm.Meta):
        model = Account

    def clean(self) -> dict[str, Any] | None:
        """Ask before the store's edge can no longer ask."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        kept = cleaned.get("is_active") and cleaned.get("store") == self.instance.store
        if not self.errors and not kept:
            impact = impact_of(Removal(accounts=frozenset([self.instance.pk])))
            if impact.cut_off:
                self.ask(impact)
        return cleaned


class AssortmentForm(forms.ModelForm):
    """A sale: of a dish of the store's own company, and once."""

    class Meta:
        model = Assortment
        fields = ("store", "product")

    def validate_constraints(self) -> None:
        """Nothing: see :class:`ProductForm`."""

    def clean(self) -> dict[str, Any] | None:
        """Refuse what the database would refuse, in words."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        store, product = cleaned.get("store"), cleaned.get("product")
        if store is not None and product is not None:
            if store.company_id != product.company_id:
                self.add_error("product", text("foreign", names=product))
            elif Assortment.objects.filter(store=store, product=product).exists():
                self.add_error("product", text("sold_already", name=product, store=store))
        return cleaned


def _row_count(text: str) -> int:
    """How many rows of photos a page was sent with; no more than are looked at, however many it claims."""
    return min(int(text), MAX_PHOTO_ROWS) if re.fullmatch("[0-9]{1,9}", text) else 0


def _refuse_taken(form: forms.ModelForm, name: str, rows: Manager[Any]) -> None:
    """Refuse the SKU or code of another row of the same company, which the form may not show."""
    wanted, company = form.cleaned_data.get(name), form.cleaned_data.get("company") or form.instance.company_id
    if wanted and company and (other := rows.filter(company=company, **{name: wanted}).exclude(pk=form.instance.pk).first()):
        form.add_error(name, text("taken", value=wanted, name=other.name))


def _offer(form: forms.ModelForm, name: str, rows: QuerySet[Any], sales: QuerySet[Assortment], column: str) -> None:
    """Let ``form`` choose among ``rows``, of its own company where that is known, with the present sales chosen."""
    is_new = form.instance._state.adding  # noqa: SLF001 - Django's documented way to ask
    choice: Any = form.fields[name]
    choice.queryset = rows if is_new else rows.filter(company=form.instance.company_id)
    form.initial[name] = [] if is_new else list(sales.values_list(column, flat=True))


def _refuse_foreign(form: forms.ModelForm, name: str) -> None:
    company = form.cleaned_data.get("company") or getattr(form.instance, "company_id", None)
    company_id = getattr(company, "id", company)
    foreign = [row for row in form.cleaned_data.get(name, []) if row.company_id != company_id]
    if foreign:
        form.add_error(name, text("foreign", names=", ".join(map(str, foreign[:5]))))


@dataclass(frozen=True, slots=True)
class ErrorLink:
    """An error of a page, and the id of what it is about."""

    anchor: str
    label: str
    message: str


def error_links(form: forms.BaseForm, formsets: Sequence[BaseFormSet]) -> list[ErrorLink]:
    """Every error of the page, in its order."""
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
        # The admin's script puts the two lists in place of the field, each with an id of its own.
        anchor = f"{field.auto_id}_from" if isinstance(field.field.widget, TwoLists) else str(field.auto_id)
        label = ", ".join(part for part in (of, str(field.label)) if part)
        links += [ErrorLink(anchor, label, str(message)) for message in field.errors]
    return links
