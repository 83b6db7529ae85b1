"""The edge's tables. ``product_photo`` is the guide's, to the letter; what we need besides is in ``etalase_*``."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

if not hasattr(settings, "ETALASE_PRODUCT_MODEL"):
    # Django reads a swappable model's setting from the top level, also where a project leaves it at its default.
    settings.ETALASE_PRODUCT_MODEL = "etalase_edge.Product"


class KeptJSON(models.JSONField):
    """A JSON column of ours. A value that cannot be read, such as one that nests too deep, reads as None."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """The value, or None."""
        try:
            return super().from_db_value(value, expression, connection)
        except (ValueError, RecursionError):
            return None

    def deconstruct(self) -> Any:
        """As Django's own field, for migrations."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs


class Product(models.Model):
    """A product of the menu, written by the sync. A Django project with products of its own swaps it out."""

    id = models.UUIDField(primary_key=True)
    sku = models.CharField(max_length=100, default="")
    name = models.CharField(max_length=255, default="")
    # False once head office is known to list it no longer, while a photo of it, or the bound on deletion, keeps it here.
    is_listed = models.BooleanField(db_default=True)

    class Meta:
        db_table = "product"
        swappable = "ETALASE_PRODUCT_MODEL"

    def __str__(self) -> str:
        return self.name


class ProductPhoto(models.Model):
    """A photo that POS screens show: its object is in the bucket before its row is here."""

    id = models.UUIDField(primary_key=True)
    # The constraint is in the database (not deferrable, ON DELETE CASCADE): Django's own would fail only at COMMIT.
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
        # The migration makes the table by the guide's DDL; a project whose own model has it already keeps that model.
        managed = False
        db_table = "product_photo"
        indexes: ClassVar = [
            models.Index(fields=["product"], name="idx_product_photo_product"),
            models.Index(fields=["product", "is_primary"], name="idx_product_photo_primary"),
        ]

    def __str__(self) -> str:
        return self.object_key or str(self.id)


class Checkpoint(models.Model):
    """Where the next incremental run resumes. One row: one edge database belongs to one store."""

    store_id = models.UUIDField(primary_key=True)
    company_id = models.UUIDField()
    # HO's own text of the time, so that no digit of it is lost; null before the first complete run.
    sync_timestamp = models.TextField(null=True)  # noqa: DJ001 - null means "no checkpoint yet"
    products_sync_timestamp = models.TextField(null=True)  # noqa: DJ001
    products_changed_at = models.TextField(null=True)  # noqa: DJ001
    # Whether the last full feed could be proved complete; unknown before the first.
    feed_proved_complete = models.BooleanField(null=True)
    # When a run last compared rows, bucket and HO's whole list; and how many rows the last complete run left.
    compared_at = models.DateTimeField(null=True)
    photos = models.IntegerField(null=True)
    # When somebody last asked for a run on the status page.
    asked_at = models.DateTimeField(null=True)
    # HO's tokens are kept between runs: a login costs HO half a second of CPU (hazard 57).
    access_token = models.TextField(default="")
    refresh_token = models.TextField(default="")

    class Meta:
        db_table = "etalase_checkpoint"

    def __str__(self) -> str:
        return f"{self.store_id} at {self.sync_timestamp}"


