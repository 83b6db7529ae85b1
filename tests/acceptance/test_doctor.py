"""Checks ``etalase edge doctor`` and ``etalase head-office doctor`` as a person types them."""

import json
import os
import subprocess
import sys

from etalase.devstack.valkey import Valkey
from tests.acceptance.conftest import Edge
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
