"""Defines the tables of joining: invitations of stores, and wrong codes."""

import uuid

from django.db import models
from django.db.models.functions import Now


class Invitation(models.Model):
    """A one-time code for the machine of a store, of which only a keyed hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    # The database cascades (migration 0016), so that a store or account can also be deleted by SQL.
    store = models.ForeignKey("Store", on_delete=models.DO_NOTHING, db_constraint=False)
    code_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    # Of the machine that used the code; it alone may ask again.
    nonce_hash = models.CharField(max_length=64, default="")
    account = models.ForeignKey("Account", on_delete=models.DO_NOTHING, db_constraint=False, null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["store"],
                condition=models.Q(used_at__isnull=True, revoked_at__isnull=True),
                name="head_office_invitation_one_open",
            ),
        ]

    def __str__(self) -> str:
        return str(self.store_id)


class WrongCode(models.Model):
    """A wrong code from an address, for the throttle; the same code from the same address counts once."""

    address = models.CharField(max_length=60)
    code_hash = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "head_office_wrong_code"
        constraints = [models.UniqueConstraint(fields=["address", "code_hash"], name="head_office_wrong_code_once")]

    def __str__(self) -> str:
        return self.address
