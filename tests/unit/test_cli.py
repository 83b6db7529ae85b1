"""The ``etalase`` command: its map of commands, help without settings, a current folder with modules of its own."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from etalase import cli
from etalase.argv import ARGV
from etalase.cli import EDGE, HEAD_OFFICE, Half
from etalase.command_help import DJANGO_OPTIONS, first_sentence, half_help

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
    assert HEAD_OFFICE.commands["worker"] == "ho_worker"
    assert not {"serve", "worker", "beat"} & EDGE.commands.keys()
    assert "serve" not in HEAD_OFFICE.commands


def test_the_first_help_lists_all_commands(tmp_path: Path) -> None:
    text = output([*ARGV, "--help"], tmp_path)
    assert EDGE.names in text
    assert HEAD_OFFICE.names in text


@pytest.mark.parametrize("word", ["-V", "--version"])
def test_the_version_is_printed_with_the_name(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([word])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"etalase {version('etalase')}\n"
    assert "--version" in cli.HELP


@pytest.mark.parametrize("half", [EDGE, HEAD_OFFICE], ids=lambda half: half.name)
def test_the_help_of_every_command_needs_no_settings(half: Half, tmp_path: Path) -> None:
    names = [*half.commands, *half.servers]
    text = output([sys.executable, "-c", HELPS, half.name, *names], tmp_path)
    for name in names:
        assert f"usage: etalase {half.name} {name} " in text, name
    assert [option for option in DJANGO_OPTIONS if f"{option} " in text] == []


@pytest.mark.parametrize("half", [EDGE, HEAD_OFFICE], ids=lambda half: half.name)
def test_the_help_of_a_half_has_a_short_line_for_each_command(half: Half) -> None:
    lines = [line.split(maxsplit=1) for line in half_help(half.name, half.files).splitlines() if line.startswith("  ")]
    assert [name for name, _ in lines] == [*half.commands, *half.servers]
    for name, sentence in lines:
        assert sentence[0].isupper(), name
        assert 8 < len(sentence) <= 110, name


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Sync photos.", "Sync photos."),
        ("Keep photos (etalase edge held lists them).", "Keep photos."),
        ("List photos, by product. Exit status: 0.", "List photos, by product."),
        ("Compare v1.2 with rows; nothing changes.", "Compare v1.2 with rows."),
        ("Load a menu: a file", "Load a menu."),
    ],
)
def test_a_line_is_the_first_sentence_of_the_help(text: str, first: str) -> None:
    assert first_sentence(text) == first


def test_django_options_still_work(tmp_path: Path) -> None:
    done = subprocess.run(
        [*ARGV, "edge", "sync", "--no-color", "--traceback", "--verbosity", "2"],
        cwd=tmp_path,
        env=without_settings(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "unrecognized" not in done.stderr
    assert "ETALASE_STORE_ID" in done.stderr


def test_modules_in_the_current_folder_replace_none_of_ours(tmp_path: Path) -> None:
    for name in ("click", "django", "celery", "redis", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a module of the current folder')")
    output([*ARGV, "edge", "worker", "--help"], tmp_path)
    output([*ARGV, "edge", "sync", "--help"], tmp_path)


@pytest.mark.parametrize(
    ("half", "extra"),
    [("edge", "standalone"), ("head-office", "head-office"), ("demo", "demo"), ("support-bundle", "standalone")],
)
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


@pytest.fixture
def made_by_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns a folder in the place of the one where init makes its commands; these only say their arguments."""
    monkeypatch.setattr(cli, "with_settings_of_init", lambda half: str(tmp_path / f"etalase-{half}"))
    for name in [name for name in os.environ if name.startswith(("ETALASE_", "DATABASE"))]:
        monkeypatch.delenv(name)
    (tmp_path / "etalase-edge").write_text("#!/bin/sh\necho made: $*\n")
    (tmp_path / "etalase-edge").chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("command", ["status", "doctor", "worker", "serve", "support-bundle"])
def test_without_settings_the_command_that_init_has_made_is_named(
    command: str, made_by_init: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["edge", command, "--json"])
    assert ended.value.code == 2
    assert f"{made_by_init}/etalase-edge {command} --json" in capsys.readouterr().err


def test_the_bundle_of_this_machine_is_written_by_the_command_that_init_has_made(
    made_by_init: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[list[str]] = []

    def become(_: str, argv: list[str]) -> None:
        started.append(argv)
        raise SystemExit

    monkeypatch.setattr(os, "execv", become)
    with pytest.raises(SystemExit):
        cli.main(["support-bundle", "--read-only"])
    assert started == [[str(made_by_init / "etalase-edge"), "support-bundle", "--read-only"]]
    (made_by_init / "etalase-edge").rename(made_by_init / "etalase-head-office")
    with pytest.raises(SystemExit):
        cli.main(["support-bundle"])
    assert started[-1] == [str(made_by_init / "etalase-head-office"), "support-bundle"]
    (made_by_init / "etalase-edge").symlink_to("etalase-head-office")
    with pytest.raises(SystemExit):
        cli.main(["support-bundle"])
    assert "both halves" in capsys.readouterr().err
