"""Signs of life of the worker and the beat."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A table of our own only."""

    dependencies = [("etalase_edge", "0003_doubts")]

    operations = [
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("role", models.TextField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
            options={"db_table": "etalase_heartbeat"},
        ),
    ]
