"""Checks the edge under database faults: commands, addresses and tasks report them, without a traceback."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.test import Client
from tests.daily import named
from tests.faulty_database import Command, Fault, faults, is_unexpected, odd_session, run_command, run_under, under, weak_role
from tests.integration.sync.conftest import Edge
from tests.simulator import picture

from etalase.edge import heartbeat
from etalase.edge.tasks import sync_product_photos, sync_product_photos_full
from etalase.settings.edge import edge_settings

# Each command, and whether it works without writes.
COMMANDS: dict[Command, bool] = {
    ("photos_sync",): False,
    ("photos_sync", "--full", "--dry-run"): False,
    ("photos_status",): True,
    ("photos_failures",): True,
    ("photos_held",): True,
    ("photos_approve", "--all"): False,
    ("photos_refuse", str(UUID(int=1))): False,
    ("photos_undo",): True,
    ("photos_retry",): False,
    ("photos_verify",): False,
}
FAULTS = faults("etalase_checkpoint")
ADDRESSES = ["/healthz", "/status", "/api/products/", f"/api/products/{UUID(int=1)}/image"]


@pytest.fixture
def weak(edge: Edge, settings: Any) -> Iterator[Edge]:
    """Yields an edge with a photo, whose database role is not a superuser."""
    settings.ETALASE = edge.configured(TRIES=1)
    settings.MIDDLEWARE, settings.ROOT_URLCONF = [], "etalase.edge.urls"
    settings.TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
    edge_settings.cache_clear()
    edge.ho.put("sate", picture(1))
    edge.sync()
    with weak_role():
        yield edge
    edge_settings.cache_clear()


@pytest.mark.parametrize("fault", named(FAULTS, "away", "terminated", "read-only", "lock_timeout", "older tables"), ids=str)
def test_every_command_reports_a_database_fault_as_an_object_and_works_afterwards(weak: Edge, fault: Fault) -> None:
    for command, (status, response) in run_under(fault, COMMANDS).items():
        if status != 4 and not (COMMANDS[command] or fault.reads):
            # After a cut, a new connection does as well.
            assert fault.cut or fault.blocks, (command, status, response)
    assert run_command("photos_sync")[0] == 0
    weak.check_equals_head_office()


@pytest.mark.parametrize(
    "fault", named((fault for fault in FAULTS if not fault.cut), "no login", "read-only", "disk full"), ids=str
)
def test_a_run_under_a_database_fault_exits_with_4_and_a_hint(weak: Edge, fault: Fault) -> None:
    with under(fault):
        status, response = run_command("photos_sync")
    assert status == 4
    assert fault.says in response["error"]
    assert response["outcome"] == "failed"
    assert len(response["error"].split(". ")) > 1, "a hint follows"


@pytest.mark.parametrize("fault", named(FAULTS, "away", "terminated", "read-only", "statement_timeout"), ids=str)
def test_no_address_returns_500_under_a_database_fault(weak: Edge, fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    client = Client()
    with under(fault) as strike:
        for address in ADDRESSES:
            strike()
            response = client.get(address)
            assert response.status_code in {200, 404, 503}, address
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("fault", named(FAULTS, "away", "terminated", "read-only", "statement_timeout"), ids=str)
def test_a_scheduled_run_logs_a_database_fault_in_one_line_and_the_worker_continues(
    weak: Edge, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with under(fault) as strike:
        for task in (sync_product_photos, sync_product_photos_full):
            strike()
            assert task.apply(kwargs={"after_offset": True}).successful()
        strike()
        heartbeat.write(heartbeat.Role.WORKER)
    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.exc_info]
    assert sync_product_photos.apply(kwargs={"after_offset": True}).get()["outcome"] == "success"


def test_commands_and_addresses_work_under_odd_session_settings(weak: Edge) -> None:
    client = Client()
    with odd_session():
        weak.ho.put("rendang", picture(2))
        for command in COMMANDS:
            status, response = run_command(*command)
            assert status in {0, 1, 2}, (command, response)
            assert not is_unexpected(response), (command, response)
        assert {client.get(address).status_code for address in ADDRESSES} <= {200, 404}
        assert heartbeat.write(heartbeat.Role.BEAT) is None
        assert heartbeat.heartbeats()[heartbeat.Role.BEAT].is_alive
    weak.check_equals_head_office()


def test_an_unexpected_error_is_an_object_too(
    weak: Edge, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("by design")

    monkeypatch.setattr("etalase.edge.sync.storage.removals.in_states", broken)
    status, response = run_command("photos_held")
    assert (status, response["exit_status"]) == (4, 4)
    assert "ZeroDivisionError: by design" in response["error"]
    assert "Traceback" in caplog.text


def test_an_interrupted_command_prints_an_object_too(weak: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("etalase.edge.sync.storage.removals.in_states", stopped)
    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        call_command("photos_held", "--json", stdout=out)
    assert json.loads(out.getvalue())["exit_status"] == 130
