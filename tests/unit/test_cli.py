"""The ``etalase`` command: its map of commands, help without settings, a current folder with modules of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from etalase import cli
from etalase.argv import ARGV
from etalase.cli import EDGE, HEAD_OFFICE, Half

# Prints the help of each named command. Django is configured once, because each start takes seconds.
HELPS = """
import sys
from etalase import cli
for name in sys.argv[2:]:
    try:
        cli.main([sys.argv[1], name, "--help"])
    except SystemExit as end:
        if end.code:
            sys.exit(name)
    cli._configure_for_help = lambda half: None
"""


def without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("ETALASE_", "DATABASE", "DJANGO"))}


def output(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, env=without_settings(), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.split())


def test_the_commands_are_those_of_the_command_files() -> None:
    assert EDGE.commands["migrate"] == "migrate"
    assert EDGE.commands["sync"] == "photos_sync"
    assert HEAD_OFFICE.commands["csv-from-folder"] == "ho_csv_from_folder"
    assert not {"serve", "worker", "beat"} & (EDGE.commands.keys() | HEAD_OFFICE.commands.keys())


def test_the_first_help_lists_all_commands(tmp_path: Path) -> None:
    text = output([*ARGV, "--help"], tmp_path)
    assert EDGE.names in text
    assert HEAD_OFFICE.names in text


@pytest.mark.parametrize("half", [EDGE, HEAD_OFFICE], ids=lambda half: half.name)
def test_the_help_of_every_command_needs_no_settings(half: Half, tmp_path: Path) -> None:
    names = [*half.commands, *half.servers]
    text = output([sys.executable, "-c", HELPS, half.name, *names], tmp_path)
    for name in names:
        program = "celery" if name in {"worker", "beat"} else f"etalase {half.name}"
        assert f"sage: {program} {name} " in text, name


def test_modules_in_the_current_folder_replace_none_of_ours(tmp_path: Path) -> None:
    for name in ("click", "django", "celery", "redis", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a module of the current folder')")
    output([*ARGV, "edge", "worker", "--help"], tmp_path)
    output([*ARGV, "edge", "sync", "--help"], tmp_path)


@pytest.mark.parametrize(("half", "extra"), [("edge", "standalone"), ("head-office", "head-office"), ("demo", "demo")])
def test_a_missing_package_names_the_extra_that_has_it(
    half: str, extra: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(_: list[str]) -> None:
        raise ModuleNotFoundError("No module named 'axes'", name="axes")

    monkeypatch.setattr(cli, f"_{half.replace('-', '_')}", absent)
    with pytest.raises(SystemExit) as ended:
        cli.main([half, "migrate", "--json"])
    assert ended.value.code == 2
    assert f"(axes): pip install 'etalase[{extra}]'" in capsys.readouterr().out
