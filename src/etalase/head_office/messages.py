"""Finds the texts of the admin and the fleet, in Indonesian or English; Django has the others. The caller fills in ``{...}``.

Texts are shown as text, never as markup.
"""

from typing import Any, Final

from django.utils.functional import lazystr
from django.utils.translation import get_language

from etalase.head_office import fleet_texts_en, fleet_texts_id, texts_en, texts_id

TEXTS: Final[dict[str, dict[str, str]]] = {
    "en": texts_en.TEXTS | fleet_texts_en.TEXTS,
    "id": texts_id.TEXTS | fleet_texts_id.TEXTS,
}


def text(key: str, /, *, language: str | None = None, **values: Any) -> str:
    """Returns the text in ``language``, else in the current request's language, else in English."""
    chosen = (language or get_language() or "en")[:2]
    return TEXTS.get(chosen, TEXTS["en"])[key].format(**values)


class _LazyText:
    """A text that is looked up when it is shown."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __str__(self) -> str:
        return text(self._key)


def lazy_text(key: str) -> Any:
    """Returns a text that is looked up when it is shown, in the request's language; for class attributes."""
    return lazystr(_LazyText(key))
