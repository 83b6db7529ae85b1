"""Defines the tables of the fleet: what each store reported, and what head office lists for it."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models


class StoreReport(models.Model):
    """The latest report of a store, and what head office makes of it. Times are head office's."""

    # The database cascades (migration 0010).
    store = models.OneToOneField("Store", on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True)
    # Counts the writes: of two reports at the same time, the second is judged anew.
    revision = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField()
    # The end of the edge's promise to report again; and the promise within which it should have fetched a change it lacks.
    due_at = models.DateTimeField()
    behind_due_at = models.DateTimeField(null=True)
    # By how many seconds the edge's clock is ahead.
    skew_seconds = models.FloatField(default=0)
    agent = models.CharField(max_length=40)
    # Null: the edge has none, or a text that is not a time.
    checkpoint = models.DateTimeField(null=True)
    comparison = models.CharField(max_length=10)
    # The newest change visible to the store, as head office knew it at ``changed_as_of``.
    changed_at = models.DateTimeField(null=True)
    changed_as_of = models.DateTimeField()
    # A hash of the products that the store sells, and when a sale of it last began or ended. It holds as long as no sale of the
    # store has a stamp of ``sold_as_of`` or later.
    assortment = models.CharField(max_length=32)
    sold_at = models.DateTimeField(null=True)
    sold_as_of = models.DateTimeField()
    verified_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10)
    state_since = models.DateTimeField()
    word = models.CharField(max_length=40)
    missing = models.PositiveIntegerField(default=0)
    listed = models.PositiveIntegerField(default=0)
    verified = models.PositiveIntegerField(default=0)
    damaged = models.PositiveIntegerField(default=0)
    owed = models.PositiveIntegerField(default=0)
    held = models.PositiveIntegerField(default=0)
    parked = models.PositiveIntegerField(default=0)
    own = models.PositiveIntegerField(default=0)
    is_cloned = models.BooleanField(default=False)
    second_at = models.DateTimeField(null=True)
    possession_proved_at = models.DateTimeField(null=True)
    challenge_failed_at = models.DateTimeField(null=True)
    faults_hash = models.CharField(max_length=32, default="")
    faults_cut = models.PositiveIntegerField(default=0)
    # The edges that have reported for the store, the last one first (etalase/head_office/fleet/instances.py).
    instances = models.JSONField(default=list)
    # The report without its faults.
    body = models.JSONField(default=dict)

    class Meta:
        db_table = "head_office_store_report"

    def __str__(self) -> str:
        return f"{self.store_id}: {self.state}"


class StoreHour(models.Model):
    """The last report of a store in an hour, kept for 14 days."""

    store = models.ForeignKey("Store", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    hour = models.DateTimeField()
    received_at = models.DateTimeField()
    state = models.CharField(max_length=10)
    comparison = models.CharField(max_length=10)
    listed = models.PositiveIntegerField()
    verified = models.PositiveIntegerField()
    damaged = models.PositiveIntegerField()
    owed = models.PositiveIntegerField()
    held = models.PositiveIntegerField()

    class Meta:
        db_table = "head_office_store_hour"
        constraints = [models.UniqueConstraint(fields=["store", "hour"], name="head_office_store_hour_once")]

    def __str__(self) -> str:
        return f"{self.store_id} at {self.hour}: {self.state}"


class StoreFault(models.Model):
    """A photo that a store does not show as head office lists it, and why."""

    store = models.ForeignKey("Store", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    photo_id = models.UUIDField(db_index=True)
    product_id = models.UUIDField()
    reason = models.CharField(max_length=40)
    side = models.CharField(max_length=40)
    attempts = models.PositiveIntegerField()
    since = models.DateTimeField(null=True)

    class Meta:
        db_table = "head_office_store_fault"
        constraints = [models.UniqueConstraint(fields=["store", "photo_id"], name="head_office_store_fault_once")]

    def __str__(self) -> str:
        return f"{self.photo_id}: {self.reason}"


class AssortmentDigest(models.Model):
    """The digest of the photos of an assortment, shared by all stores that sell the same products.

    ``changed_at`` is the newest stamp of its products, photos and deletions; both hold as long as nothing of the chain has a
    stamp of ``as_of`` or later. The digest is empty until a store asks for it.
    """

    assortment = models.CharField(max_length=32, primary_key=True)
    digest = models.CharField(max_length=32, default="")
    changed_at = models.DateTimeField(null=True)
    as_of = models.DateTimeField()

    class Meta:
        db_table = "head_office_assortment_digest"

    def __str__(self) -> str:
        return f"{self.assortment}: {self.digest}"


class PossessionChallenge(models.Model):
    """A challenge to a store, and its answer (:mod:`etalase.possession`). Kept for a week, for the next choice of photos."""

    class Outcome(models.TextChoices):
        """What the answer proved."""

        PROVED = "proved"
        FAILED = "failed"
        VOID = "void"  # the photo is not head office's any more
        UNCHECKED = "unchecked"  # head office's own object is wrong

    nonce = models.CharField(max_length=32, primary_key=True)
    store = models.ForeignKey("Store", on_delete=models.DO_NOTHING, db_constraint=False)
    photo_id = models.UUIDField()
    checksum = models.CharField(max_length=32)
    offset = models.PositiveIntegerField()
    length = models.PositiveIntegerField()
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    # Null: not answered, or answered without a proof.
    proof = models.CharField(max_length=64, null=True)  # noqa: DJ001
    answered_checksum = models.CharField(max_length=32, default="")
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default="")

    class Meta:
        db_table = "head_office_challenge"
        indexes = [
            models.Index(
                fields=["answered_at"],
                condition=models.Q(answered_at__isnull=False, outcome=""),
                name="head_office_challenge_new",
            )
        ]

    def __str__(self) -> str:
        return f"{self.store_id}, {self.photo_id}: {self.outcome}"


class Incident(models.Model):
    """A cause of what is wrong in stores (:mod:`.fleet.incidents`): open until it ends, then kept for 90 days."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    company = models.ForeignKey("Company", on_delete=models.CASCADE)
    kind = models.CharField(max_length=10)
    subject = models.CharField(max_length=120)
    opened_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    # Of an ended incident the last ones.
    stores = ArrayField(models.UUIDField(), default=list)
    most_stores = models.PositiveIntegerField()
    # The number of stores in the last message, 0 before the first; and whether one said that it ended.
    announced = models.PositiveIntegerField(default=0)
    is_end_announced = models.BooleanField(default=False)

    class Meta:
        db_table = "head_office_incident"
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["company", "kind", "subject"], condition=models.Q(closed_at=None), name="head_office_incident_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {len(self.stores)} stores"


class Alarm(models.Model):
    """A message to people. A worker claims it, so that two workers do not both send it."""

    made_at = models.DateTimeField()
    title = models.CharField(max_length=200)
    body = models.TextField()
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    # Why the last attempt failed; never an address, which may have a password in it.
    problem = models.CharField(max_length=300, default="")

    class Meta:
        db_table = "head_office_alarm"
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.title
