"""Indexes the stores that sell a dish, so that none of their rows is read to find them (ADR 0041)."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Builds the wider index before it drops the narrow one of the foreign key."""

    dependencies = [("head_office", "0017_incidents")]

    operations = [
        migrations.AddIndex(
            model_name="assortment",
            index=models.Index(fields=["product", "store"], name="head_office_assortment_sellers"),
        ),
        migrations.AlterField(
            model_name="assortment",
            name="product",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                to="head_office.product",
            ),
        ),
    ]
