"""The region of a store, by which the fleet is filtered."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("head_office", "0013_audit"),
    ]

    operations = [
        migrations.AddField(
            model_name="store",
            name="region",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Groups stores on the page of the fleet, as in Jawa Barat.",
                max_length=100,
            ),
        ),
    ]
