"""Checks that a support bundle has what a supporter needs and no secret in any spelling, also where everything is broken."""

import base64
import html
import json
import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from etalase.devstack.postgres import Postgres
from etalase.settings.edge import EdgeServerSettings, EdgeSettings
from etalase.settings.head_office import HeadOfficeSettings
from etalase.settings.reading import Settings
from tests.acceptance.conftest import Edge
from tests.simulator import Simulator, picture

SECRETS = {
    "ETALASE_HO_PASSWORD": "canary-ho/p&ss wörd\"+='x",
    "ETALASE_S3_ACCESS_KEY": "canaryS3AccessKey42",
    "ETALASE_S3_SECRET_KEY": "canary/S3+Secret=Key42",
    "ETALASE_SECRET_KEY": "canary-secret-key-<of>-this-edge-&-no-other",
    "ETALASE_METRICS_TOKEN": "canary-token.of_the~monitor/1234567890",
    "ETALASE_ALARM_URLS": "mailtos://ops:canary-of-the-mail@mail.example?to=ops@example.com",
}
DATABASE_PASSWORD, BROKER_PASSWORD = "canary@database:pw/1", "canary#broker pw%2"
TOKENS = ("canary|access-token-of-another-head-office", "canary:refresh-token-of-another-head-office")
ALL = (*SECRETS.values(), DATABASE_PASSWORD, BROKER_PASSWORD, *TOKENS)


def spellings(secret: str) -> list[str]:
    """Returns the secret as programs write it."""
    in_basic = [base64.b64encode(f"{user}:{secret}".encode()).decode() for user in ("a", "ab", "abc")]
    return [secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret, safe=""),
            quote(secret), quote_plus(secret), html.escape(secret), repr(secret)[1:-1], *in_basic]  # fmt: skip


def texts(bundle: Path) -> dict[str, str]:
    """Returns the files of a bundle by name, without the folder."""
    with tarfile.open(bundle) as archive:
        members = {member.name.partition("/")[2]: archive.extractfile(member) for member in archive.getmembers()}
        return {name: file.read().decode() for name, file in members.items() if file is not None}


def assert_no_secret(files: dict[str, str]) -> None:
    for name, text in files.items():
        for secret in ALL:
            for spelled in spellings(secret):
                # What base64 makes of the user name before the secret is no secret.
                assert spelled not in text, (name, spelled)
            assert secret.encode().hex() not in text


