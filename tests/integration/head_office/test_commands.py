"""Commands for companies, stores and accounts, and the checks before head office serves."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from axes.models import AccessAttempt
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from tests.django_settings import COMPANY_ID, STORE_ID
from tests.integration.head_office.office import Office
from tests.integration.head_office.test_companies import make_groups

from etalase.errors import DatabaseAway, ObjectStoreAway, SettingsError, UsageError
from etalase.head_office import checks, ingest
from etalase.head_office.feed_models import AssortmentTombstone
from etalase.head_office.models import Account, Company, Store, TokenFamily
from etalase.head_office.permissions import companies_of


def run(*args: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(*args, "--json", stdout=out)
    result: dict[str, Any] = json.loads(out.getvalue())
    assert result["exit_status"] == 0
    return result


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("a password from a file\n")
    return path


def test_the_set_up_commands_are_idempotent(password_file: Path) -> None:
    commands = [
        ("ho_create_company", "FoodLife", "--id", COMPANY_ID),
        (
            "ho_create_store",
            "AVRIL-001",
            "AVR-SUNDA",
            "--id",
            STORE_ID,
            "--account",
            "avril",
            "--password-file",
            str(password_file),
        ),
        ("ho_create_account", "boss", "--admin", "--password-file", str(password_file)),
    ]
    assert [run(*command)["created"] for command in commands] == [True, True, True]
    account = Account.objects.get(username="avril")
    assert (account.store_id, account.is_staff) == (UUID(STORE_ID), False)
    assert account.check_password("a password from a file")
    assert Account.objects.get(username="boss").is_superuser
    before = list(Account.objects.values())
    assert [run(*command)["created"] for command in commands] == [False, False, False]
    assert list(Account.objects.values()) == before


def test_a_persons_account_has_groups_and_companies(office: Office) -> None:
    make_groups()
    other = Company.objects.create(name="Elsewhere")
    groups, companies = ("--group", "operator", "--group", "auditor"), ("--company", "FoodLife", "--company", str(other.id))
    assert run("ho_create_account", "ops", *groups, *companies)["password"]
    account = Account.objects.get(username="ops")
    assert (account.is_staff, account.is_superuser) == (True, False)
    assert {group.name for group in account.groups.all()} == {"Operators", "Auditors"}
    assert set(account.companies.all()) == {office.company, other}
    assert not run("ho_create_account", "ops", *groups, *companies)["created"]
    for wrong in (("--group", "operator", *companies), (*groups, "--company", "FoodLife"), ("--admin",)):
        with pytest.raises(CommandError, match="in Auditors, Operators for «Elsewhere», «FoodLife»"):
            run("ho_create_account", "ops", *wrong)
    run("ho_create_account", "head", "--group", "admin")
    head = Account.objects.get(username="head")
    assert (set(companies_of(head)), head.is_superuser) == ({office.company, other}, False)
    with pytest.raises(CommandError, match="every company"):
        run("ho_create_account", "two", "--group", "admin", "--company", "FoodLife")
    with pytest.raises(CommandError, match="belongs to one company"):
        run("ho_create_account", "two", "--store", "AVRIL-001", *companies)


def test_a_person_of_a_head_office_that_is_not_migrated_is_refused(office: Office) -> None:
    with pytest.raises(CommandError, match="«Operators» are missing"):
        run("ho_create_account", "ops", "--group", "operator")


def test_a_generated_password_is_shown_once_and_kept(office: Office) -> None:
    first = run("ho_create_store", "BDG-002", "BANDUNG", "--account", "bandung")
    assert len(first["password"]) >= 20
    assert Account.objects.get(username="bandung").check_password(first["password"])
    assert "password" not in run("ho_create_store", "BDG-002", "BANDUNG", "--account", "bandung")
    assert Account.objects.get(username="bandung").check_password(first["password"])


def test_a_new_password_replaces_the_old_one_and_revokes_its_tokens(office: Office, password_file: Path) -> None:
    before = Account.objects.get(username="avril").password
    run("ho_create_account", "avril", "--store", "AVRIL-001", "--password-file", str(password_file))
    account = Account.objects.get(username="avril")
    assert account.password != before
    assert account.check_password("a password from a file")


def test_a_store_is_renamed_by_giving_another_name(office: Office) -> None:
    run("ho_create_store", "AVRIL-001", "NEW NAME")
    assert Store.objects.get().name == "NEW NAME"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("ho_create_company", "FoodLife", "--id", STORE_ID), "already has the id"),
        (("ho_create_company", "Other", "--id", COMPANY_ID), "belongs to the company «FoodLife»"),
        (("ho_create_store", "AVRIL-001", "x", "--id", COMPANY_ID), "already has the id"),
        (("ho_create_store", "OTHER", "x", "--id", STORE_ID), "belongs to the store AVRIL-001"),
        (("ho_create_store", "OTHER", "x", "--company", "Nowhere"), "There is no company «Nowhere». There are: «FoodLife»"),
        (("ho_create_store", "OTHER", "x", "--account", "avril"), "is there already, and bound to AVRIL-001 AVR-SUNDA"),
        (("ho_create_store", "OTHER", "x", "--account", "not a name!"), "valid username"),
        (("ho_create_account", "avril", "--admin"), "is there already"),
        (("ho_create_account", "new", "--store", "NOWHERE"), "has no store NOWHERE"),
        (("ho_create_account", "new", "--admin", "--password-file", "/nowhere"), "cannot be read"),
    ],
)
def test_contradictory_arguments_are_refused_and_change_nothing(office: Office, command: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError, match=message) as refused:
        run(*command)
    assert refused.value.returncode == 2
    assert (Company.objects.count(), Store.objects.count(), Account.objects.count()) == (1, 1, 1)


def test_a_password_of_the_guide_is_refused(office: Office, password_file: Path) -> None:
    password_file.write_text("admin123\n")
    with pytest.raises(CommandError, match="must not be one that stands in the public guide"):
        run("ho_create_account", "admin", "--admin", "--password-file", str(password_file))


@pytest.mark.parametrize("password", ["menu2026", "Menu2026Menu", "Admin123", "admin123 ", "avril-sunda-2026", "short 1"])
@pytest.mark.parametrize(
    "command", [("ho_create_account", "avril", "--store", "AVRIL-001"), ("ho_create_store", "AVRIL-001", "X")]
)
def test_every_command_refuses_a_guessable_password(
    office: Office, password_file: Path, command: tuple[str, ...], password: str
) -> None:
    password_file.write_text(f"{password}\n")
    account = ("--account", "avril") if command[0] == "ho_create_store" else ()
    with pytest.raises(CommandError, match="password") as refused:
        run(*command, *account, "--password-file", str(password_file))
    assert refused.value.returncode == 2
    assert Account.objects.get().check_password("a store's own password")
    assert Store.objects.get().name == "AVR-SUNDA"


def test_expired_tokens_are_purged(office: Office) -> None:
    account, now = Account.objects.get(), timezone.now()
    for expires_at in (now, now + timedelta(hours=1)):
        TokenFamily.objects.create(account=account, jti="0" * 32, expires_at=expires_at)
    AccessAttempt.objects.create(username="old", ip_address="192.0.2.1", failures_since_start=1)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(days=1))
    AccessAttempt.objects.create(username="new", ip_address="192.0.2.1", failures_since_start=1)
    assert run("ho_purge_tombstones") == {
        "tombstones": 0,
        "tokens": 1,
        "login_failures": 1,
        "versions": 0,
        "objects": 0,
        "exit_status": 0,
    }
    assert AccessAttempt.objects.get().username == "new"


# Checks before head office serves


def test_a_start_creates_the_bucket_and_its_policy(office: Office, bucket: Any) -> None:
    checks.prepare_to_serve()
    bucket.put("products/x.jpg", b"x", content_type="image/jpeg")
    import urllib.error
    import urllib.request

    url = f"{bucket.endpoint}/{bucket.bucket}"
    with urllib.request.urlopen(f"{url}/products/x.jpg") as answer:
        assert answer.read() == b"x"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url)


def test_a_start_reports_an_unreachable_bucket(office: Office) -> None:
    for cached in (ingest.bucket,):
        cached.cache_clear()
    with pytest.raises(ObjectStoreAway, match="does not answer"):
        checks.prepare_to_serve()


def test_a_start_reports_an_admin_with_a_password_of_the_guide(office: Office, bucket: Any, settings: Any) -> None:
    Account.objects.create_superuser("admin", password="admin123")
    with pytest.raises(SettingsError, match="from the public guide"):
        checks.prepare_to_serve()
    settings.ETALASE_HEAD_OFFICE = settings.ETALASE_HEAD_OFFICE.model_copy(update={"DEMO": True})
    from etalase.settings.head_office import head_office_settings

    head_office_settings.cache_clear()
    checks.prepare_to_serve()


def test_a_start_reports_missing_migrations(office: Office, bucket: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET app = 'gone' WHERE app = 'head_office' AND name <> '0001_initial'")
    try:
        with pytest.raises(UsageError, match="etalase head-office migrate"):
            checks.prepare_to_serve()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE django_migrations SET app = 'head_office' WHERE app = 'gone'")


def test_a_start_reports_an_unreachable_database(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    port = connection.settings_dict["PORT"]
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    with pytest.raises(DatabaseAway, match="does not answer"):
        checks.prepare_to_serve()
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "PORT", port)


@pytest.mark.parametrize("days", ["0", "-5", "36501", "99999999999", "1.5", "x", "١"])
def test_tombstones_of_today_are_never_purged(office: Office, days: str) -> None:
    """Not with a negative number of days either; removals of the last 24 hours continue to count."""
    office.product().delete()
    with pytest.raises(CommandError, match="whole number from 1"):
        run("ho_purge_tombstones", f"--days={days}")
    run("ho_purge_tombstones", "--days", "1")
    assert AssortmentTombstone.objects.count() == 1


@pytest.mark.parametrize(
    "command",
    [
        ("ho_create_company", ""),
        ("ho_create_company", "  "),
        ("ho_create_company", "x" * 256),
        ("ho_create_store", "", "name"),
        ("ho_create_store", "S" * 51, "name"),
        ("ho_create_store", "A;B", "name"),
        ("ho_create_store", " S", "name"),
        ("ho_create_store", "\u200bS", "name"),
        ("ho_create_store", "avril-001", "name"),
        ("ho_create_store", "S", ""),
        ("ho_create_store", "S", "name", "--account", ""),
        ("ho_create_store", "S", "name", "--password-file", "/dev/null"),
        ("ho_create_store", "AVRIL-001", ""),
    ],
)
def test_an_invalid_name_or_code_creates_nothing(office: Office, command: tuple[str, ...]) -> None:
    """An empty variable in a script or a typing error exits with 2, not with an unexpected error."""
    before = [list(model.objects.values()) for model in (Company, Store, Account)]
    with pytest.raises(CommandError) as refused:
        run(*command)
    assert refused.value.returncode == 2
    assert "report" not in str(refused.value)
    assert [list(model.objects.values()) for model in (Company, Store, Account)] == before


def test_create_store_sets_and_changes_the_region_and_keeps_it_otherwise(office: Office) -> None:
    for region, kept in (("Jawa Barat", "Jawa Barat"), (None, "Jawa Barat"), (" Bali ", "Bali"), ("", "")):
        call_command("ho_create_store", "BDG-002", "Store BDG-002", region=region)
        assert Store.objects.get(code="BDG-002").region == kept
