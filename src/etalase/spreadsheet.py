"""Makes cells of a CSV file safe: neither a spreadsheet nor a terminal runs them. Pure.

Source: OWASP, "CSV Injection". Full-width signs count, because East Asian spreadsheets take them for the plain ones.
"""

import unicodedata

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(text: str) -> str:
    """Returns ``text`` with control characters escaped, after an apostrophe where a spreadsheet would see a formula.

    A text without control characters is returned unchanged by :func:`plain_cell`.
    """
    shown = "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) == "Cc" else c for c in text)
    return f"'{shown}" if shown.lstrip("'").startswith(FORMULA_STARTS) or text.startswith(FORMULA_STARTS) else shown


def hides_formula(text: str) -> bool:
    """Returns whether a spreadsheet that separates cells by «;», as in Indonesia, would see a formula after one."""
    return any(part.lstrip(" \"'").startswith(FORMULA_STARTS) for part in text.split(";")[1:])


def plain_cell(cell: str) -> str:
    """Returns the text that :func:`safe_cell` wrote as ``cell``."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA_STARTS) else cell
