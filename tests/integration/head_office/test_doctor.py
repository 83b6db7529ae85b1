"""Makes faults of head office one by one on real parts: each turns its own check red, what depends on it null."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pydantic import SecretStr
from tests.faulty_database import ROLE, weak_role
from tests.integration.head_office.office import Office

from etalase.doctor.check import CheckResult
from etalase.doctor.settings_look import SettingsLook
from etalase.head_office import heartbeat
from etalase.head_office.doctor.run import IDS, diagnose
from etalase.head_office.fleet_models import Alarm
from etalase.head_office.masters import masters
from etalase.head_office.models import Account
from etalase.objectstore.bucket_policy import read_policy
from etalase.settings.head_office import head_office_settings

SECONDS = 30.0
NOWHERE = "no-such-host.invalid"
TABLES = ("admin_password", "stores", "feed", "purge", "worker", "renditions", "alarms")
MIGRATIONS = ("database_rights", "tables", *TABLES)
DATABASE = (
    "postgresql", "database_writable", "database_pooler", "database_encoding", "writers_visible", "migrations", *MIGRATIONS
)  # fmt: skip
BUCKET = (
    "bucket_write", "bucket_read", "bucket_public", "bucket_listing", "bucket_anonymous_write", "bucket_delete", "public_url",
    "masters_bucket", "masters_private",
)  # fmt: skip


class Desk:
    """Head office in order. A fault changes one thing; ``undo`` is done at the end."""

    def __init__(self, office: Office, undo: ExitStack) -> None:
        self.office, self.undo = office, undo
        self.changes: dict[str, Any] = {}

    def look(self) -> dict[str, CheckResult]:
        """Returns the doctor's results."""
        settings = head_office_settings().model_copy(update=self.changes)
        return {result.id: result for result in diagnose(SettingsLook(settings), seconds=SECONDS)}

    def set(self, **changes: Any) -> None:
        """Changes settings."""
        self.changes |= changes

    def sql(self, make: str, mend: str = "") -> None:
        """Executes a statement, and ``mend`` at the end."""
        with connection.cursor() as cursor:
            cursor.execute(make)
        if mend:
            self.undo.callback(self.sql, mend)

    def open_private_bucket(self) -> None:
        """Lets anybody read the private bucket."""
        store = masters()
        policy = json.dumps(read_policy(store.bucket)).encode()
        store.expect(store.request("PUT", query={"policy": ""}, body=policy))
        self.undo.callback(store.request, "DELETE", query={"policy": ""})

    def unsent_alarm(self) -> None:
        """Leaves a message that no service took."""
        self.set(ALARM_URLS=SecretStr("json://127.0.0.1:9"))
        Alarm.objects.create(made_at=timezone.now(), title="title", body="body", problem="refused")

    def database(self, **place: str) -> None:
        """Changes the place of the database."""
        self.undo.callback(connection.settings_dict.update, dict(connection.settings_dict))
        connection.settings_dict.update(place)

    def weak(self, make: str) -> None:
        """Connects with a role that is not a superuser, after a statement about it."""
        before = dict(connection.settings_dict)
        self.undo.enter_context(weak_role())
        weak = dict(connection.settings_dict)
        connection.settings_dict.update(before)
        self.sql(make)
        connection.close()
        connection.settings_dict.update(weak)


@pytest.fixture
def desk(the_guides_menu: Office, bucket: Any, masters: Any) -> Any:
    """Yields a head office with the guide's menu."""
    heartbeat.write()
    with ExitStack() as undo:
        yield Desk(the_guides_menu, undo)
        connection.close()


