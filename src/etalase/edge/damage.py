"""How a row and the object under its key may disagree (hazard 22). Pure: one rule for runs, ``verify`` and ``status``."""

from datetime import UTC, datetime
from enum import StrEnum

from etalase.objectstore import ObjectInfo, ObjectRead


class Damage(StrEnum):
    """What is wrong with the object of a row. The words are part of ``--json``."""

    MISSING = "missing"
    CUT = "cut"
    CHANGED = "changed"
    MISTYPED = "mistyped"
    UNREADABLE = "unreadable"


def damage(size: int | None, checksum: str | None, content_type: str | None, there: ObjectInfo | None) -> Damage | None:
    """What a listing or a HEAD tells of the object of a row with this size, checksum and type; None where they agree.

    ``CHANGED`` is a suspicion where the store's ETags are no MD5s (hazard 56): whoever sees it reads the object. Only a HEAD
    tells the type: :func:`was_put_since` says whose type is worth one.
    """
    if there is None:
        return Damage.MISSING
    if there.size != size:
        return Damage.CUT if there.size < (size or 0) else Damage.CHANGED
    if there.etag != (checksum or "").lower():
        return Damage.CHANGED
    return None if there.content_type in {None, content_type} else Damage.MISTYPED


def damage_read(checksum: str | None, content_type: str | None, read: ObjectRead) -> Damage | None:
    """What reading the object of such a row through tells, whatever its listing says; None where they agree."""
    if read.digest != (checksum or "").lower():
        return Damage.CHANGED
    return None if read.content_type == content_type else Damage.MISTYPED


def was_put_since(moment: datetime | None, there: ObjectInfo) -> bool:
    """Whether the object was put since ``moment``, when all were last compared: by a run of ours, or by somebody else.

    Stores tell the second, so the whole second of ``moment`` counts.
    """
    return moment is None or there.modified >= moment.astimezone(UTC).isoformat()[: len(there.modified)]
