"""When the making of small pictures is tried again, after a failure that may be this machine's (ADR 0030)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns of our own only. Photos that an earlier version gave up for want of memory or time are due at once."""

    dependencies = [("etalase_edge", "0011_unmade_renditions")]

    operations = [
        migrations.AddField("UnmadeRenditions", "attempts", models.IntegerField(db_default=1)),
        migrations.AddField("UnmadeRenditions", "next_try_at", models.DateTimeField(null=True)),
        migrations.RunSQL(
            "UPDATE etalase_unmade_renditions SET next_try_at = now() WHERE reason LIKE '%cannot be decoded within%'",
            migrations.RunSQL.noop,
        ),
    ]
