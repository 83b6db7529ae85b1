"""Reads the facts of a status: a few queries and one comparison with the bucket."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Count, Exists, Min, OuterRef
from django.utils.timezone import get_default_timezone

from etalase.edge.clock import Clock
from etalase.edge.command_names import is_in_project
from etalase.edge.database import translated
from etalase.edge.displayed_photo import products_left_out
from etalase.edge.heartbeat import ALIVE_WITHIN, LatestHeartbeat, Role, heartbeats
from etalase.edge.models import Checkpoint, Doubt, PendingPhoto, ProductPhoto, Removal, SyncRun
from etalase.edge.project import product_model_name
from etalase.edge.runs import last_good_run
from etalase.edge.schedule import next_runs
from etalase.edge.status import sync_request
from etalase.edge.status.comparison import compare
from etalase.edge.status.known_list import known_list
from etalase.edge.status.looks import Reads
from etalase.edge.status.snapshot import (
    Comparison,
    DamagedPicture,
    Facts,
    OrderFact,
    Own,
    RunFacts,
    Sign,
    SmallPictures,
    Uncovered,
    UnmadePhoto,
    Why,
)
from etalase.edge.sync import storage
from etalase.edge.sync.lock import RunLock
from etalase.errors import PARKED
from etalase.objectstore.client import ObjectStore
from etalase.own_bucket import own_bucket
from etalase.protocol import printable
from etalase.redaction import redacted_values
from etalase.settings.edge import EdgeSettings

NOTICES_FOR = timedelta(hours=24)
ORDER_SHOWN_FOR = timedelta(days=7)
MAX_NOTICES = 20
# A longer duration is a corrupt value.
MAX_DURATION_SECONDS = 30 * 24 * 3600
MAX_NAMES = 1000
# A person waits for the status: a store that hangs is away. For one request, and for the whole comparison.
LOOK_SECONDS, WHOLE_LOOK_SECONDS = 10.0, 20.0


def look(
    settings: EdgeSettings,
    reads: Reads | None = None,
    *,
    open_bucket: Callable[..., ObjectStore] = own_bucket,
    seconds: float = WHOLE_LOOK_SECONDS,
) -> Comparison:
    """Compares the bucket with the rows now; ``reads`` keeps objects for the next look. Raises :class:`DatabaseAway`."""
    with translated():
        compared_at = Checkpoint.objects.values_list("compared_at", flat=True).first()
    clock = Clock()
    bucket = open_bucket(settings, timeout_seconds=LOOK_SECONDS, max_retries=1, monotonic=clock.monotonic)
    bucket.ends_at = clock.monotonic() + seconds
    lock = RunLock(settings.STORE_ID, clock)
    return compare(bucket, lock, compared_at=compared_at, now=clock.utc(), reads={} if reads is None else reads)


def read(settings: EdgeSettings, looking: Callable[[EdgeSettings], Comparison] = look, *, clock: Clock | None = None) -> Facts:
    """Reads all facts; ``looking`` compares with the bucket, or returns a kept comparison. Raises :class:`DatabaseAway`."""
    clock = clock or Clock()
    # The bucket first: photos that a run publishes meanwhile then count as more, and none as missing.
    bucket = looking(settings)
    now, zone = clock.utc(), get_default_timezone()
    off_peak = settings.FULL_RUN == "off-peak"
    due = next_runs(
        now.timestamp(),
        zone,
        offset_minutes=settings.schedule_offset_minutes,
        off_peak=off_peak,
        bandwidth=settings.BANDWIDTH,
        beat_zone=sync_request.beat_zone(),
    )
    with translated():
        signs = heartbeats()
        lock_taken = RunLock(settings.STORE_ID, clock).is_taken()
        expected, photos = storage.checkpoint.row_counts()
        own = _own(bucket)
        checkpoint = Checkpoint.objects.first()
        checkpoint_kept = checkpoint is not None and checkpoint.sync_timestamp is not None
        # By id, not by time: a clock that was wrong for a day must not hide the runs after it.
        newest = SyncRun.objects.order_by("-id").first()
        at_work = newest is not None and newest.outcome is None and lock_taken
        ended = SyncRun.objects.exclude(id=newest.id).order_by("-id").first() if at_work and newest else newest
        good = last_good_run()
        tried = PendingPhoto.objects.failed().filter(attempts__gt=0).count()
        pending = dict(PendingPhoto.objects.values_list("reason").annotate(Count("photo_id")))
        failed = {reason: count for reason, count in pending.items() if reason not in PARKED}
        left_out, held = products_left_out(), Removal.objects.filter(state=Removal.State.HELD)
        facts = Facts(
            now=now,
            bucket=bucket,
            photos=photos - own.photos,
            expected=expected if expected is None else max(0, expected - own.photos),
            own=own,
            small=_small_pictures(bucket, settings),
            not_adopted=checkpoint is None and photos > 0,
            wrong_store=checkpoint is not None
            and (checkpoint_kept or photos > 0)
            and (checkpoint.store_id, checkpoint.company_id) != (settings.STORE_ID, settings.COMPANY_ID),
            products=_products().exclude(pk__in=left_out).count(),
            damaged_names=_names({photo.photo_id: photo.product_id for photo in bucket.photos}, settings),
            lost=_lost([photo.photo_id for photo in bucket.photos]),
            failed=sum(failed.values()),
            parked=sum(pending.values()) - sum(failed.values()),
            arrived=PendingPhoto.objects.parked().filter(product_id__in=_products().values("pk")).count(),
            reasons=failed,
            next_try_at=PendingPhoto.objects.failed().aggregate(first=Min("next_try_at"))["first"],
            held=held.count(),
            held_blocked=_blocked(held),
            held_replaced=held.filter(product_id__in=left_out).count(),
            failed_names=_some_names(PendingPhoto.objects.failed()),
            held_names=_some_names(held),
            last_run=_run(newest) if newest else None,
            last_ended=_run(ended) if ended else None,
            lock_taken=lock_taken,
            last_good_run_at=good.finished_at if good else None,
            list_read_at=good.started_at if good else None,
            checkpoint=checkpoint.sync_timestamp if checkpoint else None,
            feed_proved_complete=checkpoint.feed_proved_complete if checkpoint else None,
            known=known_list(good, newest, at_work=at_work, tried=tried),
            notices=_notices(now),
            worker=_sign(signs.get(Role.WORKER)),
            beat=_sign(signs.get(Role.BEAT)),
            last_order=_last_order(now),
            asked_at=sync_request.requested_lately(),
            undo_for=settings.RECLAIM_GRACE,
            zone=zone,
            next_hourly_at=datetime.fromtimestamp(due.hourly, zone),
            next_full_at=datetime.fromtimestamp(due.full, zone),
            in_project=is_in_project(),
        )
        return _with_coverage(facts, settings, left_out)


def _own(bucket: Comparison) -> Own:
    """Returns how much the store has of its own."""
    photos, undecided = storage.own_photos.counts()
    objects, undecided_objects = storage.own_objects.counts()
    return Own(photos=photos, open=undecided, damaged=bucket.own_damaged, objects=objects, open_objects=undecided_objects)


def _small_pictures(bucket: Comparison, settings: EdgeSettings) -> SmallPictures:
    """Returns the small pictures; the damaged ones as the comparison found them, else as earlier looks recorded them."""
    counts = storage.rendition_counts.counts()
    damaged = (bucket.renditions or ())[:MAX_NAMES]
    name_of = _names({one.photo_id: one.product_id for one in damaged}, settings) if damaged else {}
    count, unmade = storage.made_renditions.unmade(limit=MAX_NAMES)
    names = _names({one.photo_id: one.product_id for one in unmade}, settings) if unmade else {}
    photos = tuple(UnmadePhoto(one.photo_id, names[one.photo_id], one.reason) for one in unmade)
    return SmallPictures(
        listed=counts.listed,
        waiting=counts.waiting,
        failed=counts.failed,
        unmade=count,
        unmade_photos=photos,
        damaged=counts.lost if bucket.renditions is None else len(bucket.renditions),
        damaged_pictures=tuple(
            DamagedPicture(one.photo_id, name_of[one.photo_id], one.object_key, one.kind) for one in damaged
        ),
    )


def _lost(damaged: list[UUID]) -> tuple[UUID, ...]:
    """Returns those of ``damaged`` that head office does not list, as far as runs know."""
    kept = [Removal.State.HELD, Removal.State.WAITING, Removal.State.REFUSED]
    removals = Removal.objects.filter(photo_id__in=damaged, state__in=kept).values_list("photo_id", flat=True)
    in_vain = Doubt.objects.filter(photo_id__in=damaged, asked_at__isnull=False).values_list("photo_id", flat=True)
    return tuple(sorted({*removals, *in_vain}))


def _products() -> Any:
    return apps.get_model(product_model_name())._default_manager  # noqa: SLF001 - Django's documented way to the manager


def _sign(beat: LatestHeartbeat | None) -> Sign | None:
    if beat and beat.is_from_the_future:
        return Sign(beat.at + beat.age - ALIVE_WITHIN, is_alive=False)  # by the present clock
    return Sign(beat.at, beat.is_alive) if beat else None


def _some_names(photos: Any) -> tuple[str, ...]:
    """Returns the names of their products, each once, up to :data:`MAX_NAMES`."""
    return tuple(
        photos.exclude(product_name="").order_by("product_name").values_list("product_name", flat=True).distinct()[:MAX_NAMES]
    )


def _last_order(now: datetime) -> OrderFact | None:
    order = next(iter(storage.orders.newest(1)), None)
    if order is None or now - order.received_at > ORDER_SHOWN_FOR:
        return None
    by, why = printable(order.given_by), printable(order.why)
    return OrderFact(kind=order.kind, by=by, why=why, at=order.received_at, outcome=order.outcome)


def _blocked(held: Any) -> tuple[tuple[str, str], ...]:
    """Returns product and rule of each removal that a rule of the customer's blocks, in the order of the names."""
    blocked = held.filter(**{f"row__{storage.removed_rows.BLOCKED_BY}__isnull": False}).order_by("product_name", "photo_id")
    return tuple((removal.product_name, storage.removed_rows.blocked_by(removal)) for removal in blocked)


