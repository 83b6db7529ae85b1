"""Defines the admin page of products, with their photos and stores."""

# mypy: disable-error-code="type-arg"
# Django's admin classes are generic in their stubs only.

import uuid
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from etalase.errors import EtalaseError
from etalase.head_office import audit, ingest
from etalase.head_office.admin.companies import OwnRelatedFilter
from etalase.head_office.admin.confirming import ConfirmingAdmin, first_names, may_save
from etalase.head_office.admin.photos import photo_link
from etalase.head_office.admin.thumbnails import thumbnail_tag
from etalase.head_office.audit import Audited
from etalase.head_office.confirmation import confirmation_context, is_confirmed
from etalase.head_office.forms import MAX_PHOTO_ROWS, ProductForm
from etalase.head_office.imports.category import alike
from etalase.head_office.messages import lazy_text, text
from etalase.head_office.models import Assortment, Photo, Product, Store
from etalase.head_office.permissions import own_rows
from etalase.head_office.photo_forms import PhotoForm, PhotoFormSet
from etalase.head_office.removals import RowsToRemove, impact_of


class _CountFilter(admin.SimpleListFilter):
    """Filters products by whether the annotated number ``count`` is zero."""

    count: str
    zero_key: str
    more_key: str

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Returns the choices."""
        return [("no", text(self.zero_key)), ("yes", text(self.more_key))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Returns the products of the choice; all of them without one."""
        lookup = {"no": self.count, "yes": f"{self.count}__gt"}.get(self.value() or "")
        return queryset.filter(**{lookup: 0}) if lookup else queryset


class SoldFilter(_CountFilter):
    """Filters by products that some store sells, or none."""

    title = lazy_text("sold")
    parameter_name = "sold"
    count, zero_key, more_key = "store_count", "sold_nowhere", "sold_somewhere"


class PhotoFilter(_CountFilter):
    """Filters by products with or without photos."""

    title = lazy_text("has_photo")
    parameter_name = "photo"
    count, zero_key, more_key = "photo_count", "no_photo", "some_photo"


class CategoryFilter(admin.SimpleListFilter):
    """Filters products by category, or by having none, which Django's own filter would offer as an empty line."""

    title = lazy_text("category")
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Returns «none» and the categories; with a sign before each, so that no category is taken for «none»."""
        own = own_rows(Product.objects.all(), request.user)
        there = own.exclude(category="").order_by("category").values_list("category", flat=True).distinct()
        return [("none", text("no_photo")), *((f"={name}", name) for name in there)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Returns the products of the choice; all of them without one."""
        value = self.value()
        return queryset if value is None else queryset.filter(category=value[1:] if value.startswith("=") else "")


