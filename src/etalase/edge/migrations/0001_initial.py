"""The tables of the edge. ``product_photo`` is made by the guide's own DDL, or adopted where it already is."""

from typing import Any

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from etalase.edge.own_tables import create_standalone
from etalase.edge.project import product_model_name

# In a project with products of its own there is no model and no table of ours for them: a swappable one would leave our
# setting in the project's own migrations, and they could not be without us again.
STANDALONE = product_model_name() == "etalase_edge.Product"


def create_tables(_apps: Any, schema_editor: Any) -> None:
    """In a project, product_photo is the last thing to be created (etalase.edge.apps): its own migrations come first."""
    if STANDALONE:
        create_standalone(schema_editor.connection)


class Migration(migrations.Migration):
    initial = True

    dependencies = [migrations.swappable_dependency(settings.ETALASE_PRODUCT_MODEL)]

    operations = [
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("store_id", models.UUIDField(primary_key=True, serialize=False)),
                ("company_id", models.UUIDField()),
                ("sync_timestamp", models.TextField(null=True)),
                ("products_sync_timestamp", models.TextField(null=True)),
                ("products_changed_at", models.TextField(null=True)),
                ("feed_proved_complete", models.BooleanField(null=True)),
                ("access_token", models.TextField(default="")),
                ("refresh_token", models.TextField(default="")),
            ],
            options={
                "db_table": "etalase_checkpoint",
            },
        ),
        migrations.CreateModel(
            name="PendingPhoto",
            fields=[
                ("photo_id", models.UUIDField(primary_key=True, serialize=False)),
                ("product_id", models.UUIDField(db_index=True)),
                ("product_name", models.TextField(default="")),
                ("wire", models.TextField()),
                ("reason", models.CharField(max_length=32)),
                ("detail", models.TextField(default="")),
                ("attempts", models.IntegerField(default=1)),
                ("first_failed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("next_try_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "etalase_pending_photo",
            },
        ),
        migrations.CreateModel(
            name="PublishIntent",
            fields=[
                ("object_key", models.CharField(max_length=500, primary_key=True, serialize=False)),
                ("old_checksum", models.TextField()),
                ("new_checksum", models.TextField()),
            ],
            options={
                "db_table": "etalase_publish_intent",
            },
        ),
        migrations.CreateModel(
            name="Reclaim",
            fields=[
                ("object_key", models.CharField(max_length=500, primary_key=True, serialize=False)),
                ("due_at", models.DateTimeField()),
            ],
            options={
                "db_table": "etalase_reclaim",
                "indexes": [models.Index(fields=["due_at"], name="etalase_reclaim_due")],
            },
        ),
        migrations.CreateModel(
            name="Removal",
            fields=[
                ("photo_id", models.UUIDField(primary_key=True, serialize=False)),
                ("product_id", models.UUIDField()),
                ("product_name", models.TextField(default="")),
                ("cause", models.CharField(max_length=16)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("held", "Held"),
                            ("waiting", "Waiting"),
                            ("refused", "Refused"),
                            ("applied", "Applied"),
                        ],
                        max_length=8,
                    ),
                ),
                ("left_bare", models.BooleanField(default=False)),
                ("approved", models.BooleanField(default=False)),
                ("row", models.JSONField(null=True)),
                ("run_id", models.BigIntegerField(null=True)),
                ("noticed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("decided_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "etalase_removal",
                "indexes": [models.Index(fields=["state", "decided_at"], name="etalase_removal_state")],
            },
        ),
        migrations.CreateModel(
            name="SyncRun",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=12)),
                ("trigger", models.CharField(max_length=12)),
                ("started_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("finished_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(max_length=12, null=True)),
                ("error", models.TextField(default="")),
                ("counts", models.JSONField(default=dict)),
                ("reasons", models.JSONField(default=dict)),
                ("bytes_fetched", models.BigIntegerField(default=0)),
                ("checkpoint", models.TextField(null=True)),
            ],
            options={
                "db_table": "etalase_sync_run",
                "indexes": [models.Index(fields=["-started_at"], name="etalase_sync_run_started")],
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(create_tables, migrations.RunPython.noop)],
            state_operations=[
                *(
                    [
                        migrations.CreateModel(
                            name="Product",
                            fields=[
                                ("id", models.UUIDField(primary_key=True, serialize=False)),
                                ("sku", models.CharField(default="", max_length=100)),
                                ("name", models.CharField(default="", max_length=255)),
                            ],
                            options={"db_table": "product"},
                        )
                    ]
                    if STANDALONE
                    else []
                ),
                migrations.CreateModel(
                    name="ProductPhoto",
                    fields=[
                        ("id", models.UUIDField(primary_key=True, serialize=False)),
                        ("object_key", models.CharField(max_length=500, null=True)),
                        ("filename", models.CharField(max_length=255, null=True)),
                        ("size", models.IntegerField(null=True)),
                        ("content_type", models.CharField(max_length=100, null=True)),
                        ("checksum", models.CharField(max_length=32, null=True)),
                        ("version", models.IntegerField(db_default=1, null=True)),
                        ("is_primary", models.BooleanField(db_default=False, null=True)),
                        ("sort_order", models.IntegerField(db_default=0, null=True)),
                        (
                            "created_at",
                            models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), null=True),
                        ),
                        (
                            "updated_at",
                            models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), null=True),
                        ),
                        (
                            "product",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to=settings.ETALASE_PRODUCT_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "managed": False,
                        "db_table": "product_photo",
                    },
                ),
            ],
        ),
    ]
