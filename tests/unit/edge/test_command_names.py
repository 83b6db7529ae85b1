"""Commands in texts, as the reader can type them."""

import pytest

from etalase.edge.command_names import STANDALONE, as_typed

TEXT = "`etalase edge held` lists them; run etalase edge migrate."


def test_a_standalone_edge_has_its_own_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", STANDALONE)
    assert as_typed(TEXT) == TEXT


def test_a_django_project_has_manage_py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "shop.settings")
    assert as_typed(TEXT) == "`python manage.py photos_held` lists them; run python manage.py migrate."


def test_the_status_decides_by_its_facts() -> None:
    assert as_typed("etalase edge sync --full", in_project=False) == "etalase edge sync --full"
    assert as_typed("etalase edge sync --full", in_project=True) == "python manage.py photos_sync --full"


@pytest.mark.parametrize("process", ["worker", "beat"])
def test_a_project_starts_its_own_worker_and_beat(process: str) -> None:
    assert as_typed(f"Start it: `etalase edge {process}`.", in_project=True) == f"Start it: `celery -A PROJECT {process}`."
