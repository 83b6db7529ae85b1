"""Checks the guide's task arguments, ``(company_id, store_id)``: this store's are accepted, others refused."""

from uuid import UUID

import pytest
from tests.unit.settings.examples import EDGE

from etalase.edge.tasks import refuse_another_store
from etalase.errors import UsageError
from etalase.settings.edge import EdgeSettings
from etalase.settings.reading import parse_settings

SETTINGS = parse_settings(EdgeSettings, EDGE)
COMPANY, STORE = str(SETTINGS.COMPANY_ID), str(SETTINGS.STORE_ID)
OTHER = str(UUID(int=7))


@pytest.mark.parametrize("arguments", [(None, None), (COMPANY, STORE), (COMPANY, None), (COMPANY.upper(), f"{{{STORE}}}")])
def test_this_stores_task_arguments_are_accepted(arguments: tuple[str | None, str | None]) -> None:
    refuse_another_store(SETTINGS, arguments)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((COMPANY, OTHER), f"store_id «{OTHER}»; this edge's is {STORE}"),
        ((OTHER, STORE), f"company_id «{OTHER}»; this edge's is {COMPANY}"),
        ((STORE, COMPANY), "company_id"),
        ((COMPANY, "seven\n"), r"store_id «seven\n»"),
        ((COMPANY, ""), "store_id «»"),
    ],
)
def test_another_stores_task_arguments_are_refused_by_name(arguments: tuple[str, str], named: str) -> None:
    with pytest.raises(UsageError) as refused:
        refuse_another_store(SETTINGS, arguments)
    assert named in str(refused.value)
