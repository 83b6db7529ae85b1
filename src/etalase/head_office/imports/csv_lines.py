"""Splits a CSV file of a menu into lines of named cells.

Columns: ``sku,name,file,is_primary,sort_order,stores``, for categories ``category``, and for prescribed ids
``product_id,photo_id``.
"""

import csv
import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from etalase.errors import UsageError
from etalase.protocol import printable
from etalase.spreadsheet import plain_cell

REQUIRED = ("sku", "name", "file", "is_primary", "sort_order", "stores")
OPTIONAL = ("category", "product_id", "photo_id")
BEYOND = "beyond the last column"
# Bytes that are not UTF-8, as Python's «surrogateescape» represents them
NOT_UTF8 = re.compile("[\ud800-\udfff]")
MAX_SHOWN_CHARS = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in a line: column, value, reason. The line is skipped, the other lines are loaded."""

    line: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        """Returns one line of text for a person."""
        value = printable(self.value if len(self.value) <= MAX_SHOWN_CHARS else self.value[:MAX_SHOWN_CHARS] + "…")
        return f"line {self.line}, {self.column} «{value}»: {self.reason}"


def read_lines(path: Path) -> Iterator[tuple[int, dict[str, str]] | Problem]:
    """Yields line numbers with stripped cells by column, or the problem of a line that cannot be split into cells."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            text: list[str] = []
            reader = csv.reader(_with_text(file, text), strict=True)
            header = [name.strip().lower() for name in _cells(reader, path) or []]
            if header[:1] == ["sep="]:  # Excel's first line, which names the separator
                header = [name.strip().lower() for name in _cells(reader, path) or []]
            if NOT_UTF8.search("".join(header)):
                raise UsageError(f"{path} is not UTF-8.", hint="Save it as «CSV UTF-8».")
            _check_header(header, path)
            while True:
                text.clear()
                first = reader.line_num + 1
                try:
                    cells = _cells(reader, path)
                except csv.Error as error:
                    lines = "" if reader.line_num == first else f" (lines {first} to {reader.line_num})"
                    yield Problem(first, "the whole line", "".join(text).strip(), f"is not CSV: {error}{lines}")
                    continue
                if cells is None:
                    return
                if any(cell.strip() for cell in cells):
                    yield _row(reader.line_num, header, cells)
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: {error}.", hint="Is it a CSV file with commas?") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error


def _with_text(file: Iterable[str], text: list[str]) -> Iterator[str]:
    for line in file:
        text.append(line)
        yield line


def _cells(reader: Any, path: Path) -> list[str] | None:
    """Returns the next line's cells, or None after the last. Raises :class:`csv.Error` for a line that is not CSV."""
    first = reader.line_num + 1
    try:
        cells: list[str] | None = next(reader, None)
    except csv.Error as error:
        if "end of data" in str(error):  # the rest of the file is inside the quote
            raise UsageError(f"{path}, line {first}: a quote is opened there and never closed.") from error
        raise
    return cells


def _row(line: int, header: Sequence[str], cells: Sequence[str]) -> tuple[int, dict[str, str]] | Problem:
    row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
    row |= {name: plain_cell(row[name]) for name in ("sku", "name", "category") if name in row}
    # A file without the column leaves categories as they are; an empty cell removes one.
    row = {name: row.get(name, "") for name in (*REQUIRED, *OPTIONAL) if name != "category" or name in header}
    row[BEYOND] = "".join(cells[len(header) :]).strip()
    for name, value in row.items():
        if NOT_UTF8.search(value):
            shown = value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            return Problem(line, name, shown, "is not UTF-8; save the file as «CSV UTF-8»")
    return line, row


def _check_header(header: Sequence[str], path: Path) -> None:
    if len(header) == 1 and ";" in header[0]:
        raise UsageError(f"{path} separates its columns by «;».", hint="Save it with commas: «;» stands between store codes.")
    missing = [name for name in REQUIRED if name not in header]
    unknown = [name for name in header if name not in (*REQUIRED, *OPTIONAL)]
    twice = sorted({name for name in header if header.count(name) > 1})
    if not (missing or unknown or twice):
        return
    faults = [f"lacks the column {name}" for name in missing] + [f"has the column {name} twice" for name in twice]
    for name in unknown:
        near = difflib.get_close_matches(name, (*REQUIRED, *OPTIONAL), n=1)
        faults.append(f"has a column «{printable(name)}»" + (f" (is {near[0]} meant?)" if near else ""))
    raise UsageError(
        f"{path} {', '.join(faults)}.", hint=f"The first line is: {','.join(REQUIRED)} and, if wanted, {','.join(OPTIONAL)}."
    )
