"""Checks of a database, for both halves: one look reads its facts, and each check judges some of them.

The look uses a connection of its own, so that a doctor takes one, however many checks there are. It only reads.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import django.db
from django.db import DEFAULT_DB_ALIAS, connections

from etalase import other_half
from etalase.doctor import machine
from etalase.doctor.check import Check, Fault
from etalase.doctor.database_facts import Columns, Form, SessionFacts, look
from etalase.errors import DatabaseAway
from etalase.postgres import TAKES_ALL

OLDEST_SERVER = 140_000  # Django 5.2 supports PostgreSQL 14 and newer


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
        # Not from the connection, whose making loads the driver: that takes longer than a name on a busy machine.
        host = str(connections.settings[DEFAULT_DB_ALIAS].get("HOST") or "")
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
    """Judges whether a connection pooler is in between (hazard 59)."""
    if facts.is_pooled:
        raise Fault(
            "DATABASE_URL leads through a connection pooler; Etalase's locks need PostgreSQL itself.",
            hint="Name PostgreSQL's own port in DATABASE_URL.",
        )
    return "PostgreSQL itself answers"


def judge_encoding(facts: SessionFacts) -> str:
    """Judges the encoding: names of dishes have all kinds of characters."""
    if facts.encoding not in TAKES_ALL:
        raise Fault(
            f"The database's encoding is {facts.encoding}, which lacks characters.",
            hint="Dump it, create it anew with ENCODING 'UTF8' TEMPLATE template0, and restore it.",
        )
    return facts.encoding


def judge_migrations(facts: SessionFacts, migrate: str) -> str:
    """Judges whether all migrations are applied."""
    if facts.is_of_other_half:
        raise Fault(facts.is_of_other_half, hint=other_half.HINT)
    if facts.unapplied:
        first = ", ".join(facts.unapplied[:3]) + (" and more" if len(facts.unapplied) > 3 else "")
        raise Fault(
            f"{len(facts.unapplied)} migrations are missing: {first}.",
            hint=f"Run `{migrate}`. If that was done, the role's search_path leads elsewhere.",
        )
    if facts.ahead:
        raise Fault(
            f"A newer version of Etalase has changed the tables: {', '.join(facts.ahead[:3])}.",
            hint="Install that version again, or restore the backup from before its migration.",
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
    if hidden := [table for table, form in facts.forms.items() if form.hides_all]:
        raise Fault(
            f"Row-level security hides every row of {', '.join(hidden)} from the role {facts.role}, and refuses new ones.",
            hint=f"As the owner: ALTER TABLE {hidden[0]} DISABLE ROW LEVEL SECURITY, or give the role a policy.",
        )
    return f"{facts.role} reads and writes {len(facts.wanted)} tables"


def judge_tables(facts: SessionFacts) -> str:
    """Judges the form of the tables: each column that the models need is there, and each row of theirs can be written."""
    wrong: list[str] = []
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
            hint="Add the column or change its type by hand (ALTER TABLE), or restore the tables from a backup. If they are"
            " there, the role's search_path leads elsewhere.",
        )
    for table, form in facts.forms.items():
        _judge_form(table, form, facts)
    return f"{len(facts.wanted)} tables as this version needs them"


def _judge_form(table: str, form: Form, facts: SessionFacts) -> None:
    """Raises :class:`Fault` for a table that takes no row of Etalase's."""
    if not form.takes_writes:
        raise Fault(
            f"{table} is a view, or another relation that takes no writes.",
            hint=f"Etalase writes {table}: rename the view, and give the table its name back.",
        )
    if form.rewrites:
        raise Fault(
            f"{table} has the rewrite rule {form.rewrites[0]} (CREATE RULE), under which PostgreSQL refuses Etalase's writes.",
            hint=f"Make it a trigger, then: DROP RULE {form.rewrites[0]} ON {table}.",
        )
    if needless := [column for column in form.required if column not in facts.wanted[table]]:
        raise Fault(
            f"{table}.{needless[0]} needs a value in every row, and Etalase gives it none: each new row is refused.",
            hint=f"ALTER TABLE {table} ALTER {needless[0]} DROP NOT NULL, or give the column a default (SET DEFAULT).",
        )
    key = facts.keys[table]
    if not form.is_view and key not in form.unique:
        raise Fault(
            f"{table}.{key} has no primary key any more, which every write needs.",
            hint=f"ALTER TABLE {table} ADD PRIMARY KEY ({key}); if rows are there twice, restore the table from a backup.",
        )
