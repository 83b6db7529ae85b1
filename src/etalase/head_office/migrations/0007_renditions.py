"""Renditions of photos, the queue of the photos that lack them, and the focal point (ADR 0030; triggers in 0007_renditions.sql)."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

_FORWARDS, _BACKWARDS = Path(__file__).with_suffix(".sql").read_text("utf-8").split("-- BACKWARDS\n")


class Migration(migrations.Migration):
    """Changes the ``updated_at`` of no photo, so that no edge asks for anything."""

    dependencies = [("head_office", "0006_category")]

    operations = [
        migrations.CreateModel(
            name="WorkerHeartbeat",
            fields=[
                ("role", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
            options={"db_table": "head_office_heartbeat"},
        ),
        migrations.CreateModel(
            name="PhotoRenditionSet",
            fields=[
                (
                    "photo",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="rendition_set",
                        serialize=False,
                        to="head_office.photo",
                    ),
                ),
                ("photo_checksum", models.CharField(db_default="", default="", max_length=32)),
                ("recipe", models.PositiveSmallIntegerField(db_default=0, default=0)),
                ("thumbhash", models.CharField(db_default="", default="", max_length=56)),
                ("due_at", models.DateTimeField(null=True)),
                ("problem", models.CharField(db_default="", default="", max_length=500)),
                ("line_digest", models.CharField(db_default="", default="", editable=False, max_length=32)),
                ("revision", models.PositiveIntegerField(db_default=0, default=0, editable=False)),
                ("changed_at", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "db_table": "head_office_rendition_set",
                "indexes": [
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="head_office_rendition_due"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Rendition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "set",
                    models.ForeignKey(
                        db_column="photo_id",
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="head_office.photorenditionset",
                    ),
                ),
                ("width", models.PositiveSmallIntegerField()),
                ("height", models.PositiveSmallIntegerField()),
                ("size", models.PositiveIntegerField()),
                ("content_type", models.CharField(max_length=10)),
                ("checksum", models.CharField(max_length=32)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["set", "width"], name="head_office_rendition_width"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("checksum__regex", "^[0-9a-f]{32}$"),
                            ("content_type__in", ["image/jpeg", "image/webp"]),
                            ("height__range", (1, 9999)),
                            ("size__range", (1, 1_000_000)),
                            ("width__range", (1, 9999)),
                        ),
                        name="head_office_rendition_sound",
                    ),
                ]
            },
        ),
        migrations.AddField("photo", "focal_x", models.FloatField(blank=True, null=True)),
        migrations.AddField("photo", "focal_y", models.FloatField(blank=True, null=True)),
        migrations.AddConstraint(
            "photo",
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(("focal_x__isnull", True), ("focal_y__isnull", True)),
                    models.Q(
                        ("focal_x__isnull", False),
                        ("focal_x__range", (0, 1)),
                        ("focal_y__isnull", False),
                        ("focal_y__range", (0, 1)),
                    ),
                    _connector="OR",
                ),
                name="head_office_photo_focal",
            ),
        ),
        migrations.RunSQL(_FORWARDS, _BACKWARDS),
    ]
