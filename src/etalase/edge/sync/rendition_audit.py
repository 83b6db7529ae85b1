"""Compares the renditions of the bucket with their rows: a lost one is fetched again, one that is here already is not.

Lists the bucket with a full run, and reads as great a share of the objects as the audit of the photos does.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from django.db import transaction

from etalase.edge.database import translated
from etalase.edge.integrity import Damage, damage, is_suspicion
from etalase.edge.sync import storage
from etalase.edge.sync.bucket_audit import BucketAudit, judge_read
from etalase.edge.sync.context import Run
from etalase.edge.sync.scratch import Listing
from etalase.edge.sync.services import Bucket
from etalase.edge.sync.storage.renditions import RenditionObject
from etalase.errors import ObjectMissing
from etalase.renditions import RENDITION_PREFIX, parse_key


@dataclass(slots=True)
class RenditionLook:
    """The findings of one look: damaged objects among those that were ever here, and whole ones that were not known to be."""

    damaged: dict[str, Damage] = field(default_factory=dict)
    arrived: list[str] = field(default_factory=list)


def list_renditions(bucket: Bucket, *, may_be_missing: bool) -> Listing:
    """Lists the renditions of the bucket; an object of another form belongs to somebody else.

    Raises :class:`ObjectMissing` without a bucket, unless it may be missing.
    """
    try:
        return Listing(info for info in bucket.list(RENDITION_PREFIX) if parse_key(info.key))
    except ObjectMissing:
        if not may_be_missing:
            raise
        return Listing([])


def look(audit: BucketAudit, listing: Listing, objects: Collection[RenditionObject]) -> RenditionLook:
    """Compares these rows with their objects. Raises :class:`ObjectStoreError` where the store is away."""
    found, to_read = RenditionLook(), []
    listed = listing.of(one.object_key for one in objects)
    for one in objects:
        there = listed.get(one.object_key)
        kind = damage(one.size, one.checksum, one.content_type, there)
        if there is None or (kind is not None and not is_suspicion(kind, one.size, there)):
            if one.was_here and kind is not None:
                found.damaged[one.object_key] = kind
        elif kind is not None or not one.is_here or audit.is_due(one.object_key.encode(), there):
            to_read.append(one)
    reads = audit.workers.map(lambda one: audit.objects.read(one.object_key), to_read)
    for one, read in zip(to_read, reads, strict=True):
        kind, _ = judge_read(one, read)
        if kind is not None and one.was_here:
            found.damaged[one.object_key] = kind
        elif kind is None and not one.is_here:
            found.arrived.append(one.object_key)
    return found


def audit_renditions(run: Run) -> None:
    """Compares all rows with the bucket, where the run has listed it, and records what it finds."""
    if run.audit.listing is None:
        return
    listing = run.audit.renditions = list_renditions(run.services.bucket, may_be_missing=False)
    for objects in storage.renditions.objects():
        found = look(run.audit, listing, objects)
        if found.damaged or found.arrived:
            with translated(), transaction.atomic():
                run.services.lock.still_held()
                storage.renditions.record_lost(found.damaged)
                storage.renditions.record_arrived(found.arrived)


def schedule_orphans(run: Run) -> None:
    """Schedules the deletion of renditions that no row names."""
    if (listing := run.audit.renditions) is None:
        return
    for objects in storage.renditions.objects():
        listing.use(one.object_key for one in objects)
    for orphans in listing.unused():
        storage.reclaims.schedule(orphans, at=run.services.clock.utc())
