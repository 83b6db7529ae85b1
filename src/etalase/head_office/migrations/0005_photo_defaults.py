"""Defaults of a photo in the database, so that plain SQL can insert one without naming them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("head_office", "0004_token_family")]

    operations = [
        migrations.AlterField("photo", "version", models.PositiveIntegerField(db_default=1, default=1, editable=False)),
        migrations.AlterField(
            "photo", "is_primary", models.BooleanField(db_default=False, default=False, verbose_name="primary")
        ),
        migrations.AlterField("photo", "sort_order", models.IntegerField(db_default=0, default=0)),
    ]
