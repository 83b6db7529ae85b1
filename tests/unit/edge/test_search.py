"""Checks the search of the POS API with the table of the page's."""

import pytest
from tests.search_cases import FOUND, MENU

from etalase.edge.pos.search import found


@pytest.mark.parametrize(("typed", "meant"), FOUND)
def test_the_api_finds_what_the_page_finds(typed: str, meant: list[str]) -> None:
    skus = {"GADO-GADO": "0500010"}
    assert sorted(found(MENU, lambda name: f"{name} {skus.get(name, '')}", typed)) == sorted(meant)


def test_parts_come_before_beginnings_and_these_before_typing_errors() -> None:
    menu = ["BASKO", "BAYAM SAUS KECAP", "ANEKA BAKSO", "BAKSO MALANG", "BAKWAN SOTO"]
    assert found(menu, str, "bakso") == ["ANEKA BAKSO", "BAKSO MALANG", "BAKWAN SOTO", "BASKO"]
