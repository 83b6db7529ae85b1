"""Finds the stores that a person names: by their codes, by a table, or all of a company."""

from collections.abc import Sequence
from pathlib import Path

from django.db.models import QuerySet

from etalase.errors import UsageError
from etalase.head_office.accounts import find_company
from etalase.head_office.imports.problem import HEADER_WITHIN, Problem
from etalase.head_office.imports.table_file import read_table
from etalase.head_office.models import Store
from etalase.protocol import printable
from etalase.spreadsheet import plain_cell

# The column of codes; «code» is its name on the admin's pages.
COLUMN_NAMES = ("store", "code")
MOST_NAMED = 10


def every_store(company: str | None) -> QuerySet[Store]:
    """Returns every store, or those of the company. Raises :class:`UsageError` for an unknown company."""
    stores = Store.objects.select_related("company")
    return stores if company is None else stores.filter(company=find_company(company))


def named_stores(codes: Sequence[str], company: str | None) -> QuerySet[Store]:
    """Returns the company's stores of these codes, in any case. Raises :class:`UsageError` with each unknown code."""
    owner = find_company(company)
    known = {code.casefold(): id_ for code, id_ in Store.objects.filter(company=owner).values_list("code", "id")}
    if unknown := [code for code in dict.fromkeys(codes) if code.casefold() not in known]:
        more = f" and {len(unknown) - MOST_NAMED} more" if len(unknown) > MOST_NAMED else ""
        shown = ", ".join(f"«{printable(code)}»" for code in unknown[:MOST_NAMED]) + more
        raise UsageError(
            f"Nothing was changed: the company «{printable(owner.name)}» has no store {shown}.",
            hint="Make it: etalase head-office create-store CODE NAME",
        )
    return Store.objects.select_related("company").filter(id__in={known[code.casefold()] for code in codes})


def codes_in_file(path: Path) -> list[str]:
    """Returns the codes in the column «store» of a table. Raises :class:`UsageError` with the line of a fault."""
    codes: list[str] = []
    column: int | None = None
    for row in read_table(path, fit=lambda cells: sum(map(_is_header, cells))):
        if isinstance(row, Problem):
            raise UsageError(f"{path}, {row}.")
        number, cells = row
        if column is None:
            column = next((place for place, cell in enumerate(cells) if _is_header(cell)), None)
            if column is None and number > HEADER_WITHIN:
                break
            continue
        if not (code := plain_cell(cells[column].strip()) if column < len(cells) else ""):
            raise UsageError(f"{path}, line {number}: the store is empty.")
        codes.append(code)
    if column is None:
        raise UsageError(f"{path} has no column «store».", hint="Write «store» into the first line, above the codes.")
    if not codes:
        raise UsageError(f"{path} names no store.", hint="Write the codes of stores below «store».")
    return codes


def _is_header(cell: str) -> bool:
    return cell.strip().casefold() in COLUMN_NAMES
