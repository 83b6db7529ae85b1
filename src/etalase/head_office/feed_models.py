"""Defines the tables that only the feed needs: the kept summary of each store, and the tombstones."""

from django.db import models


class FeedSummary(models.Model):
    """What each page of a store's feed says of the whole store, counted once and kept until something changes (ADR 0034).

    It holds for every snapshot in which no row that counts has a stamp of ``as_of`` or later, and the floor is the same.
    """

    store_id = models.UUIDField(primary_key=True)
    # The horizon that was read before the snapshot of the counts.
    as_of = models.DateTimeField()
    floor = models.DateTimeField()
    photos = models.IntegerField()
    products = models.IntegerField()
    products_changed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "head_office_feed_summary"

    def __str__(self) -> str:
        return str(self.store_id)


class PhotoTombstone(models.Model):
    """The tombstone of a deleted photo, at the photo's position in the feed. Written by triggers only."""

    photo_id = models.UUIDField()
    product_id = models.UUIDField()
    position = models.BigIntegerField()
    changed_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "head_office_photo_tombstone"
        constraints = [models.UniqueConstraint(fields=["product_id", "photo_id"], name="head_office_photo_tombstone_once")]

    def __str__(self) -> str:
        return str(self.photo_id)


class AssortmentTombstone(models.Model):
    """The tombstone of a sale that ended, also by the deletion of its product. Written by triggers only.

    ``first_sold_at`` decides which deleted photos the store can have received.
    """

    store_id = models.UUIDField()
    product_id = models.UUIDField()
    position = models.BigIntegerField()
    first_sold_at = models.DateTimeField()
    changed_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "head_office_assortment_tombstone"
        constraints = [models.UniqueConstraint(fields=["store_id", "product_id"], name="head_office_assortment_tombstone_once")]
        indexes = [models.Index(fields=["store_id", "changed_at"], name="head_office_tombstone_changed")]

    def __str__(self) -> str:
        return f"{self.store_id} sold {self.product_id}"
