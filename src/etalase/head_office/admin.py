"""Companies, stores, products, what is sold where, photos and accounts, in Django's admin. Uploads go through ingest."""

# mypy: disable-error-code="type-arg"
# Django's admin classes are generic in their stubs only.

import uuid
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from rest_framework_simplejwt.token_blacklist import admin as _registered  # noqa: F401 - so that it can be unregistered
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from etalase.errors import EtalaseError
from etalase.head_office import ingest
from etalase.head_office.forms import PhotoForm, PhotoFormSet, ProductForm, StoreForm
from etalase.head_office.models import Account, Assortment, Company, Photo, Product, Store
from etalase.protocol import object_url
from etalase.settings.head_office import configured

admin.site.site_header = "Etalase · head office"
admin.site.site_title = "Etalase"
admin.site.index_title = "Menu, stores and accounts"
# Nobody manages groups here, and the tokens' own tables would show what lets one in.
for model in (Group, BlacklistedToken, OutstandingToken):
    admin.site.unregister(model)


def thumbnail(photo: Photo) -> SafeString | str:
    """The photo itself, small."""
    if not photo.object_key:
        return ""
    settings = configured()
    url = object_url(settings.S3_PUBLIC_URL, settings.S3_BUCKET, photo.object_key, checksum=photo.checksum)
    return format_html('<a href="{}"><img src="{}" alt="{}" height="64" loading="lazy"></a>', url, url, photo.filename)


class PhotoInline(admin.TabularInline):
    """The photos of a product."""

    model = Photo
    form = PhotoForm
    formset = PhotoFormSet
    extra = 1
    fields = ("thumbnail", "upload", "is_primary", "sort_order", "about")
    readonly_fields = ("thumbnail", "about")

    @admin.display(description="Photo")
    def thumbnail(self, photo: Photo) -> SafeString | str:
        """The photo itself, small."""
        return thumbnail(photo)

    @admin.display(description="About")
    def about(self, photo: Photo) -> str:
        """What its file is; nothing for the empty row in which a new one is added."""
        return f"{photo.size:,} bytes, version {photo.version}" if photo.object_key else ""


@admin.register(Company)
class CompanyAdmin(admin.ModelAdmin):
    """Companies."""

    list_display = ("name", "id")
    search_fields = ("name",)
    fields = ("id", "name")

    def get_readonly_fields(self, request: HttpRequest, obj: Company | None = None) -> tuple[str, ...]:
        """An id may be prescribed for a new company, and never changes."""
        return ("id",) if obj else ()


