"""What the edge remembers between runs: its checkpoint, its runs, the retry list, and what was removed or is held."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models import DateTimeField, F, Max, Q
from django.db.models.functions import Now

from etalase.edge.database import cursor, translated
from etalase.edge.integrity import Damage
from etalase.edge.models import Checkpoint, PendingPhoto, ProductPhoto, Removal, SyncRun
from etalase.edge.sync.plan.removal_bound import Cause
from etalase.edge.sync.result import Fault
from etalase.errors import PhotoError, Reason, ReasonClass, StoreMismatch, UsageError
from etalase.objectstore import names_one_object
from etalase.postgres import FAR_FUTURE, FAR_PAST
from etalase.protocol import KEY_PREFIX, MAX_INT32, BearerToken, Photo, TokenPair, lenient_time

logger = logging.getLogger("etalase.edge")

PAGE_PHOTOS = 1000
# A year of hourly runs is nine thousand rows; what is older nobody asks for.
KEEP_RUNS = timedelta(days=400)
KEEP_AT_LEAST = 1000
# The first failures are tried again by the very next run; what goes on failing waits longer each time, up to a day.
FREE_RETRIES = 2
# What this edge itself is to blame for is tried by every run: it costs nobody else anything, and goes on once there is room.
OURS = frozenset({Reason.STORE_AWAY, Reason.STORE_FULL, Reason.SPOOL_FULL})
BACKOFF = timedelta(hours=1)
MAX_BACKOFF = timedelta(hours=24)
# Nobody counts further, and the columns have to hold one more.
MAX_ATTEMPTS, MAX_PHOTOS = 1_000_000, 1_000_000_000
_UTC_PAST, _UTC_FUTURE = FAR_PAST.replace(tzinfo=UTC), FAR_FUTURE.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Store:
    """The store that this database belongs to."""

    company_id: UUID
    store_id: UUID

    def claim(self) -> Checkpoint:
        """This store's checkpoint, made at the first run. Raises :class:`StoreMismatch` for another store's database."""
        with translated():
            other = Checkpoint.objects.exclude(store_id=self.store_id, company_id=self.company_id).first()
            if other is not None and other.sync_timestamp is None and not ProductPhoto.objects.exists():
                other.delete()  # settings that were wrong before anything came
            elif other is not None:
                raise StoreMismatch(
                    f"This database holds the photos of store {other.store_id} (company {other.company_id}),"
                    f" and the settings name store {self.store_id} (company {self.company_id}).",
                    hint="One edge database belongs to one store: correct ETALASE_STORE_ID and ETALASE_COMPANY_ID, "
                    "or use another database.",
                )
            checkpoint, _ = Checkpoint.objects.get_or_create(store_id=self.store_id, defaults={"company_id": self.company_id})
            return checkpoint

    def load_tokens(self) -> TokenPair:
        """The tokens of the last run; empty ones before the first, and in the place of what cannot be a token."""
        with translated():
            kept = Checkpoint.objects.filter(store_id=self.store_id).values_list("access_token", "refresh_token").first()
        access, refresh = (token if _is_token(token) else "" for token in kept or ("", ""))
        return TokenPair(access, refresh or None)

    def save_tokens(self, tokens: TokenPair) -> None:
        """Keep ``tokens`` for this and the next runs."""
        with translated():
            Checkpoint.objects.filter(store_id=self.store_id).update(
                access_token=tokens.access, refresh_token=tokens.refresh or ""
            )


def _is_token(token: str) -> bool:
    try:
        msgspec.convert(token, BearerToken)
    except msgspec.ValidationError:
        return False
    return True


# What a version that does not know better does with words of these columns that it does not know: see :func:`distrust`.
_WORDS = (
    ("etalase_doubt", "kind", Damage, f"SET kind = '{Damage.CHANGED}'"),
    ("etalase_removal", "cause", Cause, f"SET cause = '{Cause.UNPROVED_FEED}'"),
)

# Times that lie this far ahead at most, if at all; beyond it they are of a clock that was wrong, and would hold until then.
_SOON = (("etalase_removal", "decided_at"), ("etalase_doubt", "asked_at"), ("etalase_reclaim", "put_off_until"))
SOON = timedelta(days=2)


def distrust(checkpoint: Checkpoint, *, keeps: bool, now: datetime) -> list[str]:
    """Drop what stands in our own tables and cannot be meant, so that no run ends because of it; returns what was dropped.

    ``checkpoint`` is mended in any case, the database only where the caller ``keeps`` it. What cannot be read of the retry list
    is dropped by :func:`pending`, of JSON columns by :class:`etalase.edge.models.KeptJSON`.
    """
    dropped = _mend_checkpoint(checkpoint, now)
    if not keeps:
        return dropped
    with translated(), transaction.atomic():
        if dropped:
            checkpoint.save(update_fields=dropped)
        dropped += _mend_times()
        with cursor() as db:
            for table, column, words, change in _WORDS:
                db.execute(f"UPDATE {table} {change} WHERE {column} <> ALL(%s)", [[word.value for word in words]])
                dropped += [f"{table}.{column}"] * bool(db.rowcount)
            for table, column in _SOON:
                db.execute(f"UPDATE {table} SET {column} = now() WHERE {column} > now() + %s", [SOON])
                dropped += [f"{table}.{column}"] * bool(db.rowcount)
            db.execute("DELETE FROM etalase_removal WHERE state <> ALL(%s)", [list(Removal.State.values)])
            dropped += ["etalase_removal.state"] * bool(db.rowcount)
            for table in ("etalase_publish_intent", "etalase_reclaim"):
                db.execute(f"SELECT object_key FROM {table}")
                strange = [key for (key,) in db.fetchall() if not key.startswith(KEY_PREFIX) or not names_one_object(key)]
                if strange:  # of what is not a photo's key, nothing is looked at and nothing removed
                    db.execute(f"DELETE FROM {table} WHERE object_key = ANY(%s)", [strange])
                    dropped.append(f"{table}.object_key")
    return dropped


def _mend_checkpoint(checkpoint: Checkpoint, now: datetime) -> list[str]:
    """Drop of ``checkpoint``, in memory, what cannot be meant; returns the fields."""
    dropped = []
    for name in ("sync_timestamp", "products_sync_timestamp"):
        kept = getattr(checkpoint, name)
        if kept and lenient_time(kept) is None:
            setattr(checkpoint, name, None)
            dropped.append(name)
    for name in ("access_token", "refresh_token"):
        kept = getattr(checkpoint, name)
        if kept and not _is_token(kept):
            setattr(checkpoint, name, "")
            dropped.append(name)
    if checkpoint.compared_at and checkpoint.compared_at > now:  # by a clock that was ahead: nothing was put since then
        checkpoint.compared_at = None
        dropped.append("compared_at")
    if checkpoint.photos is not None and not 0 <= checkpoint.photos <= MAX_PHOTOS:
        checkpoint.photos = None
        dropped.append("photos")
    return dropped


def _mend_times() -> list[str]:
    """Drop the times of our own tables that no datetime holds; returns their columns."""
    mended = []
    for model in apps.get_app_config("etalase_edge").get_models():
        meta = model._meta  # noqa: SLF001 - Django documents it as its API, and _default_manager
        for time in meta.get_fields():
            if isinstance(time, DateTimeField) and meta.db_table.startswith("etalase_"):
                odd = Q(**{f"{time.name}__lte": _UTC_PAST}) | Q(**{f"{time.name}__gte": _UTC_FUTURE})
                if model._default_manager.filter(odd).update(**{time.name: None if time.null else Now()}):  # noqa: SLF001
                    mended.append(f"{meta.db_table}.{time.name}")
    return mended


def move_checkpoint(store_id: UUID, changes: Mapping[str, Any]) -> None:
    """Write the named fields of the checkpoint."""
    with translated():
        Checkpoint.objects.filter(store_id=store_id).update(**changes)


def begin_run(kind: str, trigger: str) -> int:
    """A row for the run that begins. One that was killed before, and so never ended, is marked here: we hold the lock.

    Rows older than :data:`KEEP_RUNS` go, and removals with them; but never the newest runs, whatever the clock says.
    """
    with translated():
        SyncRun.objects.filter(outcome__isnull=True).update(outcome="interrupted", finished_at=None)
        try:
            with transaction.atomic():
                made: int = SyncRun.objects.create(kind=kind, trigger=trigger).id
        except IntegrityError:
            _catch_up_with_run_ids()
            made = SyncRun.objects.create(kind=kind, trigger=trigger).id
        old = SyncRun.objects.filter(started_at__lt=Now() - KEEP_RUNS, id__lt=made - KEEP_AT_LEAST)
        if old.exists():
            Removal.objects.filter(state=Removal.State.APPLIED, decided_at__lt=Now() - KEEP_RUNS).delete()
            old.delete()
        return made


def _catch_up_with_run_ids() -> None:
    """Let the next run's number follow the greatest: a standby by logical replication, or tables copied, lack the sequence."""
    with cursor() as db:
        db.execute("SELECT setval(pg_get_serial_sequence('etalase_sync_run', 'id'), max(id)) FROM etalase_sync_run")


