"""Faults of head office's database: commands and addresses report them, without a traceback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tests.daily import named
from tests.django_settings import COMPANY_ID, STORE_ID
from tests.faulty_database import Command, Fault, faults, odd_session, run_command, run_under, under, weak_role
from tests.integration.head_office.office import Office

FAULTS = faults("head_office_product")
PASSWORD = "a store's own password"


@pytest.fixture
def weak(office: Office, bucket: Any, settings: Any) -> Iterator[Office]:
    """Yields head office with a role that is not a superuser."""
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "whitenoise" not in name]
    with weak_role():
        yield office


def commands(folder: Path) -> list[Command]:
    """Returns each command of head office that uses the database."""
    menu = folder / "menu.csv"
    menu.write_text("sku,name,file,is_primary,sort_order,stores\nS1,Sate,,,,\n")
    return [
        ("ho_import", str(menu), str(folder), "--quiet"),
        ("ho_create_company", "FoodLife"),
        ("ho_create_store", "AVRIL-002", "Second"),
        ("ho_create_account", "boss", "--admin"),
        ("ho_purge_tombstones",),
    ]


@pytest.mark.parametrize("fault", named(FAULTS, "away", "terminated", "read-only", "lock_timeout", "disk full"), ids=str)
def test_every_command_prints_a_json_object_for_a_database_fault(weak: Office, fault: Fault, tmp_path: Path) -> None:
    done = {command[0]: answered for command, answered in run_under(fault, commands(tmp_path)).items()}
    assert {status for status, _ in done.values()} <= {0, 1, 4}, done
    assert all(answer["exit_status"] == 4 for status, answer in done.values() if status == 4)
    assert done["ho_import"][0] == 4


@pytest.mark.parametrize("fault", named(FAULTS, "away", "terminated", "read-only", "lock_timeout", "disk full"), ids=str)
def test_no_address_responds_500_for_a_database_fault(weak: Office, fault: Fault) -> None:
    client = Client(raise_request_exception=False)
    account = {"username": "avril", "password": PASSWORD}
    token = client.post("/api/v1/token/", account, content_type="application/json").json()["access"]
    headers = {"Authorization": f"Bearer {token}"}
    question = {"company_id": COMPANY_ID, "store_id": STORE_ID, "limit": 10, "offset": 0}
    with under(fault) as strike:
        answered = {}
        for address, body in {
            "/healthz": None,
            "/api/v1/token/": account,
            "/api/v1/sync/product-photos/": question,
            "/api/v1/sync/products/": question,
            "/api/v1/sync/stores/": None,
            "/admin/": None,
            "/admin/login/": {"username": "avril", "password": "wrong"},
        }.items():
            strike()
            response = (
                client.get(address, headers=headers)
                if body is None
                else client.post(address, body, content_type="application/json", headers=headers)
                if address.startswith("/api/")
                else client.post(address, body)
            )
            answered[address] = response.status_code
    assert set(answered.values()) <= {200, 302, 401, 403, 429, 503}, answered


def test_no_odd_session_causes_an_error_500(weak: Office, tmp_path: Path) -> None:
    with odd_session():
        assert [run_command(*command)[0] for command in commands(tmp_path)] == [0] * 5
