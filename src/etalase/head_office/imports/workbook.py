"""Reads an Excel workbook (.xlsx) as rows of text, as a person sees the cells. Owns openpyxl."""

import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, Final

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from etalase.errors import UsageError
from etalase.head_office.imports.problem import HEADER_WITHIN, Problem

MAX_UNPACKED_BYTES: Final = 256 * 1024 * 1024
MAX_COLUMNS: Final = 200
# Excel keeps fifteen digits of a number.
MAX_EXACT: Final = 10**15
# A number format that shows leading zeros: «00000000», also with a section for negative numbers
_LEADING_ZEROS = re.compile(r"(0{2,})(?:;.*)?")
_SAVE_AS = "Save it as an Excel workbook (.xlsx) or as «CSV UTF-8»."

Fit = Callable[[Sequence[str]], int]


def read_rows(content: bytes, path: Path, *, fit: Fit) -> Iterator[tuple[int, list[str]] | Problem]:
    """Yields the rows of the sheet whose header fits best, as :func:`~.table_file.read_table` does.

    A formula counts as its last result, and a number as the sheet shows it if its format adds zeros. A cell with a date, or a
    formula without a result, is the problem of its row. Raises :class:`UsageError` for a file that cannot be read, and where
    several sheets fit equally.
    """
    _check_package(content, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parts that no menu needs: styles, validations, drawings
            results = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
            formulas = load_workbook(io.BytesIO(content), read_only=True, data_only=False)
            name = _sheet_of_menu(results, path, fit)
            yield from _rows(results[name], formulas[name])
    except UsageError:
        raise
    except Exception as error:  # openpyxl raises whatever its parts raise
        raise UsageError(f"{path} is a damaged Excel workbook ({type(error).__name__}).", hint=_SAVE_AS) from error


def _check_package(content: bytes, path: Path) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            parts = package.infolist()
    except zipfile.BadZipFile as error:
        raise UsageError(f"{path} is a damaged Excel workbook.", hint=_SAVE_AS) from error
    if "xl/workbook.xml" not in {part.filename for part in parts}:
        raise UsageError(f"{path} is a packed file other than an Excel workbook.", hint=_SAVE_AS)
    if sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
        raise UsageError(f"{path} has more than {MAX_UNPACKED_BYTES >> 20} MiB inside.", hint="Keep only the menu in it.")


def _sheet_of_menu(book: Any, path: Path, fit: Fit) -> str:
    """Returns the name of the visible sheet whose header fits best."""
    fits: dict[str, int] = {}
    for sheet in book.worksheets:
        if sheet.sheet_state == "visible":
            rows = sheet.iter_rows(max_row=HEADER_WITHIN, max_col=MAX_COLUMNS, values_only=True)
            fits[sheet.title] = max((fit([str(value or "") for value in row]) for row in rows), default=0)
    if not fits:
        raise UsageError(f"{path} has no visible sheet.")
    best = [name for name, fitting in fits.items() if fitting == max(fits.values())]
    if len(best) > 1 and fits[best[0]]:
        raise UsageError(
            f"{path} has several sheets with a menu: {', '.join(best)}.",
            hint="Leave one of them in the file, or hide the others.",
        )
    return best[0]


def _rows(results: Any, formulas: Any) -> Iterator[tuple[int, list[str]] | Problem]:
    for sheet in (results, formulas):
        sheet.reset_dimensions()  # a file may give any
    pairs = zip(results.iter_rows(max_col=MAX_COLUMNS), formulas.iter_rows(max_col=MAX_COLUMNS), strict=True)
    for number, (row, written) in enumerate(pairs, 1):
        try:
            cells = [_text(cell, formula) for cell, formula in zip(row, written, strict=True)]
        except _Unreadable as cell:
            yield Problem(number, f"cell {cell.column}{number}", cell.shown, cell.reason)
            continue
        while cells and not cells[-1].strip():
            cells.pop()
        if cells:
            yield number, cells


class _Unreadable(Exception):
    """A cell without a text that its author could have meant."""

    def __init__(self, cell: Any, reason: str) -> None:
        super().__init__(reason)
        self.column, self.shown, self.reason = get_column_letter(cell.column), str(cell.value), reason


def _text(cell: Any, formula: Any) -> str:
    """Returns the text that a sheet shows in the cell. Raises :class:`_Unreadable`."""
    value = cell.value
    if value is None:
        if formula.value is not None:
            raise _Unreadable(
                formula, "is a formula without a result; open the file in a spreadsheet program and save it again"
            )
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(cell, value)
    if isinstance(value, date | time | timedelta):
        raise _Unreadable(cell, "is a date to the spreadsheet; make the column a text column and write the value again")
    return str(value)


def _number(cell: Any, value: float) -> str:
    if abs(value) >= MAX_EXACT:
        raise _Unreadable(cell, "has more digits than a spreadsheet keeps; make the column a text column and write it again")
    text = str(int(value)) if value == int(value) else str(value)
    zeros = _LEADING_ZEROS.fullmatch(cell.number_format or "")
    return text.zfill(len(zeros[1])) if zeros else text
