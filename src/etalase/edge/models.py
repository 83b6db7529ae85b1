"""Defines the edge's tables: ``product_photo`` exactly as in the guide, and our own state in ``etalase_*``."""

import uuid
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from etalase.errors import PARKED
from etalase.protocol import MAX_CATEGORY_CHARS

if not hasattr(settings, "ETALASE_PRODUCT_MODEL"):
    # A project with products of its own names their model at the top level of its settings.
    settings.ETALASE_PRODUCT_MODEL = "etalase_edge.Product"


class KeptJSON(models.JSONField):
    """A JSON column that reads as None where its value is unreadable, for example nested too deep."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Returns the value, or None."""
        try:
            return super().from_db_value(value, expression, connection)
        except (ValueError, RecursionError):
            return None

    def deconstruct(self) -> Any:
        """Describes the field as Django's own JSONField, so that migrations do not name this class."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs


class Product(models.Model):
    """A product of the menu, written by the sync. In a Django project with its own product model, there is no such table."""

    id = models.UUIDField(primary_key=True)
    sku = models.CharField(max_length=100, default="")
    name = models.CharField(max_length=255, default="")
    category = models.CharField(max_length=MAX_CATEGORY_CHARS, default="", db_default="")
    # False once head office no longer lists the product, while a photo or the bound on removals keeps its row.
    is_listed = models.BooleanField(db_default=True)

    class Meta:
        # Not swappable: Django would write our setting into the project's own migrations of keys to its products.
        abstract = settings.ETALASE_PRODUCT_MODEL != "etalase_edge.Product"
        db_table = "product"

    def __str__(self) -> str:
        return self.name


class ProductPhoto(models.Model):
    """A published photo. Its object is in the bucket before its row is here."""

    id = models.UUIDField(primary_key=True)
    # The migration adds the constraint (not deferrable, ON DELETE CASCADE), because Django's own fails only at COMMIT.
    product = models.ForeignKey(
        settings.ETALASE_PRODUCT_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    object_key = models.CharField(max_length=500, null=True)  # noqa: DJ001 - the guide's columns are nullable
    filename = models.CharField(max_length=255, null=True)  # noqa: DJ001
    size = models.IntegerField(null=True)
    content_type = models.CharField(max_length=100, null=True)  # noqa: DJ001
    checksum = models.CharField(max_length=32, null=True)  # noqa: DJ001
    version = models.IntegerField(null=True, db_default=1)
    is_primary = models.BooleanField(null=True, db_default=False)
    sort_order = models.IntegerField(null=True, db_default=0)
    created_at = models.DateTimeField(null=True, db_default=Now())
    updated_at = models.DateTimeField(null=True, db_default=Now())

    class Meta:
        # The guide's DDL creates the table with its indexes; a project with its own model for this table keeps that model.
        # No indexes here: a project's model may declare the guide's names, and no two models may (models.E030).
        managed = False
        db_table = "product_photo"

    def __str__(self) -> str:
        return self.object_key or str(self.id)


class Checkpoint(models.Model):
    """The position in the feed where the next incremental run resumes. One row: an edge database belongs to one store."""

    store_id = models.UUIDField(primary_key=True)
    company_id = models.UUIDField()
    # Head office's own text of the time, so that no digit is lost; null before the first complete run.
    sync_timestamp = models.TextField(null=True)  # noqa: DJ001 - null means "no checkpoint yet"
    products_sync_timestamp = models.TextField(null=True)  # noqa: DJ001
    products_changed_at = models.TextField(null=True)  # noqa: DJ001
    # Whether the last full feed was proved complete; null before the first.
    feed_proved_complete = models.BooleanField(null=True)
    # When a run last compared rows, bucket and head office's full list; and the expected number of photo rows.
    compared_at = models.DateTimeField(null=True)
    photos = models.IntegerField(null=True)
    # When a person last requested a run on the status page.
    asked_at = models.DateTimeField(null=True)
    # Tokens are kept between runs, because a login costs head office half a second of CPU (hazard 57).
    access_token = models.TextField(default="")
    refresh_token = models.TextField(default="")
    # The abilities that head office announced last, and the HO_URL that they are of.
    features = models.TextField(db_default="")
    features_of = models.TextField(db_default="")
    # Whether the renditions of head office's whole list were compared since it announced them.
    renditions_compared = models.BooleanField(db_default=False)

    class Meta:
        db_table = "etalase_checkpoint"

    def __str__(self) -> str:
        return f"{self.store_id} at {self.sync_timestamp}"


class SyncRun(models.Model):
    """A sync run: its request and its result. ``outcome`` stays null after a kill, until the next run marks it."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=12)
    trigger = models.CharField(max_length=12)
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12, null=True)  # noqa: DJ001 - null means "not finished"
    error = models.TextField(default="")
    # The side that caused the error, if any (:class:`etalase.edge.sync.result.RunFault`).
    fault = models.CharField(max_length=16, db_default="")
    counts = KeptJSON(default=dict)
    reasons = KeptJSON(default=dict)
    bytes_fetched = models.BigIntegerField(default=0)
    checkpoint = models.TextField(null=True)  # noqa: DJ001
    duration_seconds = models.FloatField(null=True)
    # The number of photos to publish; null before the plan, and if there were none.
    to_carry = models.IntegerField(null=True)
    # Anomalies and other notices, as objects with a ``code`` (:mod:`etalase.edge.status.messages` has their texts).
    notices = KeptJSON(default=list)
    # After the plan: photos on head office's list, missing ones among them, and the bytes to fetch. Null before.
    listed = models.IntegerField(null=True)
    missing = models.IntegerField(null=True)
    bytes_to_fetch = models.BigIntegerField(null=True)
    planned_at = models.DateTimeField(null=True)
    # Published photos and bytes so far, committed together with the photo rows.
    carried = models.IntegerField(db_default=0)
    bytes_carried = models.BigIntegerField(db_default=0)
    carried_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "etalase_sync_run"
        indexes: ClassVar = [models.Index(fields=["-started_at"], name="etalase_sync_run_started")]

    def __str__(self) -> str:
        return f"run {self.id}: {self.outcome}"