def note_list(run_id: int, *, listed: int, missing: int) -> None:
    """Record how many photos head office lists and how many of them are not here, before anything is made of it (hazard 64).

    What it announces may be more than the columns take.
    """
    with translated():
        SyncRun.objects.filter(id=run_id).update(listed=min(listed, MAX_INT32), missing=min(missing, MAX_INT32))


def note_work(run_id: int, photos: int, *, kind: str, bytes_to_fetch: int) -> None:
    """Record how many photos the run sets out to publish and how many bytes to fetch, and which kind it turned out to be."""
    with translated():
        SyncRun.objects.filter(id=run_id).update(to_carry=photos, kind=kind, bytes_to_fetch=bytes_to_fetch, planned_at=Now())


def note_carried(run_id: int, photos: int, size_bytes: int) -> None:
    """Count photos that the run has published, in the transaction that commits their rows."""
    SyncRun.objects.filter(id=run_id).update(
        carried=F("carried") + photos, bytes_carried=F("bytes_carried") + size_bytes, carried_at=Now()
    )


def is_full_run_unfinished(run_id: int) -> bool:
    """Whether the last full run before this one was cut off here: what it would have healed nobody else looks at.

    One that head office ended does not count: a list that cannot be had must not hold the changes back.
    """
    with translated():
        full = SyncRun.objects.filter(kind="full").exclude(id=run_id).order_by("-id")
        last = full.values_list("checkpoint", "fault").first()
    if last is None:
        return False
    checkpoint, fault = last
    return checkpoint is None and fault not in set(Fault) - {Fault.HERE}


