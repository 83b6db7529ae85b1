"""Reads and writes ``etalase_pending_photo``: photos that a run could not publish, and the times of their next attempts."""

import json
from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Max, Q

from etalase.edge.command_names import as_typed
from etalase.edge.database import cursor, translated
from etalase.edge.models import Checkpoint, PendingPhoto
from etalase.errors import PhotoError, Reason, UsageError
from etalase.postgres import storable
from etalase.protocol import Photo

PAGE_PHOTOS = 1000
# The next run retries after the first failures; then each pause is longer than the last, up to a day.
FREE_RETRIES = 2
BACKOFF = timedelta(hours=1)
MAX_BACKOFF = timedelta(hours=24)
# The column has to hold one more.
MAX_ATTEMPTS = 1_000_000
DUE_EACH_RUN = frozenset(reason for reason in Reason if reason.policy.is_due_each_run)


def due(*, due_before: datetime | None, unreadable: Callable[[UUID], None]) -> Iterator[Photo]:
    """Yields the photos to retry, as HO listed them: parked ones always, others from their next try on (None: all).

    Calls ``unreadable`` for entries that were edited by hand or are another version's: head office has these photos.
    """
    entries = PendingPhoto.objects.order_by("photo_id")
    if due_before is not None:
        # A next try beyond the longest pause was set by a wrong clock.
        entries = entries.filter(Q(next_try_at__lte=due_before) | Q(next_try_at__gt=due_before + MAX_BACKOFF))
    after: UUID | None = None
    while True:
        with translated():
            page = list((entries if after is None else entries.filter(photo_id__gt=after))[:PAGE_PHOTOS])
        for entry in page:
            if (photo := _listed(entry.wire)) is not None and photo.id == entry.photo_id:
                yield photo
            else:
                unreadable(entry.photo_id)
        if len(page) < PAGE_PHOTOS:
            return
        after = page[-1].photo_id


def listed(photo_ids: Collection[UUID]) -> dict[UUID, Photo]:
    """Returns those of the photos that are in the retry list, as HO listed them."""
    with translated():
        entries = PendingPhoto.objects.filter(photo_id__in=list(photo_ids)).values_list("photo_id", "wire")
        return {photo_id: photo for photo_id, wire in entries if (photo := _listed(wire)) is not None and photo.id == photo_id}


def drop_unreadable(photo_id: UUID) -> None:
    """Deletes an entry from the retry list. Its photo is unknown, so the next run compares everything."""
    resolve([photo_id])
    with translated():
        Checkpoint.objects.update(compared_at=None)


def _listed(wire: str) -> Photo | None:
    try:
        return msgspec.json.decode(wire, type=Photo)
    except (msgspec.MsgspecError, RecursionError):
        return None


def record_failures(failures: Collection[tuple[Photo, PhotoError]], *, now: datetime, untried: Collection[UUID] = ()) -> None:
    """Records failures in the retry list, or one more attempt of those that are in it. Entries of parked photos stay.

    No attempt is counted for ``untried`` photos.
    """
    known = {entry.photo_id: entry for entry in PendingPhoto.objects.filter(photo_id__in=[photo.id for photo, _ in failures])}
    entries = []
    for photo, error in failures:
        before = known.get(photo.id)
        wire = _as_text(photo)
        if before and (before.wire, before.reason) == (wire, error.reason) and error.reason.policy.is_parked:
            continue
        earlier = 0 if before is None else _attempts_so_far(before, photo, error.reason)
        attempts = min(earlier + (photo.id not in untried), MAX_ATTEMPTS)
        entries.append(
            PendingPhoto(
                photo_id=photo.id,
                product_id=photo.product_id,
                product_name=storable(photo.product_name or ""),
                wire=wire,
                reason=error.reason,
                detail=storable(error.detail),
                attempts=attempts,
                first_failed_at=now,
                next_try_at=now + backoff(attempts, error.reason),
            )
        )
    with translated(), transaction.atomic():
        PendingPhoto.objects.bulk_create(
            entries,
            batch_size=PAGE_PHOTOS,
            update_conflicts=True,
            unique_fields=["photo_id"],
            update_fields=["product_id", "product_name", "wire", "reason", "detail", "attempts", "next_try_at"],
        )


def _as_text(photo: Photo) -> str:
    """Returns the photo as JSON in ASCII, because the database's encoding may lack other characters."""
    wire = msgspec.json.encode(photo).decode()
    return wire if wire.isascii() else json.dumps(json.loads(wire), separators=(",", ":"))


