"""Tests `make dist`: what it delivers, that it is reproducible, and that a machine with nothing else runs from it."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
COMMITTER = ("-c", "user.name=A test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
COMMANDS = {
    "edge": ("sync", "doctor", "migrate", "serve", "worker", "beat"),
    "head-office": ("doctor", "migrate", "serve"),
}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder that the target makes of this working tree, committed in a clone of its own."""
    clone = tmp_path_factory.mktemp("clone")
    listed = run(ROOT, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    present = [name for name in listed if name and (ROOT / name).exists()]
    run(ROOT, "cp", "--parents", "--no-dereference", "--target-directory", str(clone), *present)
    run(clone, "git", "init", "--quiet")
    run(clone, "git", "add", "--all")
    run(clone, "git", *COMMITTER, "commit", "--quiet", "--message", "All", "--date", "2026-01-02T03:04:05Z")
    run(clone, ".ci/dist", sys.prefix)
    return clone / "dist"


def run(folder: Path, *command: str) -> str:
    """Returns the standard output of a command that succeeds."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def pins(lock: Path) -> set[tuple[str, str]]:
    """Returns name and version of each package of a lock."""
    return set(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", lock.read_text(), re.MULTILINE))


@pytest.mark.long
def test_dist_has_wheel_source_locks_and_their_checksums(dist: Path) -> None:
    delivered = [path for path in dist.iterdir() if path.name != "SHA256SUMS"]
    sums = {f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in delivered}
    assert set((dist / "SHA256SUMS").read_text().splitlines()) == sums
    assert [path.suffix for path in sorted(dist.iterdir())] == ["", ".whl", ".gz", ".txt", ".txt"]


@pytest.mark.long
def test_wheel_lists_every_locked_package(dist: Path) -> None:
    with ZipFile(next(dist.glob("*.whl"))) as wheel:
        (name,) = [name for name in wheel.namelist() if re.fullmatch(r"etalase-[^/]+\.dist-info/sboms/[^/]+\.cdx\.json", name)]
        sbom = json.loads(wheel.read(name))
    listed = {(part["name"], part["version"]) for part in sbom["components"]}
    assert listed == pins(dist / "requirements-edge.txt") | pins(dist / "requirements-head-office.txt")
    refs = {part["bom-ref"] for part in sbom["components"]}
    assert set(sbom["dependencies"][0]["dependsOn"]) <= refs
    assert "pkg:pypi/django@" in str(sbom["dependencies"][0]["dependsOn"])


@pytest.mark.long
@pytest.mark.parametrize("role", COMMANDS)
def test_locks_have_hashes_and_no_index(dist: Path, role: str) -> None:
    text = (dist / f"requirements-{role}.txt").read_text()
    assert pins(ROOT / f"requirements/{role}.txt") <= pins(ROOT / "requirements/runtime.txt")
    assert not re.search(r"://|--index-url|--extra-index-url|--find-links", text)
    for requirement in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in requirement


@pytest.mark.long
@pytest.mark.parametrize("role", COMMANDS)
def test_an_empty_machine_runs_each_role_from_wheel_and_lock(dist: Path, role: str, tmp_path: Path) -> None:
    uv, venv = Path(sys.prefix) / "bin/uv", tmp_path / "venv"
    run(tmp_path, str(uv), "venv", "--quiet", "--python", sys.executable, str(venv))
    install = (str(uv), "pip", "install", "--quiet", "--python", str(venv / "bin/python"))
    run(dist, *install, "--require-hashes", "-r", f"requirements-{role}.txt")
    run(dist, *install, "--no-deps", str(next(dist.glob("*.whl"))))
    run(dist, str(uv), "pip", "check", "--python", str(venv / "bin/python"))
    for command in COMMANDS[role]:
        assert "usage" in run(tmp_path, str(venv / "bin/etalase"), role, command, "--help").lower()