def last_complete_run() -> datetime | None:
    """When the newest run that moved the checkpoint ended."""
    with translated():
        complete = SyncRun.objects.filter(checkpoint__isnull=False, finished_at__isnull=False)
        # By number: a run of a clock that was wrong for a day is not the newest for ever.
        return complete.order_by("-id").values_list("finished_at", flat=True).first()


def end_run(run_id: int, **fields: Any) -> None:
    """What the run came to."""
    with translated():
        SyncRun.objects.filter(id=run_id).update(**{name: _storable(value) for name, value in fields.items()})


def _storable(value: Any) -> Any:
    """``value`` without what PostgreSQL takes in no text: a NUL, half a character. What others said may have any."""
    match value:
        case str():
            return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
        case dict():
            return {_storable(name): _storable(one) for name, one in value.items()}
        case list():
            return [_storable(one) for one in value]
        case _:
            return value


# The retry list


def pending(*, due_before: datetime | None, unreadable: Callable[[UUID], None]) -> Iterator[Photo]:
    """Photos to be tried again, as HO listed them; parked ones always, others when their time has come (None: all).

    ``unreadable`` hears of entries that were edited by hand, or are another version's: head office has them.
    """
    entries = PendingPhoto.objects.order_by("photo_id")
    if due_before is not None:
        # A try that lies further ahead than any wait was set by a clock that was wrong.
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


