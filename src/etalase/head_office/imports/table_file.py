"""Reads a table file as rows of text: CSV as any spreadsheet writes it, or an Excel workbook.

A spreadsheet chooses separator and encoding by the language of its computer: Excel separates by «;» where a comma is the
decimal sign, as in Indonesia, and «Unicode Text» is UTF-16 with tabs.
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final

from etalase.errors import UsageError
from etalase.head_office.imports.problem import HEADER_WITHIN, Problem

MAX_BYTES: Final = 64 * 1024 * 1024
SEPARATORS: Final = (",", ";", "\t", "|")
# Excel's first line, which names the separator; another spreadsheet may have quoted it.
_NAMED_SEPARATOR = re.compile(r'"?sep=([,;\t|])"?[,;\t|]*\s*', re.IGNORECASE)
# The longer mark first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ZIP = b"PK\x03\x04"
_OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SAVE_AS = "Save it as «CSV UTF-8» or as an Excel workbook (.xlsx)."

# The number of a line, and its cells
Row = tuple[int, list[str]]


def read_table(path: Path, *, fit: Callable[[Sequence[str]], int]) -> Iterator[Row | Problem]:
    """Yields the rows that are not empty, or the problem of a line that cannot be split into cells.

    ``fit`` returns the number of cells of a row that can be a header's; of all separators, and of all sheets, the one with the
    best first row is read. Bytes that are not UTF-8 stay in the text as «surrogateescape» represents them. Raises
    :class:`UsageError` if the file as a whole cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{path} has more than {MAX_BYTES >> 20} MiB.", hint="Is it a menu? Split it into several files.")
    if content.startswith(_OLD_OR_LOCKED):
        raise UsageError(f"{path} is an old Excel file (.xls), or locked by a password.", hint=_SAVE_AS)
    if content.startswith(_ZIP):
        # openpyxl takes a third of a second to import, and most menus are CSV.
        from etalase.head_office.imports.workbook import read_rows

        return read_rows(content, path, fit=fit)
    return _read_csv(_decoded(content, path), path, fit)


def _decoded(content: bytes, path: Path) -> str:
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), None) or _unmarked(content[:400])
    try:
        return content.decode(encoding, "surrogateescape" if encoding.startswith("utf-8") else "strict")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not {encoding.upper()}, though it begins like it.", hint=_SAVE_AS) from error


def _unmarked(start: bytes) -> str:
    """Returns the encoding of a text without a mark: in UTF-16 every other byte of Latin letters is zero."""
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) * 4 <= len(start):
        return "utf-8"
    return "utf-16-le" if odd > even else "utf-16-be"


def _read_csv(text: str, path: Path, fit: Callable[[Sequence[str]], int]) -> Iterator[Row | Problem]:
    lines: list[str] = []
    rows = csv.reader(_noted(io.StringIO(text, newline=""), lines), strict=True, delimiter=_separator(text, fit))
    while True:
        lines.clear()
        first = rows.line_num + 1
        try:
            cells = _next(rows, path)
        except csv.Error as error:
            over = "" if rows.line_num == first else f" (lines {first} to {rows.line_num})"
            yield Problem(first, "the whole line", "".join(lines).strip(), f"is not CSV: {error}{over}")
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield rows.line_num, cells


def _separator(text: str, fit: Callable[[Sequence[str]], int]) -> str:
    """Returns the separator by which a header fits best; where several do equally, the one that the file names."""
    start = list(islice(io.StringIO(text, newline=""), HEADER_WITHIN))
    named = [match[1] for line in start[:1] if (match := _NAMED_SEPARATOR.fullmatch(line))]

    def fits(separator: str) -> int:
        best = 0
        for line in start:
            with suppress(csv.Error):  # too long for a header
                best = max(best, *map(fit, csv.reader([line], delimiter=separator)), 0)
        return best

    return max((*named, *SEPARATORS), key=fits)


def _noted(file: Iterable[str], lines: list[str]) -> Iterator[str]:
    for line in file:
        lines.append(line)
        yield line


def _next(rows: Any, path: Path) -> list[str] | None:
    """Returns the next row's cells, or None after the last. Raises :class:`csv.Error` for a line that is not CSV."""
    first = rows.line_num + 1
    try:
        cells: list[str] | None = next(rows, None)
    except csv.Error as error:
        if "end of data" in str(error):  # the rest of the file is inside the quote
            raise UsageError(f"{path}, line {first}: a quote is opened there and never closed.") from error
        raise
    return cells
