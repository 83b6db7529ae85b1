"""Builds the JSON responses of the POS API.

Every response about a product's image has an ``image_url``, errors included: the guide's JavaScript ignores the status
code.
"""

import gzip
import hashlib
from datetime import datetime
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers

from etalase.content_coding import accepts_gzip
from etalase.edge.pos.catalogue import MenuProduct
from etalase.edge.pos.placeholder import placeholder_url
from etalase.protocol import format_time

# A thousand dishes are 1 MB, of which 0.2 MB are left; less than this is not worth the work.
LEAST_COMPRESSED_BYTES = 2_000
# Higher levels save a tenth more, and take three times as long.
_COMPRESSION = 1

# A cashier may see these as the alt text of an image, and the API does not know the cashier's language.
UNKNOWN_PRODUCT = "Produk tidak dikenal · Unknown product"
NAME_UNAVAILABLE = "Nama belum terbaca · Name not available"


class RenditionOfProduct(msgspec.Struct, frozen=True):
    """A small picture of the displayed photo, cut to the shape of a tile. ``width`` and ``height`` are pixels."""

    width: int
    height: int
    image_url: str
    content_type: str


class ProductImage(msgspec.Struct, frozen=True, kw_only=True):
    """The displayed photo of a product. ``photo_id`` to ``updated_at`` are null for the placeholder.

    A new store has ``renditions`` while ``image_url`` is still the placeholder's: they arrive before the photo.
    """

    product_id: UUID
    product_sku: str
    product_name: str
    image_url: str
    is_placeholder: bool
    photo_id: UUID | None = None
    checksum: str | None = None
    content_type: str | None = None
    updated_at: str | None = None
    renditions: list[RenditionOfProduct] = []
    thumbhash: str | None = None


class ImageRefused(msgspec.Struct, frozen=True, kw_only=True):
    """An error about a product's image, with the placeholder for the screen."""

    detail: str
    product_name: str
    image_url: str = msgspec.field(default_factory=placeholder_url)
    is_placeholder: bool = True


class PhotoOfProduct(msgspec.Struct, frozen=True):
    """A photo in the entry of a product."""

    id: UUID
    image_url: str


class ProductEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The entry of a product in the list. ``image_url`` is the URL of ``photos[0]`` or of the placeholder.

    ``category`` is null for a product without one.
    """

    id: UUID
    sku: str
    name: str
    category: str | None
    image_url: str
    has_photo: bool
    photos: list[PhotoOfProduct]
    renditions: list[RenditionOfProduct]
    thumbhash: str | None


class ProductList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the menu. ``next`` is the address of the next page, or null."""

    products: list[ProductEntry]
    total: int
    limit: int
    offset: int
    next: str | None


class Refused(msgspec.Struct, frozen=True):
    """The body of an error response, with its reason."""

    detail: str


def image_of(product: MenuProduct) -> ProductImage:
    """Returns the image response for an existing product."""
    photo = product.photos[0] if product.photos else None
    return ProductImage(
        product_id=product.id,
        product_sku=product.sku,
        product_name=product.name,
        image_url=photo.image_url if photo else placeholder_url(),
        is_placeholder=photo is None,
        photo_id=photo.id if photo else None,
        checksum=photo.checksum if photo else None,
        content_type=photo.content_type if photo else None,
        updated_at=_time(photo.updated_at) if photo else None,
        renditions=_renditions(product),
        thumbhash=product.thumbhash,
    )


def entry_of(product: MenuProduct) -> ProductEntry:
    """Returns the list entry of ``product``."""
    return ProductEntry(
        id=product.id,
        sku=product.sku,
        name=product.name,
        category=product.category,
        image_url=product.photos[0].image_url if product.photos else placeholder_url(),
        has_photo=bool(product.photos),
        photos=[PhotoOfProduct(photo.id, photo.image_url) for photo in product.photos],
        renditions=_renditions(product),
        thumbhash=product.thumbhash,
    )


def _renditions(product: MenuProduct) -> list[RenditionOfProduct]:
    return [RenditionOfProduct(one.width, one.height, one.image_url, one.content_type) for one in product.renditions]


def found(request: HttpRequest, message: msgspec.Struct) -> HttpResponseBase:
    """Returns 200 with a strong ETag over the bytes, or 304 (RFC 9110, section 13); compressed where the client accepts it.

    Caches must revalidate each time, because a photo may change at any moment.
    """
    response = _json(message, status=200)
    response["Cache-Control"] = "no-cache"
    patch_vary_headers(response, ("Accept-Encoding",))
    is_long = len(response.content) >= LEAST_COMPRESSED_BYTES
    is_compressed = is_long and accepts_gzip(request.headers.get("Accept-Encoding", ""))
    # A strong ETag names these very bytes, so that each coding has its own.
    etag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}{"-gzip" if is_compressed else ""}"'
    response["ETag"] = etag
    answer = get_conditional_response(request, etag=etag, response=response) or response
    if is_compressed and answer is response:
        response.content = gzip.compress(response.content, _COMPRESSION, mtime=0)
        response["Content-Encoding"] = "gzip"
    return answer


def uncached(message: msgspec.Struct, *, status: int) -> HttpResponse:
    """Returns a response that no cache may keep. Status 503 also carries a ``Retry-After`` in seconds."""
    response = _json(message, status=status)
    response["Cache-Control"] = "no-store"
    if status == 503:
        response["Retry-After"] = "5"
    return response


def _json(message: msgspec.Struct, *, status: int) -> HttpResponse:
    # In a customer's Django project, Etalase's middleware is not installed.
    return HttpResponse(
        msgspec.json.encode(message),
        status=status,
        content_type="application/json",
        headers={"X-Content-Type-Options": "nosniff"},
    )


def _time(moment: datetime | None) -> str | None:
    return format_time(moment) if moment else None
