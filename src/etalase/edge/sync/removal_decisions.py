"""Carries out a person's decisions on removals: approve or refuse held ones, undo applied ones (hazard 14)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction

from etalase.edge.command_names import as_typed
from etalase.edge.database import translated
from etalase.edge.displayed_photo import place, products_left_out
from etalase.edge.integrity import Damage, damage_read
from etalase.edge.models import Removal
from etalase.edge.sync import storage
from etalase.edge.sync.lock import RunLock
from etalase.edge.sync.plan.model import Row
from etalase.edge.sync.services import Bucket
from etalase.errors import ObjectMissing, ObjectStoreError, UsageError
from etalase.objectstore.model import names_one_object

LOCK_WAIT_SECONDS = 60.0
APPROVABLE = (Removal.State.HELD, Removal.State.REFUSED)


def chosen(photo_ids: Sequence[UUID], *, everything: bool, states: Sequence[str] = (Removal.State.HELD,)) -> list[Removal]:
    """Returns all held removals if ``everything``, else those of ``photo_ids`` in one of ``states``.

    Raises :class:`UsageError` if a photo has no such removal.
    """
    if everything:
        return storage.removals.in_states([Removal.State.HELD])
    held = {removal.photo_id: removal for removal in storage.removals.in_states(states)}
    strange = [str(photo_id) for photo_id in photo_ids if photo_id not in held]
    if strange:
        raise UsageError(
            f"No removal is held for photo {', '.join(strange)}.", hint=as_typed("`etalase edge held` lists them.")
        )
    return [held[photo_id] for photo_id in dict.fromkeys(photo_ids)]


@dataclass(slots=True)
class Approved:
    """The result of :func:`approve`: the number of deleted rows, and the removals that a rule of the customer's blocks."""

    removed: int = 0
    blocked: list[Removal] = field(default_factory=list)
    photo_ids: list[UUID] = field(default_factory=list)


def _nothing(_: Any) -> None:
    """Does nothing."""


def approve(removals: Sequence[Removal], *, lock: RunLock, together: Callable[["Approved"], None] = _nothing) -> Approved:
    """Deletes the rows of the photos; their objects follow after the grace period.

    A refused removal can be approved later, because people change their minds. ``together`` is called in the transaction.
    """
    now = lock.clock.utc()
    with lock.held(full=False, wait_seconds=LOCK_WAIT_SECONDS), translated(), transaction.atomic():
        lock.still_held()
        going = _still_in(removals, APPROVABLE)
        photos_of: dict[UUID, set[UUID]] = {}
        for row in storage.photos.of_products({removal.product_id for removal in going}):
            photos_of.setdefault(row.product_id, set()).add(row.id)
        ids = {removal.photo_id for removal in going}
        for removal in going:
            removal.state, removal.decided_at, removal.approved = Removal.State.APPLIED, now, True
            removal.left_bare = photos_of.get(removal.product_id, set()) <= ids
        deleted = storage.removed_rows.delete(ids, rules=storage.photo_rules.read(), at=now)
        blocked = storage.removed_rows.settle(going, deleted)
        storage.removals.record(going)
        approved = Approved(len(deleted.gone), blocked, list(deleted.gone))
        together(approved)
    return approved


def refuse(removals: Sequence[Removal], *, lock: RunLock, together: Callable[[int], None] = _nothing) -> int:
    """Keeps the photos on the POS. Runs do not propose their removal again until head office lists them anew.

    Returns the number of refused removals. ``together`` is called with it in the transaction.
    """
    now = lock.clock.utc()
    with lock.held(full=False, wait_seconds=LOCK_WAIT_SECONDS), translated(), transaction.atomic():
        lock.still_held()
        staying = _still_in(removals, [Removal.State.HELD])
        for removal in staying:
            removal.state, removal.decided_at = Removal.State.REFUSED, now
        storage.removals.record(staying)
        together(len(staying))
    return len(staying)


@dataclass(slots=True)
class Undone:
    """The result of :func:`undo`: restored removals, and lost ones with the reason."""

    restored: list[Removal] = field(default_factory=list)
    lost: list[tuple[Removal, str]] = field(default_factory=list)


