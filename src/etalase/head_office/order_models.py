"""Defines the tables of orders to stores: what a person ordered, and what became of it in each store."""

import uuid

from django.db import models
from django.db.models.functions import Now

from etalase.store_order import OrderKind


class FleetOrder(models.Model):
    """An order of a person to stores of one company."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company = models.ForeignKey("Company", on_delete=models.CASCADE)
    kind = models.CharField(max_length=20, choices=[(kind.value, kind.value) for kind in OrderKind])
    # As the person gave them (:class:`etalase.store_order.OrderArguments`).
    args = models.JSONField(default=dict)
    why = models.CharField(max_length=500)
    # The account may be gone.
    account_id = models.UUIDField(null=True)
    username = models.CharField(max_length=150)
    given_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by = models.CharField(max_length=150, default="")

    class Meta:
        db_table = "head_office_order"
        ordering = ["-given_at"]
        indexes = [models.Index(fields=["company", "-given_at"], name="head_office_order_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class StoreOrder(models.Model):
    """The order to one store: its id is the one that the edge knows. Times are head office's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    order = models.ForeignKey(FleetOrder, on_delete=models.CASCADE, related_name="stores")
    # The database cascades (migration 0015).
    store = models.ForeignKey("Store", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    args = models.JSONField(default=dict)
    # Of an approval: how many photos the person decided on. They count for the bound of the next one.
    photos = models.PositiveIntegerField(default=0)
    # Reports are answered with it. False once it has a result, was cancelled, or has expired.
    is_open = models.BooleanField(default=True)
    # First told to the edge; it may not have received that answer.
    sent_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=40, default="")
    detail = models.CharField(max_length=500, default="")

    class Meta:
        db_table = "head_office_store_order"
        indexes = [
            models.Index(fields=["store"], condition=models.Q(is_open=True), name="head_office_store_order_open"),
            models.Index(fields=["store", "order"], name="head_office_store_order_store"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} to {self.store_id}"
