"""Checks that docs/doctor.md explains each check."""

import re
from pathlib import Path

from etalase.edge.doctor import run as edge
from etalase.head_office.doctor import run as head_office

PAGE = (Path(__file__).parents[3] / "docs" / "doctor.md").read_text()


def test_each_check_is_explained() -> None:
    explained = {name for cell in re.findall(r"^\| (`.+?`) \|", PAGE, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)}
    assert explained == {"versions", "settings", *edge.IDS, *head_office.IDS}