class PhotoInline(admin.TabularInline):
    """The photos on a product's page."""

    model = Photo
    form = PhotoForm
    formset = PhotoFormSet
    extra = 1
    max_num = MAX_PHOTO_ROWS
    fields = ("thumbnail", "upload", "is_primary", "sort_order", "focal_left", "focal_top", "about")
    readonly_fields = ("thumbnail", "about")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Limits the number of rows, for any number in the request."""
        return super().get_formset(request, obj, **kwargs, absolute_max=MAX_PHOTO_ROWS)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Photo]:
        """Adds what the thumbnails need."""
        photos: QuerySet[Photo] = super().get_queryset(request).select_related("rendition_set")
        return own_rows(photos, request.user)

    @admin.display(description=lazy_text("photo"))
    def thumbnail(self, photo: Photo) -> SafeString | str:
        """Returns the thumbnail."""
        return thumbnail_tag(photo)

    @admin.display(description=lazy_text("about"))
    def about(self, photo: Photo) -> SafeString | str:
        """Returns the link to the object; empty in the row for a new photo."""
        return photo_link(photo)


@admin.register(Product)
class ProductAdmin(ConfirmingAdmin):
    """Products with their photos and stores; actions change many products at a time."""

    list_display_links = ("sku",)
    list_display = ("thumbnail", "sku", "name", "category", "photo_count", "store_count", "updated_at", "company")
    list_filter = (SoldFilter, PhotoFilter, CategoryFilter, ("company", OwnRelatedFilter), ("stores", OwnRelatedFilter))
    list_select_related = ("company",)
    ordering = ("sku",)  # the model's own is lost with the counts
    search_fields = ("sku", "name", "id")
    form = ProductForm
    inlines = (PhotoInline,)
    actions = ("sell_everywhere", "sell_nowhere", "delete_selected")
    show_full_result_count = False

    def removal_of(self, rows: QuerySet[Any]) -> RowsToRemove:
        """Returns the products; their photos and sales go with them."""
        return RowsToRemove(products=frozenset(rows.values_list("id", flat=True)))

    def get_fields(self, request: HttpRequest, obj: Product | None = None) -> Any:
        """Adds the stores; not for a read-only page, since Django cannot show a field that is not the model's."""
        fields = ["id", "company", "sku", "name", "category"]
        return [*fields, "sold_in", "agreed"] if may_save(self, request, obj) else fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        """Adds the counts and the thumbnails that the list shows."""
        counts = {"photo_count": Count("photos", distinct=True), "store_count": Count("assortment", distinct=True)}
        shown = Prefetch(
            "photos", Photo.objects.filter(is_primary=True).select_related("rendition_set"), to_attr="shown_photos"
        )
        products: QuerySet[Product] = super().get_queryset(request).annotate(**counts).prefetch_related(shown)
        return products

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        """Makes id and company of an existing product read-only; a new one may have a prescribed id."""
        return ("id", "company") if obj else ()

    @admin.display(description=lazy_text("photo"))
    def thumbnail(self, product: Any) -> SafeString | str:
        """Returns the thumbnail of the primary photo; empty without one."""
        return thumbnail_tag(product.shown_photos[0]) if product.shown_photos else ""

    @admin.display(description=lazy_text("photos"), ordering="photo_count")
    def photo_count(self, product: Any) -> int:
        """Returns the number of photos."""
        return int(product.photo_count)

    @admin.display(description=lazy_text("stores"), ordering="store_count")
    def store_count(self, product: Any) -> SafeString | int:
        """Returns the number of stores that sell the product, with a warning sign for none."""
        return int(product.store_count) or format_html("<strong>⚠ {}</strong>", text("sold_nowhere"))

    @admin.action(description=lazy_text("sell_everywhere"), permissions=["change"])
    def sell_everywhere(self, request: HttpRequest, products: QuerySet[Product]) -> None:
        """Adds a sale for each store of the company that does not sell the product yet."""
        rows = [
            Assortment(store_id=store_id, product=product)
            for product in products
            for store_id in Store.objects.filter(company=product.company_id).values_list("id", flat=True)
        ]
        audit.note(audit.person_of(request), Audited.SOLD_EVERYWHERE, products)
        Assortment.objects.bulk_create(rows, ignore_conflicts=True, batch_size=5000)
        self.message_user(request, text("now_sold_everywhere", count=len(products)))

    @admin.action(description=lazy_text("sell_nowhere"), permissions=["change"])
    def sell_nowhere(self, request: HttpRequest, products: QuerySet[Product]) -> HttpResponseBase | None:
        """Ends all sales of the products after confirmation; products and photos stay at head office."""
        ids = list(products.values_list("id", flat=True))
        sales = Assortment.objects.filter(product__in=ids)
        impact = impact_of(RowsToRemove(sales=frozenset(sales.values_list("store_id", "product_id"))))
        if is_confirmed(request, impact):
            audit.note(audit.person_of(request), Audited.SOLD_NOWHERE, products)
            sales.delete()
            self.message_user(request, text("now_sold_nowhere", count=len(ids)), messages.WARNING)
            return None
        context = {
            **self.admin_site.each_context(request),
            **confirmation_context(request, impact),
            "title": text("asked_title"),
            "intro": text("asked_sell_nowhere"),
            "opts": self.opts,
            "action": "sell_nowhere",
            "selected": ids,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/head_office/ask.html", context)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Saves also the product's sales; unchanged sales keep their rows."""
        super().save_related(request, form, formsets, change)
        product = form.instance
        if "category" in form.changed_data:
            self._warn_of_alike_category(request, product)
        ended = Assortment.objects.filter(product=product).exclude(store__in=form.cleaned_data["sold_in"])
        stores = [str(sale.store) for sale in ended.select_related("store").order_by("store__code")]
        ended.delete()
        new = [Assortment(store=store, product=product) for store in form.cleaned_data["sold_in"]]
        Assortment.objects.bulk_create(new, ignore_conflicts=True)
        if not new:
            self.message_user(request, text("warn_unsold", name=product), messages.WARNING)
        elif stores:
            self.message_user(request, text("ended_in", name=product, stores=first_names(stores)), messages.WARNING)

    def _warn_of_alike_category(self, request: HttpRequest, product: Product) -> None:
        there = Product.objects.filter(company=product.company_id).order_by().values_list("category", flat=True).distinct()
        for group in alike(there):
            if product.category in group:
                others = ", ".join(f"«{name}»" for name in group if name != product.category)
                message = text("category_alike", category=product.category, others=others)
                self.message_user(request, message, messages.WARNING)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Saves photos through ingest."""
        if formset.model is not Photo:
            super().save_formset(request, form, formset, change)
            return
        formset.save(commit=False)
        formset.new_objects, formset.changed_objects = [], []
        changed = [row for row in formset.forms if row.has_changed() and not formset._should_delete_form(row)]  # noqa: SLF001 - no public way to ask
        are_saved = [self._save_photo(request, formset.instance, row, formset) for row in changed]
        if all(are_saved):
            for photo in formset.deleted_objects:
                photo.delete()
        elif formset.deleted_objects:  # the failed photo may be the replacement of the deleted ones
            formset.deleted_objects = []
            self.message_user(request, text("none_deleted"), messages.ERROR)
        promoted = ingest.ensure_primary(formset.instance.id)
        if promoted is not None:
            self.message_user(request, text("promoted", name=promoted.filename))

    def _save_photo(self, request: HttpRequest, product: Product, row: PhotoForm, formset: Any) -> bool:
        photo: Photo = row.instance
        is_new = photo._state.adding  # noqa: SLF001 - Django's documented way to ask
        try:
            if row.given is not None:
                filename = row.filename
                ingest.accept(
                    product.id,
                    ingest.Offer(
                        source=f"upload/{uuid.uuid4()}/{filename}" if is_new else photo.source,
                        filename=filename,
                        upload=row.given,
                        picture=row.picture,
                        is_primary=photo.is_primary,
                        sort_order=photo.sort_order,
                        photo_id=photo.id,
                        made_by=request.user.get_username(),
                    ),
                )
            else:
                ingest.rearrange(photo)
            if row.has_new_focal_point:
                Photo.objects.filter(id=photo.id).update(focal_x=photo.focal_x, focal_y=photo.focal_y)
        except EtalaseError as error:
            message = text("not_saved", name=row.instance.filename or text("the_photo"), reason=error)
            self.message_user(request, message, messages.ERROR)
            return False
        if is_new:
            formset.new_objects.append(photo)
        else:
            formset.changed_objects.append((photo, row.changed_data))
        return True
