"""Checks ``manage.py photos_doctor`` and ``photos_support_bundle`` in the project that the guide's code was built into."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from etalase.devstack.postgres import Postgres
from etalase.devstack.s3 import S3Server
from etalase.devstack.valkey import Valkey
from tests.acceptance.guide_project import Customer, guide_built
from tests.simulator import Simulator


@pytest.fixture
def customer(
    postgres_server: Postgres, s3_server: S3Server, valkey_server: Valkey, ho: Simulator, tmp_path: Path
) -> Iterator[Customer]:
    """Yields a project with Etalase's tables and without a run."""
    with guide_built(postgres_server, s3_server, ho, tmp_path, dishes=2) as built:
        built.environment["CUSTOMER_SET_CELERY_BROKER_URL"] = json.dumps(valkey_server.url)
        built.managed("migrate")
        yield built


@pytest.mark.long
def test_doctor_and_bundle_of_a_project(customer: Customer) -> None:
    _check_doctor(customer)
    _check_settings(customer)
    _check_bundle(customer)


def _check_doctor(customer: Customer) -> None:
    """Asserts that the doctor names the changes that the project needs."""
    found = {check["id"]: check for check in customer.json("photos_doctor", exit_status=1)["checks"]}
    red = {name: check["detail"] for name, check in found.items() if check["ok"] is False}
    assert red.keys() == {"worker", "beat", "project"}, red
    assert "sync_api.tasks.sync_product_photos" in red["project"]
    broken = {"CUSTOMER_SET_CELERY_TIMEZONE": '"UTC"', "CUSTOMER_RETIRED_SYNC_API": "1"}
    found = {check["id"]: check for check in customer.json("photos_doctor", exit_status=1, **broken)["checks"]}
    assert {name for name, check in found.items() if check["ok"] is False} == {"worker", "beat", "time_zone"}
    assert "CELERY_TIMEZONE" in found["time_zone"]["hint"]


def _check_settings(customer: Customer) -> None:
    """Settings that no run can do with are reported, and nothing else is checked."""
    found = customer.json("photos_doctor", exit_status=1, CUSTOMER_SET_USE_TZ="false")
    assert [check["id"] for check in found["checks"] if check["ok"] is False] == ["settings"]
    assert "USE_TZ" in next(check["detail"] for check in found["checks"] if check["id"] == "settings")


def _check_bundle(customer: Customer) -> None:
    """Asserts that the bundle has the project's settings and none of its secrets."""
    path, log = customer.edge.folder / "bundle.tar.gz", customer.edge.folder / "pos.log"
    key = '"canary of the whole project"'
    log.write_text("pay with canary of the payment\nsigned by canary of the whole project\n")
    answer = customer.json(
        *("photos_support_bundle", "--output", str(path)),
        CUSTOMER_SET_PAYMENT_TOKEN='"canary of the payment"',
        CUSTOMER_SET_SECRET_KEY=key,
        CUSTOMER_SET_ETALASE=json.dumps({**_etalase(customer), "LOG_FILES": str(log)}),
    )
    assert answer["ok"] is True
    with tarfile.open(path) as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        text = {name.partition("/")[2]: file.read().decode() for name, file in files.items() if file is not None}
    assert "canary" not in "".join(text.values())
    assert "pay with [hidden]" in text["logs/1-pos.log"]
    assert "products" in json.loads(text["settings.json"])["django"]["INSTALLED_APPS"]


def _etalase(customer: Customer) -> dict[str, str]:
    names = ("HO_URL", "HO_USERNAME", "HO_PASSWORD", "COMPANY_ID", "STORE_ID", "S3_ENDPOINT", "S3_PUBLIC_URL",
             "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_BUCKET")  # fmt: skip
    return {name: customer.environment[f"ETALASE_{name}"] for name in names}
