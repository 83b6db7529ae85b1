"""Versions of photos, and objects that await their deletion. No row of a photo changes, so that no edge reads any again."""

from pathlib import Path

from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("head_office", "0007_renditions")]

    operations = [
        migrations.CreateModel(
            name="PhotoVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("photo_id", models.UUIDField()),
                ("product_id", models.UUIDField()),
                ("version", models.PositiveIntegerField()),
                ("object_key", models.CharField(max_length=500)),
                ("filename", models.CharField(max_length=255)),
                ("source", models.CharField(max_length=1000)),
                ("size", models.PositiveIntegerField()),
                ("content_type", models.CharField(max_length=100)),
                ("checksum", models.CharField(max_length=32)),
                ("upload_size", models.PositiveIntegerField()),
                ("upload_checksum", models.CharField(max_length=32)),
                ("recipe", models.CharField(max_length=50)),
                ("made_by", models.CharField(db_default="", default="", max_length=150)),
                ("begins_at", models.DateTimeField(db_default=Now())),
                ("ends_at", models.DateTimeField(db_index=True, null=True)),
            ],
            options={
                "db_table": "head_office_photo_version",
                "constraints": [models.UniqueConstraint(fields=("photo_id", "version"), name="head_office_photo_version_once")],
                "indexes": [models.Index(fields=["object_key"], name="head_office_photo_version_key")],
            },
        ),
        migrations.CreateModel(
            name="ObsoleteObject",
            fields=[
                ("key", models.CharField(max_length=500, primary_key=True, serialize=False)),
                ("due_at", models.DateTimeField(db_index=True)),
            ],
            options={"db_table": "head_office_obsolete_object"},
        ),
        migrations.RunSQL(
            Path(__file__).with_suffix(".sql").read_text("utf-8"),
            "DROP TRIGGER head_office_end_version ON head_office_photo; DROP FUNCTION head_office_end_version();"
            "DROP TRIGGER head_office_retire_rendition ON head_office_rendition; DROP FUNCTION head_office_retire_rendition();",
        ),
    ]
