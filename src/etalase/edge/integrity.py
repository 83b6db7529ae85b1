"""How a row and the object under its key may disagree (hazard 22). Pure: one rule for runs, ``verify`` and ``status``."""

from datetime import UTC, datetime
from enum import StrEnum

from etalase.objectstore.model import ObjectInfo, ObjectRead
from etalase.protocol import EXTENSION_OF, MAGIC_BYTES, media_type, picture_type, sniff_type


class Damage(StrEnum):
    """What is wrong with the object of a row. The words are part of ``--json``."""

    MISSING = "missing"
    CUT = "cut"
    CHANGED = "changed"
    MISTYPED = "mistyped"
    UNREADABLE = "unreadable"

    @classmethod
    def _missing_(cls, _value: object) -> "Damage":
        """A kind that another version wrote, or that was scrambled: the next look reads the object and says which it is."""
        return cls.CHANGED


def damage(size: int | None, checksum: str | None, content_type: str | None, there: ObjectInfo | None) -> Damage | None:
    """What a listing or a HEAD tells of the object of a row with this size, checksum and type; None where they agree.

    ``CHANGED`` is a suspicion where the store's ETags are no MD5s (hazard 56), and ``MISTYPED`` where head office calls the
    picture something else than it is: the caller reads such an object, :func:`damage_read` knows. Only a HEAD tells the type:
    :func:`was_put_since` says whose type is worth one.
    """
    if there is None:
        return Damage.MISSING
    if there.size != size:
        return Damage.CUT if there.size < (size or 0) else Damage.CHANGED
    if there.etag != (checksum or "").lower():
        return Damage.CHANGED
    if there.content_type is None:
        return None
    served = media_type(there.content_type)
    if (named := picture_type(content_type)) is not None:
        return None if served == named else Damage.MISTYPED
    # Head office names no picture type: any picture may be one, and an adopted row keeps what was put as it says.
    return None if served in EXTENSION_OF or served == media_type(content_type) else Damage.MISTYPED


def damage_read(checksum: str | None, content_type: str | None, read: ObjectRead) -> Damage | None:
    """What reading the object of such a row through tells, whatever its listing says; None where they agree.

    The bytes prove the type that they are to be served as; the row's counts only where they are no picture of ours.
    """
    if read.digest != (checksum or "").lower():
        return Damage.CHANGED
    is_really = sniff_type(read.first_bytes[:MAGIC_BYTES]) or media_type(content_type)
    return None if media_type(read.content_type) == is_really else Damage.MISTYPED


def is_suspicion(kind: Damage, size: int | None, there: ObjectInfo) -> bool:
    """Tells whether a read has to prove this damage: an ETag need not be an MD5, and head office may name a wrong type."""
    return kind is Damage.MISTYPED or (kind is Damage.CHANGED and there.size == size)


def is_replacement(etag: str | None, checksum: str | None, coming: str | None) -> bool:
    """Tells whether ``etag`` is that of newer, promised bytes (``coming``), which are put before their row (invariant I1)."""
    return etag is not None and etag == coming != (checksum and checksum.lower())


def was_put_since(moment: datetime | None, there: ObjectInfo) -> bool:
    """Whether the object was put since ``moment``, when all were last compared: by a run of ours, or by somebody else.

    Stores tell the second, so the whole second of ``moment`` counts.
    """
    return moment is None or there.modified >= moment.astimezone(UTC).isoformat()[: len(there.modified)]
