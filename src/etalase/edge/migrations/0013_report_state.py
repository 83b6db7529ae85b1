"""The state of this edge's reports to head office. A copy of the database is told from this edge by the instance made here."""

import uuid
from typing import Any

from django.db import migrations, models


def make_instance(apps: Any, _schema_editor: Any) -> None:
    """Makes the one row."""
    apps.get_model("etalase_edge", "ReportState").objects.create(id=1)


class Migration(migrations.Migration):
    """A table of our own only."""

    dependencies = [("etalase_edge", "0012_unmade_again")]

    operations = [
        migrations.CreateModel(
            name="ReportState",
            fields=[
                ("id", models.SmallIntegerField(primary_key=True, serialize=False, default=1)),
                ("instance", models.UUIDField(default=uuid.uuid4)),
                ("sequence", models.BigIntegerField(db_default=0)),
                ("digest", models.TextField(db_default="")),
                ("digest_of", models.TextField(db_default="")),
                ("verified", models.IntegerField(db_default=0)),
                ("verified_at", models.DateTimeField(null=True)),
                ("faults_taken", models.TextField(db_default="")),
                ("left_out_until", models.DateTimeField(null=True)),
            ],
            options={"db_table": "etalase_report_state"},
        ),
        migrations.RunPython(make_instance, migrations.RunPython.noop),
    ]
