"""What ``status`` tells, beyond what a run counted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Tables of our own only: ``product_photo`` stays the guide's."""

    dependencies = [("etalase_edge", "0001_initial")]

    operations = [
        migrations.AddField("syncrun", "duration_seconds", models.FloatField(null=True)),
        migrations.AddField("syncrun", "to_carry", models.IntegerField(null=True)),
        migrations.AddField("syncrun", "notices", models.JSONField(default=list)),
        migrations.AddField("checkpoint", "compared_at", models.DateTimeField(null=True)),
        migrations.AddField("checkpoint", "photos", models.IntegerField(null=True)),
    ]
