"""Reads what a report says of this store, from several tables; writes nothing."""

from datetime import datetime

from django.apps import apps
from django.db.models import Exists, OuterRef, Sum

from etalase.edge.database import translated
from etalase.edge.displayed_photo import products_left_out
from etalase.edge.models import Checkpoint, Doubt, PendingPhoto, ProductPhoto, SyncRun
from etalase.edge.project import product_model_name
from etalase.edge.sync.storage import own_photos, photos, removals
from etalase.fault_side import FaultSide, side_of
from etalase.protocol import MAX_INT32, printable
from etalase.report import PhotoCounts, ReportedFault, ReportedMenu, ReportedRun, Traffic

MAX_ERROR_CHARS = 500


def checkpoint() -> str | None:
    """Returns head office's own text of the time where the next run resumes."""
    with translated():
        text = Checkpoint.objects.values_list("sync_timestamp", flat=True).first()
    return text or None


def photo_counts(verified: int) -> PhotoCounts:
    """Returns the numbers of photos; ``verified`` is that of the digest."""
    listed, _ = photos.listed_and_here()
    own, _ = own_photos.counts()
    with translated():
        pending = PendingPhoto.objects.all()
        parked = pending.parked().count()
        owed = pending.failed().count()
        damaged = Doubt.objects.filter(Exists(ProductPhoto.objects.filter(pk=OuterRef("photo_id"))))
        damaged_count = damaged.exclude(photo_id__in=own_photos.exempt()).count()
    return PhotoCounts(
        listed=listed + parked,
        verified=verified,
        damaged=damaged_count,
        owed=owed,
        held=removals.count_held(),
        parked=parked,
        own=own,
    )


def missing() -> int:
    """Returns how many photos of head office's list, as the last run read it, are still on their way."""
    with translated():
        run = SyncRun.objects.filter(listed__isnull=False).order_by("-id").first()
    if run is None or run.checkpoint is not None:
        return 0
    return max(0, (run.missing or 0) - run.carried)


def menu() -> ReportedMenu:
    """Returns the products of the POS, and how many of them have a photo."""
    with translated():
        products = apps.get_model(product_model_name())._default_manager  # noqa: SLF001 - Django's documented way
        shown = products.exclude(pk__in=products_left_out())
        with_photo = shown.filter(Exists(ProductPhoto.objects.filter(product_id=OuterRef("pk"))))
        return ReportedMenu(products=shown.count(), with_photo=with_photo.count())


def last_run() -> ReportedRun | None:
    """Returns the last run that ended, or None."""
    with translated():
        run = SyncRun.objects.filter(outcome__isnull=False).order_by("-id").first()
    if run is None:
        return None
    counts = run.counts if isinstance(run.counts, dict) else {}
    duration = run.duration_seconds or 0.0
    return ReportedRun(
        kind=run.kind,
        outcome=run.outcome or "",
        started_at=run.started_at,
        duration_seconds=duration if 0 <= duration < 1e9 else 0.0,
        fetched=_count(counts.get("fetched")),
        failed=_count(counts.get("failed")),
        fault=run.fault,
        error=printable(run.error)[:MAX_ERROR_CHARS],
    )


def traffic(*, today: datetime, month: datetime) -> Traffic:
    """Returns the image bytes of the runs that began since ``today`` and since ``month``."""
    with translated():
        sums = [
            SyncRun.objects.filter(started_at__gte=since).aggregate(total=Sum("bytes_fetched"))["total"] or 0
            for since in (today, month)
        ]
    return Traffic(today_bytes=max(0, sums[0]), month_bytes=max(0, sums[1]))


def faults() -> list[ReportedFault]:
    """Returns each listed photo that is not here as listed, and why, the newest first."""
    with translated():
        pending = list(PendingPhoto.objects.defer("wire", "detail").order_by("-first_failed_at", "photo_id"))
        known = {entry.photo_id for entry in pending} | own_photos.exempt()
        damaged = [
            (photo_id, kind, product_id)
            for photo_id, kind in Doubt.objects.order_by("photo_id").values_list("photo_id", "kind")
            if photo_id not in known
            for product_id in ProductPhoto.objects.filter(pk=photo_id).values_list("product_id", flat=True)
        ]
    found = [
        ReportedFault(photo_id=photo_id, product_id=product_id, reason=kind, side=FaultSide.STORE)
        for photo_id, kind, product_id in damaged
    ]
    return found + [
        ReportedFault(
            photo_id=entry.photo_id,
            product_id=entry.product_id,
            reason=entry.reason,
            side=side_of(entry.reason),
            attempts=_count(entry.attempts),
            since=entry.first_failed_at,
        )
        for entry in pending
    ]


def _count(value: object) -> int:
    return min(value, MAX_INT32) if type(value) is int and value >= 0 else 0
