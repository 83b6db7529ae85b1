"""Defines the table that only the feed needs: the kept summary of each store."""

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