def _run(run: SyncRun) -> RunFacts:
    names = {entry.name for entry in fields(RunFacts)} - {"complete"}
    values = {name: redacted_values(getattr(run, name)) for name in names}  # the row may be older than the redaction
    values |= {"counts": _numbers(values["counts"]), "reasons": _numbers(values["reasons"])}
    if not 0 <= (run.duration_seconds or 0) < MAX_DURATION_SECONDS:  # nor NaN
        values["duration_seconds"] = None
    return RunFacts(**values, complete=run.checkpoint is not None)


def _numbers(kept: Any) -> dict[str, int]:
    """Returns the counts of a run, without values that are not numbers."""
    return {name: count for name, count in kept.items() if type(count) is int} if isinstance(kept, dict) else {}


def _notices(now: datetime) -> tuple[Mapping[str, Any], ...]:
    """Returns the notices of the last day's runs, the newest of each kind."""
    newest: dict[str, Mapping[str, Any]] = {}
    runs = SyncRun.objects.filter(started_at__gte=now - NOTICES_FOR).exclude(notices=[]).order_by("-id")
    for run_id, began, notices in runs.values_list("id", "started_at", "notices")[:MAX_NOTICES]:
        for notice in notices if isinstance(notices, list) else []:
            if isinstance(notice, dict) and isinstance(notice.get("code"), str):
                newest.setdefault(notice["code"], {**notice, "run_id": run_id, "at": began.isoformat()})
    return tuple(newest.values())


