"""Incidents, and the messages about them."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("head_office", "0016_joining")]

    operations = [
        migrations.CreateModel(
            name="Alarm",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("made_at", models.DateTimeField()),
                ("title", models.CharField(max_length=200)),
                ("body", models.TextField()),
                ("claimed_at", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("problem", models.CharField(default="", max_length=300)),
            ],
            options={"db_table": "head_office_alarm", "ordering": ["-id"]},
        ),
        migrations.CreateModel(
            name="Incident",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=10)),
                ("subject", models.CharField(max_length=120)),
                ("opened_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "stores",
                    django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None),
                ),
                ("most_stores", models.PositiveIntegerField()),
                ("announced", models.PositiveIntegerField(default=0)),
                ("is_end_announced", models.BooleanField(default=False)),
                (
                    "company",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="head_office.company"),
                ),
            ],
            options={"db_table": "head_office_incident", "ordering": ["-opened_at"]},
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at", None)),
                fields=("company", "kind", "subject"),
                name="head_office_incident_open_once",
            ),
        ),
    ]
