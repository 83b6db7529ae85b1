"""Checks the lines of a menu file and collects its dishes. No database, no bucket; photo files are not read."""

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from uuid import UUID

from etalase.errors import UsageError
from etalase.head_office.imports.category import category_problem, normalised
from etalase.head_office.imports.csv_lines import BEYOND, Problem, read_lines
from etalase.head_office.imports.sku import is_unreadable_name, likeness, oddity
from etalase.protocol import MAX_FILENAME_CHARS, MAX_INT32, printable

YES = frozenset({"true", "1", "yes", "y", "ya"})
NO = frozenset({"", "false", "0", "no", "n", "tidak"})
MAX_CHARS = {"sku": 100, "name": 255, "file": 1000}


@dataclass(frozen=True, slots=True)
class PhotoLine:
    """A line with a photo. ``source`` is the normalised path below PHOTOS_DIR: the photo's identity within the SKU."""

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
    """The usable dishes of the file, and the errors of its other lines."""

    dishes: list[Dish]
    problems: list[Problem]


class _LineRefused(Exception):
    """A value of the current line is wrong."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


def read_menu(
    path: Path,
    photos_dir: Path,
    *,
    store_codes: Sequence[str],
    skus: Collection[str] = (),
    takes: Callable[[str], bool] = lambda _: True,
) -> Menu:
    """Returns the menu in ``path``; ``skus`` are the SKUs that the company has.

    ``takes`` returns whether the database can hold a text.

    Names come from people only: a line without a name creates no dish (hazard 75). A new SKU that looks like an existing one is
    refused, so that a misspelt line does not silently create a second dish. Raises :class:`UsageError` if the whole file is
    unusable.
    """
    if not photos_dir.is_dir():
        raise UsageError(
            f"There is no folder {printable(str(photos_dir))}.", hint="PHOTOS_DIR is where the files of the menu are."
        )
    reader = _MenuReader(photos_dir.resolve(), store_codes, skus, takes)
    for row in read_lines(path):
        if isinstance(row, Problem):
            reader.problems.append(row)
        else:
            reader.add(*row)
    reader.keep_lost_categories()
    reader.skip_unknown_nameless_dishes()
    return Menu(list(reader.dishes.values()), reader.problems)


class _MenuReader:
    """Collects dishes and problems; compares each line with the lines before it."""

    def __init__(
        self, photos_dir: Path, store_codes: Sequence[str], skus: Collection[str], takes: Callable[[str], bool]
    ) -> None:
        self._takes = takes
        self.dishes: dict[str, Dish] = {}
        self.problems: list[Problem] = []
        self._photos_dir = photos_dir
        self._store_codes = {code.casefold(): code for code in store_codes} | {code: code for code in store_codes}
        self._skus = frozenset(skus)
        self._alike = {likeness(sku): f"SKU {printable(sku)}, which head office has" for sku in skus}
        self._nameless: dict[str, list[int]] = {}
        self._lines_of: dict[tuple[str, str], int] = {}
        self._lines_of_ids: dict[UUID, int] = {}
        self._skus_of_ids: dict[UUID, str] = {}
        self._primaries: dict[str, int] = {}
        self._categorised: dict[str, int] = {}
        self._lost_category: set[str] = set()

    def add(self, line: int, cells: dict[str, str]) -> None:
        """Adds the line, or its problem."""
        try:
            dish, photo = self._product(line, cells), self._photo(line, cells)
        except _LineRefused as refused:
            self.problems.append(Problem(line, refused.column, cells[refused.column], refused.reason))
            if cells.get("category"):
                self._lost_category.add(cells["sku"])
            return
        known = self.dishes.setdefault(dish.sku, dish)
        self._alike.setdefault(likeness(dish.sku), f"SKU {printable(dish.sku)} of line {line}")
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

    def _product(self, line: int, cells: dict[str, str]) -> Dish:
        if cells[BEYOND]:
            raise _LineRefused(BEYOND, "the line has more cells than the first line; a comma in a cell needs quotes around it")
        for name, most in MAX_CHARS.items():
            if len(cells[name]) > most:
                raise _LineRefused(name, f"has {len(cells[name])} characters; {most} are allowed")
            if "\0" in cells[name]:
                raise _LineRefused(name, "has a NUL among its characters")
            if not self._takes(cells[name]):
                raise _LineRefused(name, "has a character that the encoding of head office's database lacks")
        if not cells["sku"]:
            raise _LineRefused("sku", "is empty")
        known = self.dishes.get(cells["sku"])
        if known is None and cells["sku"] not in self._skus:
            self._refuse_odd(cells["sku"])
        if cells["name"] and is_unreadable_name(cells["name"]):
            raise _LineRefused("name", "cannot be read on a till; write the name, or leave it empty to keep the present one")
        if cells["name"] and known is not None and known.name not in {"", cells["name"]}:
            raise _LineRefused("name", f"line {known.line} calls this SKU «{printable(known.name)}»")
        product_id = self._product_id(cells, known)
        return Dish(line, cells["sku"], cells["name"], product_id, self._stores(cells["stores"]), self._category(cells, known))

    def _category(self, cells: dict[str, str], known: Dish | None) -> str | None:
        if "category" not in cells:
            return None
        category = normalised(cells["category"])
        problem = category_problem(category)
        if problem is None and not self._takes(category):
            problem = "has a character that the encoding of head office's database lacks"
        if problem is not None:
            raise _LineRefused("category", problem)
        if category and known is not None and known.category not in {None, "", category}:
            earlier = self._categorised[known.sku]
            raise _LineRefused("category", f"line {earlier} gives this SKU the category «{printable(known.category or '')}»")
        return category

    def _refuse_odd(self, sku: str) -> None:
        if near := self._alike.get(likeness(sku)):
            raise _LineRefused("sku", f"looks like {near}; is that meant? If it is another dish, make it in the admin first")
        if problem := oddity(sku):
            raise _LineRefused("sku", problem)

    def keep_lost_categories(self) -> None:
        """Lets a dish keep its category if the only line with one is bad, and the others leave the cell empty."""
        for sku in self._lost_category & self.dishes.keys():
            self.dishes[sku].category = self.dishes[sku].category or None

    def skip_unknown_nameless_dishes(self) -> None:
        """Turns each line of a dish without a name into a problem, unless head office has the dish."""
        for sku, dish in list(self.dishes.items()):
            if not dish.name:
                dish.stores = dish.named_stores or None
            if not dish.name and sku not in self._skus:
                reason = f"is empty, and head office has no dish of SKU {printable(sku)}: give a name"
                self.problems += [Problem(line, "name", "", reason) for line in self._nameless[sku]]
                del self.dishes[sku]

    def _product_id(self, cells: dict[str, str], known: Dish | None) -> UUID | None:
        product_id = _uuid(cells, "product_id")
        if product_id is None:
            return None
        if known is not None and known.product_id not in {None, product_id}:
            raise _LineRefused("product_id", f"line {known.line} gives this SKU the id {known.product_id}")
        if self._skus_of_ids.get(product_id, cells["sku"]) != cells["sku"]:
            raise _LineRefused("product_id", f"is the id of SKU {printable(self._skus_of_ids[product_id])} above")
        return product_id

    def _stores(self, text: str) -> set[str] | None:
        if not text:
            return None
        # The exact code wins over one in another case.
        given = [code.strip() for code in text.split(";") if code.strip()]
        codes = [code if code in self._store_codes else code.casefold() for code in given]
        for code in given:
            if code not in self._store_codes and code.casefold() not in self._store_codes:
                near = difflib.get_close_matches(code, set(self._store_codes.values()), n=1)
                raise _LineRefused(
                    "stores", f"there is no store {printable(code)}" + (f"; is {near[0]} meant?" if near else "")
                )
        return {self._store_codes[code] for code in codes} or None

    def _photo(self, line: int, cells: dict[str, str]) -> PhotoLine | None:
        photo_id, is_primary = _uuid(cells, "photo_id"), _yes(cells)
        sort_order = _number(cells)
        if not cells["file"]:
            if photo_id is not None:
                raise _LineRefused("photo_id", "the line names no file, so it has no photo")
            return None
        path = _below(self._photos_dir, cells["file"])
        source = PurePosixPath(cells["file"]).as_posix()
        if (earlier := self._lines_of.get((cells["sku"], source))) is not None:
            raise _LineRefused("file", f"line {earlier} names this photo of this SKU already")
        if photo_id is not None and photo_id in self._lines_of_ids:
            raise _LineRefused("photo_id", f"line {self._lines_of_ids[photo_id]} has this id already")
        if is_primary and cells["sku"] in self._primaries:
            raise _LineRefused("is_primary", f"line {self._primaries[cells['sku']]} is this SKU's primary photo already")
        if sort_order is None:
            known = self.dishes.get(cells["sku"])
            sort_order = len(known.photos) if known is not None else 0
        return PhotoLine(line, source, path, is_primary, sort_order, photo_id)


def _uuid(cells: Mapping[str, str], column: str) -> UUID | None:
    try:
        return UUID(cells[column]) if cells[column] else None
    except ValueError:
        raise _LineRefused(column, "is not a UUID") from None


def _yes(cells: Mapping[str, str]) -> bool:
    word = cells["is_primary"].casefold()
    if word not in YES | NO:
        raise _LineRefused("is_primary", "is neither yes (true, 1, yes, ya) nor no (false, 0, no, tidak, empty)")
    return word in YES


def _number(cells: Mapping[str, str]) -> int | None:
    text = cells["sort_order"]
    if not text:
        return None
    try:
        number = int(text) if text.isascii() and len(text) <= 11 else MAX_INT32 + 1
    except ValueError:
        number = MAX_INT32 + 1
    if abs(number) > MAX_INT32:
        raise _LineRefused("sort_order", f"is not a whole number from -{MAX_INT32} to {MAX_INT32}")
    return number


def _no_file(path: Path) -> str:
    if path.is_dir():
        return "is a folder, not a file"
    return "is not a file (a pipe, a socket or a device)" if path.exists() else "there is no such file in PHOTOS_DIR"


def _below(photos_dir: Path, name: str) -> Path:
    """Returns the path of a regular file below ``photos_dir``, links resolved. Raises :class:`_LineRefused` for any other."""
    if len(PurePosixPath(name).name) > MAX_FILENAME_CHARS:
        raise _LineRefused("file", f"the name has more than {MAX_FILENAME_CHARS} characters")
    try:
        path = (photos_dir / name).resolve()
        if not path.is_relative_to(photos_dir):
            raise _LineRefused("file", "lies outside PHOTOS_DIR")
        if not path.is_file():
            raise _LineRefused("file", _no_file(path))
    except (OSError, RuntimeError, ValueError) as error:
        raise _LineRefused("file", f"cannot be looked up ({error})") from None
    return path