def drop_unreadable(photo_id: UUID) -> None:
    """Take an entry off the retry list. Nobody knows what is owed: so the next run compares everything."""
    settle([photo_id])
    with translated():
        Checkpoint.objects.update(compared_at=None)


def _listed(wire: str) -> Photo | None:
    try:
        return msgspec.json.decode(wire, type=Photo)
    except (msgspec.MsgspecError, RecursionError):
        return None


def remember_failures(failures: Collection[tuple[Photo, PhotoError]], *, now: datetime, untried: Collection[UUID] = ()) -> None:
    """Put photos on the retry list, or count one more attempt for those that are on it. Who is parked there stays as it is.

    ``untried`` ones are owed like the others, but nothing was attempted.
    """
    known = {entry.photo_id: entry for entry in PendingPhoto.objects.filter(photo_id__in=[photo.id for photo, _ in failures])}
    entries = []
    for photo, error in failures:
        before = known.get(photo.id)
        wire = msgspec.json.encode(photo).decode()
        if before and (before.wire, before.reason) == (wire, error.reason) and error.reason is Reason.PRODUCT_MISSING:
            continue
        known_as = None if before is None else _listed(before.wire)
        same = known_as is not None and known_as.checksum == photo.checksum
        attempts = min((before.attempts if before is not None and same else 0) + (photo.id not in untried), MAX_ATTEMPTS)
        entries.append(
            PendingPhoto(
                photo_id=photo.id,
                product_id=photo.product_id,
                product_name=_storable(photo.product_name or ""),
                wire=wire,
                reason=error.reason,
                detail=_storable(error.detail),
                attempts=attempts,
                first_failed_at=now,
                next_try_at=now + wait_after(attempts, error.reason),
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


def wait_after(attempts: int, reason: Reason) -> timedelta:
    """How long a scheduled run leaves a photo alone after its ``attempts``-th failure. A parked one is looked at each time."""
    if reason.reason_class is ReasonClass.PARKED or reason in OURS or attempts <= FREE_RETRIES:
        return timedelta()
    return min(BACKOFF * 2.0 ** (attempts - FREE_RETRIES - 1), MAX_BACKOFF) if attempts < 12 else MAX_BACKOFF


def settle(photo_ids: Collection[UUID]) -> None:
    """These photos are published, or gone at HO: they leave the retry list."""
    with cursor() as db:
        if photo_ids:
            db.execute("DELETE FROM etalase_pending_photo WHERE photo_id = ANY(%s)", [list(photo_ids)])


def nameless() -> Iterator[UUID]:
    """The entries of rows that HO listed without an id."""
    with translated():
        entries = PendingPhoto.objects.filter(reason=Reason.BAD_FIELD).values_list("photo_id", "wire")
        for photo_id, wire in entries.iterator():
            if (photo := _listed(wire)) is not None and photo.is_nameless:
                yield photo_id


def is_anything_pending() -> bool:
    """Whether anything is on the retry list."""
    with translated():
        return PendingPhoto.objects.exists()


def pending_ids(*, parked: bool = True) -> Iterator[list[UUID]]:
    """The ids on the retry list, some at a time; without those whose product is not here, unless ``parked``."""
    after = UUID(int=0)
    while True:
        with translated():
            entries = PendingPhoto.objects.filter(photo_id__gt=after).order_by("photo_id")
            if not parked:
                entries = entries.exclude(reason=Reason.PRODUCT_MISSING)
            some = list(entries.values_list("photo_id", flat=True)[:PAGE_PHOTOS])
        if some:
            yield some
        if len(some) < PAGE_PHOTOS:
            return
        after = some[-1]


def make_due(photo_ids: Collection[UUID] | None, *, now: datetime) -> None:
    """Let the next run try these photos of the retry list, or all. Raises :class:`UsageError` for one that is not on it."""
    if photo_ids is not None:
        with translated():
            known = set(PendingPhoto.objects.filter(photo_id__in=photo_ids).values_list("photo_id", flat=True))
        if strange := sorted(str(photo_id) for photo_id in photo_ids if photo_id not in known):
            raise UsageError(f"Not on the retry list: {', '.join(strange)}.", hint="`etalase edge failures` lists it.")
    entries = PendingPhoto.objects.all() if photo_ids is None else PendingPhoto.objects.filter(photo_id__in=photo_ids)
    with translated():
        entries.update(next_try_at=now)


def attempts(product_ids: Collection[UUID]) -> dict[UUID, int]:
    """How often photos of these products on the retry list have failed, at most."""
    with translated():
        entries = PendingPhoto.objects.filter(product_id__in=product_ids)
        return dict(entries.values_list("product_id").annotate(Max("attempts")))


def pending_products() -> set[UUID]:
    """The products of which a photo is on the retry list."""
    with translated():
        return set(PendingPhoto.objects.values_list("product_id", flat=True))


def describe(entry: PendingPhoto) -> dict[str, Any]:
    """The entry as ``--json`` shows it."""
    return {
        "photo_id": str(entry.photo_id),
        "product_name": entry.product_name,
        "reason": entry.reason,
        "detail": entry.detail,
        "attempts": entry.attempts,
        "first_failed": entry.first_failed_at.isoformat(),
        "next_try": entry.next_try_at.isoformat(),
    }


# Removals


def removals(states: Sequence[str]) -> list[Removal]:
    """What was proposed for removal and stands in one of ``states``."""
    with translated():
        return list(Removal.objects.filter(state__in=states).order_by("product_name", "photo_id"))


def lately_removed_from(since: datetime) -> set[UUID]:
    """The products of which a photo was removed since then, by a run or on a person's word."""
    with translated():
        gone = Removal.objects.filter(state=Removal.State.APPLIED, decided_at__gte=since)
        return set(gone.values_list("product_id", flat=True))


def applied_by(run_id: int) -> list[Removal]:
    """The removals that this run proposed and that were carried out, by itself or on a person's word."""
    with translated():
        return list(Removal.objects.filter(state=Removal.State.APPLIED, run_id=run_id).order_by("product_name", "photo_id"))


def bared_since(moment: datetime) -> int:
    """How many products lost their last photo since ``moment`` without a person having said so."""
    with translated():
        gone = Removal.objects.filter(state=Removal.State.APPLIED, left_bare=True, approved=False, decided_at__gte=moment)
        return gone.values("product_id").distinct().count()


def cancel_removals(photo_ids: Collection[UUID]) -> None:
    """HO lists these photos (again): whatever was proposed or refused for them is over."""
    with cursor() as db:
        db.execute(
            "DELETE FROM etalase_removal WHERE photo_id = ANY(%s) AND state <> %s",
            [list(photo_ids), Removal.State.APPLIED],
        )


def forget_removals_without_row() -> None:
    """What a customer's own deletion of a product took along needs no decision any more."""
    with cursor() as db:
        db.execute(
            "DELETE FROM etalase_removal r WHERE state <> %s"
            " AND NOT EXISTS (SELECT 1 FROM product_photo WHERE id = r.photo_id)",
            [Removal.State.APPLIED],
        )


def record_removals(records: Iterable[Removal]) -> None:
    """Write or replace the removals of these photos."""
    with translated():
        Removal.objects.bulk_create(
            list(records),
            update_conflicts=True,
            unique_fields=["photo_id"],
            update_fields=[
                "product_id", "product_name", "cause", "state", "left_bare", "approved", "row", "run_id", "decided_at",
            ],
        )  # fmt: skip
