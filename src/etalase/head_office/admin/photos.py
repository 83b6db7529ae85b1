"""Defines the admin page of photos, with their thumbnails."""

# mypy: disable-error-code="type-arg"
# Django's admin classes are generic in their stubs only.

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from etalase.head_office import audit, ingest
from etalase.head_office.admin.companies import OwnRelatedFilter
from etalase.head_office.admin.confirming import ConfirmingAdmin
from etalase.head_office.admin.thumbnails import thumbnail_response, thumbnail_tag
from etalase.head_office.audit import Audited
from etalase.head_office.messages import lazy_text, text
from etalase.head_office.models import Photo
from etalase.head_office.removals import RowsToRemove
from etalase.protocol import object_url
from etalase.settings.head_office import head_office_settings


def photo_link(photo: Photo) -> SafeString | str:
    """Returns a link to the photo's object with its size and version; empty for an unsaved photo."""
    if not photo.object_key:
        return ""
    settings = head_office_settings()
    url = object_url(settings.S3_PUBLIC_URL, settings.S3_BUCKET, photo.object_key, checksum=photo.checksum)
    about = text("about_photo", size=f"{photo.size:,}", version=photo.version)
    return format_html('<a href="{}" target="_blank" rel="noopener">{}</a> ({})', url, text("open_photo"), about)


class RenditionFilter(admin.SimpleListFilter):
    """Filters by photos that wait for their renditions, or of which none can be made."""

    title = lazy_text("renditions")
    parameter_name = "renditions"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Returns the choices."""
        return [("waiting", text("rendition_waiting")), ("failed", text("rendition_failed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Returns the photos of the choice; all of them without one."""
        if self.value() == "failed":
            return queryset.exclude(rendition_set__problem="").filter(rendition_set__isnull=False)
        if self.value() == "waiting":
            return queryset.filter(rendition_set__problem="", rendition_set__due_at__isnull=False)
        return queryset


@admin.register(Photo)
class PhotoAdmin(ConfirmingAdmin):
    """All photos, read-only; photos are changed on their product's page."""

    list_display = ("thumbnail", "dish", "is_primary", "sort_order", "filename", "version", "updated_at")
    list_display_links = ("filename",)
    list_filter = ("is_primary", RenditionFilter, "content_type", ("product__company", OwnRelatedFilter))
    list_select_related = ("product", "rendition_set")
    list_per_page = 50
    search_fields = ("product__sku", "product__name", "filename", "checksum")
    show_full_result_count = False
    fields = ("thumbnail", "about", "product", "filename", "is_primary", "sort_order", "updated_at")
    actions = ("make_primary", "delete_selected")

    def removal_of(self, rows: QuerySet[Any]) -> RowsToRemove:
        """Returns the photos."""
        return RowsToRemove(photos=frozenset(rows.values_list("id", flat=True)))

    @admin.display(description=lazy_text("photo"))
    def thumbnail(self, photo: Photo) -> SafeString | str:
        """Returns the thumbnail."""
        return thumbnail_tag(photo)

    @admin.display(description=lazy_text("product"), ordering="product")
    def dish(self, photo: Photo) -> str:
        """Returns the product; Django breaks no line in a column of its own for it, so that the others leave a small screen."""
        return str(photo.product)

    @admin.display(description=lazy_text("about"))
    def about(self, photo: Photo) -> SafeString | str:
        """Returns the link to the object."""
        return photo_link(photo)

    def get_readonly_fields(self, request: HttpRequest, obj: Photo | None = None) -> tuple[str, ...]:
        """Makes every field read-only."""
        return self.fields

    def get_urls(self) -> list[URLPattern]:
        """Adds the URL of the thumbnails."""
        view = self.admin_site.admin_view(self.thumbnail_view, cacheable=True)
        own = path("<uuid:photo_id>/thumbnail/", view, name="head_office_photo_thumbnail")
        return [own, *super().get_urls()]

    def thumbnail_view(self, request: HttpRequest, photo_id: uuid.UUID) -> HttpResponse:
        """Returns the photo's thumbnail. Raises PermissionDenied and Http404."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if not self.get_queryset(request).filter(pk=photo_id).exists():
            raise Http404
        return thumbnail_response(request, photo_id)

    def has_arrange_permission(self, request: HttpRequest) -> bool:
        """Returns whether the person may run the action, which is the only way to change photos on this page."""
        return bool(request.user.has_perm("head_office.change_photo"))

    @admin.action(description=lazy_text("make_primary"), permissions=["arrange"])
    def make_primary(self, request: HttpRequest, photos: QuerySet[Photo]) -> None:
        """Makes the selected photos primary; objects stay as they are."""
        if len(set(photos.values_list("product_id", flat=True))) < photos.count():
            self.message_user(request, text("one_primary"), messages.ERROR)
            return
        audit.note(audit.person_of(request), Audited.MADE_PRIMARY, photos)
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
