"""A person's word on removals that are held: approve or refuse (design, "Holding back")."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction

from etalase.edge.database import translated
from etalase.edge.models import Removal
from etalase.edge.sync import ledger, rows
from etalase.edge.sync.lock import RunLock
from etalase.errors import UsageError

LOCK_WAIT_SECONDS = 60.0


def chosen(photo_ids: Sequence[UUID], *, everything: bool) -> list[Removal]:
    """The held removals that are meant. Raises :class:`UsageError` for one that is not held."""
    held = {removal.photo_id: removal for removal in ledger.removals([Removal.State.HELD])}
    if everything:
        return list(held.values())
    strange = [str(photo_id) for photo_id in photo_ids if photo_id not in held]
    if strange:
        raise UsageError(f"No removal is held for photo {', '.join(strange)}.", hint="`etalase edge held` lists them.")
    return [held[photo_id] for photo_id in dict.fromkeys(photo_ids)]


def approve(removals: Sequence[Removal], *, lock: RunLock, grace: timedelta) -> int:
    """Remove the photos now; their objects follow when ``grace`` is over. Returns how many rows went."""
    now = datetime.now(UTC)
    with lock.held(full=False, wait_seconds=LOCK_WAIT_SECONDS), translated(), transaction.atomic():
        lock.still_held()
        going = _still_held(removals)
        photos_of: dict[UUID, set[UUID]] = {}
        for row in rows.of_products({removal.product_id for removal in going}):
            photos_of.setdefault(row.product_id, set()).add(row.id)
        ids = {removal.photo_id for removal in going}
        for removal in going:
            removal.state, removal.decided_at, removal.approved = Removal.State.APPLIED, now, True
            removal.left_bare = photos_of.get(removal.product_id, set()) <= ids
        ledger.record_removals(going)
        rows.delete(ids, grace=grace)
    return len(going)


def refuse(removals: Sequence[Removal], *, lock: RunLock) -> int:
    """Keep the photos on the POS, and do not ask again until HO lists them anew."""
    now = datetime.now(UTC)
    with lock.held(full=False, wait_seconds=LOCK_WAIT_SECONDS), translated(), transaction.atomic():
        lock.still_held()
        staying = _still_held(removals)
        for removal in staying:
            removal.state, removal.decided_at = Removal.State.REFUSED, now
        ledger.record_removals(staying)
    return len(staying)


def _still_held(removals: Sequence[Removal]) -> list[Removal]:
    """Between the person's look and now a run may have seen a photo living again: then it is held no more."""
    still = {removal.photo_id for removal in ledger.removals([Removal.State.HELD])}
    return [removal for removal in removals if removal.photo_id in still]