def _names(product_of: Mapping[UUID, UUID], settings: EdgeSettings) -> dict[UUID, str]:
    """Returns the product name of each photo."""
    found = _products().filter(pk__in=set(product_of.values())).values_list("pk", settings.PRODUCT_NAME_FIELD)
    names = {product_id: str(name or "") for product_id, name in found}
    return {photo_id: names.get(product_id, "") for photo_id, product_id in product_of.items()}


def _with_coverage(facts: Facts, settings: EdgeSettings, left_out: Collection[UUID]) -> Facts:
    """Returns ``facts`` with the products that have no verified photo, by name, and why."""
    reasons: dict[UUID, str] = {}
    for product_id, reason in PendingPhoto.objects.values_list("product_id", "reason"):
        if reason not in PARKED:
            reasons[product_id] = reason
        else:
            reasons.setdefault(product_id, reason)
    without_row = (
        _products()
        .filter(~Exists(ProductPhoto.objects.filter(product_id=OuterRef("pk"))))
        .exclude(pk__in=left_out)
        .values_list("pk", settings.PRODUCT_NAME_FIELD)
    )
    rowless = [(product_id, str(name or "")) for product_id, name in without_row]
    uncovered = [_why(name, reasons.get(product_id), facts) for product_id, name in rowless]
    bare = [product_id for product_id in facts.bucket.bare if product_id not in left_out]
    for start in range(0, len(bare), 1000):
        some = _products().filter(pk__in=bare[start : start + 1000]).values_list("pk", settings.PRODUCT_NAME_FIELD)
        uncovered += [Uncovered(str(name or ""), Why.DAMAGED, facts.bucket.bare[product_id]) for product_id, name in some]
    return replace(
        facts,
        uncovered=tuple(sorted(uncovered, key=lambda entry: (entry.product_name, entry.why))),
        without_row=tuple(sorted(name for _, name in rowless)),
    )


def _why(name: str, reason: str | None, facts: Facts) -> Uncovered:
    if reason in PARKED:
        return Uncovered(name, Why.WAITS)
    if reason is not None:
        return Uncovered(name, Why.FAILED, reason)
    # Only a whole list, without losses since, proves that head office lists none.
    whole = facts.last_good_run_at is not None and facts.feed_proved_complete and not facts.last_run_failed
    known = whole and not (facts.vanished or facts.is_running)
    return Uncovered(name, Why.NONE_LISTED if known else Why.UNKNOWN)