def undo(
    which: int | Collection[UUID],
    *,
    lock: RunLock,
    bucket: Bucket,
    products: storage.products.ProductTable,
    together: Callable[["Undone"], None] = _nothing,
) -> Undone:
    """Restores photos if their objects still exist: those that a run proposed to remove, by its number, or photos by id.

    Head office does not list these photos, so their removals become refused: runs do not propose them again until head office
    lists them anew. ``together`` is called in the transaction. Raises :class:`UsageError` if the run removed nothing, or if one
    of the photos was not removed.
    """
    now = lock.clock.utc()
    with lock.held(full=False, wait_seconds=LOCK_WAIT_SECONDS), translated(), transaction.atomic():
        lock.still_held()
        gone = _applied(which)
        undone = _sort_out(gone, bucket, products)
        if undone.restored:
            records = [removal.row or {} for removal in undone.restored]
            if products.is_ours:
                # An existing product may have got a newer name from head office.
                here = products.existing({removal.product_id for removal in undone.restored})
                gone_too = [removal for removal in undone.restored if removal.product_id not in here]
                rows = [
                    storage.products.ProductRow(r.product_id, (r.row or {}).get("product_sku", ""), r.product_name)
                    for r in gone_too
                ]
                products.write(rows)
            refused = storage.removed_rows.restore(records, rules=storage.photo_rules.read())
            undone.lost += [(r, refused[r.photo_id]) for r in undone.restored if r.photo_id in refused]
            undone.restored = [removal for removal in undone.restored if removal.photo_id not in refused]
            for removal in undone.restored:
                removal.state, removal.decided_at, removal.left_bare = Removal.State.REFUSED, now, False
            storage.removals.record(undone.restored)
            storage.saved_renditions.restore([one for removal in undone.restored for one in _whole_renditions(removal, bucket)])
        together(undone)
    return undone


def _whole_renditions(removal: Removal, bucket: Bucket) -> list[storage.saved_renditions.SavedRendition]:
    """Returns the photo's renditions whose objects are still here and whole. Without one the POS shows the photo itself."""
    saved = storage.saved_renditions.saved((removal.row or {}).get(storage.removed_rows.RENDITIONS))
    return [
        one
        for one in saved
        if not _unusable_object(one.object_key, {"checksum": one.checksum, "content_type": one.content_type}, bucket)
    ]


def _applied(which: int | Collection[UUID]) -> list[Removal]:
    hint = as_typed("`etalase edge undo` lists what can be undone.")
    if isinstance(which, int):
        if gone := storage.removals.applied_by_run(which):
            return gone
        raise UsageError(f"Nothing that run {which} proposed was removed.", hint=hint)
    gone = storage.removals.applied_of(which)
    if strange := sorted(str(one) for one in set(which) - {removal.photo_id for removal in gone}):
        raise UsageError(f"No removal was applied to photo {', '.join(strange)}.", hint=hint)
    return gone


def _sort_out(gone: Sequence[Removal], bucket: Bucket, products: storage.products.ProductTable) -> Undone:
    """Sorts the removals into restorable and lost ones.

    A photo is restorable if its object matches its saved row, no other photo has its key with other bytes, and its product
    exists or can be created.
    """
    undone = Undone()
    here = {row.id for row in storage.photos.with_ids([removal.photo_id for removal in gone])}
    kept = {
        removal.photo_id: removal.row for removal in gone if removal.row and storage.removed_rows.is_restorable(removal.row)
    }
    taken = storage.photos.owners([row["object_key"] for row in kept.values()])
    there = set(products.existing({removal.product_id for removal in gone}))
    for removal in gone:
        row = kept.get(removal.photo_id, {})
        key = row.get("object_key") or ""
        if removal.photo_id in here:
            continue  # head office lists it again
        if row.get("id") != str(removal.photo_id):
            undone.lost.append((removal, "its saved row cannot be read"))
        elif key in taken and taken[key] != (row.get("checksum") or "").lower():
            undone.lost.append((removal, f"another photo has {key} by now"))
        elif not products.is_ours and removal.product_id not in there:
            undone.lost.append((removal, "its product is no longer here"))
        elif reason := _unusable_object(key, row, bucket):
            undone.lost.append((removal, reason))
        else:
            undone.restored.append(removal)
    return undone


def _unusable_object(key: str, row: Mapping[str, Any], bucket: Bucket) -> str:
    """Returns why the object cannot be shown again, or an empty text. An unreadable object must not stop the others."""
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
    """The file name that the POS shows for a product now, and the one after the approval of the held removals.

    None means the placeholder, which also replaces damaged photos. ``is_replaced``: the POS hides the product, because
    head office now lists it under another id.
    """

    shows: str | None
    would_show: str | None
    photos_left: int
    is_replaced: bool = False


def consequences(removals: Sequence[Removal]) -> dict[UUID, Consequence]:
    """Returns how the approval of all ``removals`` would change the POS, by product."""
    going = {removal.photo_id for removal in removals}
    photos: dict[UUID, list[Row]] = {removal.product_id: [] for removal in removals}
    for row in storage.photos.of_products(set(photos)):
        photos[row.product_id].append(row)
    damaged = storage.damage_marks.kinds()
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


def _still_in(removals: Sequence[Removal], states: Sequence[str]) -> list[Removal]:
    """Returns the removals that are still in one of ``states``: a run may have cancelled some since the person looked."""
    still = {removal.photo_id for removal in storage.removals.in_states(states)}
    return [removal for removal in removals if removal.photo_id in still]
