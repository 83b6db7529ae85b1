"""Judges how an object differs from its row (hazard 22): one rule for runs, ``verify`` and ``status``. Pure."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from etalase.media_types import EXTENSION_OF, MAGIC_BYTES, media_type, picture_type, sniff_type
from etalase.objectstore.model import ObjectInfo, ObjectRead


class Described(Protocol):
    """An object as a row describes it: of a photo or of a rendition."""

    @property
    def object_key(self) -> str:
        """Returns the key."""

    @property
    def size(self) -> int | None:
        """Returns the number of bytes."""

    @property
    def checksum(self) -> str | None:
        """Returns the MD5 of the bytes."""

    @property
    def content_type(self) -> str | None:
        """Returns the Content-Type."""


class Damage(StrEnum):
    """The kinds of damage of a row's object. The words are part of ``--json``."""

    MISSING = "missing"
    CUT = "cut"
    CHANGED = "changed"
    MISTYPED = "mistyped"
    UNREADABLE = "unreadable"

    @classmethod
    def _missing_(cls, _value: object) -> "Damage":
        """Reads a kind of another version, or a corrupt one, as ``CHANGED``: the next look reads the object and corrects it."""
        return cls.CHANGED


def damage(size: int | None, checksum: str | None, content_type: str | None, there: ObjectInfo | None) -> Damage | None:
    """Returns the damage of a row's object by a listing or a HEAD; None where they agree.

    It may be a suspicion only (:func:`is_suspicion`): the caller then reads the object and asks :func:`damage_read`. Only a
    HEAD has the type; :func:`was_put_since` selects the objects that are worth one.
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
    # Head office names no picture type: any picture type is right, and so is the type of an adopted row.
    return None if served in EXTENSION_OF or served == media_type(content_type) else Damage.MISTYPED


def damage_read(checksum: str | None, content_type: str | None, read: ObjectRead) -> Damage | None:
    """Returns the damage of a row's object by reading it; None where they agree.

    The bytes prove their own type; the row's type counts only if they are not a known picture.
    """
    if read.digest != (checksum or "").lower():
        return Damage.CHANGED
    is_really = sniff_type(read.first_bytes[:MAGIC_BYTES]) or media_type(content_type)
    return None if media_type(read.content_type) == is_really else Damage.MISTYPED


def is_suspicion(kind: Damage, size: int | None, there: ObjectInfo) -> bool:
    """Returns whether a read must prove this damage: an ETag need not be an MD5 (hazard 56), a type in the row may be wrong."""
    return kind is Damage.MISTYPED or (kind is Damage.CHANGED and there.size == size)


def is_replacement(etag: str | None, checksum: str | None, coming: str | None) -> bool:
    """Returns whether ``etag`` is that of newer, promised bytes (``coming``), which are put before their row (invariant I1)."""
    return etag is not None and etag == coming != (checksum and checksum.lower())


def was_put_since(moment: datetime | None, there: ObjectInfo) -> bool:
    """Returns whether the object was put since ``moment``, when a run last compared all objects.

    A listing has whole seconds, so the whole second of ``moment`` counts.
    """
    return moment is None or there.modified >= moment.astimezone(UTC).isoformat()[: len(there.modified)]
