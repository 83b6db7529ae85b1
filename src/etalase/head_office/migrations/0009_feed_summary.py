"""A quiet request of the feed reads a few rows: indexes by time, a kept summary of each store, the horizon by one call (ADR 0034)."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

_FORWARDS, _BACKWARDS = Path(__file__).with_suffix(".sql").read_text("utf-8").split("-- BACKWARDS\n")


class Migration(migrations.Migration):
    dependencies = [("head_office", "0008_photo_version")]

    operations = [
        migrations.CreateModel(
            name="FeedSummary",
            fields=[
                ("store_id", models.UUIDField(primary_key=True, serialize=False)),
                ("as_of", models.DateTimeField()),
                ("floor", models.DateTimeField()),
                ("photos", models.IntegerField()),
                ("products", models.IntegerField()),
                ("products_changed_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "head_office_feed_summary"},
        ),
        migrations.AddField(
            model_name="photorenditionset",
            name="listed",
            field=models.TextField(db_default="", default="", editable=False),
        ),
        migrations.AddIndex(
            model_name="assortment",
            index=models.Index(fields=["store", "updated_at"], name="head_office_assortment_changed"),
        ),
        migrations.AddIndex(
            model_name="assortmenttombstone",
            index=models.Index(fields=["store_id", "changed_at"], name="head_office_tombstone_changed"),
        ),
        migrations.AddIndex(
            model_name="photo",
            index=models.Index(fields=["product", "position"], include=("id",), name="head_office_photo_of_product"),
        ),
        migrations.AddIndex(
            model_name="photo",
            index=models.Index(fields=["updated_at"], name="head_office_photo_changed"),
        ),
        migrations.AddIndex(
            model_name="photorenditionset",
            index=models.Index(fields=["changed_at"], name="head_office_rendition_changed"),
        ),
        migrations.AddIndex(
            model_name="product",
            index=models.Index(fields=["updated_at"], name="head_office_product_changed"),
        ),
        # By name, in SQL: Django would drop the unique index of one primary photo, too, which is on the same column.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="assortment",
                    name="store",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="head_office.store",
                    ),
                ),
                migrations.AlterField(
                    model_name="photo",
                    name="product",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="photos",
                        to="head_office.product",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(_FORWARDS, _BACKWARDS),
    ]
