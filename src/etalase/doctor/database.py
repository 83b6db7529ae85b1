"""Checks of a database, for both halves: one look reads its facts, and each check judges some of them.

The look uses a connection of its own, so that a doctor takes one, however many checks there are. It only reads.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import django.db
from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.migrations.loader import MigrationLoader

from etalase.doctor import machine
from etalase.doctor.check import Check, Fault
from etalase.errors import DatabaseAway
from etalase.postgres import TAKES_ALL

OLDEST_SERVER = 140_000  # Django 5.2 supports PostgreSQL 14 and newer
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


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A database as its own session sees it. ``wanted`` are the columns that the models need, ``columns`` those there."""

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


def look(labels: Sequence[str], extra: Columns) -> SessionFacts:
    """Reads the facts. ``labels`` are the apps whose tables are needed, ``extra`` further columns. Raises Django's errors."""
    connection = connections[DEFAULT_DB_ALIAS].copy()
    options = connection.settings_dict.get("OPTIONS") or {}
    connection.settings_dict["OPTIONS"] = {**options, "connect_timeout": CONNECT_SECONDS}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, false)", [str(STATEMENT_MS)])
            cursor.execute(SERVER)
            number, server, encoding, read_only, standby, pid, role = cursor.fetchone()
            is_pooled = pid != cursor.connection.info.backend_pid
            wanted = {**_wanted(labels, connection), **extra}
            cursor.execute(COLUMNS, [list(wanted)])
            columns: dict[str, dict[str, str]] = {}
            for table, column, kind in cursor.fetchall():
                columns.setdefault(table, {})[column] = kind
            cursor.execute(RIGHTS, [list(wanted), list(WRITES)])
            lacking = tuple(sorted(cursor.fetchall()))
        unapplied = _unapplied(labels, connection)
    finally:
        connection.close()
    return SessionFacts(number, server, encoding, read_only, standby, is_pooled, role, unapplied, columns, wanted, lacking)


def _wanted(labels: Sequence[str], connection: Any) -> dict[str, dict[str, str]]:
    found = {}
    for label in labels:
        for model in apps.get_app_config(label).get_models(include_auto_created=True):
            fields = model._meta.concrete_fields  # noqa: SLF001 - Django documents Model._meta as its API
            found[model._meta.db_table] = {str(f.column): _kind(f, connection) for f in fields}  # noqa: SLF001
    return found


def _kind(column: "models.Field[Any, Any]", connection: Any) -> str:
    if column.model._meta.auto_created:  # noqa: SLF001 - between two models; the type of its id is Django's affair
        return ""
    return (column.db_type(connection) or "").replace("varchar", "character varying")


def _unapplied(labels: Sequence[str], connection: Any) -> tuple[str, ...]:
    try:
        loader = MigrationLoader(connection)
    except django.db.ProgrammingError:  # the role may not read the list of migrations; its rights say so
        return ()
    missing = [key for key in loader.graph.nodes if key[0] in labels and key not in (loader.applied_migrations or {})]
    return tuple(f"{label}.{name}" for label, name in sorted(missing))


def fits(wanted: str, there: str) -> bool:
    """Returns whether a column of type ``there`` takes every value of type ``wanted``, where one is named. Pure."""
    if (
        not wanted
        or wanted == there
        or (wanted, there) in {("integer", "bigint"), ("smallint", "integer"), ("smallint", "bigint")}
    ):
        return True
    if wanted.startswith("character varying"):
        return there in {"text", "character varying"} or (_length(there) or 0) >= (_length(wanted) or 0) > 0
    return False


def _length(kind: str) -> int | None:
    number = kind.removeprefix("character varying(").removesuffix(")")
    return int(number) if number != kind and number.isdecimal() else None


