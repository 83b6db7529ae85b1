"""Head office's orders to this store, and what became of them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("etalase_edge", "0014_challenges"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReceivedOrder",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("args", models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict)),
                ("given_by", models.TextField(db_default="")),
                ("why", models.TextField(db_default="")),
                ("received_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("attempts", models.IntegerField(db_default=0)),
                ("ended_at", models.DateTimeField(null=True)),
                ("outcome", models.TextField(db_default="")),
                ("detail", models.TextField(db_default="")),
                ("removed_ids", models.JSONField(db_default=models.Value([], models.JSONField()), default=list)),
                ("is_reported", models.BooleanField(db_default=False)),
            ],
            options={
                "db_table": "etalase_order",
                "indexes": [
                    models.Index(condition=models.Q(("is_reported", False)), fields=["received_at"], name="etalase_order_open")
                ],
            },
        ),
    ]