@admin.register(Store)
class StoreAdmin(admin.ModelAdmin):
    """Stores."""

    list_display = ("code", "name", "company", "id")
    list_filter = ("company",)
    list_select_related = ("company",)
    search_fields = ("code", "name", "id")
    form = StoreForm
    fields = ("id", "company", "code", "name", "sells")

    def get_readonly_fields(self, request: HttpRequest, obj: Store | None = None) -> tuple[str, ...]:
        """An id may be prescribed for a new store; neither it nor the company ever changes."""
        return ("id", "company") if obj else ()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Also what the store sells; a sale that stays is not touched."""
        super().save_related(request, form, formsets, change)
        sales = Assortment.objects.filter(store=form.instance)
        sales.exclude(product__in=form.cleaned_data["sells"]).delete()
        new = [Assortment(store=form.instance, product=product) for product in form.cleaned_data["sells"]]
        Assortment.objects.bulk_create(new, ignore_conflicts=True)


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    """Products with their photos and where they are sold; many at a time by the actions."""

    list_display = ("sku", "name", "company", "photo_count", "store_count", "updated_at")
    list_filter = ("company", "stores")
    list_select_related = ("company",)
    search_fields = ("sku", "name", "id")
    form = ProductForm
    fields = ("id", "company", "sku", "name", "sold_in")
    inlines = (PhotoInline,)
    actions = ("sell_everywhere", "sell_nowhere")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        """With the counts that the list shows."""
        counts = {"photo_count": Count("photos", distinct=True), "store_count": Count("assortment", distinct=True)}
        products: QuerySet[Product] = super().get_queryset(request).annotate(**counts)
        return products

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        """An id may be prescribed for a new product; neither it nor the company ever changes."""
        return ("id", "company") if obj else ()

    @admin.display(description="photos", ordering="photo_count")
    def photo_count(self, product: Any) -> int:
        """How many photos it has."""
        return int(product.photo_count)

    @admin.display(description="stores", ordering="store_count")
    def store_count(self, product: Any) -> int:
        """How many stores sell it."""
        return int(product.store_count)

    @admin.action(description="Sell the selected products in every store of their company")
    def sell_everywhere(self, request: HttpRequest, products: QuerySet[Product]) -> None:
        """One row for each store that does not sell it yet."""
        rows = [
            Assortment(store_id=store_id, product=product)
            for product in products
            for store_id in Store.objects.filter(company=product.company_id).values_list("id", flat=True)
        ]
        Assortment.objects.bulk_create(rows, ignore_conflicts=True, batch_size=5000)
        self.message_user(request, f"{len(products)} products are sold in every store of their company.")

    @admin.action(description="Stop selling the selected products")
    def sell_nowhere(self, request: HttpRequest, products: QuerySet[Product]) -> None:
        """The products and their photos stay at head office; the stores no longer get them."""
        Assortment.objects.filter(product__in=products.values("id")).delete()
        self.message_user(request, "The selected products are no longer sold.", messages.WARNING)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Also where the product is sold; a sale that stays is not touched."""
        super().save_related(request, form, formsets, change)
        sales = Assortment.objects.filter(product=form.instance)
        sales.exclude(store__in=form.cleaned_data["sold_in"]).delete()
        new = [Assortment(store=store, product=form.instance) for store in form.cleaned_data["sold_in"]]
        Assortment.objects.bulk_create(new, ignore_conflicts=True)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Photos through ingest; everything else as ever."""
        if formset.model is not Photo:
            super().save_formset(request, form, formset, change)
            return
        formset.save(commit=False)
        for gone in formset.deleted_objects:
            gone.delete()
        formset.new_objects, formset.changed_objects = [], []
        for row in formset.forms:
            if row.has_changed() and not formset._should_delete_form(row):  # noqa: SLF001 - no public way to ask
                self._save_photo(request, formset.instance, row, formset)
        promoted = ingest.ensure_primary(formset.instance.id)
        if promoted is not None:
            self.message_user(request, f"{promoted.filename} is the primary photo now, since none was chosen.")

    def _save_photo(self, request: HttpRequest, product: Product, row: PhotoForm, formset: Any) -> None:
        photo: Photo = row.instance
        is_new = photo._state.adding  # noqa: SLF001 - Django's documented way to ask
        try:
            if row.picture is not None:
                filename = row.filename
                ingest.accept(
                    product.id,
                    ingest.Offer(
                        source=f"upload/{uuid.uuid4()}/{filename}" if is_new else photo.source,
                        filename=filename,
                        picture=row.picture,
                        is_primary=photo.is_primary,
                        sort_order=photo.sort_order,
                        photo_id=photo.id,
                    ),
                )
            else:
                ingest.rearrange(photo)
        except EtalaseError as error:
            self.message_user(request, f"{row.instance.filename or 'The photo'} was not saved. {error}", messages.ERROR)
            return
        if is_new:
            formset.new_objects.append(photo)
        else:
            formset.changed_objects.append((photo, row.changed_data))


@admin.register(Photo)
class PhotoAdmin(admin.ModelAdmin):
    """All photos, to look through; they are changed with their product."""

    list_display = ("thumbnail", "product", "filename", "is_primary", "sort_order", "size", "version", "updated_at")
    list_filter = ("is_primary", "content_type", "product__company")
    list_select_related = ("product",)
    list_per_page = 50
    search_fields = ("product__sku", "product__name", "filename", "checksum")
    show_full_result_count = False
    actions = ("make_primary",)

    @admin.display(description="Photo")
    def thumbnail(self, photo: Photo) -> SafeString | str:
        """The photo itself, small."""
        return thumbnail(photo)

    @admin.action(description="Make the selected photos their products' primary ones", permissions=["view"])
    def make_primary(self, request: HttpRequest, photos: QuerySet[Photo]) -> None:
        """Flags move, bytes do not."""
        for photo in photos:
            photo.is_primary = True
            ingest.rearrange(photo)
        self.message_user(request, f"{len(photos)} photos are primary.")

    def delete_model(self, request: HttpRequest, obj: Photo) -> None:
        """Another photo takes the place of a primary one."""
        super().delete_model(request, obj)
        ingest.ensure_primary(obj.product_id)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Photo]) -> None:
        """As for one."""
        products = set(queryset.values_list("product_id", flat=True))
        super().delete_queryset(request, queryset)
        for product_id in sorted(products):
            ingest.ensure_primary(product_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A photo is added with its product."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Photo | None = None) -> bool:
        """A photo is changed with its product."""
        return False


@admin.register(Assortment)
class AssortmentAdmin(admin.ModelAdmin):
    """Which store sells what, by store: filter, then add or remove."""

    list_display = ("store", "product", "updated_at")
    list_filter = (("store", admin.RelatedOnlyFieldListFilter),)
    list_select_related = ("store", "product")
    search_fields = ("product__sku", "product__name", "store__code")
    autocomplete_fields = ("store", "product")
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: Assortment | None = None) -> bool:
        """A sale is added or deleted; there is nothing in it to change."""
        return False


@admin.register(Account)
class AccountAdmin(UserAdmin):
    """Accounts: of stores, and of HO admins (staff). Taking «active» away ends an account at once, tokens and all."""

    list_display = ("username", "store", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_active")
    list_select_related = ("store",)
    search_fields = ("username", "store__code", "store__name")
    autocomplete_fields = ("store",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("May ask for", {"fields": ("store", "is_staff", "is_superuser", "is_active")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "usable_password", "password1", "password2", "store")}),
    )
