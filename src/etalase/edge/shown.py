"""Which photo of a product a till shows: one rule for the POS, ``held`` and ``status`` (invariant I5). Pure."""

from uuid import UUID


def place(photo_id: UUID, *, damaged: bool, is_primary: bool | None, sort_order: int | None) -> tuple[bool, bool, int, UUID]:
    """Returns where a photo stands among its product's: the least is shown.

    ``damaged`` is what is known (``etalase_doubt``), so that a second, whole photo is shown before a damaged primary one; where
    all are damaged, the primary comes first again. Two primaries, none, or nulls in an adopted table are no error (hazard 41).
    """
    return damaged, not is_primary, sort_order or 0, photo_id
