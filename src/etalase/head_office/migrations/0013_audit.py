"""The audit of what people do at head office."""

from pathlib import Path

from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("head_office", "0012_people")]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=Now(), db_index=True, editable=False)),
                ("account_id", models.UUIDField(null=True)),
                ("username", models.CharField(max_length=150)),
                ("address", models.CharField(default="", max_length=60)),
                ("action", models.CharField(max_length=40)),
                ("object_kind", models.CharField(default="", max_length=40)),
                ("object_id", models.CharField(default="", max_length=40)),
                ("object_name", models.CharField(default="", max_length=300)),
                ("company_id", models.UUIDField(db_index=True, null=True)),
                ("details", models.JSONField(default=dict)),
            ],
            options={"db_table": "head_office_audit", "ordering": ["-id"], "verbose_name_plural": "audit entries"},
        ),
        migrations.RunSQL(
            Path(__file__).with_suffix(".sql").read_text("utf-8"),
            "DROP TRIGGER head_office_audit_is_final ON head_office_audit; DROP FUNCTION head_office_refuse_change()",
        ),
    ]