class SyncRun(models.Model):
    """One run: what it was asked to do and what it did. A run that was killed keeps ``outcome`` null."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=12)
    trigger = models.CharField(max_length=12)
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12, null=True)  # noqa: DJ001 - null means "not finished"
    error = models.TextField(default="")
    # Where the error lies, if there is one (see edge.sync.report.Fault).
    fault = models.CharField(max_length=16, db_default="")
    counts = KeptJSON(default=dict)
    reasons = KeptJSON(default=dict)
    bytes_fetched = models.BigIntegerField(default=0)
    checkpoint = models.TextField(null=True)  # noqa: DJ001
    duration_seconds = models.FloatField(null=True)
    # How many photos it set out to publish; null before it knew, and where there were none.
    to_carry = models.IntegerField(null=True)
    # What it noticed of the world around it, as objects with a ``code`` (edge.status.texts says them).
    notices = KeptJSON(default=list)
    # How many photos head office listed, as the run knew once it had planned, and how many of them were not here then; how many
    # bytes it had to fetch for them. Null before it knew.
    listed = models.IntegerField(null=True)
    missing = models.IntegerField(null=True)
    bytes_to_fetch = models.BigIntegerField(null=True)
    planned_at = models.DateTimeField(null=True)
    # How many of these it has published so far, committed with their rows.
    carried = models.IntegerField(db_default=0)
    bytes_carried = models.BigIntegerField(db_default=0)
    carried_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "etalase_sync_run"
        indexes: ClassVar = [models.Index(fields=["-started_at"], name="etalase_sync_run_started")]

    def __str__(self) -> str:
        return f"run {self.id}: {self.outcome}"


class PendingPhoto(models.Model):
    """A photo that HO listed and that is not published yet: it failed, or its product is not here (parked)."""

    photo_id = models.UUIDField(primary_key=True)
    product_id = models.UUIDField(db_index=True)
    product_name = models.TextField(default="")
    # As it came over the wire, so that it can be tried again without asking HO. PostgreSQL's own JSON cannot hold a NUL.
    wire = models.TextField()
    reason = models.CharField(max_length=32)
    detail = models.TextField(default="")
    attempts = models.IntegerField(default=1)
    first_failed_at = models.DateTimeField(db_default=Now())
    next_try_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "etalase_pending_photo"

    def __str__(self) -> str:
        return f"{self.photo_id}: {self.reason}"


class PublishIntent(models.Model):
    """A live key is about to be overwritten: committed before the put, cleared by the commit of the row (hazard 18)."""

    object_key = models.CharField(max_length=500, primary_key=True)
    # What lay there may be somebody else's: its ETag is any text.
    old_checksum = models.TextField()
    new_checksum = models.TextField()

    class Meta:
        db_table = "etalase_publish_intent"

    def __str__(self) -> str:
        return self.object_key


class Doubt(models.Model):
    """A photo whose object was seen not to be what its row says, and how (:class:`etalase.edge.integrity.Damage`).

    A listing may look whole all the same (hazard 22): so every look reads it, until it was put anew or turns out to be right.
    """

    photo_id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=16)
    # When head office's whole list was asked for it in vain: not each hour again.
    asked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "etalase_doubt"

    def __str__(self) -> str:
        return f"{self.photo_id}: {self.kind}"


class Removal(models.Model):
    """A photo that HO no longer lists: removed, or held for a person, or kept because a person said so."""

    class State(models.TextChoices):
        """Where the removal stands."""

        HELD = "held"
        WAITING = "waiting"  # its product's new photo has not arrived yet
        REFUSED = "refused"
        APPLIED = "applied"

    photo_id = models.UUIDField(primary_key=True)
    product_id = models.UUIDField()
    product_name = models.TextField(default="")
    cause = models.CharField(max_length=16)
    state = models.CharField(max_length=8, choices=State.choices)
    # Whether the product lost its last photo by it: what the day's bound counts.
    left_bare = models.BooleanField(default=False)
    # Whether a person said so: then it does not count against the day's bound.
    approved = models.BooleanField(default=False)
    # The row as it was, so that the removal can be undone while the object's grace lasts.
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
    """An object that no row names any more. It goes when its grace is over and still no row names it."""

    object_key = models.CharField(max_length=500, primary_key=True)
    obsolete_at = models.DateTimeField(db_default=Now())
    # The bucket did not let it go; tried again then.
    put_off_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "etalase_reclaim"
        indexes: ClassVar = [models.Index(fields=["obsolete_at"], name="etalase_reclaim_obsolete")]

    def __str__(self) -> str:
        return self.object_key


class Heartbeat(models.Model):
    """The newest sign of life of the worker or the beat, by the database's clock (:mod:`etalase.edge.heartbeat`)."""

    role = models.TextField(primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "etalase_heartbeat"

    def __str__(self) -> str:
        return f"{self.role} at {self.at}"
