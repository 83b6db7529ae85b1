"""The category of a product, and the time of its last new name, by the trigger of every writer (0006_category.sql)."""

from pathlib import Path

from django.db import migrations, models

_FORWARDS, _BACKWARDS = Path(__file__).with_suffix(".sql").read_text("utf-8").split("-- BACKWARDS\n")


class Migration(migrations.Migration):
    """Changes the ``updated_at`` of no product, so that no edge asks for anything."""

    dependencies = [("head_office", "0005_photo_defaults")]

    operations = [
        migrations.AddField(
            "product",
            "category",
            models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Groups the dishes on the till, as in Minuman. Empty: no category.",
                max_length=100,
            ),
        ),
        migrations.AddField("product", "renamed_at", models.DateTimeField(editable=False, null=True)),
        migrations.RunSQL(_FORWARDS, _BACKWARDS),
    ]