@pytest.fixture
def canaries(edge: Edge, ho: Simulator, postgres_server: Postgres) -> Edge:
    """Returns an edge that has a secret in each place where one may be."""
    ho.put("sate", picture(1))
    edge.json("sync")
    edge.sql("DO $$ BEGIN CREATE ROLE canary LOGIN SUPERUSER; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    edge.sql(f"ALTER ROLE canary PASSWORD '{DATABASE_PASSWORD}'")
    place = edge.database_url.rpartition("@")[2]
    edge.environment |= SECRETS | {
        "DATABASE_URL": f"postgresql://canary:{quote(DATABASE_PASSWORD, safe='')}@{place}",
        "ETALASE_BROKER_URL": f"redis://:{quote(BROKER_PASSWORD, safe='')}@127.0.0.1:1/0",
        "ETALASE_LOG_FILES": str(edge.folder / "*.log"),
    }
    everywhere = "\n".join(f"refused: {spelled}" for secret in ALL for spelled in spellings(secret))
    (edge.folder / "edge.log").write_text(everywhere + "\n")
    error = " ".join(ALL)
    edge.sql("UPDATE etalase_sync_run SET error = %s, notices = %s", error, json.dumps([{"code": "odd", "detail": everywhere}]))
    edge.sql(
        "INSERT INTO etalase_pending_photo (photo_id, product_id, product_name, wire, reason, detail, attempts)"
        " VALUES (gen_random_uuid(), gen_random_uuid(), 'Sate', '{}', 'timeout', %s, 1)",
        everywhere,
    )
    edge.sql("UPDATE etalase_checkpoint SET access_token = %s, refresh_token = %s", *TOKENS)
    return edge


def bundle(edge: Edge, *, exit_status: int, **settings: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns the answer of the command, and the bundle's files."""
    path = edge.folder / f"bundle{len(list(edge.folder.glob('*.gz')))}.tar.gz"
    answer = edge.json("support-bundle", "--output", str(path), exit_status=exit_status, **settings)
    assert answer["path"] == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return answer, texts(path)


@pytest.mark.parametrize("screen", [EdgeSettings, EdgeServerSettings, HeadOfficeSettings])
def test_every_secret_setting_has_a_canary(screen: type[Settings]) -> None:
    secret = {name for name, field in screen.model_fields.items() if "Secret" in str(field)} | set(screen.SECRET_NAMES)
    assert {f"ETALASE_{name}" for name in secret} <= {*SECRETS, "ETALASE_DATABASE_URL", "ETALASE_BROKER_URL"}


def test_a_bundle_has_what_a_supporter_needs_and_no_secret(canaries: Edge) -> None:
    _, files = bundle(canaries, exit_status=0)
    assert_no_secret(files)
    assert set(files) == {"bundle.json", "settings.json", "versions.json", "doctor.json", "status.json", "runs.json",
                          "checkpoint.json", "failures.json", "logs/1-edge.log"}  # fmt: skip
    settings = json.loads(files["settings.json"])
    assert settings["etalase"]["HO_PASSWORD"] == "(set, not shown)"
    assert settings["etalase"]["HO_USERNAME"] == "store"
    assert settings["server"]["DATABASE_URL"][0].startswith("postgresql://127.0.0.1:")
    assert settings["django"]["TIME_ZONE"] == "Asia/Jakarta"
    assert json.loads(files["runs.json"])["runs"][0]["counts"]["fetched"] == 1
    assert json.loads(files["failures.json"])["failures"][0]["product_name"] == "Sate"
    checks = {check["id"]: check["ok"] for check in json.loads(files["doctor.json"])["checks"]}
    assert (checks["database"], checks["broker"], checks["bucket"]) == (True, False, False)
    assert json.loads(files["versions.json"])["packages"]["Django"]
    assert files["logs/1-edge.log"].count("[hidden]") >= len(ALL)


@pytest.mark.long
def test_a_part_that_fails_is_named_and_the_rest_is_there(canaries: Edge) -> None:
    answer, files = bundle(
        canaries, exit_status=1, DATABASE_URL=f"postgresql://canary:{quote(DATABASE_PASSWORD, safe='')}@127.0.0.1:1/x"
    )
    assert [part["id"] for part in answer["parts"] if not part["ok"]] == ["status", "runs", "failures"]
    assert "does not answer" in json.dumps(json.loads(files["bundle.json"])["parts"])
    assert {"settings.json", "doctor.json", "versions.json", "logs/1-edge.log"} <= set(files)
    for name, text in files.items():
        for secret in (*SECRETS.values(), DATABASE_PASSWORD, BROKER_PASSWORD):  # tokens are in the database
            assert secret not in text, (name, secret)


@pytest.mark.long
def test_wrong_settings_are_in_the_bundle_too_and_their_secrets_are_not(canaries: Edge) -> None:
    answer, files = bundle(canaries, exit_status=1, ETALASE_STORE_ID="12", ETALASE_HO_URL="http://user:canary-in-url@ho")
    assert_no_secret({name: text for name, text in files.items() if not name.startswith("logs/")})
    assert "canary-in-url" not in "".join(files.values())
    assert "ETALASE_STORE_ID «12»" in files["settings.json"]
    assert "ETALASE_HO_PASSWORD" in json.loads(files["settings.json"])["in_environment"]
    assert {part["id"] for part in answer["parts"] if part["ok"]} == {"settings", "versions", "doctor", "logs"}
    log = files["logs/1-edge.log"]  # the kept tokens are unknown here, as while the database is away
    assert not [spelled for secret in ALL[:-2] for spelled in spellings(secret) if spelled in log]


def test_a_bundle_of_head_office_has_no_secret_either(tmp_path: Path) -> None:
    everywhere = "\n".join(spelled for secret in ALL[:-2] for spelled in spellings(secret))
    (tmp_path / "head-office.log").write_text(everywhere)
    environment = {name: value for name, value in SECRETS.items() if name != "ETALASE_HO_PASSWORD"} | {
        "PATH": os.defpath,
        "DATABASE_URL": f"postgresql://canary:{quote(DATABASE_PASSWORD, safe='')}@127.0.0.1:1/head_office",
        "ETALASE_ALLOWED_HOSTS": "ho.example",
        "ETALASE_S3_ENDPOINT": "http://127.0.0.1:1",
        "ETALASE_S3_PUBLIC_URL": "http://ho.example:9000",
        "ETALASE_LOG_FILES": str(tmp_path / "*.log"),
        # Known by their names alone.
        "ETALASE_HO_PASSWORD": SECRETS["ETALASE_HO_PASSWORD"],
        "ETALASE_BROKER_URL": f"redis://:{quote(BROKER_PASSWORD, safe='')}@127.0.0.1:1/0",
    }
    argv = [sys.executable, "-m", "etalase.cli", "head-office", "support-bundle", "--output", str(tmp_path / "b.tar.gz")]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "Missing: contents: Head office's database does not answer" in done.stdout
    files = texts(tmp_path / "b.tar.gz")
    assert set(files) == {"bundle.json", "settings.json", "versions.json", "doctor.json", "logs/1-head-office.log"}
    assert_no_secret(files)


def test_an_existing_file_is_left_alone(edge: Edge) -> None:
    path = edge.folder / "there.tar.gz"
    path.write_text("mine")
    done = edge.run("support-bundle", "--output", str(path))
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert path.read_text() == "mine"


def test_without_a_half_the_environment_chooses_it(edge: Edge) -> None:
    for environment, role in ((edge.environment, "edge"), ({"PATH": os.defpath}, "head office")):
        path = edge.folder / f"{role}.tar.gz"
        argv = [sys.executable, "-m", "etalase.cli", "support-bundle", "--output", str(path)]
        subprocess.run(argv, env=environment, capture_output=True, check=False)
        assert json.loads(texts(path)["bundle.json"])["role"] == role
