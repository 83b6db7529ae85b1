"""The table of articles."""

import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    operations = [
        migrations.CreateModel(
            name="Kind",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("label", models.CharField(max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name="Product",
            fields=[
                ("uid", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("title", models.CharField(max_length=80, null=True)),
                ("article_number", models.IntegerField(null=True)),
                ("kind", models.ForeignKey(null=True, on_delete=models.SET_NULL, to="products.kind")),
            ],
        ),
    ]
