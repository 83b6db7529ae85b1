"""Loads a menu into head office: products, sales and photos; prunes rows that the file no longer names.

Only the caller's thread writes rows and objects, one product in one transaction; others read the files ahead.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from django.db import transaction

from etalase.errors import ObjectRefused, PictureRefused, UsageError
from etalase.head_office import ingest
from etalase.head_office.images import refusals
from etalase.head_office.imports.menu import Dish, Menu, PhotoLine
from etalase.head_office.imports.photo_reading import LoadedPhoto, present_photos, read_ahead
from etalase.head_office.imports.preview import ImportPreview
from etalase.head_office.imports.problem import Problem
from etalase.head_office.models import Assortment, Company, Photo, Product, Store
from etalase.head_office.removals import RowsToRemove


@dataclass(slots=True)
class ImportResult:
    """The result of an import or of its dry run: counts of the file's products and photos, and of ``pruned`` rows.

    ``changes`` lists, in a dry run, each photo that would change: SKU, file, change.
    """

    products: Counter[str] = field(default_factory=Counter)
    photos: Counter[str] = field(default_factory=Counter)
    pruned: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    changes: list[tuple[str, str, ingest.PhotoChange]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Returns the fields for ``--json``; each possible count is there, also a zero."""
        return {
            "products": {kind: self.products[kind] for kind in ("created", "updated", "unchanged", "failed")},
            "photos": {kind: self.photos[kind] for kind in ("created", "updated", "unchanged", "restored", "failed")},
            "pruned": {kind: self.pruned[kind] for kind in ("products", "photos", "sales")},
            "photo_changes": [{"sku": sku, "file": file, "change": change.value} for sku, file, change in self.changes],
            "problems": [
                {"line": p.line, "column": p.column, "value": p.value, "reason": p.reason}
                for p in sorted(self.problems, key=lambda p: p.line)
            ],
        }


def load_menu(
    company: Company, menu: Menu, preview: ImportPreview, *, advanced: Callable[[int], None], dry_run: bool = False
) -> ImportResult:
    """Makes the company's menu equal to the file. ``advanced`` is called with the number of finished photos.

    A product without a photo counts as one. The rows of ``preview.removal`` are removed at the end, unless a line was bad.
    With ``dry_run`` files are read and compared with the bucket, and nothing is written. Raises :class:`ObjectStoreError`
    if the bucket fails; dishes that were loaded before stay.
    """
    result = ImportResult(problems=list(menu.problems), photos=Counter(failed=len(menu.problems)))
    stores = dict(Store.objects.filter(company=company).values_list("code", "id"))
    known = present_photos(company)
    made, changed = {dish.sku for dish in preview.made}, preview.changed_skus()
    for dish, loaded in read_ahead(menu.dishes, known):
        if dry_run:
            change = "created" if dish.sku in made else "updated" if dish.sku in changed else "unchanged"
            _preview_dish(company, dish, loaded, change, result)
        else:
            _load_dish(company, dish, loaded, stores, result)
        advanced(max(1, len(dish.photos)))
    if not preview.removal.is_empty and not result.problems:
        if dry_run:
            _count_removals(preview.removal, result)
        else:
            _prune(preview.removal, result)
    return result


def _load_dish(
    company: Company, dish: Dish, loaded: list[LoadedPhoto], stores: dict[str, uuid.UUID], result: ImportResult
) -> None:
    """Writes one product with its sales and photos, in one transaction."""
    photos: Counter[str] = Counter()
    problems: list[Problem] = []
    try:
        with transaction.atomic():
            product, change = _product(company, dish)
            if _sell(product, _stores_of(dish, stores)):
                change = "created" if change == "created" else "updated"
            for one in loaded:
                problem = _load_photo(product, one, loaded, photos)
                if problem is not None:
                    problems.append(problem)
            ingest.ensure_primary(product.id)  # the file's primary photo may have been refused
    except UsageError as error:
        value = str(dish.product_id or dish.sku)
        result.problems.append(Problem(dish.line, "product_id" if dish.product_id else "sku", value, error.message))
        result.products["failed"] += 1
        result.photos["failed"] += len(loaded)
        return
    result.products[change] += 1
    result.photos.update(photos)
    result.problems += problems


def _preview_dish(company: Company, dish: Dish, loaded: list[LoadedPhoto], change: str, result: ImportResult) -> None:
    """Counts the changes that :func:`_load_dish` would make; ids that belong to another row show up only there."""
    product = Product.objects.filter(company=company, sku=dish.sku).first()
    result.products[change] += 1
    for one in loaded:
        if one.upload is None:
            result.photos["failed"] += 1
            result.problems.append(Problem(one.line.line, "file", one.line.source, one.refused))
            continue
        photo_change = _preview_photo(one, is_primary=product is not None and _is_primary(product, one.line, loaded))
        result.photos[photo_change] += 1
        if photo_change is not ingest.PhotoChange.UNCHANGED:
            result.changes.append((dish.sku, one.line.source, photo_change))


def _preview_photo(one: LoadedPhoto, *, is_primary: bool) -> ingest.PhotoChange:
    row, line = one.row, one.line
    if row is None:
        there = line.photo_id is not None and Photo.objects.filter(id=line.photo_id).exists()
        return ingest.PhotoChange.UPDATED if there else ingest.PhotoChange.CREATED
    if one.picture is not None and row.checksum != one.picture.checksum:
        return ingest.PhotoChange.UPDATED
    if (is_primary, line.sort_order) != (row.is_primary, row.sort_order):
        return ingest.PhotoChange.UPDATED
    return ingest.PhotoChange.UNCHANGED if one.object_is_sound else ingest.PhotoChange.RESTORED


