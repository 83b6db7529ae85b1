"""Checks what a project is told to remove, in order."""

import sys
from pathlib import Path

import pytest
from django.conf import settings

from etalase.edge.leaving import Mention, Traces, steps, traces


def test_the_pos_is_switched_back_before_the_tables_go_and_these_before_the_settings() -> None:
    left = Traces(["etalase.edge"], ["ETALASE"], [Mention("promo/migrations/0002_key.py", 9, "to=settings.X")], has_urls=True)
    found = steps(["etalase_checkpoint"], left, in_project=True)
    order = [
        "worker and the beat",
        "URLs",
        "photos_leave --apply",
        "promo/migrations/0002_key.py, line 9",
        "INSTALLED_APPS",
        "settings",
    ]
    order += ["sync_api.tasks.sync_product_photos", "Uninstall"]
    assert len(found) == len(order)
    assert all(part in step for part, step in zip(order, found, strict=True))
    assert "product_photo and the photos in the bucket stay" in found[2]
    assert "small pictures" not in found[2]
    assert "deletes its 7 small pictures" in steps(["etalase_checkpoint"], left, in_project=True, renditions=7)[2]


def test_a_standalone_edge_has_no_project_to_correct() -> None:
    assert "etalase edge leave --apply" in " ".join(steps(["etalase_checkpoint"], Traces(), in_project=False))
    left = steps([], Traces(), in_project=False)
    assert len(left) == 2
    assert "tables" not in left[0]  # they are gone


def test_lines_of_the_projects_migrations_that_name_etalase_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "adopted_auth"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "0001_initial.py").write_text("# etalase was here\nnothing = 1\n")
    (folder / "0002_key.py").write_text("to=settings.ETALASE_PRODUCT_MODEL\nrun_before = [('etalase_edge', '0001_initial')]\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(settings, "MIGRATION_MODULES", {"auth": "adopted_auth"})
    found = traces()
    sys.modules.pop("adopted_auth", None)
    assert [(Path(one.path).name, one.line) for one in found.mentions] == [("0002_key.py", 1), ("0002_key.py", 2)]
    assert "etalase.edge" in found.apps
