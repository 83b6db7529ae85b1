"""Challenges to stores, to prove that they have the bytes of photos."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("head_office", "0010_fleet"),
    ]

    operations = [
        migrations.CreateModel(
            name="PossessionChallenge",
            fields=[
                ("nonce", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("photo_id", models.UUIDField()),
                ("checksum", models.CharField(max_length=32)),
                ("offset", models.PositiveIntegerField()),
                ("length", models.PositiveIntegerField()),
                ("made_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(null=True)),
                ("proof", models.CharField(max_length=64, null=True)),
                ("answered_checksum", models.CharField(default="", max_length=32)),
                (
                    "outcome",
                    models.CharField(
                        choices=[("proved", "Proved"), ("failed", "Failed"), ("void", "Void"), ("unchecked", "Unchecked")],
                        default="",
                        max_length=10,
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
                "db_table": "head_office_challenge",
                "indexes": [
                    models.Index(
                        condition=models.Q(("answered_at__isnull", False), ("outcome", "")),
                        fields=["answered_at"],
                        name="head_office_challenge_new",
                    )
                ],
            },
        ),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text("utf-8"), migrations.RunSQL.noop),
    ]
