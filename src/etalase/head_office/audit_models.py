"""Defines the table of the audit. A trigger refuses each change and deletion of its rows (migration 0013)."""

from django.db import models
from django.db.models.functions import Now


class AuditEntry(models.Model):
    """What a person did, when and from which address. Rows outlive account, object and company, and name them all."""

    at = models.DateTimeField(db_default=Now(), editable=False, db_index=True)
    account_id = models.UUIDField(null=True)
    username = models.CharField(max_length=150)
    address = models.CharField(max_length=60, default="")
    action = models.CharField(max_length=40)
    object_kind = models.CharField(max_length=40, default="")
    object_id = models.CharField(max_length=40, default="")
    object_name = models.CharField(max_length=300, default="")
    # Null: of no company or of several. Only those who see every company see the entry.
    company_id = models.UUIDField(null=True, db_index=True)
    details = models.JSONField(default=dict)

    class Meta:
        db_table = "head_office_audit"
        ordering = ["-id"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.username}: {self.action} {self.object_name}"
