"""Selects the displayed photo of a product and the hidden products: one rule for POS, ``held`` and ``status``."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from etalase.edge.models import Doubt, OwnPhoto, OwnState, Product, ProductPhoto, Removal
from etalase.edge.project import product_model_name


def place(photo_id: UUID, *, damaged: bool, is_primary: bool | None, sort_order: int | None) -> tuple[bool, bool, int, UUID]:
    """Returns the rank of a photo among its product's: the least is shown (invariant I5).

    ``damaged`` means marked in ``etalase_doubt``: a whole second photo ranks before a damaged primary one. Where all are
    damaged, the primary one ranks first again. Two primaries, none, or nulls in an adopted table are valid (hazard 41).
    """
    return damaged, not is_primary, sort_order or 0, photo_id


def photos_in_order(product_ids: Collection[UUID], *columns: str) -> list[tuple[Any, ...]]:
    """Returns (product, photo, ``columns``…) of these products' photos that have an object, by :func:`place`.

    The first row of a product is the photo that a POS shows. Reads the database and raises Django's own errors.
    """
    # Tuples, because a thousand model instances take as long as the rest of a response.
    rows = (
        ProductPhoto.objects.filter(product_id__in=product_ids, object_key__gt="")
        .annotate(damaged=Exists(Doubt.objects.filter(photo_id=OuterRef("pk"))))
        .values_list("damaged", "is_primary", "sort_order", "product_id", "id", *columns)
    )
    return [
        row[3:] for row in sorted(rows, key=lambda row: place(row[4], damaged=row[0], is_primary=row[1], sort_order=row[2]))
    ]


@dataclass(frozen=True, slots=True)
class Namesake:
    """One of several products with the same SKU. ``is_listed``: head office lists it, or a person keeps it."""

    id: UUID
    sku: str
    name: str
    is_listed: bool
    has_whole_photo: bool


def replaced(products: Iterable[Namesake]) -> set[UUID]:
    """Returns the products that got another id: head office does not list them, and a listed namesake has a photo.

    Several listed products share a SKU on purpose: then only one of the same name is a successor. A listed product is never
    left out.
    """
    by_sku: dict[str, list[Namesake]] = defaultdict(list)
    for product in products:
        if product.sku.strip():
            by_sku[product.sku.strip()].append(product)
    gone: set[UUID] = set()
    for namesakes in by_sku.values():
        listed = [product for product in namesakes if product.is_listed]
        for product in namesakes:
            successors = listed if len(listed) == 1 else [one for one in listed if one.name == product.name]
            if not product.is_listed and any(one.has_whole_photo for one in successors):
                gone.add(product.id)
    return gone


def products_left_out() -> set[UUID]:
    """Returns the products that a POS hides: :func:`replaced` in Etalase's own product table, else none.

    Reads the database and raises Django's own errors.
    """
    if product_model_name() != "etalase_edge.Product":
        return set()
    unlisted = Product.objects.filter(is_listed=False).exclude(sku="")
    photos = ProductPhoto.objects.filter(product_id=OuterRef("pk"))
    kept = Removal.objects.filter(product_id=OuterRef("pk"), state=Removal.State.REFUSED)
    own = OwnPhoto.objects.filter(product_id=OuterRef("pk")).exclude(state=OwnState.DISOWNED)
    whole = photos.filter(object_key__gt="").exclude(Exists(Doubt.objects.filter(photo_id=OuterRef("pk"))))
    namesakes = (
        Product.objects.filter(sku__in=unlisted.values("sku"))
        .annotate(is_kept=Exists(kept) | Exists(own), has_whole_photo=Exists(whole))
        .values_list("id", "sku", "name", "is_listed", "is_kept", "has_whole_photo")
    )
    return replaced(
        Namesake(id_, sku, name, is_listed or is_kept, has_whole_photo)
        for id_, sku, name, is_listed, is_kept, has_whole_photo in namesakes
    )
