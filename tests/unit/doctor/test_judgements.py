"""Checks the decisions of single checks, as tables."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from tests.django_settings import ETALASE_HEAD_OFFICE

from etalase.doctor import clock, machine
from etalase.doctor.check import Fault, NotChecked
from etalase.doctor.database import (
    fits,
    judge_encoding,
    judge_migrations,
    judge_rights,
    judge_server,
    judge_tables,
    judge_writable,
)
from etalase.doctor.database_facts import Form, SessionFacts
from etalase.doctor.machine import room_problem
from etalase.edge.doctor.schedule import broker_problem, refusal_hint
from etalase.edge.doctor.state import judge_sign
from etalase.edge.doctor.web import cors, mixed_content
from etalase.edge.heartbeat import LatestHeartbeat, Role
from etalase.head_office.doctor.web import proxy
from etalase.settings.head_office import HeadOfficeSettings

FACTS = SessionFacts(180_001, "18.1", "UTF8", is_read_only=False, is_standby=False, is_pooled=False, role="etalase")
GIB = 1024**3
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wanted", "there", "ok"),
    [
        ("uuid", "uuid", True),
        ("integer", "bigint", True),
        ("bigint", "integer", False),
        ("character varying(255)", "text", True),
        ("character varying(255)", "character varying", True),
        ("character varying(255)", "character varying(500)", True),
        ("character varying(255)", "character varying(10)", False),
        ("character varying(255)", "integer", False),
        ("timestamp with time zone", "timestamp without time zone", False),
        ("", "anything", True),
    ],
)
def test_a_column_has_to_take_every_value(wanted: str, there: str, ok: bool) -> None:
    assert fits(wanted, there) is ok


def test_the_form_of_the_tables_is_named_column_by_column() -> None:
    facts = SessionFacts(
        180_001, "18.1", "UTF8", is_read_only=False, is_standby=False, is_pooled=False, role="etalase",
        wanted={"a": {"x": "uuid", "y": "text"}, "b": {}}, columns={"a": {"x": "text"}},
    )  # fmt: skip
    with pytest.raises(Fault, match=r"a\.x is text instead of uuid, a\.y is missing, b is missing"):
        judge_tables(facts)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (Form(unique=["id"]), ""),
        (Form(unique=["id"], required=["id", "x"]), ""),
        (Form(is_view=True), ""),
        (Form(takes_writes=False, is_view=True), "a is a view"),
        (Form(unique=["id"], required=["shelf"]), r"a\.shelf needs a value"),
        (Form(unique=["id"], rewrites=["audit"]), "a has the rewrite rule audit"),
        (Form(unique=["x"]), r"a\.id has no primary key"),
        (Form(hides_all=True, unique=["id"]), "Row-level security hides every row of a"),
    ],
)
def test_a_table_has_to_take_the_rows_of_etalase(form: Form, said: str) -> None:
    columns = {"a": {"id": "uuid", "x": "text"}}
    facts = replace(FACTS, wanted=columns, columns=columns, keys={"a": "id"}, forms={"a": form})
    if not said:
        assert judge_rights(facts)
        assert judge_tables(facts)
        return
    with pytest.raises(Fault, match=said) as found:
        (judge_rights if form.hides_all else judge_tables)(facts)
    assert any(way in found.value.hint for way in ("ALTER TABLE", "rename", "DROP RULE"))


def test_migrations_of_a_newer_version_are_named() -> None:
    with pytest.raises(Fault, match=r"newer version .* etalase_edge\.0099_next") as found:
        judge_migrations(replace(FACTS, ahead=("etalase_edge.0099_next",)), "migrate")
    assert "Install that version" in found.value.hint


@pytest.mark.parametrize(
    ("judge", "change"),
    [
        (judge_server, {"server_number": 130_012}),
        (judge_encoding, {"encoding": "LATIN1"}),
        (judge_writable, {"is_standby": True}),
        (judge_writable, {"is_read_only": True}),
    ],
)
def test_a_database_that_cannot_be_used_is_a_fault(judge: object, change: dict[str, object]) -> None:
    assert judge(FACTS)  # type: ignore[operator]
    with pytest.raises(Fault) as found:
        judge(replace(FACTS, **change))  # type: ignore[operator, arg-type]
    assert found.value.hint


def test_missing_migrations_are_named_with_the_command() -> None:
    assert judge_migrations(FACTS, "migrate") == "all applied"


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("Thu, 26 Nov 2026 12:00:10 GMT", "10 seconds"),
        ("Thu, 26 Nov 2026 12:04:59 GMT", "299 seconds"),
        ("Thu, 26 Nov 2026 10:00:00 GMT", "120 minutes fast"),
        ("Thu, 26 Nov 2026 12:06:00 GMT", "6 minutes slow"),
        ("", "sends no date"),
        ("yesterday", "sends no date"),
    ],
)
def test_clocks_are_compared_by_the_date_of_a_response(date: str, said: str) -> None:
    try:
        told = clock.compare(date, here=NOW.timestamp(), whose="it")
    except (Fault, NotChecked) as error:
        told = error.message
    assert said in told


@pytest.mark.parametrize(
    ("free", "total", "entries", "all_entries", "ok"),
    [
        (10 * GIB, 100 * GIB, 5000, 10_000, True),
        (GIB, 100 * GIB, 5000, 10_000, False),
        (GIB // 8, GIB, 5000, 10_000, False),
        (GIB, 8 * GIB, 0, 0, True),  # a file system without such a limit
        (GIB, 8 * GIB, 3, 10_000, False),
    ],
)
def test_a_disk_needs_room(free: int, total: int, entries: int, all_entries: int, ok: bool) -> None:
    assert (room_problem("/", free, total, entries=entries, all_entries=all_entries) == "") is ok


@pytest.mark.parametrize(
    ("info", "ok"),
    [
        ({}, True),
        ({"role": "master", "maxmemory": 0, "used_memory": 5}, True),
        ({"role": "slave"}, False),
        ({"loading": 1}, False),
        ({"maxmemory": 5, "maxmemory_policy": "noeviction", "used_memory": 6}, False),
        ({"maxmemory": 5, "maxmemory_policy": "allkeys-lru", "used_memory": 6}, True),
    ],
)
def test_a_broker_has_to_take_messages(info: dict[str, object], ok: bool) -> None:
    assert (broker_problem(info) is None) is ok


@pytest.mark.parametrize(
    ("kind", "said", "hint"),
    [
        ("OperationalError", "invalid username-password pair or user is disabled", "password"),
        ("OperationalError", "NOAUTH Authentication required", "password"),
        ("ResponseError", "MISCONF Valkey is configured to save RDB snapshots", "make room"),
        ("NoPermissionError", "No permissions to access a key", "ACL SETUSER"),
        ("ReadOnlyError", "You can't write against a read only replica", "primary"),
        ("ConnectionError", "Error 111 connecting to 127.0.0.1:1", ""),
        ("TimeoutError", "Timeout reading from socket", ""),
    ],
)
def test_a_brokers_refusal_has_its_own_advice(kind: str, said: str, hint: str) -> None:
    found = refusal_hint(kind, said)
    assert hint in found
    assert bool(found) is bool(hint)


@pytest.mark.parametrize(
    ("signs", "last_good_at", "ok"),
    [
        ({Role.WORKER: LatestHeartbeat(NOW, timedelta(seconds=30))}, None, True),
        ({Role.WORKER: LatestHeartbeat(NOW, timedelta(minutes=5))}, NOW, False),
        ({Role.BEAT: LatestHeartbeat(NOW, timedelta(0))}, NOW, False),
        ({}, NOW - timedelta(minutes=30), None),
        ({}, NOW - timedelta(hours=3), False),
        ({}, None, False),
    ],
)
def test_a_worker_has_to_live_unless_runs_go_on_without(
    signs: dict[Role, LatestHeartbeat], last_good_at: datetime | None, ok: bool | None
) -> None:
    found: bool | None = True
    try:
        judge_sign(Role.WORKER, signs, last_good_at=last_good_at, now=NOW)
    except Fault:
        found = False
    except NotChecked:
        found = None
    assert found is ok


@pytest.mark.parametrize("origin", ["pos.example", "https://pos.example/", "https://pos.example:443", "*", "null"])
def test_an_origin_is_written_as_browsers_send_it(origin: str) -> None:
    with pytest.raises(Fault):
        cors(["https://fine.example:8443", origin])


def test_photos_without_tls_do_not_show_on_a_page_with_tls() -> None:
    assert mixed_content("https://photos.example", ["https://pos.example"], has_tls=True)
    assert mixed_content("http://192.168.1.10:9000", ["http://pos.example"], has_tls=False)
    for pages, has_tls in ((["https://pos.example"], False), ([], True)):
        with pytest.raises(Fault):
            mixed_content("http://192.168.1.10:9000", pages, has_tls=has_tls)


@pytest.mark.parametrize(
    ("changes", "ok"),
    [
        ({}, True),
        ({"PROXY_COUNT": 1, "CSRF_TRUSTED_ORIGINS": ["https://ho.example"]}, True),
        ({"PROXY_COUNT": 1}, False),
        ({"CSRF_TRUSTED_ORIGINS": ["https://ho.example"]}, False),
        ({"HSTS_SECONDS": 60}, False),
        ({"PROXY_COUNT": 1, "CSRF_TRUSTED_ORIGINS": ["https://ho.example"], "SECURE_COOKIES": False}, False),
    ],
)
def test_settings_of_tls_and_proxy_have_to_agree(changes: dict[str, object], ok: bool) -> None:
    settings: HeadOfficeSettings = ETALASE_HEAD_OFFICE.model_copy(update=changes)
    if ok:
        assert proxy(settings)
    else:
        with pytest.raises(Fault):
            proxy(settings)


@pytest.mark.parametrize("there", ["psycopg", "psycopg2", "psycopg2-binary"])
def test_any_driver_of_postgresql_has_its_version(monkeypatch: pytest.MonkeyPatch, there: str) -> None:
    driver = SimpleNamespace(name=there, version="2.9.13")
    monkeypatch.setattr(machine, "distributions", lambda name: [driver] if name == there else [])
    assert f"{there} 2.9.13" in machine.versions()
