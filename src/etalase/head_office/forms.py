"""The admin's forms: a photo with its file, a product with its stores, a store with its products."""

# mypy: disable-error-code="type-arg"
# Django's form classes are generic in their stubs only.

from typing import Any

from django import forms
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.utils.html import format_html
from django.utils.safestring import SafeString

from etalase.errors import PictureRefused
from etalase.head_office import ingest
from etalase.head_office.models import Assortment, Photo, Product, Store
from etalase.head_office.picture import check, take
from etalase.protocol import MAX_FILENAME_CHARS


class PhotoForm(forms.ModelForm):
    """A photo with its file; the file is checked before anything is saved."""

    upload = forms.FileField(required=False, label="File", help_text="JPEG, PNG or WebP; replaces the picture that is there.")

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
                self.add_error("upload", "A new photo needs a file.")
            return cleaned
        try:
            # One byte more than is allowed is enough to be refused.
            self.picture = take(upload.read(ingest.limits().max_bytes + 1), ingest.limits())
            check(self.picture, ingest.limits())
        except PictureRefused as error:
            self.add_error("upload", error.message)
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
            raise ValidationError("Only one photo of a product can be primary.")


class TwoLists(FilteredSelectMultiple):
    """What can be chosen beside what is chosen, in the wrapping that the admin's script expects around it."""

    def render(self, *args: Any, **kwargs: Any) -> SafeString:
        """The widget's HTML."""
        return format_html('<div class="related-widget-wrapper">{}</div>', super().render(*args, **kwargs))


class ProductForm(forms.ModelForm):
    """A product with the stores that sell it: one list, however many there are."""

    sold_in = forms.ModelMultipleChoiceField(Store.objects.none(), required=False, widget=TwoLists("stores", is_stacked=False))

    class Meta:
        model = Product
        fields = ("id", "company", "sku", "name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self, "sold_in", Store.objects.all(), Assortment.objects.filter(product=self.instance), "store_id")

    def clean(self) -> dict[str, Any] | None:
        """A store sells only what its own company has."""
        _refuse_foreign(self, "sold_in")
        return super().clean()


class StoreForm(forms.ModelForm):
    """A store with the products that it sells."""

    sells = forms.ModelMultipleChoiceField(
        Product.objects.none(), required=False, widget=TwoLists("products", is_stacked=False)
    )

    class Meta:
        model = Store
        fields = ("id", "company", "code", "name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self, "sells", Product.objects.all(), Assortment.objects.filter(store=self.instance), "product_id")

    def clean(self) -> dict[str, Any] | None:
        """A store sells only what its own company has."""
        _refuse_foreign(self, "sells")
        return super().clean()


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
        form.add_error(name, f"{', '.join(map(str, foreign[:5]))}: of another company.")
