"""The choice of the demo's object store."""

from pathlib import Path

import pytest

from etalase.demo import command, layout
from etalase.demo.layout import Layout, Ports
from etalase.devstack import minio
from etalase.devstack.makes import Make
from etalase.devstack.process import StackError
from etalase.errors import UsageError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Returns an unused folder, on a machine with both makes."""
    monkeypatch.setattr(Make, "find_program", lambda _make: Path("/there"))
    return Layout(tmp_path, Ports.with_offset(0))


def choose(here: Layout, wish: Make | None = None) -> Make:
    return command._choose_object_store(wish, layout.kept_object_store(here))


def test_a_new_demo_starts_on_seaweedfs_by_default(here: Layout) -> None:
    assert choose(here) is Make.SEAWEEDFS
    assert choose(here, Make.MINIO) is Make.MINIO


def test_a_demo_continues_on_its_object_store(here: Layout) -> None:
    here.object_store.write_text("minio\n")
    assert choose(here) is choose(here, Make.MINIO) is Make.MINIO
    with pytest.raises(UsageError, match=r"is in minio, which seaweedfs cannot read.*--fresh"):
        choose(here, Make.SEAWEEDFS)


def test_data_of_a_version_without_a_choice_are_on_seaweedfs(here: Layout) -> None:
    here.state.write_text("{}")
    assert choose(here) is Make.SEAWEEDFS
    with pytest.raises(UsageError, match="which minio cannot read"):
        choose(here, Make.MINIO)


def test_a_demo_on_minio_without_minio_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    data = tmp_path / "demo"
    with pytest.raises(StackError, match="Run make minio"):
        command._run(Layout(data, Ports.with_offset(0)), wish=Make.MINIO, fresh=False, leave=True)
    assert not data.exists()
    assert minio.SOURCE.find() is None
