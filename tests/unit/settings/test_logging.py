"""Log lines that a client can cause: quiet, without a traceback, and bounded."""

import logging

import msgspec
import pytest

from etalase.settings.logging import ClientFaults, JsonFormatter


def record(name: str, level: int) -> logging.LogRecord:
    """A record with a traceback."""
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
