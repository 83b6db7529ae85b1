"""Keys of any object: S3's have up to 1,024 bytes, and a bucket may hold others than the guide's."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """From varchar(500) to text, which PostgreSQL does without a rewrite."""

    dependencies = [("etalase_edge", "0007_own")]

    operations = [
        migrations.AlterField("reclaim", "object_key", models.TextField(primary_key=True, serialize=False)),
        migrations.AlterField("publishintent", "object_key", models.TextField(primary_key=True, serialize=False)),
    ]
