"""When an object became obsolete, when head office was asked for a damaged photo, and whether it still lists a product."""

from django.db import migrations, models
from django.db.models.functions import Now

from etalase.edge.project import product_model_name


class Migration(migrations.Migration):
    """Tables of our own only; nothing where a project has products of its own."""

    dependencies = [("etalase_edge", "0005_filling")]

    operations = [
        # What waits already has its grace anew: nobody knows when it began.
        migrations.AddField("reclaim", "obsolete_at", models.DateTimeField(db_default=Now())),
        migrations.AddField("reclaim", "put_off_until", models.DateTimeField(null=True)),
        migrations.RemoveIndex("reclaim", "etalase_reclaim_due"),
        migrations.RemoveField("reclaim", "due_at"),
        migrations.AddIndex("reclaim", models.Index(fields=["obsolete_at"], name="etalase_reclaim_obsolete")),
        migrations.AddField("doubt", "asked_at", models.DateTimeField(null=True)),
        *(
            [migrations.AddField("product", "is_listed", models.BooleanField(db_default=True))]
            if product_model_name() == "etalase_edge.Product"
            else []
        ),
    ]
