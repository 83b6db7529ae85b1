"""Checks the container files as far as that goes without a container engine: hadolint, Compose's own loader, our own rules."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "ops/docker/Dockerfile"
# The loader of the Compose client, at the version with which these files were written.
LOADER = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run(
        [Path(sys.prefix) / "bin/hadolint", "--strict-labels", DOCKERFILE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_would_find_a_fault(tmp_path: Path) -> None:
    faulty = tmp_path / "Dockerfile"
    faulty.write_text(DOCKERFILE.read_text().replace("3.12.12-slim-bookworm", "latest"))
    done = subprocess.run([Path(sys.prefix) / "bin/hadolint", faulty], capture_output=True, text=True, check=False)
    assert "DL3007" in done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_pinned_and_of_one_role(name: str) -> None:
    service = SERVICES[name]
    _, _, tag = service["image"].rpartition(":")
    assert tag[0].isdigit()
    assert tag.count(".") >= 1
    assert service["profiles"] == ["edge" if name.startswith("edge-") else "head-office"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "healthcheck" in service or name.endswith("-web")


@pytest.mark.parametrize("name", OURS)
def test_our_services_change_nothing_of_their_image(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "user" not in service
    role = service["build"]["target"]
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert service["image"] == f"etalase-{role}:{version}"
    stage = DOCKERFILE.read_text().split(f" AS {role}\n")[1].split("\nFROM ")[0]
    assert "HEALTHCHECK" in stage
    assert f'ENTRYPOINT ["etalase", "{role}"]' in stage


@pytest.mark.parametrize("name", SERVICES)
def test_only_the_web_servers_publish_a_port_and_on_this_machine_by_default(name: str) -> None:
    published = SERVICES[name].get("ports", [])
    assert bool(published) == name.endswith("-web")
    assert all(":-127.0.0.1:" in port for port in published)


def test_no_stage_runs_as_root_in_the_end() -> None:
    stages = DOCKERFILE.read_text().split("\nFROM ")
    (role,) = [stage for stage in stages if " AS role\n" in stage]
    assert role.rstrip().endswith("USER 10001:10001")
    assert [stage.splitlines()[0] for stage in stages if stage.startswith("role ")] == ["role AS edge", "role AS head-office"]


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("go"), reason="Go builds Compose's loader")
def test_compose_loads_the_file(tmp_path: Path) -> None:
    shutil.copy(ROOT / "compose.yaml", tmp_path)
    for role in ("edge", "head-office"):
        (tmp_path / f"{role}.env").write_text("ETALASE_SECRET_KEY=a\n")
    done = subprocess.run(
        ["go", "run", LOADER, "--format", "json", "compose.yaml"],
        cwd=tmp_path,
        env={**os.environ, "COMPOSE_PROFILES": "edge,head-office"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["services"]) == set(SERVICES)


# Packages whose locked version has no source: one file, too.
WHEEL_ALONE = frozenset({"certifi"})


@pytest.mark.parametrize("role", ["edge", "head-office"])
def test_the_only_package_without_a_wheel_is_excepted_from_binaries(role: str) -> None:
    # A package with a wheel and its source has two files in the lock or more. Without the exception, no image is built.
    lock = (ROOT / "requirements" / f"{role}.txt").read_text()
    with_one_file = re.findall(r"^([\w.-]+)==\S+ \\\n    --hash=\S+\n(?!    )", lock, re.MULTILINE)
    assert [name for name in with_one_file if name not in WHEEL_ALONE] == ["pyvips"]
    options = f"--only-binary :all: --no-binary pyvips --require-hashes -r /dist/requirements-{role}.txt"
    assert options in DOCKERFILE.read_text()
