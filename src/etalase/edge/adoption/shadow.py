"""Gives a dry run empty tables of ours, temporary and seen by its own session only: an adoption is tried before `migrate`.

PostgreSQL looks for a table among the temporary ones first, so that the planner and the audit of a run read these. The session
may write nothing else (:meth:`etalase.edge.sync.services.Services.read_only`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.db import connection, models, transaction

from etalase.edge.database import cursor, translated
from etalase.edge.models import OwnObject, OwnPhoto

# Answers that were recorded before the adoption (`--decide` without `--apply`).
_KEPT: tuple[type[models.Model], ...] = (OwnPhoto, OwnObject)


def is_table(name: str) -> bool:
    """Returns whether the session sees a table of this name."""
    with cursor() as db:
        db.execute("SELECT to_regclass(quote_ident(%s)) IS NOT NULL", [name])
        return bool(db.fetchone()[0])


@contextmanager
def shadow_tables() -> Iterator[None]:
    """Shadows our tables, and creates the project's two where they are missing, until the end of the body."""
    mine = [model for model in apps.get_app_config("etalase_edge").get_models() if not model._meta.swapped]  # noqa: SLF001
    ours = [model for model in mine if model._meta.db_table.startswith("etalase_")]  # noqa: SLF001
    missing = [model for model in mine if model not in ours and not is_table(model._meta.db_table)]  # noqa: SLF001
    answers = [(model, list(model._default_manager.all())) for model in _KEPT if is_table(model._meta.db_table)]  # noqa: SLF001
    shadows = [*ours, *missing]
    with translated():
        _create(shadows)
        try:
            for model, records in answers:
                model._default_manager.bulk_create(records)  # noqa: SLF001
            yield
        finally:
            _drop(shadows)


def _create(shadows: list[type[models.Model]]) -> None:
    editor = connection.SchemaEditorClass(connection)
    with transaction.atomic(), cursor() as db:
        # Also where the role's transactions are read-only by default.
        db.execute("SET TRANSACTION READ WRITE")
        for model in shadows:
            sql, parameters = editor.table_sql(model)
            editor.execute(sql.replace("CREATE TABLE", "CREATE TEMPORARY TABLE", 1), parameters or None)


def _drop(shadows: list[type[models.Model]]) -> None:
    with transaction.atomic(), cursor() as db:
        db.execute("SET TRANSACTION READ WRITE")
        for model in shadows:
            db.execute(f"DROP TABLE IF EXISTS pg_temp.{connection.ops.quote_name(model._meta.db_table)}")  # noqa: SLF001
