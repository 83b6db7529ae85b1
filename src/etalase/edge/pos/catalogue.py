"""Reads the menu from the current rows of ``product``, ``product_photo`` and ``etalase_rendition``.

:func:`etalase.edge.displayed_photo.place` picks the photo of a product, so that a product with at least one usable photo shows
exactly one (invariant I5).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import django.db
from django.apps import apps
from django.db.models import Count, F, Value, Window
from django.db.models.functions import Lower

from etalase.edge.database import as_database_error, translated
from etalase.edge.displayed_photo import photos_in_order, products_left_out
from etalase.edge.displayed_renditions import DisplayedRenditions, displayed_renditions
from etalase.edge.pos.search import found
from etalase.edge.project import category_lookup, product_model_name
from etalase.protocol import object_url
from etalase.renditions import rendition_url
from etalase.settings.edge import edge_settings


@dataclass(frozen=True, slots=True)
class ShownPhoto:
    """A photo with its public URL. ``checksum`` is the MD5 that head office announced, or None if it is unknown."""

    id: UUID
    image_url: str
    checksum: str | None
    content_type: str | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class ShownRendition:
    """A rendition with its public URL. ``width`` and ``height`` are pixels."""

    width: int
    height: int
    image_url: str
    content_type: str


@dataclass(frozen=True, slots=True)
class MenuProduct:
    """A product of the menu. ``photos`` are in display order; the first one is the photo of the product's tile.

    ``renditions`` and ``thumbhash`` are of the same photo; without a photo, of the photo that is on its way.
    """

    id: UUID
    sku: str
    name: str
    category: str | None
    photos: tuple[ShownPhoto, ...]
    renditions: tuple[ShownRendition, ...] = ()
    thumbhash: str | None = None


@dataclass(frozen=True, slots=True)
class MenuPage:
    """One page of products, ordered by name. ``total`` counts all products that match the search."""

    products: tuple[MenuProduct, ...]
    total: int


def find(product_id: UUID) -> MenuProduct | None:
    """Returns the product, or None. Raises :class:`DatabaseAway`."""
    with database():
        row = _products().filter(pk=product_id).values_list("pk", *_name_and_sku(), _category()).first()
        return _complete([row])[0] if row else None


def page(*, limit: int, offset: int, search: str = "", category: str = "") -> MenuPage:
    """Returns products ``offset`` to ``offset + limit`` whose name or SKU matches ``search``, in four queries.

    They are in the order of their names; with ``search``, the best matches first, as on the page. With ``category``, only
    the products of exactly that category.

    The page leaves out the old row of a product that head office now lists under another id.

    Raises :class:`DatabaseAway`.
    """
    name, sku = _name_and_sku()
    products = _products()
    if category:
        products = products.alias(menu_category=_category()).filter(menu_category=category)
    with database():
        if left_out := products_left_out():
            products = products.exclude(pk__in=left_out)
        products = products.order_by(Lower(name), "pk")
        if search:
            everything = products.values_list("pk", name, sku, _category())
            matching = found(everything, lambda row: f"{row[1] or ''} {row[2] or ''}", search)
            return MenuPage(products=tuple(_complete(matching[offset : offset + limit])), total=len(matching))
        rows = list(
            products.annotate(menu_total=Window(Count("pk"))).values_list("pk", name, sku, _category(), "menu_total")[
                offset : offset + limit
            ]
        )
        # Beyond the last page no row has the total.
        total = rows[0][-1] if rows else products.count() if offset else 0
        return MenuPage(products=tuple(_complete(rows)), total=total)


@contextmanager
def database() -> Iterator[None]:
    """Raises every database error as :class:`DatabaseAway`, since a POS can only wait, for any cause."""
    try:
        with translated():
            yield
    except django.db.Error as error:
        raise as_database_error(error) from error


def _products() -> Any:
    return apps.get_model(product_model_name())._default_manager  # noqa: SLF001 - Django's documented way to the manager


def _name_and_sku() -> tuple[str, str]:
    settings = edge_settings()
    return settings.PRODUCT_NAME_FIELD, settings.PRODUCT_SKU_FIELD


def _category() -> F | Value:
    lookup = category_lookup(edge_settings().PRODUCT_CATEGORY_FIELD)
    return F(lookup) if lookup else Value("")


def _complete(rows: Sequence[Sequence[Any]]) -> list[MenuProduct]:
    """Returns the products with their photos, and with renditions of exactly these photos, whatever is committed meanwhile."""
    photos = _photos([row[0] for row in rows])
    displayed = {product: (some[0].id, some[0].checksum) for product, some in photos.items()}
    renditions = displayed_renditions(displayed, [row[0] for row in rows if row[0] not in displayed]) if rows else {}
    return [_product(row, photos.get(row[0], ()), renditions[row[0]]) for row in rows]


def _product(row: Sequence[Any], photos: Sequence[ShownPhoto], shown: DisplayedRenditions) -> MenuProduct:
    settings = edge_settings()
    product_id, name, sku, category = row[:4]
    return MenuProduct(
        id=product_id,
        sku="" if sku is None else str(sku),
        name="" if name is None else str(name),
        category=str(category) if category and category.strip() else None,
        photos=tuple(photos),
        renditions=tuple(
            ShownRendition(
                one.width,
                one.height,
                rendition_url(settings.S3_PUBLIC_URL, settings.S3_BUCKET, one.object_key, revision=one.revision),
                one.content_type,
            )
            for one in shown.renditions
        ),
        thumbhash=shown.thumbhash,
    )


def _photos(product_ids: Sequence[UUID]) -> dict[UUID, list[ShownPhoto]]:
    settings = edge_settings()
    if not product_ids:
        return {}
    found: dict[UUID, list[ShownPhoto]] = defaultdict(list)
    columns = ("object_key", "checksum", "version", "content_type", "updated_at")
    for product_id, photo_id, key, checksum, version, content_type, updated_at in photos_in_order(product_ids, *columns):
        url = object_url(settings.S3_PUBLIC_URL, settings.S3_BUCKET, key or "", checksum=checksum, version=version)
        found[product_id].append(ShownPhoto(photo_id, url, checksum, content_type, updated_at))
    return found
