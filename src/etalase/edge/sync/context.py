"""The data of one run: its services, its checkpoint as it began, and what it collects on the way."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial

from etalase.edge.models import Checkpoint
from etalase.edge.sync import storage
from etalase.edge.sync.bucket_audit import BucketAudit, Look
from etalase.edge.sync.download.head_start import HeadStart
from etalase.edge.sync.download.proof import Promised
from etalase.edge.sync.plan.renditions import MAX_WAIT_SECONDS
from etalase.edge.sync.publish.failures import Failures
from etalase.edge.sync.publish.pipeline import Publisher
from etalase.edge.sync.result import RunResult
from etalase.edge.sync.services import Services
from etalase.progress import Progress
from etalase.protocol import Photo


class Scope(StrEnum):
    """The photos that a run compares: all of them, or the changes since the checkpoint."""

    FULL = "full"
    CHANGES = "changes"


@dataclass(slots=True)
class Run:
    """One run. ``result`` is written and never read: each step decides by its arguments.

    ``id`` is that of its row, 0 in a dry run, which has none.
    ``extra_rows`` is the number of rows at its beginning beyond the number in the checkpoint; it may be negative.
    """

    services: Services
    result: RunResult
    progress: Progress
    checkpoint: Checkpoint
    now: datetime
    requested_scope: Scope
    by_hand: bool
    audit: BucketAudit
    extra_rows: int
    # Columns of our own state that held unreadable values.
    dropped: list[str]
    id: int = 0
    head_start: HeadStart[Photo] = field(init=False)
    rendition_start: HeadStart[Promised] = field(init=False)
    failures: Failures = field(init=False)
    publisher: Publisher = field(init=False)

    def __post_init__(self) -> None:
        self.failures = Failures(self.services, self.result, self.now)
        images = self.services.images
        self.head_start = HeadStart(images.fetch)
        self.rendition_start = HeadStart(partial(images.fetch_once, max_wait_seconds=MAX_WAIT_SECONDS))
        self.publisher = Publisher(self.services, self.result, self.progress, self.failures, self.head_start)


def mark_damage(run: Run, look: Look) -> Look:
    """Marks the damage that a look found, and clears the marks of whole photos."""
    run.services.write(storage.damage_marks.mark, look.to_mark)
    run.services.write(storage.damage_marks.clear, look.to_clear)
    return look
