"""A person's word on removals: approve or refuse what is held, undo what was removed (hazard 14)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from etalase.edge.database import translated
from etalase.edge.displayed_photo import place, products_left_out
from etalase.edge.integrity import Damage, damage_read
from etalase.edge.models import Removal
from etalase.edge.sync import storage
from etalase.edge.sync.lock import RunLock
from etalase.edge.sync.plan.plan import Row
from etalase.edge.sync.services import Bucket
from etalase.errors import ObjectMissing, ObjectStoreError, UsageError
from etalase.objectstore import names_one_object

LOCK_WAIT_SECONDS = 60.0


APPROVABLE = (Removal.State.HELD, Removal.State.REFUSED)


def chosen(photo_ids: Sequence[UUID], *, everything: bool, states: Sequence[str] = (Removal.State.HELD,)) -> list[Removal]:
    """The held removals that are meant; by name also those in another of ``states``. Raises :class:`UsageError` for others."""
    if everything:
        return storage.removals.in_states([Removal.State.HELD])
    held = {removal.photo_id: removal for removal in storage.removals.in_states(states)}
    strange = [str(photo_id) for photo_id in photo_ids if photo_id not in held]
    if strange:
        raise UsageError(f"No removal is held for photo {', '.join(strange)}.", hint="`etalase edge held` lists them.")
    return [held[photo_id] for photo_id in dict.fromkeys(photo_ids)]


def approve(removals: Sequence[Removal], *, lock: RunLock) -> int:
    """Remove the photos now; their objects follow when their grace is over. Returns how many rows went.

    What was refused may be approved after all: a person may change his mind.
    """
    now = datetime.now(UTC)
    with lock.held(full=False, wait_seconds=LOCK_WAIT_SECONDS), translated(), transaction.atomic():
        lock.still_held()
        going = _still(removals, APPROVABLE)
        photos_of: dict[UUID, set[UUID]] = {}
        for row in storage.photos.of_products({removal.product_id for removal in going}):
            photos_of.setdefault(row.product_id, set()).add(row.id)
        ids = {removal.photo_id for removal in going}
        for removal in going:
            removal.state, removal.decided_at, removal.approved = Removal.State.APPLIED, now, True
            removal.left_bare = photos_of.get(removal.product_id, set()) <= ids
        storage.removals.record(going)
        return storage.photos.delete(ids)


def refuse(removals: Sequence[Removal], *, lock: RunLock) -> int:
    """Keep the photos on the POS, and do not ask again until HO lists them anew."""
    now = datetime.now(UTC)
    with lock.held(full=False, wait_seconds=LOCK_WAIT_SECONDS), translated(), transaction.atomic():
        lock.still_held()
        staying = _still(removals, [Removal.State.HELD])
        for removal in staying:
            removal.state, removal.decided_at = Removal.State.REFUSED, now
        storage.removals.record(staying)
    return len(staying)


@dataclass(slots=True)
class Undone:
    """What :func:`undo` brought back, and what it could not, with the reason, by photo."""

    restored: list[Removal] = field(default_factory=list)
    lost: list[tuple[Removal, str]] = field(default_factory=list)


def undo(run_id: int, *, lock: RunLock, bucket: Bucket, products: storage.products.ProductTable) -> Undone:
    """Bring back what was removed of what run ``run_id`` proposed, as long as its objects are there.

    HO still lists them no longer: so they count as refused, and are not proposed again until HO lists them anew. Raises
    :class:`UsageError` where the run removed nothing.
    """
    now = datetime.now(UTC)
    with lock.held(full=False, wait_seconds=LOCK_WAIT_SECONDS), translated(), transaction.atomic():
        lock.still_held()
        gone = storage.removals.applied_by_run(run_id)
        if not gone:
            raise UsageError(
                f"Nothing that run {run_id} proposed was removed.", hint="`etalase edge undo` lists what can be undone."
            )
        undone = _sorted_out(gone, bucket, products)
        if undone.restored:
            records = [removal.row or {} for removal in undone.restored]
            if products.is_ours:
                # Of those that are here, head office has told the name since.
                here = products.names({removal.product_id for removal in undone.restored})
                gone_too = [removal for removal in undone.restored if removal.product_id not in here]
                products.write([(r.product_id, (r.row or {}).get("product_sku", ""), r.product_name) for r in gone_too])
            storage.photos.restore(records)
            for removal in undone.restored:
                removal.state, removal.decided_at, removal.left_bare = Removal.State.REFUSED, now, False
            storage.removals.record(undone.restored)
    return undone


def _sorted_out(gone: Sequence[Removal], bucket: Bucket, products: storage.products.ProductTable) -> Undone:
    """Sorts out which can come back: its object is as its row said, its key no other's with other bytes, its product here."""
    undone = Undone()
    here = {row.id for row in storage.photos.with_ids([removal.photo_id for removal in gone])}
    kept = {removal.photo_id: removal.row for removal in gone if removal.row and storage.photos.is_restorable(removal.row)}
    taken = storage.photos.owners([row["object_key"] for row in kept.values()])
    there = set(products.names({removal.product_id for removal in gone}))
    for removal in gone:
        row = kept.get(removal.photo_id, {})
        key = row.get("object_key") or ""
        if removal.photo_id in here:
            continue  # HO listed it anew
        if row.get("id") != str(removal.photo_id):
            undone.lost.append((removal, "what was kept of its row cannot be read"))
        elif key in taken and taken[key] != (row.get("checksum") or "").lower():
            undone.lost.append((removal, f"another photo has {key} by now"))
        elif not products.is_ours and removal.product_id not in there:
            undone.lost.append((removal, "its product is no longer here"))
        elif reason := _not_there(key, row, bucket):
            undone.lost.append((removal, reason))
        else:
            undone.restored.append(removal)
    return undone


