"""Checks the translation of PostgreSQL's errors by SQLSTATE."""

import django.db
import psycopg
import pytest
from psycopg import errors

from etalase.errors import DatabaseRefused
from etalase.postgres import explained


def wrapped(cause: psycopg.Error, kind: type[django.db.Error] = django.db.DatabaseError) -> django.db.Error:
    """Returns a driver's error as Django raises it."""
    error = kind(str(cause))
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "says", "hint", "refuses"),
    [
        (wrapped(errors.ReadOnlySqlTransaction("cannot execute INSERT")), "is read-only", "name the primary", True),
        (wrapped(errors.DiskFull("could not extend file")), "has no room", "Make room", True),
        (wrapped(errors.InsufficientPrivilege("permission denied for table x")), "does not allow this", "GRANT", True),
        (wrapped(errors.UndefinedTable('relation "x" does not exist')), "lacks Etalase's tables", "`etalase x migrate`", True),
        (wrapped(errors.UndefinedColumn("column")), "lacks Etalase's tables", "search_path", True),
        (wrapped(errors.UndefinedFunction("function")), "lacks Etalase's tables", "migrate", True),
        (wrapped(errors.InvalidSchemaName("no schema")), "lacks Etalase's tables", "search_path", True),
        (wrapped(errors.QueryCanceled("canceling statement")), "took too long", "statement_timeout", True),
        (wrapped(errors.LockNotAvailable("lock timeout")), "took too long", "lock_timeout", True),
        (wrapped(errors.AdminShutdown("terminating connection")), "closed the connection", "PostgreSQL runs", False),
        (wrapped(errors.CannotConnectNow("starting up")), "is starting", "Wait", False),
        (wrapped(errors.IdleInTransactionSessionTimeout("idle")), "closed the connection", "Raise idle_in", False),
        (wrapped(errors.TooManyConnections("limit")), "no more connections", "max_connections", False),
        (wrapped(errors.OutOfMemory("out of memory")), "no memory", "lower its load", True),
        (wrapped(errors.DeadlockDetected("deadlock")), "aborted the transaction", "Try again", True),
        (wrapped(errors.SerializationFailure("could not serialize")), "aborted the transaction", "Try again", True),
        (wrapped(errors.IoError("read")), "cannot read or write its files", "disk", True),
        (wrapped(errors.InternalError_("cache lookup failed")), "met an internal error", "extension", True),
        (wrapped(errors.IndexCorrupted("index")), "has damaged files", "backup", True),
        (wrapped(errors.CheckViolation("check")), "does not take a value", "report it", True),
        (wrapped(errors.UntranslatableCharacter("no equivalent in LATIN1")), "lacks a character", "ENCODING 'UTF8'", True),
        (wrapped(psycopg.DataError("cannot contain NUL")), "refused a statement", "report it", True),
        (wrapped(errors.SyntaxError("syntax")), "refused a statement", "report it", True),
        (wrapped(psycopg.OperationalError("Connection refused"), django.db.OperationalError), "does not answer", "runs", False),
        (django.db.OperationalError("FATAL:  sorry, too many clients already"), "no more connections", "max", False),
        (django.db.OperationalError('FATAL:  database "x" does not exist'), "refuses this user", "DATABASE_URL", False),
        (django.db.OperationalError('FATAL:  too many connections for role "x"'), "of this role", "ALTER ROLE", False),
        (django.db.OperationalError('FATAL:  too many connections for database "x"'), "no more", "ALTER DATABASE", False),
        (django.db.OperationalError('FATAL:  role "x" is not permitted to log in'), "refuses this user", "LOGIN", False),
        (django.db.OperationalError('pg_hba.conf rejects connection for host "h"'), "by pg_hba.conf", "reload", False),
        (django.db.OperationalError('no pg_hba.conf entry for host "h"'), "by pg_hba.conf", "reload", False),
        (django.db.OperationalError('"x" is not currently accepting connections'), "no connections now", "ALLOW_CONN", False),
        (django.db.OperationalError('cannot connect to invalid database "x"'), "no connections now", "restored", False),
        (django.db.OperationalError("the database system is not accepting connections"), "is starting", "Wait", False),
        (django.db.OperationalError("received invalid response to SSL negotiation: H"), "not what answers", "port", False),
        (django.db.OperationalError("expected authentication request from server, but"), "not what answers", "port", False),
        (django.db.OperationalError('root certificate file "/x" does not exist'), "cannot be connected", "«?»", False),
        (django.db.OperationalError("FATAL:  the database system is in recovery mode"), "is starting", "Wait", False),
        (django.db.OperationalError("fe_sendauth: no password supplied"), "refuses this user", "DATABASE_URL", False),
        (django.db.OperationalError("SSL, but SSL was required"), "cannot be connected to", "after «?»", False),
        (django.db.OperationalError('unrecognized configuration parameter "x"'), "cannot be connected to", "the role", False),
        (django.db.ProgrammingError('invalid connection option "x"'), "cannot be connected to", "after «?»", False),
        (django.db.InterfaceError("the connection is closed"), "does not answer", "PostgreSQL runs", False),
        (django.db.OperationalError(""), "does not answer: OperationalError", "PostgreSQL runs", False),
        (errors.ReadOnlySqlTransaction("not by Django"), "is read-only", "name the primary", True),
    ],
    ids=lambda value: repr(value)[:60] if isinstance(value, Exception) else None,
)
def test_a_postgresql_error_has_a_message_and_a_hint(error: Exception, says: str, hint: str, refuses: bool) -> None:
    explanation = explained(error, whose="The database", migrate="etalase x migrate")
    assert explanation.message.startswith(f"The database {says}") or f" {says}" in explanation.message
    assert hint in explanation.hint
    assert isinstance(explanation, DatabaseRefused) is refuses
    assert explanation.exit_status == 4


def test_only_the_first_line_of_a_postgresql_error_is_shown_because_details_hold_rows() -> None:
    error = wrapped(errors.NotNullViolation('null value in column "x"\nDETAIL:  Failing row contains (a customer\'s data).'))
    assert "customer" not in str(explained(error, whose="The database", migrate="migrate"))