FAULTS: dict[str, tuple[Callable[[Desk], object], str, tuple[str, ...]]] = {
    "database: wrong port": (lambda d: d.database(PORT="1"), "database", DATABASE),
    "database: unknown host": (lambda d: d.database(HOST=NOWHERE), "dns_database", ("database", *DATABASE)),
    "database: a right is missing": (
        lambda d: d.weak(f"REVOKE DELETE ON head_office_photo FROM {ROLE}"), "database_rights", TABLES),
    "database: other writers are hidden": (
        lambda d: d.weak(f"REVOKE pg_read_all_stats FROM {ROLE}"), "writers_visible", ("feed",)),
    "database: a column is missing": (
        lambda d: d.sql("ALTER TABLE head_office_store RENAME code TO aside",
                        "ALTER TABLE head_office_store RENAME aside TO code"),
        "tables", TABLES),
    "database: a migration is missing": (
        lambda d: d.sql("UPDATE django_migrations SET app = 'aside' WHERE app = 'head_office' AND name LIKE '0005%'",
                        "UPDATE django_migrations SET app = 'head_office' WHERE app = 'aside'"),
        "migrations", MIGRATIONS),
    "admin: the guide's password": (
        lambda d: Account.objects.create_superuser("admin", password="admin123"), "admin_password", ()),
    "stores: none has an account": (lambda d: Account.objects.update(is_active=False), "stores", ("feed",)),
    "worker: dead for an hour": (
        lambda d: d.sql("UPDATE head_office_heartbeat SET at = now() - interval '1 hour'"), "worker", ()),
    "worker: never started": (lambda d: d.sql("DELETE FROM head_office_heartbeat"), "worker", ()),
    "renditions: a photo is refused": (
        lambda d: d.sql("UPDATE head_office_rendition_set SET due_at = NULL, problem = 'damaged'"), "renditions", ()),
    "alarms: a service that nobody knows": (
        lambda d: d.set(ALARM_URLS=SecretStr("json://127.0.0.1:9 nonsense://x")), "alarms", ()),
    "alarms: a message that no service took": (lambda d: d.unsent_alarm(), "alarms", ()),
    "bucket: wrong port": (
        lambda d: d.set(S3_ENDPOINT="http://127.0.0.1:1"), "object_store", ("clock_bucket", "bucket", *BUCKET)),
    "private bucket: missing": (
        lambda d: d.set(MASTERS_BUCKET="nobody-made-this"), "masters_bucket", ("masters_private",)),
    "private bucket: open": (lambda d: d.open_private_bucket(), "masters_private", ()),
    "bucket: unknown key": (lambda d: d.set(S3_ACCESS_KEY="nobody's key"), "bucket", BUCKET),
    "public address: wrong port": (lambda d: d.set(S3_PUBLIC_URL="http://127.0.0.1:1"), "public_url", ()),
    "public address: this machine's own": (lambda d: d.set(ALLOWED_HOSTS=["ho.example"]), "public_url_host", ()),
    "proxy: not counted": (lambda d: d.set(CSRF_TRUSTED_ORIGINS=["https://ho.example"]), "proxy", ()),
}  # fmt: skip


def test_a_head_office_in_order_has_no_fault(desk: Desk) -> None:
    found = desk.look()
    assert [result for result in found.values() if not result.ok] == []
    assert set(found) == {"versions", "settings", *IDS}
    assert "2 photos for AVRIL-001" in found["feed"].detail
    assert found["renditions"].detail == "those of 2 photos wait"


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_turns_its_own_check_red_what_depends_on_it_null_and_nothing_else(desk: Desk, name: str) -> None:
    make, red, dependent = FAULTS[name]
    make(desk)
    found = desk.look()
    assert {id_: r for id_, r in found.items() if r.ok is False}.keys() == {red}, found
    assert {id_ for id_, r in found.items() if r.ok is None} == set(dependent)
    assert found[red].hint


def test_a_weak_key_for_tokens_is_a_fault(desk: Desk, settings: Any) -> None:
    settings.SECRET_KEY = "abababababababababababababababababab"
    assert [id_ for id_, result in desk.look().items() if result.ok is False] == ["token_key"]


def test_a_purge_that_never_runs_is_a_fault(desk: Desk) -> None:
    desk.sql("INSERT INTO head_office_token_family (id, account_id, jti, expires_at)"
             " SELECT gen_random_uuid(), id, 'x', now() - interval '3 days' FROM head_office_account LIMIT 1")  # fmt: skip
    assert [id_ for id_, result in desk.look().items() if result.ok is False] == ["purge"]


def test_a_head_office_without_stores_has_no_fault(bucket: Any, masters: Any) -> None:
    found = {result.id: result for result in diagnose(SettingsLook(head_office_settings()), seconds=SECONDS)}
    assert {id_ for id_, result in found.items() if result.ok is not True} == {"stores", "feed", "worker"}
    assert found["stores"].ok is None
