"""Splits the support contact into text and links: telephone numbers, mail and https addresses only. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import quote

# An address of any scheme is one piece, so that no number inside it becomes a telephone link.
_PIECE = re.compile(
    r"(?P<url>\b[A-Za-z][A-Za-z0-9+.-]*://[^\s<>\"']+)"
    r"|(?P<mail>[A-Za-z0-9][A-Za-z0-9._+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"
    # Dates, opening hours and IP addresses are not telephone numbers.
    r"|(?P<other>\d{4}-\d\d-\d\d|\d{1,2}[.:]\d\d\s*[-–]\s*\d{1,2}[.:]\d\d|(?:\d{1,3}\.){3}\d{1,3})"
    r"|(?P<phone>(?<![\w.@+])(?:\+\d{1,3}[ -]?)?(?:\(\+?\d{1,4}\)|\d)(?:[ .\u00a0-]{0,2}\d){4,16}(?![\w@]))",
    re.ASCII,
)
MIN_DIGITS, MAX_DIGITS = 7, 15


@dataclass(frozen=True, slots=True)
class ContactPart:
    """A piece of the text; ``href`` is its link, empty for plain text."""

    text: str
    href: str = ""


def parts(contact: str) -> tuple[ContactPart, ...]:
    """Returns the text in pieces, in order; joined they are the text."""
    found: list[ContactPart] = []
    end = 0
    for match in _PIECE.finditer(contact):
        text = match[0].rstrip(".,;:!?)") if match["url"] else match[0]
        if not (href := _href(match.lastgroup or "", text)):
            continue
        if match.start() > end:
            found.append(ContactPart(contact[end : match.start()]))
        found.append(ContactPart(text, href))
        end = match.start() + len(text)
    if end < len(contact):
        found.append(ContactPart(contact[end:]))
    return tuple(found)


def _href(kind: str, text: str) -> str:
    if kind == "url":
        return text if text.startswith("https://") and len(text) > len("https://") else ""
    if kind == "mail":
        return f"mailto:{quote(text, safe='@')}"
    if kind == "phone":
        digits = re.sub(r"\D", "", text, flags=re.ASCII)
        plus = "+" if "+" in text else ""
        return f"tel:{plus}{digits}" if MIN_DIGITS <= len(digits) <= MAX_DIGITS else ""
    return ""
