"""Lists in the documents that grow with the code are complete: packages, decisions, versions."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Every Django application has these.
DJANGO = {"apps.py", "urls.py", "wsgi.py", "migrations", "static", "templates"}


def rooms(folder: str) -> set[str]:
    """Returns the modules and packages in a folder of src/etalase."""
    found = (ROOT / "src/etalase" / folder).iterdir()
    return {path.name for path in found if path.suffix in {"", ".py"} and not path.name.startswith("_")} - DJANGO


def test_the_architecture_page_names_every_package() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    named = {name.rstrip("/").rpartition("/")[2] for name in re.findall(r"`([\w/]+(?:\.py|/))`", text)}
    assert (rooms("") - {"edge"}) | rooms("edge") <= named


def test_the_index_of_decisions_names_each_once_in_order() -> None:
    folder = ROOT / "docs/adr"
    listed = re.findall(r"^\| \[\d{4}\]\((.+?)\)", (folder / "README.md").read_text(), re.MULTILINE)
    assert listed == sorted(path.name for path in folder.glob("[0-9]*.md"))


def test_the_newest_version_of_the_changelog_is_the_packages_version() -> None:
    sections = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    dated = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d", section) for section in sections[1:]]
    assert sections[0] == "[Unreleased]"
    assert all(dated)
    assert dated[0] is not None
    assert dated[0][1] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