class PendingPhotos(models.QuerySet["PendingPhoto"]):
    """Entries of the retry list."""

    def failed(self) -> Self:
        """Returns the entries that are not parked."""
        return self.exclude(reason__in=PARKED)

    def parked(self) -> Self:
        """Returns the entries whose product is not here."""
        return self.filter(reason__in=PARKED)


class PendingPhoto(models.Model):
    """An entry of the retry list: a listed photo that failed, or is parked because its product is not here."""

    photo_id = models.UUIDField(primary_key=True)
    product_id = models.UUIDField(db_index=True)
    product_name = models.TextField(default="")
    # The photo as received, so that a retry needs no request for the list. Text, because PostgreSQL's JSON cannot hold a NUL.
    wire = models.TextField()
    reason = models.CharField(max_length=32)
    detail = models.TextField(default="")
    attempts = models.IntegerField(default=1)
    first_failed_at = models.DateTimeField(db_default=Now())
    next_try_at = models.DateTimeField(db_default=Now())

    objects = PendingPhotos.as_manager()

    class Meta:
        db_table = "etalase_pending_photo"

    def __str__(self) -> str:
        return f"{self.photo_id}: {self.reason}"


class PublishIntent(models.Model):
    """The intent to overwrite a live key: committed before the put, cleared by the commit of the row (hazard 18)."""

    object_key = models.TextField(primary_key=True)
    # The ETag of the old object; any text, because another program may have put it.
    old_checksum = models.TextField()
    new_checksum = models.TextField()

    class Meta:
        db_table = "etalase_publish_intent"

    def __str__(self) -> str:
        return self.object_key


class Doubt(models.Model):
    """The damage mark of a photo whose object does not match its row (:class:`etalase.edge.integrity.Damage`).

    A listing of the bucket may not show the damage (hazard 22), so each audit reads the object until it is right again.
    """

    photo_id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=16)
    # When head office's full list last lacked the photo, so that runs do not ask for the list each hour.
    asked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "etalase_doubt"

    def __str__(self) -> str:
        return f"{self.photo_id}: {self.kind}"


