"""Reads the values of single cells of a menu file. Pure."""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from etalase.head_office.imports.sku import likeness, oddity, plain
from etalase.protocol import MAX_INT32, printable

YES = frozenset({"true", "1", "yes", "y", "ya", "benar"})
NO = frozenset({"", "false", "0", "no", "n", "tidak", "salah"})
_WHOLE = re.compile(r"([+-]?[0-9]{1,10})(?:[.,]0+)?", re.ASCII)


class CellRefused(Exception):
    """A value of the current line is wrong."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


def uuid_or_none(cells: Mapping[str, str], column: str) -> UUID | None:
    """Returns the id in the column, or None of an empty cell. Raises :class:`CellRefused`."""
    try:
        return UUID(cells[column]) if cells[column] else None
    except ValueError:
        raise CellRefused(column, "is not a UUID") from None


def is_yes(cells: Mapping[str, str], column: str) -> bool:
    """Returns whether the cell says yes, in English or Indonesian; an empty one says no. Raises :class:`CellRefused`."""
    word = cells[column].casefold()
    if word not in YES | NO:
        raise CellRefused(column, "is neither yes (true, 1, yes, ya) nor no (false, 0, no, tidak, empty)")
    return word in YES


def whole_number_or_none(cells: Mapping[str, str], column: str) -> int | None:
    """Returns the number in the column, or None of an empty cell. Raises :class:`CellRefused`."""
    if not cells[column]:
        return None
    match = _WHOLE.fullmatch(cells[column])
    if match is None or abs(int(match[1])) > MAX_INT32:
        raise CellRefused(column, f"is not a whole number from -{MAX_INT32} to {MAX_INT32}")
    return int(match[1])


class Skus:
    """The SKUs of a company, and those of the lines before."""

    def __init__(self, skus: Collection[str]) -> None:
        self._known = set(skus)
        self._by_plain: dict[str, str | None] = {}
        for sku in skus:
            self._by_plain[plain(sku)] = None if plain(sku) in self._by_plain else sku
        self._alike = {likeness(sku): f"SKU {printable(sku)}, which head office has" for sku in skus}

    def read(self, cell: str) -> str:
        """Returns the SKU that the cell means: a known one, else that of a new dish. Raises :class:`CellRefused`."""
        if cell in self._known:
            return cell
        sku = plain(cell)
        if known := sku if sku in self._known else self._by_plain.get(sku):
            return known
        if near := self._alike.get(likeness(sku)):
            raise CellRefused("sku", f"looks like {near}; is that meant? If it is another dish, make it in the admin first")
        if problem := oddity(sku):
            raise CellRefused("sku", problem)
        return sku

    def add(self, sku: str, line: int) -> None:
        """Remembers the SKU of a line."""
        self._known.add(sku)
        self._by_plain.setdefault(plain(sku), sku)
        self._alike.setdefault(likeness(sku), f"SKU {printable(sku)} of line {line}")


class StoreCodes:
    """The codes of a company's stores."""

    def __init__(self, codes: Sequence[str]) -> None:
        # The exact code wins over one in another case.
        self._codes = {code.casefold(): code for code in codes} | {code: code for code in codes}

    def read(self, text: str) -> set[str] | None:
        """Returns the codes in the cell, or None of an empty one. Raises :class:`CellRefused`.

        Codes stand between ``;``, ``|`` or ``,``: whichever the file's own separator leaves.
        """
        found: set[str] = set()
        for part in text.split(";"):
            whole = self._known(part)
            found |= {whole} if whole else {self._code(piece) for piece in re.split("[|,]", part) if plain(piece)}
        return found or None

    def _known(self, text: str) -> str | None:
        code = plain(text)
        return self._codes.get(code) or self._codes.get(code.casefold())

    def _code(self, text: str) -> str:
        if code := self._known(text):
            return code
        near = difflib.get_close_matches(plain(text), set(self._codes.values()), n=1)
        raise CellRefused("stores", f"there is no store {printable(text.strip())}" + (f"; is {near[0]} meant?" if near else ""))
