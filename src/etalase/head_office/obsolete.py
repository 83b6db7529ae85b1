"""Deletes objects some time after their last use, so that an edge in the middle of a run still gets them.

The list is a table: a trigger fills it too (migration 0008), and a crash forgets nothing.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from etalase.errors import ObjectRefused
from etalase.head_office.version_models import ObsoleteObject

logger = logging.getLogger("etalase.head_office")
# The time for which an object stays after its last use; migration 0008 has the same for photos.
GRACE = timedelta(hours=24)
# A refused object is tried again after this.
PAUSE = timedelta(hours=1)
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class ObsoleteKind:
    """The objects under one prefix. ``delete`` deletes one; ``is_used`` returns whether a row names its key (again)."""

    is_used: Callable[[str], bool]
    delete: Callable[[str], None]


def retire(key: str, at: datetime) -> None:
    """Lets the object be deleted at ``at`` or later, unless its key is in use again by then."""
    ObsoleteObject.objects.update_or_create(key=key, defaults={"due_at": at})


def claim(*keys: str) -> None:
    """Takes the keys into use again, for the caller's transaction: a deletion in progress ends before this returns."""
    ObsoleteObject.objects.filter(key__in=keys).delete()


def delete_due(now: datetime, prefix: str, kind: ObsoleteKind) -> int:
    """Deletes objects that are due, below ``prefix``; returns their number.

    Raises :class:`ObjectStoreError` if the bucket fails; one object's refusal only delays that object.
    """
    deleted = 0
    due = ObsoleteObject.objects.filter(key__startswith=prefix, due_at__lte=now).order_by("due_at")
    while keys := list(due.values_list("key", flat=True)[:AT_ONCE]):
        deleted += sum(_delete(key, now, kind) for key in keys)
    return deleted


@transaction.atomic
def _delete(key: str, now: datetime, kind: ObsoleteKind) -> bool:
    """Deletes one object with its row. The row's lock keeps writers from taking the key meanwhile."""
    row = ObsoleteObject.objects.select_for_update().filter(key=key, due_at__lte=now).first()
    if row is None:  # taken into use again, or another process was faster
        return False
    is_used = kind.is_used(key)
    if not is_used:
        try:
            kind.delete(key)
        except ObjectRefused as error:
            logger.warning("cannot delete an obsolete object", extra={"object_key": key, "error": str(error)})
            row.due_at = now + PAUSE
            row.save(update_fields=["due_at"])
            return False
    row.delete()
    return not is_used
