"""How a row and the object under its key may disagree (hazard 22). Pure: one rule for runs, ``verify`` and ``status``."""

from enum import StrEnum

from etalase.objectstore import ObjectInfo


class Damage(StrEnum):
    """What is wrong with the object of a row. The words are part of ``--json``."""

    MISSING = "missing"
    CUT = "cut"
    CHANGED = "changed"
    MISTYPED = "mistyped"


def damage(size: int | None, checksum: str | None, there: ObjectInfo | None) -> Damage | None:
    """What a listing tells of the object of a row with this size and checksum; None where they agree.

    ``CHANGED`` is a suspicion where the store's ETags are no MD5s (hazard 56): whoever sees it reads the object.
    """
    if there is None:
        return Damage.MISSING
    if there.size != size:
        return Damage.CUT if there.size < (size or 0) else Damage.CHANGED
    return None if there.etag == (checksum or "").lower() else Damage.CHANGED
