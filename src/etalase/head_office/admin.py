"""Companies, stores, products, what is sold where, photos and accounts, in Django's admin. Uploads go through ingest.

What tills would lose is said before it is removed, and each action checks a permission of its own.
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
from etalase.head_office.confirmation import asked, is_agreed
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
# Nobody manages groups here, and nothing is written into the two logs.
admin.site.unregister((Group, AccessLog, AccessFailureLog))

# What the admin calls things follows the person's language. Django's migrations look at what the models themselves say.
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


def small(photo: Photo) -> SafeString | str:
    """A small picture of the photo, or nothing for one that is not saved yet."""
    if not photo.object_key:
        return ""
    url = reverse("admin:head_office_photo_thumbnail", args=[photo.id])
    return format_html(
        '<img src="{}?v={}" alt="{}" height="64" loading="lazy">', url, cache_key(photo.checksum, photo.version), photo.filename
    )


def original(photo: Photo) -> SafeString | str:
    """A link to the photo itself, with what it weighs."""
    if not photo.object_key:
        return ""
    settings = configured()
    url = object_url(settings.S3_PUBLIC_URL, settings.S3_BUCKET, photo.object_key, checksum=photo.checksum)
    about = text("about_photo", size=f"{photo.size:,}", version=photo.version)
    return format_html('<a href="{}" target="_blank" rel="noopener">{}</a> ({})', url, text("original"), about)


# What Django's filters put behind the name of a field.
_FILTER_SUFFIX = re.compile(r"(__id)?(__(exact|isnull|gte|lt))?\Z")


def is_offered(page: admin.ModelAdmin, lookup: str, value: str, request: HttpRequest | None = None) -> bool:  # noqa: ARG001
    """Whether a filter on the list asks for ``lookup``. The signature is Django's.

    Django allows any lookup in a field of the row: many are errors 500 (``id__range=1``), and a regular expression keeps the
    database busy.
    """
    offered: list[Any] = [one[0] if isinstance(one, tuple) else one for one in page.list_filter]
    return _FILTER_SUFFIX.sub("", lookup) in {getattr(one, "parameter_name", one) for one in offered}


# Of another's action nobody is asked for a right; this one deletes. A day in the year 9999 is an error 500 to its calendar.
AccessAttemptAdmin.cleanup_expired_attempts.allowed_permissions = ("delete",)
AccessAttemptAdmin.date_hierarchy = None
AccessAttemptAdmin.lookup_allowed = is_offered


class AskingAdmin(admin.ModelAdmin):
    """Deletes only what a person has confirmed, after it was said which dishes, photos and stores are touched."""

    delete_confirmation_template = "admin/head_office/delete_confirmation.html"
    delete_selected_confirmation_template = "admin/head_office/delete_selected_confirmation.html"
    actions: Any = ("delete_selected",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """What the list's own filters ask for, and nothing else."""
        return is_offered(self, lookup, value, request)

    def removal_of(self, rows: QuerySet[Any]) -> Removal:
        """What deleting ``rows`` takes along."""
        raise NotImplementedError

    @admin.action(description=lazy_text("delete_selected"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseBase | None:
        """Django's own, which asks again until the number fits."""
        context = self._ask(request, impact_of(self.removal_of(queryset)))
        answer: HttpResponseBase | None = django_delete_selected(self, request, queryset)
        if isinstance(answer, TemplateResponse) and answer.context_data is not None:
            answer.context_data |= context
        return answer

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """With all errors on top, each a link to its field."""
        inlines = context.get("inline_admin_formsets", ())
        more = {"error_links": error_links(context["adminform"].form, [inline.formset for inline in inlines])}
        return super().render_change_form(request, {**context, **more, "errors_title": text("errors_title")}, *args, **kwargs)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The same for one object."""
        row = self.get_object(request, unquote(object_id))
        context: dict[str, Any] = {}
        if row is not None and self.has_delete_permission(request, row):
            context = self._ask(request, impact_of(self.removal_of(self.model.objects.filter(pk=row.pk))))
        return super().delete_view(request, object_id, {**(extra_context or {}), **context})

    def _ask(self, request: HttpRequest, impact: Impact) -> dict[str, Any]:
        """The context of the page that asks. Where nobody has agreed yet, Django no longer sees a confirmation."""
        context = asked(request, impact)
        if request.method == "POST" and not is_agreed(request, impact):
            left = request.POST.copy()
            left.pop("post", None)
            is_action = "action" in left
            request.POST = left if is_action else QueryDict()  # type: ignore[assignment]
        return context


class SoldFilter(admin.SimpleListFilter):
    """Sold somewhere, or nowhere."""

    title = lazy_text("sold")
    parameter_name = "sold"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        return [("no", text("sold_nowhere")), ("yes", text("sold_somewhere"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those chosen."""
        return queryset.filter(store_count__gt=0) if self.value() == "yes" else self._none(queryset)

    def _none(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(store_count=0) if self.value() == "no" else queryset


class PhotoFilter(admin.SimpleListFilter):
    """With a photo, or without."""

    title = lazy_text("has_photo")
    parameter_name = "photo"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        return [("no", text("no_photo")), ("yes", text("some_photo"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those chosen."""
        if self.value() not in {"yes", "no"}:
            return queryset
        return queryset.filter(photo_count__gt=0) if self.value() == "yes" else queryset.filter(photo_count=0)


class PhotoInline(admin.TabularInline):
    """The photos of a product."""

    model = Photo
    form = PhotoForm
    formset = PhotoFormSet
    extra = 1
    max_num = MAX_PHOTO_ROWS
    fields = ("thumbnail", "upload", "is_primary", "sort_order", "about")
    readonly_fields = ("thumbnail", "about")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Of so many rows at most, however many a page claims to have."""
        return super().get_formset(request, obj, **kwargs, absolute_max=MAX_PHOTO_ROWS)

    @admin.display(description=lazy_text("photo"))
    def thumbnail(self, photo: Photo) -> SafeString | str:
        """The photo, small."""
        return small(photo)

    @admin.display(description=lazy_text("about"))
    def about(self, photo: Photo) -> SafeString | str:
        """What its file is; nothing for the empty row in which a new one is added."""
        return original(photo)


@admin.register(Company)
class CompanyAdmin(AskingAdmin):
    """Companies."""

    list_display = ("name", "id")
    search_fields = ("name",)
    fields = ("id", "name")

    def removal_of(self, rows: QuerySet[Any]) -> Removal:
        """Its stores and products protect a company from being deleted; what they are is said all the same."""
        return Removal(
            products=frozenset(Product.objects.filter(company__in=rows).values_list("id", flat=True)),
            stores=frozenset(Store.objects.filter(company__in=rows).values_list("id", flat=True)),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Company | None = None) -> tuple[str, ...]:
        """An id may be prescribed for a new company, and never changes."""
        return ("id",) if obj else ()


@admin.register(Store)
class StoreAdmin(AskingAdmin):
    """Stores."""

    list_display = ("code", "name", "company", "id")
    list_filter = ("company",)
    list_select_related = ("company",)
    search_fields = ("code", "name", "id")
    form = StoreForm

    def removal_of(self, rows: QuerySet[Any]) -> Removal:
        """A store takes its sales along."""
        return Removal(stores=frozenset(rows.values_list("id", flat=True)))

    def get_fields(self, request: HttpRequest, obj: Store | None = None) -> Any:
        """What is sold there is no field of the row, so that Django cannot show it where it may not be changed."""
        fields = ["id", "company", "code", "name"]
        return [*fields, "sells", "agreed"] if _may_save(self, request, obj) else fields

    def get_readonly_fields(self, request: HttpRequest, obj: Store | None = None) -> tuple[str, ...]:
        """An id may be prescribed for a new store; neither it nor the company ever changes."""
        return ("id", "company") if obj else ()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Also what the store sells; a sale that stays is not touched."""
        super().save_related(request, form, formsets, change)
        ended = Assortment.objects.filter(store=form.instance).exclude(product__in=form.cleaned_data["sells"])
        names = [str(sale.product) for sale in ended.select_related("product").order_by("product__sku")]
        ended.delete()
        new = [Assortment(store=form.instance, product=product) for product in form.cleaned_data["sells"]]
        Assortment.objects.bulk_create(new, ignore_conflicts=True)
        if names:
            told = text("stopped_here", store=form.instance, names=_first(names))
            self.message_user(request, told, messages.WARNING)


@admin.register(Product)
class ProductAdmin(AskingAdmin):
    """Products with their photos and where they are sold; many at a time by the actions."""

    list_display = ("sku", "name", "company", "photo_count", "store_count", "updated_at")
    list_filter = (SoldFilter, PhotoFilter, "company", "stores")
    list_select_related = ("company",)
    search_fields = ("sku", "name", "id")
    form = ProductForm
    inlines = (PhotoInline,)
    actions = ("sell_everywhere", "sell_nowhere", "delete_selected")
    show_full_result_count = False

    def removal_of(self, rows: QuerySet[Any]) -> Removal:
        """A product takes its photos and sales along."""
        return Removal(products=frozenset(rows.values_list("id", flat=True)))

    def get_fields(self, request: HttpRequest, obj: Product | None = None) -> Any:
        """Where it is sold is no field of the row, so that Django cannot show it where it may not be changed."""
        fields = ["id", "company", "sku", "name"]
        return [*fields, "sold_in", "agreed"] if _may_save(self, request, obj) else fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        """With the counts that the list shows."""
        counts = {"photo_count": Count("photos", distinct=True), "store_count": Count("assortment", distinct=True)}
        products: QuerySet[Product] = super().get_queryset(request).annotate(**counts)
        return products

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        """An id may be prescribed for a new product; neither it nor the company ever changes."""
        return ("id", "company") if obj else ()

    @admin.display(description=lazy_text("photos"), ordering="photo_count")
    def photo_count(self, product: Any) -> int:
        """How many photos it has."""
        return int(product.photo_count)

    @admin.display(description=lazy_text("stores"), ordering="store_count")
    def store_count(self, product: Any) -> SafeString | int:
        """How many stores sell it; where none does, that stands out."""
        return int(product.store_count) or format_html("<strong>⚠ {}</strong>", text("sold_nowhere"))

    @admin.action(description=lazy_text("sell_everywhere"), permissions=["change"])
    def sell_everywhere(self, request: HttpRequest, products: QuerySet[Product]) -> None:
        """One row for each store that does not sell it yet."""
        rows = [
            Assortment(store_id=store_id, product=product)
            for product in products
            for store_id in Store.objects.filter(company=product.company_id).values_list("id", flat=True)
        ]
        Assortment.objects.bulk_create(rows, ignore_conflicts=True, batch_size=5000)
        self.message_user(request, text("now_sold_everywhere", count=len(products)))

    @admin.action(description=lazy_text("sell_nowhere"), permissions=["change"])
    def sell_nowhere(self, request: HttpRequest, products: QuerySet[Product]) -> HttpResponseBase | None:
        """The products and their photos stay at head office; the stores no longer get them."""
        ids = list(products.values_list("id", flat=True))
        sales = Assortment.objects.filter(product__in=ids)
        impact = impact_of(Removal(sales=frozenset(sales.values_list("store_id", "product_id"))))
        if is_agreed(request, impact):
            sales.delete()
            self.message_user(request, text("now_sold_nowhere", count=len(ids)), messages.WARNING)
            return None
        context = {
            **self.admin_site.each_context(request),
            **asked(request, impact),
            "title": text("asked_title"),
            "intro": text("asked_sell_nowhere"),
            "opts": self.opts,
            "action": "sell_nowhere",
            "selected": ids,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/head_office/ask.html", context)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Also where the product is sold; a sale that stays is not touched."""
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
        """Photos through ingest; everything else as ever."""
        if formset.model is not Photo:
            super().save_formset(request, form, formset, change)
            return
        formset.save(commit=False)
        formset.new_objects, formset.changed_objects = [], []
        changed = [row for row in formset.forms if row.has_changed() and not formset._should_delete_form(row)]  # noqa: SLF001 - no public way to ask
        are_saved = [self._save_photo(request, formset.instance, row, formset) for row in changed]
        if all(are_saved):
            for gone in formset.deleted_objects:
                gone.delete()
        elif formset.deleted_objects:  # the photo that was to take their place may be the one that failed
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
            told = text("not_saved", name=row.instance.filename or text("the_photo"), reason=error)
            self.message_user(request, told, messages.ERROR)
            return False
        if is_new:
            formset.new_objects.append(photo)
        else:
            formset.changed_objects.append((photo, row.changed_data))
        return True


@admin.register(Photo)
class PhotoAdmin(AskingAdmin):
    """All photos, to look through; they are changed with their product."""

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
        """Only itself."""
        return Removal(photos=frozenset(rows.values_list("id", flat=True)))

    @admin.display(description=lazy_text("photo"))
    def thumbnail(self, photo: Photo) -> SafeString | str:
        """The photo, small."""
        return small(photo)

    @admin.display(description=lazy_text("about"))
    def about(self, photo: Photo) -> SafeString | str:
        """What its file is."""
        return original(photo)

    def get_readonly_fields(self, request: HttpRequest, obj: Photo | None = None) -> tuple[str, ...]:
        """All of them."""
        return self.fields

    def get_urls(self) -> list[URLPattern]:
        """Also the small pictures."""
        view = self.admin_site.admin_view(self.thumbnail_view, cacheable=True)
        own = path("<uuid:photo_id>/thumbnail/", view, name="head_office_photo_thumbnail")
        return [own, *super().get_urls()]

    def thumbnail_view(self, request: HttpRequest, photo_id: uuid.UUID) -> HttpResponse:
        """A small picture of the photo, for whoever may see photos; a grey tile where there is none."""
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
        """Whether the person may change photos: on this page nobody does, but by the action."""
        return bool(request.user.has_perm("head_office.change_photo"))

    @admin.action(description=lazy_text("make_primary"), permissions=["arrange"])
    def make_primary(self, request: HttpRequest, photos: QuerySet[Photo]) -> None:
        """Flags move, bytes do not."""
        if len(set(photos.values_list("product_id", flat=True))) < photos.count():
            self.message_user(request, text("one_primary"), messages.ERROR)
            return
        for photo in photos:
            photo.is_primary = True
            ingest.rearrange(photo)
        self.message_user(request, text("now_primary", count=len(photos)))

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

    def has_view_permission(self, request: HttpRequest, obj: Photo | None = None) -> bool:
        """Who may change photos with their product may look at them here."""
        return bool(super().has_view_permission(request, obj) or self.has_arrange_permission(request))


@admin.register(Assortment)
class AssortmentAdmin(AskingAdmin):
    """Which store sells what, by store: filter, then add or remove."""

    list_display = ("store", "product", "updated_at")
    list_filter = (("store", admin.RelatedOnlyFieldListFilter),)
    form = AssortmentForm
    list_select_related = ("store", "product")
    search_fields = ("product__sku", "product__name", "store__code")
    autocomplete_fields = ("store", "product")
    show_full_result_count = False

    def removal_of(self, rows: QuerySet[Any]) -> Removal:
        """Only the sales themselves."""
        return Removal(sales=frozenset(rows.values_list("store_id", "product_id")))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Assortment]:
        """With the names by which a page that asks shows them."""
        sales: QuerySet[Assortment] = super().get_queryset(request).select_related("store", "product")
        return sales

    def has_change_permission(self, request: HttpRequest, obj: Assortment | None = None) -> bool:
        """A sale is added or deleted; there is nothing in it to change."""
        return False


@admin.register(Account)
class AccountAdmin(AskingAdmin, UserAdmin):
    """Accounts: of stores, and of HO admins (staff). Taking «active» away ends an account at once, tokens and all."""

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
        """With the field that asks, where the account can be changed."""
        fieldsets = super().get_fieldsets(request, obj)
        asks = obj is not None and self.has_change_permission(request, obj)
        return [*fieldsets, (None, {"fields": ("agreed",)})] if asks else fieldsets

    def removal_of(self, rows: QuerySet[Any]) -> Removal:
        """Its store can no longer ask, unless it has another account."""
        return Removal(accounts=frozenset(rows.values_list("id", flat=True)))


def _may_save(page: admin.ModelAdmin, request: HttpRequest, row: Any) -> bool:
    return page.has_change_permission(request, row) if row else page.has_add_permission(request)


def _first(names: Iterable[str], most: int = 20) -> str:
    listed = list(names)
    more = [text("and_more", count=len(listed) - most)] if len(listed) > most else []
    return ", ".join([*listed[:most], *more])
