"""Previews an import: the changes that it would make, for ``--dry-run`` and for the number to confirm."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from etalase.daily_bound import PERIOD
from etalase.errors import UsageError
from etalase.head_office.change_bound import Change, ChangeKind, Confirmation
from etalase.head_office.imports.category import alike
from etalase.head_office.imports.menu import Dish, Menu
from etalase.head_office.models import Assortment, Company, Photo, Product, Store
from etalase.head_office.removals import Impact, RowsToRemove, impact_of


@dataclass(frozen=True, slots=True)
class Rename:
    """A dish whose name changes on all tills."""

    sku: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class CategoryChange:
    """An existing dish that gets another category, or with an empty ``new`` none."""

    sku: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Spelling:
    """One spelling of a category: the number of its dishes, and the first line of the file that has it."""

    category: str
    dishes: int
    line: int | None


@dataclass(slots=True)
class ImportPreview:
    """The changes that a menu would make. ``added`` and ``ended`` are SKUs by store code; ``nameless`` counts dishes.

    ``alike_categories`` are spellings that a person takes for one category, and that a till would show as several.
    """

    made: list[Dish] = field(default_factory=list)
    renamed: list[Rename] = field(default_factory=list)
    recategorised: list[CategoryChange] = field(default_factory=list)
    alike_categories: list[list[Spelling]] = field(default_factory=list)
    nameless: int = 0
    added: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    ended: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    removed_products: list[tuple[str, str]] = field(default_factory=list)
    removed_photos: list[tuple[str, str]] = field(default_factory=list)
    removal: RowsToRemove = field(default_factory=RowsToRemove)
    impact: Impact = field(default_factory=Impact)
    confirmation: Confirmation = field(default_factory=lambda: Confirmation(0, ()))

    def changed_skus(self) -> set[str]:
        """Returns the SKUs of dishes that get another name, another category or a new sale."""
        added = {sku for skus in self.added.values() for sku in skus}
        return added | {one.sku for one in self.renamed} | {one.sku for one in self.recategorised}

    def as_json(self) -> dict[str, Any]:
        """Returns the fields for ``--json``."""
        codes = sorted(self.added.keys() | self.ended.keys())
        return {
            "made": [{"sku": dish.sku, "name": dish.name} for dish in self.made],
            "renamed": [{"sku": rename.sku, "old": rename.old, "new": rename.new} for rename in self.renamed],
            "recategorised": [{"sku": one.sku, "old": one.old, "new": one.new} for one in self.recategorised],
            "alike_categories": [
                [{"category": one.category, "dishes": one.dishes, "line": one.line} for one in group]
                for group in self.alike_categories
            ],
            "sales": {code: {"added": self.added.get(code, []), "removed": self.ended.get(code, [])} for code in codes},
            "removed": {
                "products": [{"sku": sku, "name": name} for sku, name in self.removed_products],
                "photos": [{"sku": sku, "file": source} for sku, source in self.removed_photos],
                "bare": self.impact.bare,
                "unsold": self.impact.unsold,
            },
            "names_kept": self.nameless,
            "number": self.confirmation.number,
            "asks": self.confirmation.is_required,
        }


def preview_import(company: Company, menu: Menu, *, prune: bool) -> ImportPreview:
    """Returns the changes that loading the menu would make, except those of photo bytes. Reads the database, writes nothing.

    Raises :class:`UsageError` for a prune of a file with bad lines or without any.
    """
    if prune and menu.problems:
        listed = "\n".join(f"  {problem}" for problem in menu.problems[:20])
        raise UsageError(f"Nothing was loaded: --prune would remove what the bad lines were meant to keep.\n{listed}")
    if prune and not menu.dishes:
        raise UsageError("Nothing was loaded: --prune with a menu without a line would remove everything.")
    preview = ImportPreview(nameless=sum(not dish.name for dish in menu.dishes))
    there = {product.sku: product for product in Product.objects.filter(company=company)}
    codes = dict(Store.objects.filter(company=company).values_list("id", "code"))
    sold: dict[UUID, set[UUID]] = defaultdict(set)
    for product_id, store_id in Assortment.objects.filter(store__in=codes).values_list("product_id", "store_id"):
        sold[product_id].add(store_id)
    for dish in menu.dishes:
        product = there.get(dish.sku)
        if product is None:
            preview.made.append(dish)
        elif dish.name and dish.name != product.name:
            preview.renamed.append(Rename(dish.sku, product.name, dish.name))
        now = sold[product.id] if product else set()
        for store_id, code in codes.items():
            if _sells(dish, code) and store_id not in now:
                preview.added[code].append(dish.sku)
    if prune:
        _preview_removals(menu, there, sold, codes, preview)
    preview.recategorised = list(_category_changes(menu, there))
    preview.alike_categories = _alike_categories(menu, there, prune=prune)
    again = {there[rename.sku].id for rename in preview.renamed}
    lately = len(_renamed_lately(company) - again)
    renames = Change(company.name, ChangeKind.RENAMED, len(preview.renamed), len(there), lately)
    touched = preview.impact.touched | again
    preview.confirmation = Confirmation(len(touched), (renames, *preview.impact.changes))
    return preview


def _renamed_lately(company: Company) -> set[UUID]:
    renamed = Product.objects.filter(company=company, renamed_at__gt=Now() - PERIOD)
    return set(renamed.values_list("id", flat=True))


def _category_changes(menu: Menu, there: Mapping[str, Product]) -> Iterator[CategoryChange]:
    for dish in menu.dishes:
        if dish.category is not None and dish.sku in there and there[dish.sku].category != dish.category:
            yield CategoryChange(dish.sku, there[dish.sku].category, dish.category)


def _alike_categories(menu: Menu, there: Mapping[str, Product], *, prune: bool) -> list[list[Spelling]]:
    """Returns the spellings of each category that the file names and that would have several."""
    of_sku = {} if prune else {sku: product.category for sku, product in there.items()}
    line_of: dict[str, int] = {}
    for dish in menu.dishes:
        if dish.category is None:
            of_sku.setdefault(dish.sku, there[dish.sku].category if dish.sku in there else "")
        else:
            of_sku[dish.sku] = dish.category
            line_of.setdefault(dish.category, dish.line)
    dishes = Counter(of_sku.values())
    groups = [[Spelling(name, dishes[name], line_of.get(name)) for name in group] for group in alike(dishes)]
    return [group for group in groups if any(one.line is not None for one in group)]


def _sells(dish: Dish, code: str) -> bool:
    """Returns whether this store sells the dish by the file. A dish without name and stores leaves sales as they are."""
    return bool(dish.name) if dish.stores is None else code in dish.stores


def _preview_removals(
    menu: Menu,
    there: Mapping[str, Product],
    sold: Mapping[UUID, set[UUID]],
    codes: Mapping[UUID, str],
    preview: ImportPreview,
) -> None:
    """Adds the rows that a prune removes: unlisted products, and unlisted photos and sales of the listed products."""
    dishes = {there[dish.sku].id: dish for dish in menu.dishes if dish.sku in there}
    products = [product for product in there.values() if product.id not in dishes]
    preview.removed_products = [(product.sku, product.name) for product in products]
    photos: set[UUID] = set()
    rows = Photo.objects.filter(product__in=list(dishes)).values_list("id", "product_id", "product__sku", "source")
    for id_, product_id, sku, source in rows:
        named = dishes[product_id].photos
        if not any(line.source == source or line.photo_id == id_ for line in named):
            photos.add(id_)
            preview.removed_photos.append((sku, source))
    sales: set[tuple[UUID, UUID]] = set()
    for product_id, dish in dishes.items():
        if dish.stores is None:
            continue
        for store_id in sold.get(product_id, set()):
            if codes[store_id] not in dish.stores:
                sales.add((store_id, product_id))
                preview.ended[codes[store_id]].append(dish.sku)
    preview.removal = RowsToRemove(
        products=frozenset(product.id for product in products),
        photos=frozenset(photos),
        sales=frozenset(sales),
        replaced=frozenset(product_id for product_id, dish in dishes.items() if dish.photos),
        resold=frozenset(there[sku].id for skus in preview.added.values() for sku in skus if sku in there),
    )
    preview.impact = impact_of(preview.removal)
