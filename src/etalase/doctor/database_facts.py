"""Reads the facts of a database for the doctor, in one look with a connection of its own. It only reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import django.db
from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.migrations.loader import MigrationLoader

from etalase import other_half
from etalase.postgres import REWRITE_RULES, TAKES_WRITES

CONNECT_SECONDS, STATEMENT_MS = 2, 1500
WRITES = ("SELECT", "INSERT", "UPDATE", "DELETE")

Columns = Mapping[str, Mapping[str, str]]

SERVER = """
SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_setting('server_encoding'),
       current_setting('transaction_read_only') = 'on', pg_is_in_recovery(), pg_backend_pid(), quote_ident(current_user)
"""
COLUMNS = """
SELECT name, attname, format_type(atttypid, atttypmod)
FROM unnest(%s::text[]) AS name JOIN pg_attribute ON attrelid = to_regclass(quote_ident(name))
WHERE attnum > 0 AND NOT attisdropped
"""
RIGHTS = """
SELECT name, privilege FROM unnest(%s::text[]) AS name, unnest(%s::text[]) AS privilege
WHERE to_regclass(quote_ident(name)) IS NOT NULL AND NOT has_table_privilege(to_regclass(quote_ident(name)), privilege)
"""
# A view has no index of its own.
FORMS = f"""
SELECT name, {TAKES_WRITES},
       c.relkind = 'v',
       row_security_active(c.oid) AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polpermissive),
       ARRAY(SELECT attname::text FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
             WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attnotnull AND NOT atthasdef AND attidentity = ''
                   AND typdefault IS NULL),
       ARRAY(SELECT attname::text FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
             WHERE indrelid = c.oid AND indisunique AND indisvalid AND indpred IS NULL AND indnkeyatts = 1),
       {REWRITE_RULES}
FROM unnest(%s::text[]) AS name JOIN pg_class c ON c.oid = to_regclass(quote_ident(name))
"""


class Form(NamedTuple):
    """How a table takes rows: ``required`` columns need a value in each insert, ``unique`` ones have an index of their own.

    Under ``rewrites``, PostgreSQL takes neither ON CONFLICT nor RETURNING.
    """

    takes_writes: bool = True
    is_view: bool = False
    hides_all: bool = False
    required: Sequence[str] = ()
    unique: Sequence[str] = ()
    rewrites: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A database as its own session sees it.

    ``wanted`` are the columns that the models need, ``columns`` those there. ``keys`` are the primary keys of the tables that
    Etalase writes, ``forms`` their forms. ``ahead`` are applied migrations of a newer version.
    ``is_of_other_half`` is a sentence, if it is.
    """

    server_number: int
    server: str
    encoding: str
    is_read_only: bool
    is_standby: bool
    is_pooled: bool
    role: str
    unapplied: tuple[str, ...] = ()
    columns: Columns = field(default_factory=dict)
    wanted: Columns = field(default_factory=dict)
    lacking: tuple[tuple[str, str], ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    forms: Mapping[str, Form] = field(default_factory=dict)
    ahead: tuple[str, ...] = ()
    is_of_other_half: str = ""


def look(labels: Sequence[str], extra: Columns) -> SessionFacts:
    """Reads the facts. ``labels`` are the apps whose tables are needed, ``extra`` further columns. Raises Django's errors."""
    connection = connections[DEFAULT_DB_ALIAS].copy()
    options = connection.settings_dict.get("OPTIONS") or {}
    connection.settings_dict["OPTIONS"] = {**options, "connect_timeout": CONNECT_SECONDS}
    try:
        # One transaction, which the timeout ends with: behind a pooler, other clients use the same session next.
        connection.set_autocommit(False)
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(STATEMENT_MS)])
            cursor.execute(SERVER)
            number, server, encoding, read_only, standby, pid, role = cursor.fetchone()
            is_pooled = pid != cursor.connection.info.backend_pid
            cursor.execute(other_half.QUERY)
            half = other_half.EDGE if "etalase_edge" in labels else other_half.HEAD_OFFICE
            wrong = other_half.problem(half, cursor.fetchone())
            models_of = [m for label in labels for m in apps.get_app_config(label).get_models(include_auto_created=True)]
            own = _wanted(models_of, connection)
            wanted = {**own, **extra}
            cursor.execute(COLUMNS, [list(wanted)])
            columns: dict[str, dict[str, str]] = {}
            for table, column, kind in cursor.fetchall():
                columns.setdefault(table, {})[column] = kind
            cursor.execute(RIGHTS, [list(wanted), list(WRITES)])
            lacking = tuple(sorted(cursor.fetchall()))
            cursor.execute(FORMS, [list(own)])
            forms = {name: Form(*form) for name, *form in cursor.fetchall()}
        unapplied, ahead = _migrations(labels, connection)
    finally:
        connection.close()
    keys = {m._meta.db_table: str(m._meta.pk.column) for m in models_of}  # noqa: SLF001
    return SessionFacts(
        number,
        server,
        encoding,
        read_only,
        standby,
        is_pooled,
        role,
        unapplied,
        columns,
        wanted,
        lacking,
        keys,
        forms,
        ahead,
        wrong,
    )


def _wanted(models_of: "Sequence[type[models.Model]]", connection: Any) -> dict[str, dict[str, str]]:
    found = {}
    for model in models_of:
        fields = model._meta.concrete_fields  # noqa: SLF001 - Django documents Model._meta as its API
        found[model._meta.db_table] = {str(f.column): _kind(f, connection) for f in fields}  # noqa: SLF001
    return found


def _kind(column: "models.Field[Any, Any]", connection: Any) -> str:
    if column.model._meta.auto_created:  # noqa: SLF001 - between two models; the type of its id is Django's affair
        return ""
    return (column.db_type(connection) or "").replace("varchar", "character varying")


def _migrations(labels: Sequence[str], connection: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the missing migrations, and those of a newer version: their numbers are above all known ones."""
    try:
        loader = MigrationLoader(connection)
    except django.db.ProgrammingError:  # the role may not read the list of migrations; its rights say so
        return (), ()
    applied = loader.applied_migrations or {}
    known = {label: [name for app, name in loader.graph.nodes if app == label] for label in labels}
    missing = sorted((label, name) for label in labels for name in known[label] if (label, name) not in applied)
    ahead = sorted((app, name) for app, name in applied if app in known and name > max(known[app], default=name))
    return tuple(f"{app}.{name}" for app, name in missing), tuple(f"{app}.{name}" for app, name in ahead)
