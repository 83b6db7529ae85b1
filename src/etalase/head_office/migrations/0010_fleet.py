"""The fleet: the last report of each store, its history and its faults, and the digests that reports are compared with."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("head_office", "0009_feed_summary"),
    ]

    operations = [
        migrations.CreateModel(
            name="AssortmentDigest",
            fields=[
                ("assortment", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("digest", models.CharField(default="", max_length=32)),
                ("changed_at", models.DateTimeField(null=True)),
                ("as_of", models.DateTimeField()),
            ],
            options={
                "db_table": "head_office_assortment_digest",
            },
        ),
        migrations.CreateModel(
            name="StoreReport",
            fields=[
                (
                    "store",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        serialize=False,
                        to="head_office.store",
                    ),
                ),
                ("revision", models.PositiveIntegerField(default=1)),
                ("received_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("behind_due_at", models.DateTimeField(null=True)),
                ("skew_seconds", models.FloatField(default=0)),
                ("agent", models.CharField(max_length=40)),
                ("checkpoint", models.DateTimeField(null=True)),
                ("comparison", models.CharField(max_length=10)),
                ("changed_at", models.DateTimeField(null=True)),
                ("changed_as_of", models.DateTimeField()),
                ("assortment", models.CharField(max_length=32)),
                ("sold_at", models.DateTimeField(null=True)),
                ("sold_as_of", models.DateTimeField()),
                ("verified_at", models.DateTimeField(null=True)),
                ("state", models.CharField(max_length=10)),
                ("state_since", models.DateTimeField()),
                ("word", models.CharField(max_length=40)),
                ("missing", models.PositiveIntegerField(default=0)),
                ("listed", models.PositiveIntegerField(default=0)),
                ("verified", models.PositiveIntegerField(default=0)),
                ("damaged", models.PositiveIntegerField(default=0)),
                ("owed", models.PositiveIntegerField(default=0)),
                ("held", models.PositiveIntegerField(default=0)),
                ("parked", models.PositiveIntegerField(default=0)),
                ("own", models.PositiveIntegerField(default=0)),
                ("is_cloned", models.BooleanField(default=False)),
                ("second_at", models.DateTimeField(null=True)),
                ("possession_proved_at", models.DateTimeField(null=True)),
                ("challenge_failed_at", models.DateTimeField(null=True)),
                ("faults_hash", models.CharField(default="", max_length=32)),
                ("faults_cut", models.PositiveIntegerField(default=0)),
                ("instances", models.JSONField(default=list)),
                ("body", models.JSONField(default=dict)),
            ],
            options={
                "db_table": "head_office_store_report",
            },
        ),
        migrations.CreateModel(
            name="StoreFault",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("photo_id", models.UUIDField(db_index=True)),
                ("product_id", models.UUIDField()),
                ("reason", models.CharField(max_length=40)),
                ("side", models.CharField(max_length=40)),
                ("attempts", models.PositiveIntegerField()),
                ("since", models.DateTimeField(null=True)),
                (
                    "store",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="head_office.store",
                    ),
                ),
            ],
            options={
                "db_table": "head_office_store_fault",
                "constraints": [models.UniqueConstraint(fields=("store", "photo_id"), name="head_office_store_fault_once")],
            },
        ),
        migrations.CreateModel(
            name="StoreHour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hour", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("state", models.CharField(max_length=10)),
                ("comparison", models.CharField(max_length=10)),
                ("listed", models.PositiveIntegerField()),
                ("verified", models.PositiveIntegerField()),
                ("damaged", models.PositiveIntegerField()),
                ("owed", models.PositiveIntegerField()),
                ("held", models.PositiveIntegerField()),
                (
                    "store",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="head_office.store",
                    ),
                ),
            ],
            options={
                "db_table": "head_office_store_hour",
                "constraints": [models.UniqueConstraint(fields=("store", "hour"), name="head_office_store_hour_once")],
            },
        ),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text("utf-8"), migrations.RunSQL.noop),
    ]
