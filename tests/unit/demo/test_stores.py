"""Checks the demo's light stores: which data get them, and the settings of their edges."""

from pathlib import Path
from typing import Any

import pytest

from etalase.demo import layout, stores
from etalase.demo.layout import Layout, Ports
from etalase.demo.menu import DAGO, KEMANG, LIGHT_STORES
from etalase.errors import UsageError


@pytest.fixture
def here(tmp_path: Path) -> Layout:
    return Layout(tmp_path, Ports.with_offset(0))


@pytest.fixture
def kept(here: Layout) -> dict[str, Any]:
    generated = layout.demo_secrets(here)
    edge = layout.edge_variables(here, generated, "postgresql://postgres:p@127.0.0.1:15432/edge", "redis://127.0.0.1:16379")
    return {"secrets": generated, "edge": edge}


def test_new_data_get_the_stores_once(here: Layout, kept: dict[str, Any]) -> None:
    assert stores.are_wanted(here, kept["secrets"])
    here.stores_are_made.touch()
    assert not stores.are_wanted(here, kept["secrets"])


def test_data_of_an_earlier_version_get_none_and_commands_say_why(here: Layout, kept: dict[str, Any]) -> None:
    for store in LIGHT_STORES:
        del kept["secrets"][store.secret]
    assert not stores.are_wanted(here, kept["secrets"])
    with pytest.raises(UsageError, match="no store AVR-DAGO"):
        stores.edge_variables(kept, DAGO)


def test_each_store_has_its_own_database_bucket_and_account(kept: dict[str, Any]) -> None:
    dago, kemang = (stores.edge_variables(kept, store) for store in (DAGO, KEMANG))
    assert dago["DATABASE_URL"] == "postgresql://postgres:p@127.0.0.1:15432/edge_dago"
    for name in (
        *("DATABASE_URL", "ETALASE_S3_BUCKET", "ETALASE_STORE_ID"),
        *("ETALASE_HO_USERNAME", "ETALASE_HO_PASSWORD"),
    ):
        assert len({dago[name], kemang[name], kept["edge"].get(name)}) == 3, name
