"""Reads a menu file as lines of named cells.

Columns: ``sku,name,file,is_primary,sort_order,stores``, for categories ``category``, and for prescribed ids
``product_id,photo_id``.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from etalase.errors import UsageError
from etalase.head_office.imports.problem import HEADER_WITHIN, Problem
from etalase.head_office.imports.sku import plain
from etalase.head_office.imports.table_file import Row, read_table
from etalase.protocol import printable
from etalase.spreadsheet import plain_cell

REQUIRED = ("sku", "name", "file", "is_primary", "sort_order", "stores")
OPTIONAL = ("category", "product_id", "photo_id")
BEYOND = "beyond the last column"
# Bytes that are not UTF-8, as Python's «surrogateescape» represents them
NOT_UTF8 = re.compile("[\ud800-\udfff]")


def read_lines(path: Path) -> Iterator[tuple[int, dict[str, str]] | Problem]:
    """Yields line numbers with stripped cells by column, or the problem of a line that cannot be split into cells.

    Lines above the header are skipped. Raises :class:`UsageError` without a header, or with one that is not a menu's.
    """
    table = read_table(path, fit=_fit)
    start = list(islice(table, HEADER_WITHIN))
    at, header = _header(start, path)
    for row in chain(start[at + 1 :], table):
        yield row if isinstance(row, Problem) else _line(*row, header)


def _fit(cells: Sequence[str]) -> int:
    """Returns the number of columns of a menu that the cells name, as a header."""
    return len({*_names(cells)} & {*REQUIRED, *OPTIONAL})


def _names(cells: Sequence[str]) -> list[str]:
    return [plain(cell).lower() for cell in cells]


def _header(start: Sequence[Row | Problem], path: Path) -> tuple[int, list[str]]:
    """Returns the place of the header in ``start``, and its names without empty ones at the end."""
    rows = [[] if isinstance(row, Problem) else row[1] for row in start]
    at = max(range(len(rows)), key=lambda number: _fit(rows[number]), default=0)
    header = _names(rows[at]) if rows else []
    if not header and start:
        raise UsageError(f"{path}, {start[at]}.", hint=f"The first line is: {','.join(REQUIRED)}")
    while header and not header[-1]:
        header.pop()
    if NOT_UTF8.search("".join(header)):
        raise UsageError(f"{path} is not UTF-8.", hint="Save it as «CSV UTF-8».")
    _check_header(header, path)
    return at, header


def _line(line: int, cells: Sequence[str], header: Sequence[str]) -> tuple[int, dict[str, str]] | Problem:
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
    missing = [name for name in REQUIRED if name not in header]
    unknown = [(place, name) for place, name in enumerate(header, 1) if name not in (*REQUIRED, *OPTIONAL)]
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if not (missing or unknown or twice):
        return
    faults = [f"lacks the column {name}" for name in missing] + [f"has the column {name} twice" for name in twice]
    for place, name in unknown:
        near = difflib.get_close_matches(name, (*REQUIRED, *OPTIONAL), n=1)
        shown = f"«{printable(name[:100])}»" if name else f"without a name (number {place})"
        faults.append(f"has a column {shown}" + (f" (is {near[0]} meant?)" if near else ""))
    raise UsageError(
        f"{path} {', '.join(faults)}.", hint=f"The first line is: {','.join(REQUIRED)} and, if wanted, {','.join(OPTIONAL)}."
    )
