"""Reading tables as spreadsheets write them: separators, encodings, workbooks."""

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from etalase.errors import UsageError
from etalase.head_office.imports.problem import Problem
from etalase.head_office.imports.table_file import SEPARATORS, Row, read_table

HEADER = ["sku", "name", "stores"]
MENU = [["05018970", "SATE; AYAM, |PEDAS|", "A"], ["2", "CRÈME «é»", ""]]


def fit(cells: Sequence[str]) -> int:
    return len({*cells} & {*HEADER})


def as_csv(rows: Sequence[Sequence[str]], separator: str = ",", ending: str = "\r\n") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=ending).writerows(rows)
    return text.getvalue()


def as_xlsx(rows: Sequence[Sequence[Any]], shape: Callable[[Workbook], object] = lambda _: None) -> bytes:
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(list(row))
    shape(book)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], list[Row | Problem]]:
    def read(content: bytes) -> list[Row | Problem]:
        path = tmp_path / "menu"
        path.write_bytes(content)
        return list(read_table(path, fit=fit))

    return read


Read = Callable[[bytes], list[Row | Problem]]


def cells(rows: Sequence[Row | Problem]) -> list[list[str]]:
    return [row[1] for row in rows if not isinstance(row, Problem)]


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("named", ["", "sep={}\r\n", '"sep={}"\r\n', "sep={},,\r\n", "Sep={}\n"])
def test_a_csv_file_with_any_separator_is_read(read: Read, separator: str, named: str) -> None:
    rows = cells(read((named.format(separator) + as_csv([HEADER, *MENU], separator)).encode()))
    assert rows[-3:] == [HEADER, *MENU]


def test_a_separator_that_the_file_names_wrongly_does_no_harm(read: Read) -> None:
    assert cells(read(("sep=;\n" + as_csv([HEADER, *MENU], ",")).encode()))[1:] == [HEADER, *MENU]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("separator", ["\t", ";"])
def test_a_csv_file_in_any_unicode_encoding_is_read(read: Read, encoding: str, separator: str) -> None:
    assert cells(read(as_csv([HEADER, *MENU], separator).encode(encoding))) == [HEADER, *MENU]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_end_as_any_computer_ends_them_and_empty_ones_count(read: Read, ending: str) -> None:
    rows = read(as_csv([["MENU 2026"], [], HEADER, ["", ""], *MENU], ";", ending).encode())
    assert [row[0] for row in rows if not isinstance(row, Problem)] == [1, 3, 5, 6]


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).map(str.strip)


@given(
    st.lists(st.tuples(TEXT.filter(bool), TEXT, TEXT), max_size=5),
    st.sampled_from(SEPARATORS),
    st.sampled_from(["utf-8-sig", "utf-16"]),
)
def test_a_table_is_the_same_in_each_form(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str, str]], separator: str, encoding: str
) -> None:
    path = tmp_path_factory.mktemp("tables") / "menu"
    table = [HEADER, *map(list, lines)]
    path.write_bytes(as_csv(table, separator).encode(encoding))
    assert cells(list(read_table(path, fit=fit))) == table
    path.write_bytes(as_xlsx(table, _as_text))
    assert [[*row, "", "", ""][:3] for row in cells(list(read_table(path, fit=fit)))] == table


def _as_text(book: Workbook) -> None:
    for row in book.worksheets[0].iter_rows():
        for cell in row:
            if cell.value is not None:
                cell.data_type = "s"


def test_a_workbook_gives_the_text_that_a_person_sees(read: Read) -> None:
    def shape(book: Workbook) -> None:
        book.worksheets[0]["A3"].number_format = "00000000"
        book.worksheets[0]["A4"].number_format = "00000000;-00000000"
        book.worksheets[0]["A5"].number_format = "0"

    lines = [5018970, "SATE", True], [5018971.0, "SOTO", False], [7, 1.5, None], [None, "", None]
    rows = read(as_xlsx([["MENU"], HEADER, *lines], shape))
    assert cells(rows)[1:] == [HEADER, ["05018970", "SATE", "true"], ["05018971", "SOTO", "false"], ["7", "1.5"]]
    assert [row[0] for row in rows if not isinstance(row, Problem)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (date(2026, 3, 1), "is a date to the spreadsheet"),
        (1234567890123456789, "has more digits than a spreadsheet keeps"),
        ("=A1&A2", "is a formula without a result"),
    ],
)
def test_a_cell_whose_text_is_lost_costs_its_line(read: Read, value: Any, reason: str) -> None:
    rows = read(as_xlsx([HEADER, ["1", "SATE", ""], ["2", value, ""], ["3", "SOTO", ""]]))
    (problem,) = [row for row in rows if isinstance(row, Problem)]
    assert (problem.line, problem.column) == (3, "cell B3")
    assert reason in problem.reason
    assert [row[0] for row in cells(rows)] == ["sku", "1", "3"]


def test_of_several_sheets_the_visible_one_with_a_menu_is_read(read: Read) -> None:
    def shape(book: Workbook) -> None:
        book.create_sheet("notes", 0).append(["call", "the", "printer"])
        hidden = book.create_sheet("old")
        hidden.append(HEADER)
        hidden.sheet_state = "hidden"

    assert cells(read(as_xlsx([HEADER, *MENU], shape)))[0] == HEADER


def test_two_sheets_with_a_menu_are_refused(read: Read) -> None:
    with pytest.raises(UsageError, match="several sheets with a menu: Sheet, other"):
        read(as_xlsx([HEADER, *MENU], lambda book: book.create_sheet("other").append(HEADER)))


def packed(name: str, content: bytes, size: int | None = None) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr(name, content)
    return (
        file.getvalue()
        if size is None
        else file.getvalue().replace(len(content).to_bytes(4, "little"), size.to_bytes(4, "little"))
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is an old Excel file"),
        (b"PK\x03\x04 and no more", "is a damaged Excel workbook"),
        (packed("content.xml", b"<office/>"), "other than an Excel workbook"),
        (packed("xl/workbook.xml", b"<workbook/>"), "is a damaged Excel workbook"),
        (packed("xl/workbook.xml", b"<!DOCTYPE"), "is a damaged Excel workbook"),
        (packed("xl/workbook.xml", b"x" * 999, size=0x7FFFFFFF), "MiB inside"),
    ],
    ids=["xls", "cut off", "ods", "empty", "not XML", "a bomb"],
)
def test_a_file_that_is_no_readable_workbook_is_refused_with_what_to_do(read: Read, content: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        read(content)
    assert refused.value.hint