def _stores_of(dish: Dish, stores: dict[str, uuid.UUID]) -> list[uuid.UUID]:
    """Returns the stores that the dish is to be sold in. A dish without name and stores leaves sales as they are."""
    if dish.stores is None:
        return list(stores.values()) if dish.name else []
    return [stores[code] for code in dish.stores]


def _product(company: Company, dish: Dish) -> tuple[Product, str]:
    """Returns the product of this SKU, created or changed if needed. Raises :class:`UsageError` if the id is another's."""
    found = Product.objects.filter(company=company, sku=dish.sku).first()
    if found is None and not dish.name:
        raise UsageError("head office no longer has a dish of this SKU: give a name")
    if found is None and dish.product_id is not None and (other := Product.objects.filter(id=dish.product_id).first()):
        raise UsageError(
            f"this id belongs to SKU {other.sku}" if other.company_id == company.id else "this id belongs to another company"
        )
    texts = {"name": dish.name, "category": dish.category or ""}
    prescribed = {"id": dish.product_id} if dish.product_id else {}
    product, created = (
        (found, False) if found else Product.objects.get_or_create(company=company, sku=dish.sku, defaults=texts | prescribed)
    )
    if dish.product_id is not None and product.id != dish.product_id:
        raise UsageError(f"this SKU already has the id {product.id}")
    wanted = dish.name or product.name, product.category if dish.category is None else dish.category
    if created or wanted == (product.name, product.category):
        return product, "created" if created else "unchanged"
    product.name, product.category = wanted
    product.save(update_fields=["name", "category"])
    return product, "updated"


def _sell(product: Product, store_ids: Sequence[uuid.UUID]) -> bool:
    """Adds the missing sales of the product; returns whether there were any."""
    wanted = set(store_ids) - set(Assortment.objects.filter(product=product).values_list("store_id", flat=True))
    Assortment.objects.bulk_create(
        [Assortment(store_id=store_id, product=product) for store_id in sorted(wanted)], ignore_conflicts=True
    )
    return bool(wanted)


def _load_photo(product: Product, one: LoadedPhoto, loaded: Sequence[LoadedPhoto], photos: Counter[str]) -> Problem | None:
    line = one.line
    if one.upload is None:
        photos["failed"] += 1
        return Problem(line.line, "file", line.source, one.refused)
    is_primary = _is_primary(product, line, loaded)
    wanted = (line.photo_id or (one.row and one.row.id), is_primary, line.sort_order)
    is_present = one.picture is None and one.object_is_sound
    if one.row is not None and is_present and wanted == (one.row.id, one.row.is_primary, one.row.sort_order):
        photos[ingest.PhotoChange.UNCHANGED] += 1
        return None
    offer = ingest.Offer(
        source=line.source,
        filename=PurePosixPath(line.source).name,
        upload=one.upload,
        picture=one.picture,
        is_primary=is_primary,
        sort_order=line.sort_order,
        photo_id=line.photo_id,
    )
    try:
        photos[ingest.accept(product.id, offer, object_is_sound=one.object_is_sound).value] += 1
    except UsageError as error:
        photos["failed"] += 1
        return Problem(line.line, "photo_id", str(line.photo_id), error.message)
    except (ObjectRefused, PictureRefused) as error:  # the import continues with the other photos
        photos["failed"] += 1
        reason = refusals.for_command(error) if isinstance(error, PictureRefused) else str(error)
        return Problem(line.line, "file", line.source, reason)
    return None


def _is_primary(product: Product, line: PhotoLine, loaded: Sequence[LoadedPhoto]) -> bool:
    """Returns whether the photo is primary: as in the file; if the file's primary photo is unusable, the present one stays."""
    if any(one.line.is_primary and one.upload is not None for one in loaded):
        return line.is_primary
    primary = Photo.objects.filter(product=product, is_primary=True).values_list("source", flat=True).first()
    return primary is None or primary == line.source


def _prune(removal: RowsToRemove, result: ImportResult) -> None:
    """Removes products, photos and sales, each product in one transaction."""
    for product in Product.objects.filter(id__in=removal.products).iterator(chunk_size=200):
        with transaction.atomic():
            result.pruned["photos"] += product.photos.count()
            product.delete()
            result.pruned["products"] += 1
    photos = Photo.objects.filter(id__in=removal.photos)
    for product_id in sorted(set(photos.values_list("product_id", flat=True))):
        with transaction.atomic():
            pruned = photos.filter(product_id=product_id)
            result.pruned["photos"] += pruned.count()
            pruned.delete()
            ingest.ensure_primary(product_id)
    ended: dict[uuid.UUID, list[uuid.UUID]] = {}
    for store_id, product_id in removal.sales:
        ended.setdefault(product_id, []).append(store_id)
    for product_id, store_ids in sorted(ended.items()):
        result.pruned["sales"] += Assortment.objects.filter(product_id=product_id, store_id__in=store_ids).delete()[0]


def _count_removals(removal: RowsToRemove, result: ImportResult) -> None:
    result.pruned["products"] = len(removal.products)
    result.pruned["photos"] = len(removal.photos) + Photo.objects.filter(product__in=removal.products).count()
    result.pruned["sales"] = len(removal.sales)
