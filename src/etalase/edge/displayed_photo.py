"""What a till shows: which photo of a product, and which products it leaves out. One rule for POS, ``held`` and ``status``."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef

from etalase.edge.apps import product_model_name
from etalase.edge.models import Doubt, Product, ProductPhoto, Removal


def place(photo_id: UUID, *, damaged: bool, is_primary: bool | None, sort_order: int | None) -> tuple[bool, bool, int, UUID]:
    """Returns where a photo stands among its product's: the least is shown (invariant I5).

    ``damaged`` is what is known (``etalase_doubt``), so that a second, whole photo is shown before a damaged primary one; where
    all are damaged, the primary comes first again. Two primaries, none, or nulls in an adopted table are no error (hazard 41).
    """
    return damaged, not is_primary, sort_order or 0, photo_id


@dataclass(frozen=True, slots=True)
class Namesake:
    """One of the products with the same SKU. ``is_listed``: head office lists it, or a person wants it to stay."""

    id: UUID
    sku: str
    name: str
    is_listed: bool
    has_whole_photo: bool


def replaced(products: Iterable[Namesake]) -> set[UUID]:
    """Returns the products that came back under another id: head office lists them no longer, and a namesake has its photo.

    Where it lists several of a SKU, that is shared on purpose: then only one of the same name is a successor, and none of
    those that are listed is ever left out.
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
    """Returns the products that a till does not show: :func:`replaced`, of a product table that is ours, and no other.

    Reads the database; its errors come out as Django's.
    """
    if product_model_name() != "etalase_edge.Product":
        return set()
    unlisted = Product.objects.filter(is_listed=False).exclude(sku="")
    photos = ProductPhoto.objects.filter(product_id=OuterRef("pk"))
    kept = Removal.objects.filter(product_id=OuterRef("pk"), state=Removal.State.REFUSED)
    whole = photos.filter(object_key__gt="").exclude(Exists(Doubt.objects.filter(photo_id=OuterRef("pk"))))
    namesakes = (
        Product.objects.filter(sku__in=unlisted.values("sku"))
        .annotate(is_kept=Exists(kept), has_whole_photo=Exists(whole))
        .values_list("id", "sku", "name", "is_listed", "is_kept", "has_whole_photo")
    )
    return replaced(
        Namesake(id_, sku, name, is_listed or is_kept, has_whole_photo)
        for id_, sku, name, is_listed, is_kept, has_whole_photo in namesakes
    )
