"""Log lines: those that a client can cause are quiet and bounded; those of a run name run and store."""

import logging

import msgspec
import pytest

from etalase.edge.sync.services import Workers
from etalase.settings.logging import ClientFaults, ContextFields, JsonFormatter, log_fields


def record(name: str, level: int) -> logging.LogRecord:
    """Returns a record with a traceback."""
    error = ValueError("no such host")
    caught = (ValueError, error, error.__traceback__)
    return logging.LogRecord(name, level, __file__, 1, "Invalid HTTP_HOST header", None, caught)


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("django.security.DisallowedHost", logging.ERROR),
        ("django.security.TooManyFieldsSent", logging.ERROR),
        ("django.security.csrf", logging.WARNING),
        ("django.request", logging.WARNING),
    ],
)
def test_what_a_client_did_wrong_is_a_warning_without_a_traceback(name: str, level: int) -> None:
    line = record(name, level)
    assert ClientFaults().filter(line)
    shown = msgspec.json.decode(JsonFormatter().format(line))
    assert shown["level"] == "WARNING"
    assert "traceback" not in shown


@pytest.mark.parametrize("name", ["django.request", "etalase.head_office", "django.db"])
def test_our_own_faults_keep_their_level_and_traceback(name: str) -> None:
    line = record(name, logging.ERROR)
    assert ClientFaults().filter(line)
    assert "no such host" in msgspec.json.decode(JsonFormatter().format(line))["traceback"]


def test_a_thousand_of_them_are_ten_lines_a_minute_and_the_next_line_counts_the_others() -> None:
    now = 100.0
    quiet = ClientFaults(lambda: now)
    lines = [record("django.security.DisallowedHost", logging.ERROR) for _ in range(1000)]
    assert sum(map(quiet.filter, lines)) == 10
    assert quiet.filter(record("django.security.csrf", logging.WARNING))
    now += 61
    later = record("django.security.DisallowedHost", logging.ERROR)
    assert quiet.filter(later)
    assert msgspec.json.decode(JsonFormatter().format(later))["suppressed"] == 990


def context_of(line: logging.LogRecord) -> tuple[object, object]:
    ContextFields().filter(line)
    shown = msgspec.json.decode(JsonFormatter().format(line))
    return shown.get("store_id"), shown.get("run_id")


def test_a_line_has_the_fields_of_its_context_also_in_the_threads_of_the_pool_and_none_afterwards() -> None:
    def in_a_worker(workers: Workers) -> tuple[object, object]:
        return workers.submit(lambda: context_of(record("etalase.edge", logging.INFO))).result()

    with Workers(1) as workers:
        with log_fields(store_id="one"):
            assert in_a_worker(workers) == ("one", None)
            with log_fields(run_id=7):
                assert in_a_worker(workers) == ("one", 7)
                assert context_of(record("django.db", logging.INFO)) == ("one", 7)
            assert in_a_worker(workers) == ("one", None)
        assert in_a_worker(workers) == (None, None)


def test_a_field_of_the_record_itself_stays() -> None:
    line = record("etalase.edge", logging.INFO)
    line.run_id = 3
    with log_fields(store_id="one", run_id=7):
        assert context_of(line) == ("one", 3)
