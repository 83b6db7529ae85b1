"""Makes real faults of a real PostgreSQL on Django's connection of a test."""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from django.core.management import CommandError, call_command
from django.db import connection

Command = tuple[str, ...]

ROLE, PASSWORD = "etalase_weak", "of a weak role"


@dataclass(frozen=True)
class Fault:
    """``make`` and ``mend`` are statements of a superuser; ``says`` is a part of a command's message under the fault.

    ``blocks`` is a table that another session locks; ``reads``: commands without writes still work.
    """

    name: str
    says: str
    make: str = ""
    mend: str = ""
    blocks: str = ""
    reads: bool = False
    port: str = ""
    cut: bool = False

    def __str__(self) -> str:
        return self.name


def faults(table: str) -> list[Fault]:
    """Returns all faults, for a half of Etalase that always needs ``table``."""
    return [
        Fault("away", "does not answer", port="1"),
        Fault("terminated", "", cut=True),
        Fault("no login", "refuses this user", f"ALTER ROLE {ROLE} NOLOGIN", f"ALTER ROLE {ROLE} LOGIN"),
        Fault(
            "wrong password", "refuses this user", f"ALTER ROLE {ROLE} PASSWORD 'x'", f"ALTER ROLE {ROLE} PASSWORD '{PASSWORD}'"
        ),
        Fault(
            "too many connections",
            "takes no more connections",
            f"ALTER ROLE {ROLE} CONNECTION LIMIT 0",
            f"ALTER ROLE {ROLE} CONNECTION LIMIT -1",
        ),
        Fault("read-only", "is read-only", *_setting("default_transaction_read_only", "on"), reads=True),
        Fault("lock_timeout", "took too long", *_setting("lock_timeout", "50"), blocks=table),
        Fault("statement_timeout", "took too long", *_setting("statement_timeout", "200"), blocks=table),
        Fault("search_path", "lacks Etalase's tables", *_setting("search_path", "nowhere")),
        Fault(
            "older tables",
            "lacks Etalase's tables",
            f"ALTER TABLE {table} RENAME TO elsewhere",
            f"ALTER TABLE elsewhere RENAME TO {table}",
        ),
        Fault(
            "no rights on a table",
            "does not allow this",
            f"REVOKE ALL ON {table} FROM {ROLE}",
            f"GRANT ALL ON {table} TO {ROLE}",
        ),
        Fault(
            "disk full",
            "has no room",
            # A test cannot fill a disk, so a trigger raises the server's own error at the first written row, and says that it
            # concerns our table: otherwise it would be a rule of the customer's.
            "CREATE OR REPLACE FUNCTION etalase_full() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100',"
            f" TABLE = '{table}'; END $$;"
            f" CREATE TRIGGER etalase_full BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION etalase_full()",
            f"DROP TRIGGER etalase_full ON {table}; DROP FUNCTION etalase_full",
            reads=True,
        ),
    ]


ODD_SESSIONS = {
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "iso_8601",
    "TimeZone": "Asia/Kathmandu",
    "client_encoding": "LATIN1",
    "lc_messages": "C",
    "default_transaction_isolation": "repeatable read",
    "standard_conforming_strings": "on",
    "extra_float_digits": "0",
    "bytea_output": "escape",
}


@contextmanager
def weak_role() -> Iterator[None]:
    """Connects Django with a role that is not a superuser, so that permissions and limits apply."""
    before = dict(connection.settings_dict)
    _as_superuser(
        f"DROP ROLE IF EXISTS {ROLE}; CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_read_all_stats;"
        f" GRANT ALL ON ALL TABLES IN SCHEMA public TO {ROLE}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {ROLE};"
        f" GRANT ALL ON SCHEMA public TO {ROLE}"
    )
    connection.close()
    connection.settings_dict.update(USER=ROLE, PASSWORD=PASSWORD)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)
        _as_superuser(f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")


@contextmanager
def under(fault: Fault) -> Iterator[Callable[[], None]]:
    """Keeps the fault until the end; the yielded function makes it again for the next command if it strikes only once."""
    place = connection.settings_dict
    port = place["PORT"]
    blocker = _superuser()
    try:
        _as_superuser(fault.make)
        if fault.blocks:
            blocker.execute("BEGIN")
            blocker.execute(f"LOCK TABLE {fault.blocks} IN ACCESS EXCLUSIVE MODE")
        place["PORT"] = fault.port or port

        def strike() -> None:
            connection.close()
            if fault.cut:
                connection.ensure_connection()
                _as_superuser(f"SELECT pg_terminate_backend({connection.connection.info.backend_pid}, 5000)")

        strike()
        yield strike
    finally:
        connection.close()
        place["PORT"] = port
        blocker.close()
        _as_superuser(fault.mend)


def run_command(*command: str) -> tuple[int, dict[str, Any]]:
    """Runs a command with ``--json``. Returns its exit status and the only object on its stdout."""
    out, status = io.StringIO(), 0
    try:
        call_command(*command, "--json", stdout=out, stderr=io.StringIO())
    except CommandError as error:
        status = error.returncode
    except SystemExit as error:
        status = int(error.code or 0)
    answer: dict[str, Any] = json.loads(out.getvalue())
    assert answer["exit_status"] == status
    return status, answer


def run_under(fault: Fault, commands: Iterable[Command]) -> dict[Command, tuple[int, dict[str, Any]]]:
    """Runs each command under the fault and asserts that its message is the fault's. Returns exit statuses and outputs."""
    done = {}
    with under(fault) as strike:
        for command in commands:
            strike()
            status, answer = done[command] = run_command(*command)
            assert not is_unexpected(answer), (command, answer)
            assert status != 4 or fault.says in json.dumps(answer), command
    return done


def is_unexpected(answer: dict[str, Any]) -> bool:
    """Returns whether the output of a command reports an unexpected error."""
    return any(text in json.dumps(answer) for text in ("Unexpected error", "unforeseen"))


@contextmanager
def odd_session() -> Iterator[None]:
    """Connects with a role whose session settings are all odd."""
    for name, value in ODD_SESSIONS.items():
        _as_superuser(f"ALTER ROLE {ROLE} SET {name} = '{value}'")
    connection.close()
    try:
        yield
    finally:
        connection.close()
        _as_superuser(f"ALTER ROLE {ROLE} RESET ALL")


def _setting(name: str, value: str) -> tuple[str, str]:
    return f"ALTER ROLE {ROLE} SET {name} = '{value}'", f"ALTER ROLE {ROLE} RESET {name}"


_SUPERUSER: dict[str, Any] = {}


def _superuser() -> psycopg.Connection[Any]:
    place = connection.settings_dict
    if place["USER"] != ROLE:
        _SUPERUSER.update(user=place["USER"], password=place["PASSWORD"], port=place["PORT"])
    return psycopg.connect(host=place["HOST"], dbname=place["NAME"], autocommit=True, **_SUPERUSER)


def _as_superuser(statements: str) -> None:
    if statements:
        with _superuser() as session:
            session.execute(statements)
