"""Checks that the doctor says who makes the small pictures, and what to install."""

import pytest

from etalase.edge.doctor import renditions as doctor
from etalase.settings.edge import edge_settings


@pytest.mark.parametrize(("setting", "is_asked_for"), [("auto", True), ("edge", True), ("head-office", False), ("off", False)])
def test_it_says_what_to_install_where_this_edge_makes_them(
    setting: str, is_asked_for: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = edge_settings().model_copy(update={"RENDITIONS": setting})
    assert "pip install" not in doctor.renditions(settings)
    monkeypatch.setattr(doctor, "find_spec", lambda _: None)
    assert ("pip install 'etalase[" in doctor.renditions(settings)) is is_asked_for
