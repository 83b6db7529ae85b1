"""Selects the renditions that a POS shows: those of the displayed photo's bytes, and of no others (ADR 0030).

The choice depends on ``photo_checksum`` alone, so that a photo and its renditions change with one row.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Q

from etalase.edge.displayed_photo import place
from etalase.edge.models import PhotoRendition


@dataclass(frozen=True, slots=True)
class RenditionRow:
    """A row of ``etalase_rendition``, as far as a POS needs it."""

    photo_id: UUID
    product_id: UUID
    is_primary: bool
    sort_order: int
    photo_checksum: str
    width: int
    height: int
    object_key: str
    content_type: str
    thumbhash: str
    is_listed: bool
    is_here: bool
    revision: int


@dataclass(frozen=True, slots=True)
class DisplayedRenditions:
    """The renditions to show for one product, in ascending width, and the ThumbHash of the same photo."""

    renditions: tuple[RenditionRow, ...] = ()
    thumbhash: str | None = None


NONE: Final = DisplayedRenditions()
COLUMNS: Final = tuple(RenditionRow.__slots__)


def displayed_renditions(
    photos: Mapping[UUID, tuple[UUID, str | None]], photoless: Collection[UUID]
) -> dict[UUID, DisplayedRenditions]:
    """Returns the renditions by product. ``photos`` has the displayed photo of each product with its checksum.

    ``photoless`` are the products without a photo row: they show the renditions of their listed primary photo. Reads the
    database and raises Django's own errors.
    """
    shown = {photo_id for photo_id, _ in photos.values()}
    records = PhotoRendition.objects.filter(
        Q(photo_id__in=shown) | Q(product_id__in=photoless, is_listed=True, is_here=True)
    ).values_list(*COLUMNS)
    of_photo: dict[UUID, list[RenditionRow]] = defaultdict(list)
    of_product: dict[UUID, list[RenditionRow]] = defaultdict(list)
    for record in records:
        row = RenditionRow(*record)
        of_photo[row.photo_id].append(row)
        of_product[row.product_id].append(row)
    found = {product: renditions_of_photo(of_photo[photo_id], checksum) for product, (photo_id, checksum) in photos.items()}
    return found | {product: renditions_without_photo(of_product[product]) for product in photoless}


def renditions_of_photo(rows: Iterable[RenditionRow], checksum: str | None) -> DisplayedRenditions:
    """Returns the renditions of the bytes with this MD5: the listed set, or the one before it until the listed one is whole.

    Two sets of the same bytes may be cut differently, and are never mixed.
    """
    same = [row for row in rows if checksum and row.photo_checksum == checksum.lower()]
    listed = [row for row in same if row.is_listed]
    before = [row for row in same if not row.is_listed and row.is_here]
    chosen = listed if not before or (listed and all(row.is_here for row in listed)) else before
    return _displayed(chosen)


def renditions_without_photo(rows: Iterable[RenditionRow]) -> DisplayedRenditions:
    """Returns the listed renditions that are here, of the photo that the product will show first (invariant I5)."""
    here = [row for row in rows if row.is_listed and row.is_here]
    first = min(
        here,
        key=lambda row: place(row.photo_id, damaged=False, is_primary=row.is_primary, sort_order=row.sort_order),
        default=None,
    )
    return _displayed([row for row in here if first is not None and row.photo_id == first.photo_id])


def _displayed(rows: Collection[RenditionRow]) -> DisplayedRenditions:
    here = tuple(sorted((row for row in rows if row.is_here), key=lambda row: row.width))
    return DisplayedRenditions(here, next((row.thumbhash for row in rows if row.thumbhash), None))
