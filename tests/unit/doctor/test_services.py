"""The doctor's look at what init has made on this machine: modes of the settings, services that start with it."""

from pathlib import Path

import pytest

from etalase.doctor.check import Fault
from etalase.doctor.services import NOT_HERE, settings_file, starts_at_boot
from etalase.kit.edge import EDGE
from etalase.kit.half import Kit
from etalase.kit.head_office import HEAD_OFFICE


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    for name, mode in (("edge.env", 0o600), ("seaweedfs.env", 0o600), ("seaweedfs.json", 0o640), ("ca.pem", 0o644)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    return tmp_path


def test_settings_as_init_writes_them_are_fine(settings: Path) -> None:
    assert "edge.env" in settings_file(settings, "edge")


@pytest.mark.parametrize(
    ("name", "mode", "allowed"),
    [("edge.env", 0o644, "600"), ("edge.env", 0o640, "600"), ("edge.env", 0o602, "600"), ("seaweedfs.env", 0o604, "600"),
     ("seaweedfs.json", 0o644, "640"), ("seaweedfs.json", 0o660, "640")],
)  # fmt: skip
def test_settings_that_others_may_read_or_write_are_a_fault(settings: Path, name: str, mode: int, allowed: str) -> None:
    (settings / name).chmod(mode)
    with pytest.raises(Fault, match=f"{name} has mode {mode:o}") as fault:
        settings_file(settings, "edge")
    assert fault.value.hint == f"chmod {allowed} {settings / name}"


def test_a_machine_that_init_did_not_set_up_has_no_fault(tmp_path: Path) -> None:
    assert settings_file(tmp_path / "none", "edge") == NOT_HERE
    assert starts_at_boot(tmp_path / "none", "edge") == NOT_HERE


@pytest.mark.parametrize("kit", [EDGE, HEAD_OFFICE], ids=lambda kit: kit.half)
def test_each_service_of_init_is_missed_where_it_is_disabled(kit: Kit, tmp_path: Path) -> None:
    links = {}
    for service in kit.services("/opt/etalase/bin/etalase"):
        for name, text in service.units.items():
            (tmp_path / name).write_text(text)
        target = "timers.target.wants" if service.on_calendar else "multi-user.target.wants"
        links[service.started] = tmp_path / target / service.started
        links[service.started].parent.mkdir(exist_ok=True)
        links[service.started].symlink_to(tmp_path / service.started)
    assert starts_at_boot(tmp_path, kit.half).split(", ") == sorted(links)
    for name, link in links.items():
        link.unlink()
        with pytest.raises(Fault, match=f"{name} is disabled") as fault:
            starts_at_boot(tmp_path, kit.half)
        assert name in fault.value.hint
        link.symlink_to(tmp_path / name)


def test_units_of_the_other_half_are_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "etalase-head-office-web.service").write_text("[Install]\nWantedBy=multi-user.target\n")
    assert starts_at_boot(tmp_path, "edge") == NOT_HERE
