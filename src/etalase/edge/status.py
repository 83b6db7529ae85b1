"""How this store's photos are: a selector over what runs left behind. It never says "fine" while anything is missing."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.db.models import Exists, OuterRef

from etalase.edge.database import translated
from etalase.edge.models import Checkpoint, PendingPhoto, ProductPhoto, Removal, SyncRun
from etalase.errors import Reason
from etalase.protocol import printable
from etalase.settings.edge import configured

# Two periods of the hourly schedule: then the figure turns red by itself, also where beat is dead (hazard 39).
STALE_AFTER = timedelta(hours=2)
MAX_NAMES = 20


@dataclass(frozen=True, slots=True)
class Status:
    """What there is, and how old that knowledge is."""

    photos: int
    products: int
    products_without_photo: list[str]
    failed: int
    parked: int
    held: int
    last_run: dict[str, Any] | None
    last_good_run_at: datetime | None
    checkpoint: str | None
    feed_proved_complete: bool | None
    now: datetime

    @property
    def is_stale(self) -> bool:
        """Whether the last complete run is longer ago than two periods."""
        return self.last_good_run_at is None or self.now - self.last_good_run_at > STALE_AFTER

    @property
    def is_running(self) -> bool:
        """Whether the newest run has not ended (or was killed, which the next one will tell)."""
        return self.last_run is not None and self.last_run["outcome"] is None

    @property
    def exit_status(self) -> int:
        """0 all is well, 1 missing, failed or stale, 3 held, 4 no run has succeeded yet."""
        if self.last_good_run_at is None:
            return 4
        if self.held:
            return 3
        return 1 if self.failed or self.is_stale else 0

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "well": self.exit_status == 0,
            "stale": self.is_stale,
            "photos": self.photos,
            "products": self.products,
            "products_without_photo": self.products_without_photo,
            "failed": self.failed,
            "parked": self.parked,
            "held": self.held,
            "last_run": self.last_run,
            "last_good_run_at": self.last_good_run_at.isoformat() if self.last_good_run_at else None,
            "checkpoint": self.checkpoint,
            "feed_proved_complete": self.feed_proved_complete,
        }

    def lines(self) -> list[str]:
        """For a person."""
        shown = self.products - len(self.products_without_photo)
        lines = [
            self._headline(),
            f"{self.photos} photos of {shown} products are on the POS; it lists {self.products} products.",
        ]
        if self.products_without_photo:
            names = ", ".join(printable(name) for name in self.products_without_photo[:MAX_NAMES])
            more = len(self.products_without_photo) - MAX_NAMES
            lines.append(f"Without a photo: {names}" + (f" and {more} more" if more > 0 else ""))
        if self.failed:
            lines.append(f"{self.failed} photos did not arrive and will be tried again: etalase edge failures")
        if self.parked:
            lines.append(f"{self.parked} photos wait for their product to come.")
        if self.held:
            lines.append(f"{self.held} removals wait for a person: etalase edge held")
        if self.feed_proved_complete is False:
            lines.append(
                "Head office's last full list was not proved complete: photos may be missing; what it lacked was not removed."
            )
        if self.last_run is not None:
            began = datetime.fromisoformat(self.last_run["started_at"])
            what = "under way" if self.is_running else self.last_run["outcome"]
            lines.append(f"Last run: {self.last_run['kind']}, {what}, begun {ago(self.now, began)}.")
            if self.last_run["error"]:
                lines.append(f"  {printable(self.last_run['error'])}")
        return lines

    def _headline(self) -> str:
        if self.last_good_run_at is None:
            return "NOT READY: no run has reached its end yet."
        freshness = f"as of {ago(self.now, self.last_good_run_at)}"
        if self.is_stale:
            return f"STALE: the last complete run was {ago(self.now, self.last_good_run_at)}."
        if self.held:
            return f"LOOK: removals are held, {freshness}."
        if self.failed:
            return f"PARTIAL: photos are missing, {freshness}."
        if self.parked:
            return f"WELL: every photo that head office lists is here or waits for its product, {freshness}."
        if self.feed_proved_complete is False:
            return f"WELL: every photo that head office has told of is here, {freshness}."
        return f"WELL: every photo that head office lists is here, {freshness}."


def read() -> Status:
    """The status now. Raises :class:`DatabaseAway`."""
    settings = configured()
    model: Any = apps.get_model(django_settings.ETALASE_PRODUCT_MODEL)
    with translated():
        checkpoint = Checkpoint.objects.first()
        newest = SyncRun.objects.order_by("-started_at").first()
        good = SyncRun.objects.filter(outcome__in=("success", "partial", "held"), checkpoint__isnull=False)
        last_good = good.order_by("-started_at").values_list("finished_at", flat=True).first()
        bare = model.objects.filter(~Exists(ProductPhoto.objects.filter(product_id=OuterRef("pk"))))
        return Status(
            photos=ProductPhoto.objects.count(),
            products=model.objects.count(),
            products_without_photo=sorted(bare.values_list(settings.PRODUCT_NAME_FIELD, flat=True)),
            failed=PendingPhoto.objects.exclude(reason=Reason.PRODUCT_MISSING).count(),
            parked=PendingPhoto.objects.filter(reason=Reason.PRODUCT_MISSING).count(),
            held=Removal.objects.filter(state=Removal.State.HELD).count(),
            last_run=_described(newest) if newest else None,
            last_good_run_at=last_good,
            checkpoint=checkpoint.sync_timestamp if checkpoint else None,
            feed_proved_complete=checkpoint.feed_proved_complete if checkpoint else None,
            now=datetime.now(UTC),
        )


def _described(run: SyncRun) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "kind": run.kind,
        "trigger": run.trigger,
        "outcome": run.outcome,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "error": run.error,
        "counts": run.counts,
        "reasons": run.reasons,
        "bytes_fetched": run.bytes_fetched,
    }


def ago(now: datetime, moment: datetime) -> str:
    """How long ago, in words."""
    seconds = max(0, round((now - moment).total_seconds()))
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'s' if count != 1 else ''} ago"
    return "just now"