def _not_there(key: str, row: Mapping[str, Any], bucket: Bucket) -> str:
    """Why the object cannot be shown again; empty where it can. One that cannot be read keeps no other back."""
    try:
        read = bucket.read_through(key) if names_one_object(key) else None
    except ObjectMissing:
        read = None
    except ObjectStoreError as error:
        return f"its object cannot be read: {error.message}"
    if read is None:
        return "its object is no longer in the bucket"
    match damage_read(row.get("checksum"), row.get("content_type"), read):
        case None:
            return ""
        case Damage.MISTYPED:
            return f"its object is of another type by now: {key}"
        case _:
            return f"its object has other bytes by now: {key}"


@dataclass(frozen=True, slots=True)
class Consequence:
    """What the POS shows of a product now, and what it would show without the photos that are held: file names.

    None stands for the placeholder, also where all that could be shown is known to be damaged. ``is_replaced``: the POS does
    not show the product at all, since it came back under another id.
    """

    shows: str | None
    would_show: str | None
    photos_left: int
    is_replaced: bool = False


def consequences(removals: Sequence[Removal]) -> dict[UUID, Consequence]:
    """What approving all of ``removals`` would change on the POS, by product."""
    going = {removal.photo_id for removal in removals}
    photos: dict[UUID, list[Row]] = {removal.product_id: [] for removal in removals}
    for row in storage.photos.of_products(set(photos)):
        photos[row.product_id].append(row)
    damaged = storage.suspects.kinds()
    with translated():
        left_out = products_left_out()
    return {
        product_id: _consequence(those, going, damaged, is_replaced=product_id in left_out)
        for product_id, those in photos.items()
    }


def _consequence(photos: list[Row], going: set[UUID], damaged: Collection[UUID], *, is_replaced: bool) -> Consequence:
    staying = [row for row in photos if row.id not in going]

    def shown(those: list[Row]) -> str | None:
        whole = [row for row in those if row.id not in damaged and row.object_key]
        pick = min(
            whole,
            key=lambda row: place(row.id, damaged=False, is_primary=row.is_primary, sort_order=row.sort_order),
            default=None,
        )
        return (pick.filename or pick.object_key) if pick else None

    return Consequence(shown(photos), shown(staying), len(staying), is_replaced)


def _still(removals: Sequence[Removal], states: Sequence[str]) -> list[Removal]:
    """Between the person's look and now a run may have seen a photo living again: then it is held no more."""
    still = {removal.photo_id for removal in storage.removals.in_states(states)}
    return [removal for removal in removals if removal.photo_id in still]