class Removal(models.Model):
    """The removal of a photo that head office no longer lists: applied, waiting, held for a person, or refused by one."""

    class State(models.TextChoices):
        """The state of the removal."""

        HELD = "held"
        WAITING = "waiting"  # until the product's new photo is published
        REFUSED = "refused"
        APPLIED = "applied"

    photo_id = models.UUIDField(primary_key=True)
    product_id = models.UUIDField()
    product_name = models.TextField(default="")
    cause = models.CharField(max_length=16)
    state = models.CharField(max_length=8, choices=State.choices)
    # Whether the product lost its last photo; the bound of a day counts these.
    left_bare = models.BooleanField(default=False)
    # Whether a person approved it; then it does not count against the bound of the day.
    approved = models.BooleanField(default=False)
    # The removed row, for an undo during the grace period of the object.
    row = KeptJSON(null=True)
    run_id = models.BigIntegerField(null=True)
    noticed_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "etalase_removal"
        indexes: ClassVar = [models.Index(fields=["state", "decided_at"], name="etalase_removal_state")]

    def __str__(self) -> str:
        return f"{self.photo_id}: {self.state}"


class Reclaim(models.Model):
    """An orphan: an object that no row names. A run deletes it after the grace period, unless a row names it again."""

    object_key = models.TextField(primary_key=True)
    obsolete_at = models.DateTimeField(db_default=Now())
    # The bucket refused the deletion; the next attempt is at this time.
    put_off_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "etalase_reclaim"
        indexes: ClassVar = [models.Index(fields=["obsolete_at"], name="etalase_reclaim_obsolete")]

    def __str__(self) -> str:
        return self.object_key


class OwnState(models.TextChoices):
    """What a person decided on something that was in the store before its adoption. All but ``DISOWNED`` is exempt."""

    KEPT = "kept"  # nobody has decided yet
    APPROVED = "approved"
    DISOWNED = "disowned"


class OwnPhoto(models.Model):
    """A photo row that an adoption found and that head office never listed: no run removes, moves or overwrites it.

    The record ends once head office lists the photo.
    """

    photo_id = models.UUIDField(primary_key=True)
    product_id = models.UUIDField()
    product_name = models.TextField(default="")
    # What it is (:class:`etalase.edge.adoption.decisions.Code`).
    what = models.CharField(max_length=32)
    state = models.CharField(max_length=8, choices=OwnState.choices, default=OwnState.KEPT)
    # The row as the adoption found it.
    row = KeptJSON(null=True)
    recorded_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "etalase_own_photo"

    def __str__(self) -> str:
        return f"{self.photo_id}: {self.state}"


class OwnObject(models.Model):
    """An object below ``products/`` that an adoption found and that neither a row nor head office names: never reclaimed.

    The record ends once a row names the key.
    """

    object_key = models.TextField(primary_key=True)
    size = models.BigIntegerField(default=0)
    state = models.CharField(max_length=8, choices=OwnState.choices, default=OwnState.KEPT)
    recorded_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "etalase_own_object"

    def __str__(self) -> str:
        return f"{self.object_key}: {self.state}"


class PhotoRendition(models.Model):
    """A small picture of a photo: what is listed, whether its object is here and verified, and when to try again.

    A photo may have two sets for a while: of the bytes that its row has (``photo_checksum``), and of the listed ones.
    """

    class Origin(models.TextChoices):
        """The maker of the rendition."""

        HEAD_OFFICE = "head_office"
        EDGE = "edge"

    id = models.BigAutoField(primary_key=True)
    photo_id = models.UUIDField(db_index=True)
    product_id = models.UUIDField(db_index=True)
    # Of the listed photo, for products whose photo has no row yet.
    is_primary = models.BooleanField(default=False)
    sort_order = models.IntegerField(default=0)
    # The MD5 of the photo's bytes from which it was made: the POS shows it only with these.
    photo_checksum = models.CharField(max_length=32)
    width = models.IntegerField()
    height = models.IntegerField()
    object_key = models.TextField()
    size = models.IntegerField()
    checksum = models.CharField(max_length=32)
    content_type = models.CharField(max_length=100)
    image_url = models.TextField(default="")
    thumbhash = models.TextField(default="")
    origin = models.CharField(max_length=12, choices=Origin.choices, default=Origin.HEAD_OFFICE)
    # False once head office lists another set for the photo, or none, and always for the edge's own.
    is_listed = models.BooleanField(default=False)
    is_here = models.BooleanField(default=False)
    # Counts the replacements of a damaged object: browsers may hold its bytes for a year.
    revision = models.IntegerField(default=0)
    attempts = models.IntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    # Why the last attempt failed (:class:`etalase.errors.Reason`).
    reason = models.CharField(max_length=32, default="")

    class Meta:
        db_table = "etalase_rendition"
        constraints: ClassVar = [
            # New metadata in a photo change its MD5 and not its renditions, so that two sets may share a key.
            models.UniqueConstraint(fields=["object_key", "photo_checksum"], name="etalase_rendition_key")
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_try_at"], name="etalase_rendition_missing", condition=models.Q(is_here=False))
        ]

    def __str__(self) -> str:
        return self.object_key


