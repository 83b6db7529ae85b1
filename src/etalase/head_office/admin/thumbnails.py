"""Shows a photo's smallest rendition in the lists, never the photo: that may have many megapixels, and a list fifty of them."""

from typing import Any
from uuid import UUID

from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from etalase.errors import ObjectStoreError
from etalase.head_office import ingest
from etalase.head_office.messages import text
from etalase.head_office.models import Photo, PhotoRenditionSet, Rendition
from etalase.renditions import key_of

PLACEHOLDER = "etalase_admin/no-rendition.svg"


def thumbnail_tag(photo: Photo) -> SafeString | str:
    """Returns the HTML of the photo's thumbnail, or of a neutral picture without renditions; empty for an unsaved photo.

    The photo comes with its ``rendition_set`` (select_related), or costs a query.
    """
    if not photo.object_key:
        return ""
    made: PhotoRenditionSet | None = getattr(photo, "rendition_set", None)
    if made is None or made.photo_checksum != photo.checksum or made.changed_at is None:
        return _image(static(PLACEHOLDER), photo.filename, text("no_rendition"))
    address = reverse("admin:head_office_photo_thumbnail", args=[photo.id])
    return _image(f"{address}?v={made.changed_at:%y%m%d%H%M%S%f}", photo.filename, photo.filename)


def _image(address: str, alternative: str, title: str) -> SafeString:
    # The shape of a tile. Without a size, the list would move as each picture arrives.
    return format_html(
        '<img src="{}" alt="{}" title="{}" width="85" height="64" loading="lazy" style="object-fit: contain">',
        address, alternative, title,
    )  # fmt: skip


def thumbnail_response(request: HttpRequest, photo_id: UUID) -> HttpResponse:
    """Returns the photo's smallest rendition, for an address that changes with it. Raises Http404 where there is none."""
    rendition = (
        Rendition.objects.filter(set_id=photo_id, set__photo_checksum=F("set__photo__checksum")).order_by("width").first()
    )
    if rendition is None:
        raise Http404
    headers = {"ETag": f'"{rendition.checksum}"', "Cache-Control": "private, max-age=31536000, immutable"}
    if headers["ETag"] in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=304, headers=headers)
    try:
        body = ingest.bucket().get(key_of(photo_id, rendition))
    except ObjectStoreError as error:
        raise Http404 from error
    more: dict[str, Any] = {"content_type": rendition.content_type, "headers": headers}
    return HttpResponse(body, **more)
