"""Why a run failed, as far as ``status`` tells it apart: until now it was read out of the error's text."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A table of our own only."""

    dependencies = [("etalase_edge", "0002_honest_status")]

    operations = [migrations.AddField("syncrun", "head_office_away", models.BooleanField(db_default=False))]
