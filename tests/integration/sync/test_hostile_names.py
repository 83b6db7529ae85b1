"""Checks that no command and no log line of the edge passes terminal control sequences in names on (hazard 51)."""

import io
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from tests.integration.sync.conftest import Edge
from tests.simulator import picture

from etalase.cli import EDGE
from etalase.edge.models import ReceivedOrder
from etalase.settings import edge as screen
from etalase.settings.logging import JsonFormatter, Redaction

HOSTILE = {
    "red": "\x1b[31mSATE",
    "title": "SATE\x1b]0;owned\x07",
    "C1": "SATE\x9b2J",
    "conceal": "\x1b[8mSATE",
    "line": "SATE\nWELL: all is well",
    "return": "SATE\rWELL",
    "backwards": "SATE \u202egnp.exe",
    "erase": "SATE\x08\x08\x7f",
    "formula": '=HYPERLINK("http://evil.example";"SATE")\t',
}
Tell = Callable[..., tuple[str, str]]


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[io.StringIO, Terminal], ids=["pipe", "terminal"])
def run_and_read(request: pytest.FixtureRequest, edge: Edge, settings: Any) -> Tell:
    """Returns a function that runs a command and returns its output on both streams."""

    def run(name: str, *args: str) -> tuple[str, str]:
        settings.ETALASE = edge.configured()
        screen.edge_settings.cache_clear()
        out, err = request.param(), request.param()
        try:
            with suppress(SystemExit):
                try:
                    call_command(name, *args, stdout=out, stderr=err)
                except CommandError as error:
                    err.write(str(error))
        finally:
            screen.edge_settings.cache_clear()
        return out.getvalue(), err.getvalue()

    return run


def hostile(edge: Edge) -> None:
    """Returns a store with hostile names that are published, failed, held, removed, damaged and unlisted."""
    for kind, name in HOSTILE.items():
        for what in ("whole", "failing", "going", "rotten"):
            edge.ho.put(f"{name} {what}", picture(f"{kind} {what}"), photo=str(uuid5(NAMESPACE_OID, kind + what)))
    edge.sync()
    for photo in list(edge.ho.photos.values()):
        name = photo["product_name"]
        if name.endswith("going"):
            edge.ho.delete(photo["id"])
        elif name.endswith("failing"):
            edge.ho.put(
                name,
                picture(name + " new"),
                photo=photo["id"],
                checksum="\x1b[31m" + "0" * 27,
                object_key=photo["object_key"] + "\x1b[2J",
            )
        elif name.endswith("rotten"):
            edge.bucket.delete([photo["object_key"]])
    now = timezone.now()
    for name in HOSTILE.values():
        told = {"kind": name[:40], "given_by": name, "why": name, "outcome": name, "detail": name}
        ReceivedOrder.objects.create(id=uuid4(), received_at=now, expires_at=now, ended_at=now, **told)


def check(text: str) -> None:
    """Asserts that the text has only printable lines and our own colours."""
    for colour in ("\x1b[32;1m", "\x1b[31;1m", "\x1b[33;1m", "\x1b[0m"):  # Django's styles, as `status` uses them
        text = text.replace(colour, "")
    odd = [line for line in text.split("\n") if not line.isprintable()]
    assert not odd, odd[:3]
    assert not [line for line in text.split("\n") if line.startswith("WELL: all is well")]


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("photos_sync", "--dry-run"),
    ("photos_sync", "--full", "--dry-run"),
    ("photos_sync",),
    ("photos_held",),
    ("photos_failures",),
    ("photos_status", "--language", "en"),
    ("photos_status", "--language", "id"),
    ("photos_verify",),
    ("photos_retry",),
    ("photos_refuse", str(UUID(int=1))),
    ("photos_approve", "--all"),
    ("photos_undo",),
    ("photos_undo", "{run}"),
    ("photos_undo", "99999"),
    ("photos_verify", "--deep", "--repair"),
    ("photos_adopt", "--dry-run"),
    ("photos_adopt", "--apply"),
    ("photos_own", "list"),
    ("photos_leave",),
    ("photos_orders",),
    ("photos_doctor", "--read-only"),
    ("photos_sync", "--full"),
)


def test_every_command_is_covered() -> None:
    # A bundle writes a file, and these set up a machine; they have tests of their own.
    assert {*(command[0] for command in COMMANDS), "photos_support_bundle", "photos_init", "photos_remove"} == {
        name for name in EDGE.commands.values() if name.startswith("photos_")
    }


def test_no_name_reaches_a_terminal_as_a_control_sequence(edge: Edge, run_and_read: Tell, settings: Any) -> None:
    settings.ROOT_URLCONF = "etalase.edge.urls"
    hostile(edge)
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(Redaction())
    logging.getLogger().addHandler(handler)
    output = ""
    try:
        for command in COMMANDS:
            newest = str(edge.query("SELECT max(id) AS id FROM etalase_sync_run")[0]["id"])
            args = [newest if arg == "{run}" else arg for arg in command[1:]]
            out, err = run_and_read(command[0], *args)
            as_json, errors = run_and_read(command[0], *args, "--json")
            for text in (out, err, as_json, errors):
                check(text)
            assert as_json.count("\n") == 1
            json.loads(as_json)
            output += out + err
    finally:
        logging.getLogger().removeHandler(handler)
        connection.close()
    check(lines.getvalue())
    for name in ("SATE\\x1b]0;owned\\x07", "SATE\\nWELL", "\\x1b[8mSATE", "SATE \\u202egnp.exe"):
        assert name in output
