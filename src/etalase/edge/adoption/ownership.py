"""A person's decisions on what an adoption recorded as the store's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from etalase.edge.command_names import as_typed
from etalase.edge.database import translated
from etalase.edge.models import OwnObject, OwnPhoto, OwnState
from etalase.edge.sync import storage
from etalase.edge.sync.lock import RunLock
from etalase.errors import UsageError

LOCK_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Chosen:
    """Records of photos and objects about which a person decides."""

    photo_ids: Sequence[UUID] = ()
    keys: Sequence[str] = ()


def is_open(record: OwnPhoto | OwnObject) -> bool:
    """Returns whether nobody has decided on the record."""
    return record.state == OwnState.KEPT and record.decided_at is None


def choose(names: Sequence[str], *, everything: bool) -> Chosen:
    """Returns all open records if ``everything``, else those that ``names`` name by photo id or object key.

    Raises :class:`UsageError` if a name is not recorded.
    """
    photos, objects = storage.own_photos.every(), storage.own_objects.every()
    if everything:
        return Chosen([p.photo_id for p in photos if is_open(p)], [o.object_key for o in objects if is_open(o)])
    ids = {str(photo.photo_id): photo.photo_id for photo in photos}
    keys = {one.object_key for one in objects}
    if strange := [name for name in names if name.lower() not in ids and name not in keys]:
        raise UsageError(
            f"The adoption recorded nothing under {', '.join(strange)}.", hint=as_typed("`etalase edge own list` lists all.")
        )
    return Chosen([ids[name.lower()] for name in names if name.lower() in ids], [name for name in names if name in keys])


def decide(chosen: Chosen, state: OwnState, *, lock: RunLock) -> int:
    """Records the decision. Returns how many records it changed."""
    now = lock.clock.utc()
    with lock.held(full=False, wait_seconds=LOCK_WAIT_SECONDS), translated(), transaction.atomic():
        lock.still_held()
        photos = storage.own_photos.decide(chosen.photo_ids, state, at=now)
        return photos + storage.own_objects.decide(chosen.keys, state, at=now)
