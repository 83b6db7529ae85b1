"""Photos whose small pictures cannot be made here (ADR 0030)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A table of our own only."""

    dependencies = [("etalase_edge", "0010_category")]

    operations = [
        migrations.CreateModel(
            name="UnmadeRenditions",
            fields=[
                ("photo_id", models.UUIDField(primary_key=True, serialize=False)),
                ("photo_checksum", models.CharField(max_length=32)),
                ("code", models.CharField(max_length=32)),
                ("reason", models.TextField()),
            ],
            options={"db_table": "etalase_unmade_renditions"},
        ),
    ]
