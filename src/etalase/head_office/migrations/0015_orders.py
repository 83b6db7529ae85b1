"""Orders to stores."""

import uuid
from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

KINDS = ("sync", "full", "verify_deep", "retry", "approve", "refuse", "undo")


class Migration(migrations.Migration):
    dependencies = [("head_office", "0014_store_region")]

    operations = [
        migrations.CreateModel(
            name="FleetOrder",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("company", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="head_office.company")),
                ("kind", models.CharField(choices=[(kind, kind) for kind in KINDS], max_length=20)),
                ("args", models.JSONField(default=dict)),
                ("why", models.CharField(max_length=500)),
                ("account_id", models.UUIDField(null=True)),
                ("username", models.CharField(max_length=150)),
                ("given_at", models.DateTimeField(db_default=Now())),
                ("expires_at", models.DateTimeField()),
                ("cancelled_at", models.DateTimeField(null=True)),
                ("cancelled_by", models.CharField(default="", max_length=150)),
            ],
            options={
                "db_table": "head_office_order",
                "ordering": ["-given_at"],
                "indexes": [models.Index(fields=["company", "-given_at"], name="head_office_order_newest")],
            },
        ),
        migrations.CreateModel(
            name="StoreOrder",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="stores", to="head_office.fleetorder"
                    ),
                ),
                (
                    "store",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="head_office.store",
                    ),
                ),
                ("args", models.JSONField(default=dict)),
                ("photos", models.PositiveIntegerField(default=0)),
                ("is_open", models.BooleanField(default=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(default="", max_length=40)),
                ("detail", models.CharField(default="", max_length=500)),
            ],
            options={
                "db_table": "head_office_store_order",
                "indexes": [
                    models.Index(condition=models.Q(("is_open", True)), fields=["store"], name="head_office_store_order_open"),
                    models.Index(fields=["store", "order"], name="head_office_store_order_store"),
                ],
            },
        ),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text("utf-8"), migrations.RunSQL.noop),
    ]
