"""Brings the categories of dishes into one form, and finds those that a person would take for one. Pure."""

import unicodedata
from collections.abc import Iterable

from etalase.head_office.imports.sku import is_unreadable_name, likeness
from etalase.protocol import MAX_CATEGORY_CHARS

# They join emoji and the letters of some scripts.
_JOINERS = "\u200c\u200d"


def normalised(text: str) -> str:
    """Returns ``text`` in NFC, with single spaces, and without invisible format characters."""
    composed = unicodedata.normalize("NFC", text)
    return " ".join("".join(c for c in composed if c in _JOINERS or unicodedata.category(c) != "Cf").split())


def category_problem(category: str) -> str | None:
    """Returns why a normalised text cannot be a category, or None."""
    if len(category) > MAX_CATEGORY_CHARS:
        return f"has {len(category)} characters; {MAX_CATEGORY_CHARS} are allowed"
    if any(unicodedata.category(c) == "Cc" for c in category):
        return "has a control character"
    if category and is_unreadable_name(category):
        return "cannot be read on a till; write the category, or leave it empty for none"
    return None


def alike(categories: Iterable[str]) -> list[list[str]]:
    """Returns groups of categories that differ only in case, spaces or kinds of dash, each group of two or more sorted."""
    groups: dict[str, set[str]] = {}
    for category in categories:
        if category:
            groups.setdefault(likeness(category), set()).add(category)
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)
