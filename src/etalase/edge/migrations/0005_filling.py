"""How much of head office's list is here while a run brings it; and who asked for a run on the status page."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Tables of our own only."""

    dependencies = [("etalase_edge", "0004_heartbeat")]

    operations = [
        migrations.AddField("syncrun", "listed", models.IntegerField(null=True)),
        migrations.AddField("syncrun", "missing", models.IntegerField(null=True)),
        migrations.AddField("syncrun", "bytes_to_fetch", models.BigIntegerField(null=True)),
        migrations.AddField("syncrun", "planned_at", models.DateTimeField(null=True)),
        migrations.AddField("syncrun", "carried", models.IntegerField(db_default=0)),
        migrations.AddField("syncrun", "bytes_carried", models.BigIntegerField(db_default=0)),
        migrations.AddField("syncrun", "carried_at", models.DateTimeField(null=True)),
        migrations.AddField("checkpoint", "asked_at", models.DateTimeField(null=True)),
    ]
