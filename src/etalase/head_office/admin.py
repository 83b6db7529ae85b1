"""Django's admin for companies, stores, products, sales, photos and accounts. Uploads go through ingest.

Pages show the impact on tills before they remove anything; each action checks its own permission.
"""

# mypy: disable-error-code="type-arg"
# Django's admin classes are generic in their stubs only.

import re
import uuid
from collections.abc import Iterable
from typing import Any

from axes.admin import AccessAttemptAdmin
from axes.models import AccessFailureLog, AccessLog
from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected as django_delete_selected
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from etalase.errors import EtalaseError
from etalase.head_office import ingest
from etalase.head_office.confirmation import confirmation_context, is_confirmed
from etalase.head_office.forms import (
    MAX_PHOTO_ROWS,
    AccountForm,
    AssortmentForm,
    PhotoForm,
    PhotoFormSet,
    ProductForm,
    StoreForm,
    error_links,
)
from etalase.head_office.images import thumbnail
from etalase.head_office.messages import lazy_text, text
from etalase.head_office.models import Account, Assortment, Company, Photo, Product, Store
from etalase.head_office.removals import Impact, Removal, impact_of
from etalase.protocol import cache_key, object_url
from etalase.settings.head_office import configured

admin.site.site_header = lazy_text("head_office")
admin.site.site_title = "Etalase"
admin.site.index_title = lazy_text("index")
# Groups are not managed here, and the two logs are not written.
admin.site.unregister((Group, AccessLog, AccessFailureLog))

# Names in the person's language. They are set here and not on the models, where they would become part of migrations.
_NAMES: tuple[tuple[type[Model], str, str], ...] = (
    (Company, "company", "companies"),
    (Store, "store", "stores"),
    (Product, "product", "products"),
    (Photo, "photo", "photos"),
    (Assortment, "sale", "sales"),
    (Account, "account", "accounts"),
)
_FIELDS: tuple[tuple[type[Model], str, str], ...] = (
    (Company, "name", "name"),
    (Store, "company", "company"),
    (Store, "code", "code"),
    (Store, "name", "name"),
    (Product, "company", "company"),
    (Product, "name", "name"),
    (Product, "updated_at", "changed"),
    (Photo, "product", "product"),
    (Photo, "is_primary", "primary"),
    (Photo, "sort_order", "sort_order"),
    (Photo, "filename", "file_name"),
    (Photo, "size", "size"),
    (Photo, "version", "version"),
    (Photo, "updated_at", "changed"),
    (Assortment, "store", "store"),
    (Assortment, "product", "product"),
    (Assortment, "updated_at", "changed"),
    (Account, "store", "store"),
)
for named, one, many in _NAMES:
    options: Any = named._meta  # noqa: SLF001 - Django's documented way to a model's options
    options.verbose_name, options.verbose_name_plural = lazy_text(one), lazy_text(many)
for named, name, key in _FIELDS:
    named._meta.get_field(name).verbose_name = lazy_text(key)  # type: ignore[union-attr]  # noqa: SLF001
Store._meta.get_field("code").help_text = lazy_text("code_help")  # noqa: SLF001


def thumbnail_tag(photo: Photo) -> SafeString | str:
    """Returns the HTML of the photo's thumbnail; empty for an unsaved photo."""
    if not photo.object_key:
        return ""
    url = reverse("admin:head_office_photo_thumbnail", args=[photo.id])
    return format_html(
        '<img src="{}?v={}" alt="{}" height="64" loading="lazy">', url, cache_key(photo.checksum, photo.version), photo.filename
    )


def original_link(photo: Photo) -> SafeString | str:
    """Returns a link to the photo's object with its size and version; empty for an unsaved photo."""
    if not photo.object_key:
        return ""
    settings = configured()
    url = object_url(settings.S3_PUBLIC_URL, settings.S3_BUCKET, photo.object_key, checksum=photo.checksum)
    about = text("about_photo", size=f"{photo.size:,}", version=photo.version)
    return format_html('<a href="{}" target="_blank" rel="noopener">{}</a> ({})', url, text("original"), about)


# The suffixes that Django's filters append to the name of a field.
_FILTER_SUFFIX = re.compile(r"(__id)?(__(exact|isnull|gte|lt))?\Z")


