"""Checks the lines of a menu file and collects its dishes. No database, no bucket; photo files are not read."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from uuid import UUID

from etalase.head_office.imports.category import category_problem, normalised
from etalase.head_office.imports.cell_values import CellRefused, Skus, StoreCodes, is_yes, uuid_or_none, whole_number_or_none
from etalase.head_office.imports.menu_lines import BEYOND, read_lines
from etalase.head_office.imports.photo_paths import PhotoFolder, caseless, composed
from etalase.head_office.imports.problem import Problem
from etalase.head_office.imports.sku import is_unreadable_name
from etalase.protocol import printable

MAX_CHARS = {"sku": 100, "name": 255, "file": 1000}


@dataclass(frozen=True, slots=True)
class PhotoLine:
    """A line with a photo. ``source`` is the photo's identity within the SKU: a normalised path below PHOTOS_DIR."""

    line: int
    source: str
    path: Path
    is_primary: bool
    sort_order: int
    photo_id: UUID | None


@dataclass(slots=True)
class Dish:
    """A product with all its lines. ``stores`` are codes; None means every store of the company.

    Without a ``name`` the dish must exist already and keeps its name, and with ``stores`` None also its sales. ``category`` is
    None in a file without the column; the dish then keeps its own.
    """

    line: int
    sku: str
    name: str
    product_id: UUID | None
    stores: set[str] | None
    category: str | None = None
    named_stores: set[str] = field(default_factory=set)
    photos: list[PhotoLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Menu:
    """The usable dishes of the file, and the errors of its other lines.

    ``read_as`` has the SKUs that were read without a spreadsheet's additions: line, SKU as written, SKU as read.
    """

    dishes: list[Dish]
    problems: list[Problem]
    read_as: list[tuple[int, str, str]] = field(default_factory=list)


def read_menu(
    path: Path,
    photos_dir: Path,
    *,
    store_codes: Sequence[str],
    present: Mapping[str, Collection[str]] | None = None,
    takes: Callable[[str], bool] = lambda _: True,
) -> Menu:
    """Returns the menu in ``path``; ``present`` has the SKUs of the company, each with the sources of its photos.

    ``takes`` returns whether the database can hold a text.

    Names come from people only: a line without a name creates no dish (hazard 75). A SKU is read without the characters that
    spreadsheets add to it; a new SKU that looks like an existing one is refused, so that a misspelt line does not silently
    create a second dish. Raises :class:`UsageError` if the whole file is unusable.
    """
    reader = _MenuReader(PhotoFolder(photos_dir), StoreCodes(store_codes), present or {}, takes)
    for row in read_lines(path):
        if isinstance(row, Problem):
            reader.problems.append(row)
        else:
            reader.add(*row)
    reader.keep_lost_categories()
    reader.skip_unknown_nameless_dishes()
    return Menu(list(reader.dishes.values()), reader.problems, reader.read_as)


class _MenuReader:
    """Collects dishes and problems; compares each line with the lines before it."""

    def __init__(
        self,
        folder: PhotoFolder,
        store_codes: StoreCodes,
        present: Mapping[str, Collection[str]],
        takes: Callable[[str], bool],
    ) -> None:
        self._takes = takes
        self.dishes: dict[str, Dish] = {}
        self.problems: list[Problem] = []
        self.read_as: list[tuple[int, str, str]] = []
        self._folder = folder
        self._store_codes = store_codes
        self._present = present
        self._skus = Skus(present)
        self._nameless: dict[str, list[int]] = {}
        self._lines_of: dict[tuple[str, str], int] = {}
        self._lines_of_ids: dict[UUID, int] = {}
        self._skus_of_ids: dict[UUID, str] = {}
        self._primaries: dict[str, int] = {}
        self._categorised: dict[str, int] = {}
        self._lost_category: set[str] = set()

    def add(self, line: int, cells: dict[str, str]) -> None:
        """Adds the line, or its problem."""
        sku = cells["sku"]
        try:
            sku = self._sku(cells)
            named = cells | {"sku": sku}
            dish, photo = self._product(line, named), self._photo(line, named)
        except CellRefused as refused:
            self.problems.append(Problem(line, refused.column, cells[refused.column], refused.reason))
            if cells.get("category"):
                self._lost_category.add(sku)
            return
        if sku != cells["sku"]:
            self.read_as.append((line, cells["sku"], sku))
        known = self.dishes.setdefault(dish.sku, dish)
        self._skus.add(dish.sku, line)
        if not dish.name:
            self._nameless.setdefault(dish.sku, []).append(line)
        known.name = known.name or dish.name
        known.product_id = known.product_id or dish.product_id
        known.category = known.category or dish.category
        if dish.category:
            self._categorised.setdefault(dish.sku, line)
        known.named_stores |= dish.stores or set()
        known.stores = None if known.stores is None or dish.stores is None else known.stores | dish.stores
        if dish.product_id is not None:
            self._skus_of_ids[dish.product_id] = dish.sku
        if photo is not None:
            self._lines_of[dish.sku, photo.source] = line
            if photo.photo_id is not None:
                self._lines_of_ids[photo.photo_id] = line
            if photo.is_primary:
                self._primaries[dish.sku] = line
            known.photos.append(photo)

    def _sku(self, cells: dict[str, str]) -> str:
        if cells[BEYOND]:
            raise CellRefused(BEYOND, "the line has more cells than the first line; a comma in a cell needs quotes around it")
        for name, most in MAX_CHARS.items():
            if len(cells[name]) > most:
                raise CellRefused(name, f"has {len(cells[name])} characters; {most} are allowed")
            if "\0" in cells[name]:
                raise CellRefused(name, "has a NUL among its characters")
            if not self._takes(cells[name]):
                raise CellRefused(name, "has a character that the encoding of head office's database lacks")
        if not cells["sku"]:
            raise CellRefused("sku", "is empty")
        return self._skus.read(cells["sku"])

    def _product(self, line: int, cells: dict[str, str]) -> Dish:
        known = self.dishes.get(cells["sku"])
        if cells["name"] and is_unreadable_name(cells["name"]):
            raise CellRefused("name", "cannot be read on a till; write the name, or leave it empty to keep the present one")
        if cells["name"] and known is not None and known.name not in {"", cells["name"]}:
            raise CellRefused("name", f"line {known.line} calls this SKU «{printable(known.name)}»")
        product_id = self._product_id(cells, known)
        return Dish(
            line, cells["sku"], cells["name"], product_id, self._store_codes.read(cells["stores"]), self._category(cells, known)
        )

    def _category(self, cells: dict[str, str], known: Dish | None) -> str | None:
        if "category" not in cells:
            return None
        category = normalised(cells["category"])
        problem = category_problem(category)
        if problem is None and not self._takes(category):
            problem = "has a character that the encoding of head office's database lacks"
        if problem is not None:
            raise CellRefused("category", problem)
        if category and known is not None and known.category not in {None, "", category}:
            earlier = self._categorised[known.sku]
            raise CellRefused("category", f"line {earlier} gives this SKU the category «{printable(known.category or '')}»")
        return category

    def keep_lost_categories(self) -> None:
        """Lets a dish keep its category if the only line with one is bad, and the others leave the cell empty."""
        for sku in self._lost_category & self.dishes.keys():
            self.dishes[sku].category = self.dishes[sku].category or None

    def skip_unknown_nameless_dishes(self) -> None:
        """Turns each line of a dish without a name into a problem, unless head office has the dish."""
        for sku, dish in list(self.dishes.items()):
            if not dish.name:
                dish.stores = dish.named_stores or None
            if not dish.name and sku not in self._present:
                reason = f"is empty, and head office has no dish of SKU {printable(sku)}: give a name"
                self.problems += [Problem(line, "name", "", reason) for line in self._nameless[sku]]
                del self.dishes[sku]

    def _product_id(self, cells: dict[str, str], known: Dish | None) -> UUID | None:
        product_id = uuid_or_none(cells, "product_id")
        if product_id is None:
            return None
        if known is not None and known.product_id not in {None, product_id}:
            raise CellRefused("product_id", f"line {known.line} gives this SKU the id {known.product_id}")
        if self._skus_of_ids.get(product_id, cells["sku"]) != cells["sku"]:
            raise CellRefused("product_id", f"is the id of SKU {printable(self._skus_of_ids[product_id])} above")
        return product_id

    def _photo(self, line: int, cells: dict[str, str]) -> PhotoLine | None:
        photo_id, is_primary = uuid_or_none(cells, "photo_id"), is_yes(cells, "is_primary")
        sort_order = whole_number_or_none(cells, "sort_order")
        if not cells["file"]:
            if photo_id is not None:
                raise CellRefused("photo_id", "the line names no file, so it has no photo")
            return None
        name, path = self._folder.find(cells["file"])
        source = self._source(cells, name)
        if (earlier := self._lines_of.get((cells["sku"], source))) is not None:
            raise CellRefused("file", f"line {earlier} names this photo of this SKU already")
        if photo_id is not None and photo_id in self._lines_of_ids:
            raise CellRefused("photo_id", f"line {self._lines_of_ids[photo_id]} has this id already")
        if is_primary and cells["sku"] in self._primaries:
            raise CellRefused("is_primary", f"line {self._primaries[cells['sku']]} is this SKU's primary photo already")
        if sort_order is None:
            known = self.dishes.get(cells["sku"])
            sort_order = len(known.photos) if known is not None else 0
        return PhotoLine(line, source, path, is_primary, sort_order, photo_id)

    def _source(self, cells: dict[str, str], name: str) -> str:
        """Returns the source of the dish's present photo of this file, else the name of the file.

        A folder that was copied from another computer may spell the same names in another way.
        """
        present = self._present.get(cells["sku"], ())
        for source in (PurePosixPath(cells["file"]).as_posix(), name):
            if source in present:
                return source
        for form in (composed, caseless):
            alike = [source for source in present if form(source) == form(name) and not self._folder.has(source)]
            if len(alike) == 1:
                return alike[0]
        return name
