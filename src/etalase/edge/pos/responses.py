"""What the API says, as JSON. ``image_url`` is in every answer about a product's image, also in one that refuses: the
guide's JavaScript shows it without looking at the status.
"""

import hashlib
from datetime import datetime
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

from etalase.edge.pos.catalogue import MenuProduct
from etalase.protocol import PLACEHOLDER_URL, format_time

# A POS that shows the alt text shows it to a cashier, whose language the API does not know.
UNKNOWN_PRODUCT = "Produk tidak dikenal · Unknown product"
NAME_UNAVAILABLE = "Nama belum terbaca · Name not available"


class ProductImage(msgspec.Struct, frozen=True, kw_only=True):
    """The one photo of a product. The last four are null for the placeholder."""

    product_id: UUID
    product_sku: str
    product_name: str
    image_url: str
    is_placeholder: bool
    photo_id: UUID | None = None
    checksum: str | None = None
    content_type: str | None = None
    updated_at: str | None = None


class ImageRefused(msgspec.Struct, frozen=True, kw_only=True):
    """No product to tell about; the placeholder may be shown all the same."""

    detail: str
    product_name: str
    image_url: str = PLACEHOLDER_URL
    is_placeholder: bool = True


class PhotoOfProduct(msgspec.Struct, frozen=True):
    """One photo in a product's entry."""

    id: UUID
    image_url: str


class ProductEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A product as the menu lists it. ``image_url`` is that of ``photos[0]``, or the placeholder's."""

    id: UUID
    sku: str
    name: str
    image_url: str
    has_photo: bool
    photos: list[PhotoOfProduct]


class ProductList(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the menu. ``next`` is the address of the page after it, or null."""

    products: list[ProductEntry]
    total: int
    limit: int
    offset: int
    next: str | None


class Refused(msgspec.Struct, frozen=True):
    """Why a request was not answered."""

    detail: str


def image_of(product: MenuProduct) -> ProductImage:
    """The answer for a product that is there."""
    photo = product.photos[0] if product.photos else None
    return ProductImage(
        product_id=product.id,
        product_sku=product.sku,
        product_name=product.name,
        image_url=photo.image_url if photo else PLACEHOLDER_URL,
        is_placeholder=photo is None,
        photo_id=photo.id if photo else None,
        checksum=photo.checksum if photo else None,
        content_type=photo.content_type if photo else None,
        updated_at=_time(photo.updated_at) if photo else None,
    )


def entry_of(product: MenuProduct) -> ProductEntry:
    """The product's entry in the list."""
    return ProductEntry(
        id=product.id,
        sku=product.sku,
        name=product.name,
        image_url=product.photos[0].image_url if product.photos else PLACEHOLDER_URL,
        has_photo=bool(product.photos),
        photos=[PhotoOfProduct(photo.id, photo.image_url) for photo in product.photos],
    )


def found(request: HttpRequest, message: msgspec.Struct) -> HttpResponseBase:
    """200 with a strong ETag over the bytes, or 304 (RFC 9110, section 13). Caches ask each time: a photo may change."""
    response = _json(message, status=200)
    response["Cache-Control"] = "no-cache"
    etag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    response["ETag"] = etag
    return get_conditional_response(request, etag=etag, response=response) or response


def uncached(message: msgspec.Struct, *, status: int) -> HttpResponse:
    """An answer that is true only now. 503 names a few seconds after which asking again makes sense."""
    response = _json(message, status=status)
    response["Cache-Control"] = "no-store"
    if status == 503:
        response["Retry-After"] = "5"
    return response


def _json(message: msgspec.Struct, *, status: int) -> HttpResponse:
    # In a project that takes the edge in, no middleware of ours sets the header.
    return HttpResponse(
        msgspec.json.encode(message),
        status=status,
        content_type="application/json",
        headers={"X-Content-Type-Options": "nosniff"},
    )


def _time(moment: datetime | None) -> str | None:
    return format_time(moment) if moment else None
