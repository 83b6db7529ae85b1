"""Small pictures of the photos, and the abilities that head office announced (ADR 0030)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Tables of our own only. The new table is empty: the next runs fill it where head office offers renditions."""

    dependencies = [("etalase_edge", "0008_long_keys")]

    operations = [
        migrations.AddField("checkpoint", "features", models.TextField(db_default="")),
        migrations.AddField("checkpoint", "features_of", models.TextField(db_default="")),
        migrations.AddField("checkpoint", "renditions_compared", models.BooleanField(db_default=False)),
        migrations.CreateModel(
            name="PhotoRendition",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("photo_id", models.UUIDField(db_index=True)),
                ("product_id", models.UUIDField(db_index=True)),
                ("is_primary", models.BooleanField(default=False)),
                ("sort_order", models.IntegerField(default=0)),
                ("photo_checksum", models.CharField(max_length=32)),
                ("width", models.IntegerField()),
                ("height", models.IntegerField()),
                ("object_key", models.TextField()),
                ("size", models.IntegerField()),
                ("checksum", models.CharField(max_length=32)),
                ("content_type", models.CharField(max_length=100)),
                ("image_url", models.TextField(default="")),
                ("thumbhash", models.TextField(default="")),
                (
                    "origin",
                    models.CharField(
                        choices=[("head_office", "Head Office"), ("edge", "Edge")], default="head_office", max_length=12
                    ),
                ),
                ("is_listed", models.BooleanField(default=False)),
                ("is_here", models.BooleanField(default=False)),
                ("revision", models.IntegerField(default=0)),
                ("attempts", models.IntegerField(default=0)),
                ("next_try_at", models.DateTimeField(null=True)),
                ("reason", models.CharField(default="", max_length=32)),
            ],
            options={
                "db_table": "etalase_rendition",
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_here", False)), fields=["next_try_at"], name="etalase_rendition_missing"
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("object_key", "photo_checksum"), name="etalase_rendition_key")],
            },
        ),
    ]
