"""Checks that references in code, tests and documents exist: hazards, invariants, decisions, sections, paths, links."""

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = {".py", ".sql", ".js", ".css", ".md", ".toml", ".html", ".yaml", ".yml"}
DOCUMENTS = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NUMBERS = r"(\d+(?:(?:, and |, | and | to |–)\d+)*)"
# Folders that programs make.
MADE = {"__pycache__", "results", "var", "htmlcov", "dist"}
# Files that documents name and that are not in the repository: an operator's, or a project's that uses Etalase.
OUTSIDE = {"manage.py", "settings.py", "celery.py", "click.py", "dist/", "renditions/"}


@cache
def files() -> dict[str, str]:
    """Returns the text of every file that belongs to the repository, by its path; this one's examples are not citations."""
    here = Path(__file__).relative_to(ROOT).as_posix()
    found = {}
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name == ".ci" or not (name.startswith(".") or name in MADE)]
        for path in (Path(folder) / name for name in names):
            found[path.relative_to(ROOT).as_posix()] = path.read_text() if path.suffix in TEXTS else ""
    found.pop(here)
    return found


@cache
def paths() -> frozenset[str]:
    """Returns every file and folder of the repository; folders end with a slash."""
    names = set(files()) | {Path(__file__).relative_to(ROOT).as_posix()}
    return frozenset(names | {f"{folder}/" for name in names for folder in map(str, Path(name).parents)})


def exists(named: str) -> bool:
    """Returns whether a file or folder of the repository ends with this path."""
    return any(path == named or path.endswith(f"/{named}") for path in paths())


def numbers(text: str) -> Iterator[int]:
    """Yields the numbers of "1, 10 and 13" or "27 to 34"."""
    for part in re.split(r", and |, | and ", text):
        first, *last = map(int, re.split(r" to |–", part))
        yield from range(first, last[0] + 1 if last else first + 1)


def cited(pattern: str) -> Iterator[tuple[str, str]]:
    """Yields file and first group of every match in the repository."""
    for name, text in files().items():
        for match in re.finditer(pattern, text):
            yield name, match[1]


def slug(heading: str) -> str:
    """Returns the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def headings(document: str) -> list[str]:
    """Returns the headings of a document, without their marks."""
    return re.findall(r"^#+ (.+)$", files()[document], re.MULTILINE)


def test_hazards_are_numbered_once_and_without_a_gap() -> None:
    listed = sorted(map(int, re.findall(r"^\| (\d+) \|", files()["docs/hazards.md"], re.MULTILINE)))
    assert listed == list(range(1, len(listed) + 1))


def test_every_cited_hazard_is_listed() -> None:
    listed = set(map(int, re.findall(r"^\| (\d+) \|", files()["docs/hazards.md"], re.MULTILINE)))
    found = [(name, number) for name, text in cited(rf"[Hh]azards? {NUMBERS}") for number in numbers(text)]
    assert len(found) > 50
    assert [(name, number) for name, number in found if number not in listed] == []


def test_every_cited_invariant_is_listed() -> None:
    listed = re.findall(r"^- \*\*(I\d+)\*\* ", files()["docs/architecture.md"], re.MULTILINE)
    assert listed == [f"I{number}" for number in range(1, len(listed) + 1)]
    found = list(cited(r"\b(I\d+)\b"))
    assert len(found) > 20
    assert [(name, number) for name, number in found if number not in listed] == []


def test_the_glossary_defines_each_term_once() -> None:
    named = re.findall(r"^\| (.+?) \| .+ \|$", files()["docs/glossary.md"], re.MULTILINE)
    terms = [
        term.strip() for name in named if name not in {"term", "outcome"} for term in re.split(r",|\(|\)", name) if term.strip()
    ]
    assert len(terms) > 50
    assert sorted(terms) == sorted(set(terms))


def test_every_cited_decision_has_its_page() -> None:
    pages = {Path(name).name[:4] for name in files() if re.fullmatch(r"docs/adr/\d{4}-.+\.md", name)}
    found = [*cited(r"\bADRs? (\d+)"), *cited(r"\badr/(\d{4})")]
    assert found
    assert [(name, number) for name, number in found if number.zfill(4) not in pages] == []


def test_no_document_outside_the_repository_is_cited() -> None:
    outside = r"(design\.md|house\.md|parts\.md|\(design[,;)]|[Gg]uide(?:'s)?,? steps? \d|\(steps? \d|_the_design)"
    assert list(cited(outside)) == []


def test_every_document_and_section_cited_in_code_exists() -> None:
    wrong = []
    for name, text in files().items():
        for document, section in re.findall(r"\b((?:docs/[\w/-]+|README|CONTRIBUTING|SECURITY)\.md)(?:, \"([^\"]+)\")?", text):
            known = document in files() and (not section or any(h.startswith(section) for h in headings(document)))
            if not known:
                wrong.append((name, document, section))
        reference = "docs/PRODUCT_PHOTO_SYNC_API_REFERENCE.md"
        sections = re.findall(r"API\s+reference,\s+\"([^\"]+)\"", text)
        wrong.extend((name, reference, section) for section in sections if section not in headings(reference))
    assert wrong == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_of_a_document_has_a_target(document: str) -> None:
    wrong = []
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", files()[document]):
        path, _, anchor = target.partition("#")
        found = (ROOT / document).parent / path if path else ROOT / document
        name = found.resolve().relative_to(ROOT).as_posix()
        if name not in files() or (anchor and anchor not in map(slug, headings(name))):
            wrong.append(target)
    assert wrong == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_in_a_document_exists(document: str) -> None:
    named = re.findall(r"`([\w./-]+(?:\.(?:py|sql|toml|yaml|md)|[\w]/))`", files()[document])
    assert [path for path in named if not path.startswith("/") and path not in OUTSIDE and not exists(path)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_module_in_a_document_exists(document: str) -> None:
    packages = "|".join(path.stem for path in (ROOT / "src/etalase").iterdir() if not path.name.startswith("_"))
    named = re.findall(rf"`((?:etalase\.)?(?:{packages})(?:\.[a-z_]+)+)[`(]", files()[document])
    wrong = []
    for name in named:
        module = name.removeprefix("etalase.").replace(".", "/")
        known = (f"{module}.py", f"{module}/", f"{Path(module).parent}.py")
        if not name.endswith((".py", ".md", ".json", ".env")) and not any(f"src/etalase/{path}" in paths() for path in known):
            wrong.append(name)
    assert wrong == []


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if re.match(r"docs/adr/\d", name)])
def test_a_decision_has_its_number_date_and_status(document: str) -> None:
    title, date, status, *_ = files()[document].splitlines()
    assert title.startswith(f"# {Path(document).name[:4]} ")
    assert re.fullmatch(r"Date: \d{4}-\d\d-\d\d", date)
    assert re.fullmatch(
        r"Status: (proposed|accepted|superseded by \d{4})(; (adds to|supersedes part of|superseded in part by) \d{4})?", status
    )
