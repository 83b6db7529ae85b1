"""What an adoption found in the store and head office never listed: photo rows, and objects that no row names."""

from django.db import migrations, models
from django.db.models.functions import Now

STATE = models.CharField(
    max_length=8, choices=[("kept", "Kept"), ("approved", "Approved"), ("disowned", "Disowned")], default="kept"
)


class Migration(migrations.Migration):
    """Tables of our own only. An edge that has a checkpoint is past its adoption: both stay empty there."""

    dependencies = [("etalase_edge", "0006_photos")]

    operations = [
        migrations.CreateModel(
            name="OwnPhoto",
            fields=[
                ("photo_id", models.UUIDField(primary_key=True, serialize=False)),
                ("product_id", models.UUIDField()),
                ("product_name", models.TextField(default="")),
                ("what", models.CharField(max_length=32)),
                ("state", STATE.clone()),
                ("row", models.JSONField(null=True)),
                ("recorded_at", models.DateTimeField(db_default=Now())),
                ("decided_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "etalase_own_photo"},
        ),
        migrations.CreateModel(
            name="OwnObject",
            fields=[
                ("object_key", models.TextField(primary_key=True, serialize=False)),
                ("size", models.BigIntegerField(default=0)),
                ("state", STATE.clone()),
                ("recorded_at", models.DateTimeField(db_default=Now())),
                ("decided_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "etalase_own_object"},
        ),
    ]
