"""Head office's challenges, and the answers of this edge (ADR 0040)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("etalase_edge", "0013_report_state"),
    ]

    operations = [
        migrations.AddField(
            model_name="reportstate",
            name="answers",
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
        ),
        migrations.AddField(
            model_name="reportstate",
            name="challenges",
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
        ),
    ]