def is_offered_filter(page: admin.ModelAdmin, lookup: str, value: str, request: HttpRequest | None = None) -> bool:  # noqa: ARG001
    """Returns whether ``lookup`` belongs to a filter that the list offers. The signature is Django's.

    Django allows any lookup of the model's fields: many raise an error 500 (``id__range=1``), and a regular expression can
    keep the database busy.
    """
    offered: list[Any] = [one[0] if isinstance(one, tuple) else one for one in page.list_filter]
    return _FILTER_SUFFIX.sub("", lookup) in {getattr(one, "parameter_name", one) for one in offered}


# The action of axes checks no permission, although it deletes. Its date hierarchy raises an error 500 for the year 9999.
AccessAttemptAdmin.cleanup_expired_attempts.allowed_permissions = ("delete",)
AccessAttemptAdmin.date_hierarchy = None
AccessAttemptAdmin.lookup_allowed = is_offered_filter


class ConfirmingAdmin(admin.ModelAdmin):
    """Deletes only after a person has seen and confirmed the impact on dishes, photos and stores."""

    delete_confirmation_template = "admin/head_office/delete_confirmation.html"
    delete_selected_confirmation_template = "admin/head_office/delete_selected_confirmation.html"
    actions: Any = ("delete_selected",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Returns whether the list offers this filter."""
        return is_offered_filter(self, lookup, value, request)

    def removal_of(self, rows: QuerySet[Any]) -> Removal:
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


class PhotoInline(admin.TabularInline):
    """The photos on a product's page."""

    model = Photo
    form = PhotoForm
    formset = PhotoFormSet
    extra = 1
    max_num = MAX_PHOTO_ROWS
    fields = ("thumbnail", "upload", "is_primary", "sort_order", "about")
    readonly_fields = ("thumbnail", "about")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Limits the number of rows, for any number in the request."""
        return super().get_formset(request, obj, **kwargs, absolute_max=MAX_PHOTO_ROWS)

    @admin.display(description=lazy_text("photo"))
    def thumbnail(self, photo: Photo) -> SafeString | str:
        """Returns the thumbnail."""
        return thumbnail_tag(photo)

    @admin.display(description=lazy_text("about"))
    def about(self, photo: Photo) -> SafeString | str:
        """Returns the link to the object; empty in the row for a new photo."""
        return original_link(photo)


@admin.register(Company)
class CompanyAdmin(ConfirmingAdmin):
    """Companies."""

    list_display = ("name", "id")
    search_fields = ("name",)
    fields = ("id", "name")

    def removal_of(self, rows: QuerySet[Any]) -> Removal:
        """Returns the company's products and stores, which the page lists; they also protect the company from deletion."""
        return Removal(
            products=frozenset(Product.objects.filter(company__in=rows).values_list("id", flat=True)),
            stores=frozenset(Store.objects.filter(company__in=rows).values_list("id", flat=True)),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Company | None = None) -> tuple[str, ...]:
        """Makes the id of an existing company read-only; a new one may have a prescribed id."""
        return ("id",) if obj else ()


@admin.register(Store)
class StoreAdmin(ConfirmingAdmin):
    """Stores."""

    list_display = ("code", "name", "company", "id")
    list_filter = ("company",)
    list_select_related = ("company",)
    search_fields = ("code", "name", "id")
    form = StoreForm

    def removal_of(self, rows: QuerySet[Any]) -> Removal:
        """Returns the stores; their sales go with them."""
        return Removal(stores=frozenset(rows.values_list("id", flat=True)))

    def get_fields(self, request: HttpRequest, obj: Store | None = None) -> Any:
        """Adds the products sold; not for a read-only page, since Django cannot show a field that is not the model's."""
        fields = ["id", "company", "code", "name"]
        return [*fields, "sells", "agreed"] if _may_save(self, request, obj) else fields

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
            warning = text("stopped_here", store=form.instance, names=_first(names))
            self.message_user(request, warning, messages.WARNING)


@admin.register(Product)
class ProductAdmin(ConfirmingAdmin):
    """Products with their photos and stores; actions change many products at a time."""

    list_display = ("sku", "name", "company", "photo_count", "store_count", "updated_at")
    list_filter = (SoldFilter, PhotoFilter, "company", "stores")
    list_select_related = ("company",)
    search_fields = ("sku", "name", "id")
    form = ProductForm
    inlines = (PhotoInline,)
    actions = ("sell_everywhere", "sell_nowhere", "delete_selected")
    show_full_result_count = False

    def removal_of(self, rows: QuerySet[Any]) -> Removal:
        """Returns the products; their photos and sales go with them."""
        return Removal(products=frozenset(rows.values_list("id", flat=True)))

    def get_fields(self, request: HttpRequest, obj: Product | None = None) -> Any:
        """Adds the stores; not for a read-only page, since Django cannot show a field that is not the model's."""
        fields = ["id", "company", "sku", "name"]
        return [*fields, "sold_in", "agreed"] if _may_save(self, request, obj) else fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        """Adds the counts that the list shows."""
        counts = {"photo_count": Count("photos", distinct=True), "store_count": Count("assortment", distinct=True)}
        products: QuerySet[Product] = super().get_queryset(request).annotate(**counts)
        return products

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        """Makes id and company of an existing product read-only; a new one may have a prescribed id."""
        return ("id", "company") if obj else ()

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
        Assortment.objects.bulk_create(rows, ignore_conflicts=True, batch_size=5000)
        self.message_user(request, text("now_sold_everywhere", count=len(products)))

    @admin.action(description=lazy_text("sell_nowhere"), permissions=["change"])
    def sell_nowhere(self, request: HttpRequest, products: QuerySet[Product]) -> HttpResponseBase | None:
        """Ends all sales of the products after confirmation; products and photos stay at head office."""
        ids = list(products.values_list("id", flat=True))
        sales = Assortment.objects.filter(product__in=ids)
        impact = impact_of(Removal(sales=frozenset(sales.values_list("store_id", "product_id"))))
        if is_confirmed(request, impact):
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
        ended = Assortment.objects.filter(product=product).exclude(store__in=form.cleaned_data["sold_in"])
        stores = [str(sale.store) for sale in ended.select_related("store").order_by("store__code")]
        ended.delete()
        new = [Assortment(store=store, product=product) for store in form.cleaned_data["sold_in"]]
        Assortment.objects.bulk_create(new, ignore_conflicts=True)
        if not new:
            self.message_user(request, text("warn_unsold", name=product), messages.WARNING)
        elif stores:
            self.message_user(request, text("ended_in", name=product, stores=_first(stores)), messages.WARNING)

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
            message = text("not_saved", name=row.instance.filename or text("the_photo"), reason=error)
            self.message_user(request, message, messages.ERROR)
            return False
        if is_new:
            formset.new_objects.append(photo)
        else:
            formset.changed_objects.append((photo, row.changed_data))
        return True


@admin.register(Photo)
class PhotoAdmin(ConfirmingAdmin):
    """All photos, read-only; photos are changed on their product's page."""

    list_display = ("thumbnail", "product", "filename", "is_primary", "sort_order", "size", "version", "updated_at")
    list_display_links = ("filename",)
    list_filter = ("is_primary", "content_type", "product__company")
    list_select_related = ("product",)
    list_per_page = 50
    search_fields = ("product__sku", "product__name", "filename", "checksum")
    show_full_result_count = False
    fields = ("thumbnail", "about", "product", "filename", "is_primary", "sort_order", "updated_at")
    actions = ("make_primary", "delete_selected")

    def removal_of(self, rows: QuerySet[Any]) -> Removal:
        """Returns the photos."""
        return Removal(photos=frozenset(rows.values_list("id", flat=True)))

    @admin.display(description=lazy_text("photo"))
    def thumbnail(self, photo: Photo) -> SafeString | str:
        """Returns the thumbnail."""
        return thumbnail_tag(photo)

    @admin.display(description=lazy_text("about"))
    def about(self, photo: Photo) -> SafeString | str:
        """Returns the link to the object."""
        return original_link(photo)

    def get_readonly_fields(self, request: HttpRequest, obj: Photo | None = None) -> tuple[str, ...]:
        """Makes every field read-only."""
        return self.fields

    def get_urls(self) -> list[URLPattern]:
        """Adds the URL of the thumbnails."""
        view = self.admin_site.admin_view(self.thumbnail_view, cacheable=True)
        own = path("<uuid:photo_id>/thumbnail/", view, name="head_office_photo_thumbnail")
        return [own, *super().get_urls()]

    def thumbnail_view(self, request: HttpRequest, photo_id: uuid.UUID) -> HttpResponse:
        """Returns the photo's thumbnail, or a grey tile if it cannot be made. Raises PermissionDenied and Http404."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        photo = Photo.objects.filter(id=photo_id).first()
        if photo is None:
            raise Http404
        headers = {"ETag": thumbnail.etag(photo), "Cache-Control": "private, max-age=3600"}
        if headers["ETag"] in request.headers.get("If-None-Match", ""):
            return HttpResponse(status=304, headers=headers)
        body = thumbnail.thumbnail(photo)
        if body is None:
            return HttpResponse(thumbnail.placeholder(), content_type="image/webp", headers={"Cache-Control": "no-store"})
        return HttpResponse(body, content_type="image/webp", headers=headers)

    def has_arrange_permission(self, request: HttpRequest) -> bool:
        """Returns whether the person may run the action, which is the only way to change photos on this page."""
        return bool(request.user.has_perm("head_office.change_photo"))

    @admin.action(description=lazy_text("make_primary"), permissions=["arrange"])
    def make_primary(self, request: HttpRequest, photos: QuerySet[Photo]) -> None:
        """Makes the selected photos primary; objects stay as they are."""
        if len(set(photos.values_list("product_id", flat=True))) < photos.count():
            self.message_user(request, text("one_primary"), messages.ERROR)
            return
        for photo in photos:
            photo.is_primary = True
            ingest.rearrange(photo)
        self.message_user(request, text("now_primary", count=len(photos)))

    def delete_model(self, request: HttpRequest, obj: Photo) -> None:
        """Deletes the photo and makes another one primary if needed."""
        super().delete_model(request, obj)
        ingest.ensure_primary(obj.product_id)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Photo]) -> None:
        """Deletes the photos and makes others primary if needed."""
        products = set(queryset.values_list("product_id", flat=True))
        super().delete_queryset(request, queryset)
        for product_id in sorted(products):
            ingest.ensure_primary(product_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Returns False: photos are added on their product's page."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Photo | None = None) -> bool:
        """Returns False: photos are changed on their product's page."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Photo | None = None) -> bool:
        """Returns whether the person may view photos; the permission to change them is enough."""
        return bool(super().has_view_permission(request, obj) or self.has_arrange_permission(request))


@admin.register(Assortment)
class AssortmentAdmin(ConfirmingAdmin):
    """Sales, by store: filter, then add or delete."""

    list_display = ("store", "product", "updated_at")
    list_filter = (("store", admin.RelatedOnlyFieldListFilter),)
    form = AssortmentForm
    list_select_related = ("store", "product")
    search_fields = ("product__sku", "product__name", "store__code")
    autocomplete_fields = ("store", "product")
    show_full_result_count = False

    def removal_of(self, rows: QuerySet[Any]) -> Removal:
        """Returns the sales."""
        return Removal(sales=frozenset(rows.values_list("store_id", "product_id")))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Assortment]:
        """Joins the names of store and product, which the confirmation page shows."""
        sales: QuerySet[Assortment] = super().get_queryset(request).select_related("store", "product")
        return sales

    def has_change_permission(self, request: HttpRequest, obj: Assortment | None = None) -> bool:
        """Returns False: a sale has nothing to change."""
        return False


@admin.register(Account)
class AccountAdmin(ConfirmingAdmin, UserAdmin):
    """Accounts of stores and of head office admins (staff). Deactivating an account also ends its tokens at once."""

    list_display = ("username", "store", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_active")
    list_select_related = ("store",)
    search_fields = ("username", "store__code", "store__name")
    autocomplete_fields = ("store",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (lazy_text("may_ask"), {"fields": ("store", "is_staff", "groups", "is_superuser", "is_active")}),
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

    def removal_of(self, rows: QuerySet[Any]) -> Removal:
        """Returns the accounts; a store without another account is cut off."""
        return Removal(accounts=frozenset(rows.values_list("id", flat=True)))


def _may_save(page: admin.ModelAdmin, request: HttpRequest, row: Any) -> bool:
    return page.has_change_permission(request, row) if row else page.has_add_permission(request)


def _first(names: Iterable[str], most: int = 20) -> str:
    listed = list(names)
    more = [text("and_more", count=len(listed) - most)] if len(listed) > most else []
    return ", ".join([*listed[:most], *more])
