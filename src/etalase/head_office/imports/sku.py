"""Compares SKUs as a person or a spreadsheet reads them. Pure."""

import re
import unicodedata

# The forms in which Excel writes a SKU that it takes for a formula, a text or a number
_WRAPPED = re.compile(r'=?\s*"+([^"]*)"+')
_QUOTES = "'’‘`´"
_NUMBER = re.compile(r"0*([0-9]+)(?:[.,]0+)?")
_EXPONENT = re.compile(r"[0-9](?:[.,][0-9]+)?E\+?[0-9]+", re.IGNORECASE)
_DASHES = frozenset("−⁃")
# Cyrillic and Greek letters, in lower case, whose capitals are those of Latin letters
_LIKE_LATIN = str.maketrans("авекмнорстухіјѕαβεζηικμνορτυχ", "abekmhopctyxijsabezhikmnoptyx")
# The text in a spreadsheet cell whose formula failed or whose column is too narrow
_FAILED = re.compile(r"#+|#(?:N/A|[A-Z/0-9]+[!?])")


def plain(sku: str) -> str:
    """Returns ``sku`` in NFC without invisible characters, odd spaces and a spreadsheet's wrapping (``="0501"``, ``'0501``)."""
    seen = unicodedata.normalize("NFC", sku)
    text = "".join(" " if unicodedata.category(c)[0] == "Z" else "" if _is_invisible(c) else c for c in seen)
    if match := _WRAPPED.fullmatch(text.strip()):
        text = match[1]
    return " ".join(text.strip().lstrip(_QUOTES).split())


def oddity(sku: str) -> str | None:
    """Returns the reason why ``sku`` cannot be the SKU of a new dish, or None."""
    meant = plain(sku)
    if meant != sku:
        return f"has invisible characters, odd spaces or quotes; write it as {meant}" if meant else "has no visible character"
    if _EXPONENT.fullmatch(sku):
        return "is a number that a spreadsheet has cut; make the column a text column and write the SKU again"
    if _FAILED.fullmatch(sku):
        return "is a spreadsheet's error; write the SKU again"
    return None


def is_unreadable_name(name: str) -> bool:
    """Returns whether a till would show nothing for ``name``, or a spreadsheet's error (``#N/A``)."""
    return not plain(name) or _FAILED.fullmatch(plain(name)) is not None


def likeness(sku: str) -> str:
    """Returns ``sku`` without case, script, spaces, kinds of dash, leading zeros and the characters that :func:`plain` removes.

    Two SKUs with the same result look the same to a person, or to a spreadsheet that takes them for numbers.
    """
    text = unicodedata.normalize("NFKC", plain(unicodedata.normalize("NFKC", plain(sku))))
    text = text.casefold().translate(_LIKE_LATIN)
    text = "".join("-" if unicodedata.category(c) == "Pd" or c in _DASHES else c for c in text if not c.isspace())
    number = _NUMBER.fullmatch(text)
    return number[1] if number else text


def _is_invisible(character: str) -> bool:
    """Returns whether the character is a control or format character or a variation selector."""
    return unicodedata.category(character) in {"Cc", "Cf"} or "\ufe00" <= character <= "\ufe0f" or character == "\u034f"