@dataclass(slots=True)
class Database:
    """One database under examination. ``explain`` and ``migrate`` are the half's own words."""

    labels: Sequence[str]
    extra: Columns
    explain: Callable[[BaseException], DatabaseAway]
    migrate: str
    facts: SessionFacts | None = None

    def checks(self) -> list[Check]:
        """Returns the checks, in the order in which they are shown."""
        return [
            machine.name_check("dns_database", self.name),
            Check("database", self.answers, needs=("dns_database",), seconds=3.0),
            Check("postgresql", lambda: self._judged(judge_server), needs=("database",)),
            Check("database_writable", lambda: self._judged(judge_writable), needs=("database",)),
            Check("database_pooler", lambda: self._judged(judge_pooler), needs=("database",)),
            Check("database_encoding", lambda: self._judged(judge_encoding), needs=("database",)),
            Check("migrations", lambda: judge_migrations(self._known, self.migrate), needs=("database",)),
            Check("database_rights", lambda: self._judged(judge_rights), needs=("migrations",)),
            Check("tables", lambda: self._judged(judge_tables), needs=("migrations",)),
        ]

    def name(self) -> str:
        """Checks the host's name; a socket has none."""
        host = str(connections[DEFAULT_DB_ALIAS].settings_dict.get("HOST") or "")
        if not host or host.startswith("/"):
            return f"a socket of this machine ({host or 'the default one'})"
        return "; ".join(machine.name(one, setting="DATABASE_URL") for one in host.split(","))

    def answers(self) -> str:
        """Connects, and reads the facts for the other checks."""
        try:
            self.facts = look(self.labels, self.extra)
        except (django.db.Error, UnicodeDecodeError) as error:
            raise self.explain(error) from error
        place = connections[DEFAULT_DB_ALIAS].settings_dict
        return f"{place['NAME']} at {place.get('HOST') or 'a socket'}, as {self.facts.role}"

    @property
    def _known(self) -> SessionFacts:
        if self.facts is None:
            raise RuntimeError("the database was not looked at")
        return self.facts

    def _judged(self, judge: Callable[[SessionFacts], str]) -> str:
        return judge(self._known)


def judge_server(facts: SessionFacts) -> str:
    """Judges the version of PostgreSQL."""
    if facts.server_number < OLDEST_SERVER:
        raise Fault(f"PostgreSQL {facts.server} is older than 14.", hint="Move the database to PostgreSQL 14 or newer.")
    return f"PostgreSQL {facts.server}"


def judge_writable(facts: SessionFacts) -> str:
    """Judges whether the session may write."""
    if facts.is_standby:
        raise Fault("The database is a standby, which takes no writes.", hint="Name the primary in DATABASE_URL.")
    if facts.is_read_only:
        raise Fault(
            "The database is read-only (default_transaction_read_only).",
            hint="Hosts set this when a disk is full: make room and switch it off for the role and the database.",
        )
    return "takes writes"


def judge_pooler(facts: SessionFacts) -> str:
    """Judges whether a pooler stands between (hazard 59)."""
    if facts.is_pooled:
        raise Fault(
            "DATABASE_URL leads through a connection pooler; a run's lock needs PostgreSQL itself.",
            hint="Name PostgreSQL's own port in DATABASE_URL.",
        )
    return "PostgreSQL itself answers"


def judge_encoding(facts: SessionFacts) -> str:
    """Judges the encoding: names have every character."""
    if facts.encoding not in TAKES_ALL:
        raise Fault(
            f"The database's encoding is {facts.encoding}, which lacks characters.",
            hint="Dump it, create it anew with ENCODING 'UTF8' TEMPLATE template0, and restore it.",
        )
    return facts.encoding


def judge_migrations(facts: SessionFacts, migrate: str) -> str:
    """Judges whether all migrations are applied."""
    if facts.unapplied:
        first = ", ".join(facts.unapplied[:3]) + (" and more" if len(facts.unapplied) > 3 else "")
        raise Fault(
            f"{len(facts.unapplied)} migrations are missing: {first}.",
            hint=f"Run `{migrate}`. If that was done, the role's search_path leads elsewhere.",
        )
    return "all applied"


def judge_rights(facts: SessionFacts) -> str:
    """Judges the role's rights on the tables."""
    if facts.lacking:
        shown = ", ".join(f"{right} on {table}" for table, right in facts.lacking[:4])
        tables = ", ".join(dict.fromkeys(table for table, _ in facts.lacking))
        raise Fault(
            f"The role {facts.role} may not: {shown}{' and more' if len(facts.lacking) > 4 else ''}.",
            hint=f"As the owner: GRANT ALL ON {tables} TO {facts.role};",
        )
    return f"{facts.role} reads and writes {len(facts.wanted)} tables"


def judge_tables(facts: SessionFacts) -> str:
    """Judges the form of the tables: each column that the models need is there, and takes their values."""
    wrong = []
    for table, columns in facts.wanted.items():
        there = facts.columns.get(table)
        if there is None:
            wrong.append(f"{table} is missing")
            continue
        for column, kind in columns.items():
            if column not in there:
                wrong.append(f"{table}.{column} is missing")
            elif not fits(kind, there[column]):
                wrong.append(f"{table}.{column} is {there[column]} instead of {kind}")
    if wrong:
        raise Fault(
            f"The tables differ from what this version needs: {', '.join(wrong[:5])}{' and more' if len(wrong) > 5 else ''}.",
            hint="Add the column or change its type by hand (ALTER TABLE), or restore the tables from a backup.",
        )
    return f"{len(facts.wanted)} tables as this version needs them"