class UnmadeRenditions(models.Model):
    """A photo whose renditions cannot be made here, and why. It is tried again once its bytes are others.

    ``next_try_at``: the cause may be this machine, short of memory or time; null once it is the picture.
    """

    photo_id = models.UUIDField(primary_key=True)
    photo_checksum = models.CharField(max_length=32)
    # Of :class:`etalase.errors.PictureRefused`, with the sentence.
    code = models.CharField(max_length=32)
    reason = models.TextField()
    attempts = models.IntegerField(db_default=1)
    next_try_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "etalase_unmade_renditions"

    def __str__(self) -> str:
        return f"{self.photo_id}: {self.reason}"


class ReportState(models.Model):
    """This edge as a reporter: its instance, the number of its last report, and what head office has of it. One row."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    # Made by the migration, so that it is in every copy and every backup of this database.
    instance = models.UUIDField(default=uuid.uuid4)
    sequence = models.BigIntegerField(db_default=0)
    # Of the verified rows, with the mark of the rows that it was computed of, and their number.
    digest = models.TextField(db_default="")
    digest_of = models.TextField(db_default="")
    verified = models.IntegerField(db_default=0)
    verified_at = models.DateTimeField(null=True)
    # The hash of the faults that head office took last.
    faults_taken = models.TextField(db_default="")
    # Head office refused a report.
    left_out_until = models.DateTimeField(null=True)
    # Head office's challenges that are not answered yet, and answers for the next report (etalase/possession.py).
    challenges = KeptJSON(default=list, db_default=models.Value([], models.JSONField()))
    answers = KeptJSON(default=list, db_default=models.Value([], models.JSONField()))

    class Meta:
        db_table = "etalase_report_state"

    def __str__(self) -> str:
        return f"{self.instance} {self.sequence}"


class ReceivedOrder(models.Model):
    """An order of head office (:class:`etalase.store_order.Order`), and what became of it here.

    ``ended_at`` and ``outcome`` are written in the transaction of the effect, where there is one. Kept for 90 days, longer than
    head office repeats it.
    """

    id = models.UUIDField(primary_key=True)
    kind = models.TextField()
    args = KeptJSON(default=dict, db_default=models.Value({}, models.JSONField()))
    given_by = models.TextField(db_default="")
    why = models.TextField(db_default="")
    received_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # How often it was begun: counted before the effect.
    attempts = models.IntegerField(db_default=0)
    ended_at = models.DateTimeField(null=True)
    outcome = models.TextField(db_default="")
    detail = models.TextField(db_default="")
    # The photos that an approval removed, to undo it.
    removed_ids = KeptJSON(default=list, db_default=models.Value([], models.JSONField()))
    # Whether head office has the outcome.
    is_reported = models.BooleanField(db_default=False)

    class Meta:
        db_table = "etalase_order"
        indexes: ClassVar = [
            models.Index(fields=["received_at"], name="etalase_order_open", condition=models.Q(is_reported=False))
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Heartbeat(models.Model):
    """The last heartbeat of the worker or the beat, by the database's clock (:mod:`etalase.edge.heartbeat`)."""

    role = models.TextField(primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "etalase_heartbeat"

    def __str__(self) -> str:
        return f"{self.role} at {self.at}"
