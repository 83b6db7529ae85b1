"""Joining by a code: invitations of stores, and wrong codes."""

import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

# The database cascades, so that a store or an account can also be deleted by SQL (hazard 58).
FOREIGN_KEYS = """
ALTER TABLE head_office_invitation
    ADD CONSTRAINT head_office_invitation_store FOREIGN KEY (store_id) REFERENCES head_office_store ON DELETE CASCADE,
    ADD CONSTRAINT head_office_invitation_account FOREIGN KEY (account_id) REFERENCES head_office_account ON DELETE SET NULL
"""


class Migration(migrations.Migration):
    dependencies = [
        ("head_office", "0015_orders"),
    ]

    operations = [
        migrations.CreateModel(
            name="WrongCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.CharField(max_length=60)),
                ("code_hash", models.CharField(max_length=64)),
                ("at", models.DateTimeField(db_index=True)),
            ],
            options={
                "db_table": "head_office_wrong_code",
                "constraints": [models.UniqueConstraint(fields=("address", "code_hash"), name="head_office_wrong_code_once")],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("code_hash", models.CharField(max_length=64, unique=True)),
                ("invited_by", models.CharField(max_length=150)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
                ("used_at", models.DateTimeField(null=True)),
                ("nonce_hash", models.CharField(default="", max_length=64)),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "store",
                    models.ForeignKey(
                        db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, to="head_office.store"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("revoked_at__isnull", True), ("used_at__isnull", True)),
                        fields=("store",),
                        name="head_office_invitation_one_open",
                    )
                ],
            },
        ),
        migrations.RunSQL(FOREIGN_KEYS, migrations.RunSQL.noop),
    ]
