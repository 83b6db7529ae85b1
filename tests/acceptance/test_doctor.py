"""Checks ``etalase edge doctor`` and ``etalase head-office doctor`` as a person types them."""

import json
import os
import subprocess
import sys
from pathlib import Path

from etalase.devstack.postgres import Postgres
from etalase.devstack.s3 import S3Server
from etalase.devstack.valkey import Valkey
from tests.acceptance.conftest import Edge, new_edge
from tests.simulator import Simulator, picture


def test_wrong_settings_are_reported_all_at_once_and_nothing_else_is_checked(edge: Edge) -> None:
    found = edge.json("doctor", exit_status=1, ETALASE_STORE_ID="12", ETALASE_S3_BUCKET="NO", ETALASE_WORKRES="3")
    checks = {check["id"]: check for check in found["checks"]}
    assert found["ok"] is False
    assert [name for name, check in checks.items() if check["ok"] is False] == ["settings"]
    for name in ("ETALASE_STORE_ID", "ETALASE_S3_BUCKET", "ETALASE_WORKRES is not a setting; did you mean ETALASE_WORKERS?"):
        assert name in checks["settings"]["detail"]
    assert {check["detail"] for check in found["checks"] if check["ok"] is None} == {"not checked: needs settings"}
    shown = edge.run("doctor", ETALASE_STORE_ID="12")
    assert shown.returncode == 1
    assert shown.stdout.startswith("TO DO: settings. ")
    assert "ETALASE_STORE_ID «12»" in shown.stdout


def test_head_office_reports_wrong_settings_all_at_once_too() -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ETALASE_", "DJANGO_", "DATABASE_"))}
    argv = [sys.executable, "-m", "etalase.cli", "head-office", "doctor", "--json"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert "DATABASE_URL is missing" in found["checks"][1]["detail"]
    assert "ETALASE_SECRET_KEY is missing" in found["checks"][1]["detail"]


def test_an_edge_whose_runs_somebody_starts_by_hand_has_no_fault(edge: Edge, broker: Valkey, ho: Simulator) -> None:
    ho.put("sate", picture(1))
    edge.json("sync")
    found = edge.json("doctor", ETALASE_SPOOL_DIR=str(edge.folder / "spool"))
    assert found["ok"] is True
    assert {check["id"] for check in found["checks"] if check["ok"] is None} == {"worker", "beat", "web_server"}


def test_the_database_of_a_head_office_is_refused_and_stays_as_it_is(
    postgres_server: Postgres, s3_server: S3Server, ho: Simulator, tmp_path: Path
) -> None:
    with new_edge(postgres_server, s3_server, ho.url, tmp_path) as edge:
        edge.sql("CREATE TABLE head_office_photo_tombstone (id int)")
        found = {check["id"]: check for check in edge.json("doctor", exit_status=1)["checks"]}
        assert "is a head office's" in found["migrations"]["detail"]
        assert "migrate" not in found["migrations"]["hint"]
        migrated = edge.run("migrate")
        assert (migrated.returncode, "is a head office's" in migrated.stderr) == (2, True)
        assert "is a head office's" in edge.json("sync", exit_status=4)["error"]
        assert "is a head office's" in edge.json("status", exit_status=4)["error"]
        assert edge.sql("SELECT relname FROM pg_class WHERE relname ~ '^(etalase|product)'") == []


def test_the_database_of_an_edge_is_refused_by_head_office(edge: Edge) -> None:
    before = edge.sql("SELECT count(*) FROM pg_class")
    settings = {name: value for name, value in edge.environment.items() if "HO_" not in name and "_ID" not in name}
    settings.pop("ETALASE_BROKER_URL")
    for command, exit_status in (("migrate", 2), ("doctor", 1), ("purge-tombstones", 4)):
        argv = [sys.executable, "-m", "etalase.cli", "head-office", command]
        done = subprocess.run(argv, env=settings, capture_output=True, text=True, check=False)
        assert (done.returncode, "is an edge's" in done.stdout + done.stderr) == (exit_status, True), done
    assert edge.sql("SELECT count(*) FROM pg_class") == before
