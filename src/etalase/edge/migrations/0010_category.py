"""The category of a product; the next run asks head office for all products, since an older edge ignored their categories."""

from typing import Any

from django.db import migrations, models

from etalase.edge.own_tables import add_category
from etalase.edge.project import product_model_name

ASK_FOR_ALL = "UPDATE etalase_checkpoint SET products_changed_at = NULL, products_sync_timestamp = NULL"


def add_column(_apps: Any, schema_editor: Any) -> None:
    """A table that was here before the edge may have the column."""
    add_category(schema_editor.connection)


class Migration(migrations.Migration):
    """Our own product table only; nothing where a project has products of its own."""

    dependencies = [("etalase_edge", "0009_renditions")]

    operations = (
        [
            migrations.SeparateDatabaseAndState(
                database_operations=[
                    migrations.RunPython(add_column, migrations.RunPython.noop),
                    migrations.RunSQL(ASK_FOR_ALL, migrations.RunSQL.noop),
                ],
                state_operations=[
                    migrations.AddField("product", "category", models.CharField(db_default="", default="", max_length=100))
                ],
            )
        ]
        if product_model_name() == "etalase_edge.Product"
        else []
    )
