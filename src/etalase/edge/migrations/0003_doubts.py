"""What is known to be damaged outlives its run; and why a run failed, as far as ``status`` tells it apart."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Tables of our own only."""

    dependencies = [("etalase_edge", "0002_honest_status")]

    operations = [
        migrations.CreateModel(
            name="Doubt",
            fields=[
                ("photo_id", models.UUIDField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=16)),
            ],
            options={"db_table": "etalase_doubt"},
        ),
        migrations.AddField("syncrun", "fault", models.CharField(max_length=16, db_default="")),
    ]