def _attempts_so_far(entry: PendingPhoto, photo: Photo, reason: Reason) -> int:
    listed = _listed(entry.wire)
    if listed is None or listed.checksum != photo.checksum:
        return 0
    # A night without the bucket is not the photo's fault: its own pauses start short.
    return 0 if entry.reason in DUE_EACH_RUN and reason not in DUE_EACH_RUN else entry.attempts


def backoff(attempts: int, reason: Reason) -> timedelta:
    """Returns the time for which scheduled runs leave a photo alone after its ``attempts``-th failure."""
    if reason.policy.is_due_each_run or attempts <= FREE_RETRIES:
        return timedelta()
    return min(BACKOFF * 2.0 ** (attempts - FREE_RETRIES - 1), MAX_BACKOFF) if attempts < 12 else MAX_BACKOFF


def resolve(photo_ids: Collection[UUID]) -> None:
    """Deletes photos from the retry list: they are published, or deleted at HO."""
    with cursor() as db:
        if photo_ids:
            db.execute("DELETE FROM etalase_pending_photo WHERE photo_id = ANY(%s)", [list(photo_ids)])


def without_id() -> Iterator[UUID]:
    """Yields the entries of rows that HO listed without an id."""
    with translated():
        entries = PendingPhoto.objects.filter(reason=Reason.BAD_FIELD).values_list("photo_id", "wire")
        for photo_id, wire in entries.iterator():
            if (photo := _listed(wire)) is not None and photo.is_nameless:
                yield photo_id


def is_anything_pending() -> bool:
    """Returns whether the retry list has an entry."""
    with translated():
        return PendingPhoto.objects.exists()


def ids(*, parked: bool = True) -> Iterator[list[UUID]]:
    """Yields the ids of the retry list in pages; without those of parked photos, unless ``parked``."""
    after = UUID(int=0)
    while True:
        with translated():
            entries = PendingPhoto.objects.all() if parked else PendingPhoto.objects.failed()
            entries = entries.filter(photo_id__gt=after).order_by("photo_id")
            some = list(entries.values_list("photo_id", flat=True)[:PAGE_PHOTOS])
        if some:
            yield some
        if len(some) < PAGE_PHOTOS:
            return
        after = some[-1]


def make_due(photo_ids: Collection[UUID] | None, *, now: datetime) -> None:
    """Makes these photos of the retry list due, or all (None). Raises :class:`UsageError` for one that is not in it."""
    if photo_ids is not None:
        with translated():
            known = set(PendingPhoto.objects.filter(photo_id__in=photo_ids).values_list("photo_id", flat=True))
        if strange := sorted(str(photo_id) for photo_id in photo_ids if photo_id not in known):
            raise UsageError(
                f"Not on the retry list: {', '.join(strange)}.", hint=as_typed("`etalase edge failures` lists it.")
            )
    entries = PendingPhoto.objects.all() if photo_ids is None else PendingPhoto.objects.filter(photo_id__in=photo_ids)
    with translated():
        entries.update(next_try_at=now)


def attempts(product_ids: Collection[UUID]) -> dict[UUID, int]:
    """Returns the most failures of a photo in the retry list, by product."""
    with translated():
        entries = PendingPhoto.objects.filter(product_id__in=product_ids)
        return dict(entries.values_list("product_id").annotate(Max("attempts")))


def product_ids(*, going_on: Collection[UUID] = ()) -> set[UUID]:
    """Returns the products with a photo in the retry list.

    Photos do not count where they are ``going_on``, because the run is about to try them.
    """
    with translated():
        entries = PendingPhoto.objects.values_list("product_id", "photo_id")
        return {product for product, photo in entries if photo not in going_on}


def count_and_describe(limit: int) -> tuple[int, list[dict[str, Any]]]:
    """Returns the number of entries without parked photos, and up to ``limit`` of them as ``--json`` shows them."""
    with translated():
        entries = PendingPhoto.objects.failed().defer("wire").order_by("product_name", "photo_id")
        return entries.count(), [to_json(entry) for entry in entries[:limit]]


def to_json(entry: PendingPhoto) -> dict[str, Any]:
    """Returns the entry as ``--json`` shows it."""
    return {
        "photo_id": str(entry.photo_id),
        "product_name": entry.product_name,
        "reason": entry.reason,
        "detail": entry.detail,
        "attempts": entry.attempts,
        "first_failed": entry.first_failed_at.isoformat(),
        "next_try": entry.next_try_at.isoformat(),
    }
