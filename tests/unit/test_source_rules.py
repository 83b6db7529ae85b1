"""Checks rules that no linter has: verbs first in docstrings, one class a name, a contract for each module called pure."""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
# The verb in the third person: "Returns the row …".
VERB = re.compile(r"[A-Z][a-z]+s\b")
# A docstring that ends a sentence with it promises what import-linter then proves.
PURE = re.compile(r"\bPure( data)?[.:;]")
# A customer's code, word for word.
NOT_OURS = ROOT / "tests" / "acceptance" / "customer"
# Django finds a command by the first name. A photo and a product are a message of the wire, and a table of each half.
SHARED = {"Command", "Photo", "Product"}


def sources(folder: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        if "migrations" not in path.parts and not path.is_relative_to(NOT_OURS):
            yield path, ast.parse(path.read_text())


@pytest.mark.parametrize("folder", ["src", "tests", "bench"])
def test_every_functions_docstring_begins_with_a_verb(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {docstring.splitlines()[0]}"
        for path, tree in sources(folder)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("test_")  # its name is the behaviour, its docstring the reason
        and (docstring := ast.get_docstring(node))
        and not VERB.match(docstring)
    ]
    assert wrong == []


def test_a_class_has_a_name_of_its_own() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path, tree in sources("src"):
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert {name: found for name, found in places.items() if len(found) > 1 and name not in SHARED} == {}


def test_every_module_called_pure_is_under_a_contract() -> None:
    pure = {
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        for path, tree in sources("src")
        if PURE.search(ast.get_docstring(tree) or "")
    }
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert len(pure) > 20
    assert pure - {module for contract in contracts for module in contract.get("source_modules", ())} == set()


def test_a_module_above_300_lines_has_its_reason_in_the_architecture_page() -> None:
    long = {str(path.relative_to(ROOT / "src" / "etalase")) for path, _ in sources("src") if path.read_text().count("\n") > 300}
    page = (ROOT / "docs" / "architecture.md").read_text()
    exceptions = page.split("A module has at most 300 lines")[1].split("\n")[0]
    assert {name for name in long if f"`{name}`" not in exceptions} == set()
    assert len(long) <= 5


def test_the_edge_has_one_clock() -> None:
    """Otherwise no test can move the time of a whole edge."""
    clocks = {
        "time.time",
        "time.monotonic",
        "timezone.now",
        "timezone.localtime",
        "datetime.now",
        "datetime.utcnow",
        "date.today",
    }
    edge = ROOT / "src" / "etalase" / "edge"
    assert [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for path, tree in sources("src")
        if path.is_relative_to(edge) and path != edge / "clock.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in clocks
    ] == []


def test_no_module_imports_itself_through_others() -> None:
    graph = grimp.build_graph("etalase")
    imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    while leaves := [module for module, others in imported.items() if not others & imported.keys()]:
        for module in leaves:
            del imported[module]
    assert sorted(imported) == []


# A command file stands where Django looks for it, and is above all else: nothing imports it.
COMMANDS = ".management.commands."


def test_no_package_imports_itself_through_others() -> None:
    """Imports between the modules and packages of one package run one way, so that each can be read without those above it."""
    graph = grimp.build_graph("etalase")
    imports = [(m, other) for m in graph.modules if COMMANDS not in m for other in graph.find_modules_directly_imported_by(m)]
    imported: dict[str, set[str]] = defaultdict(set)
    for module, other in imports:
        one, two = module.split("."), other.split(".")
        depth = next((n for n, names in enumerate(zip(one, two, strict=False)) if names[0] != names[1]), None)
        if depth is not None:  # a package is above its own modules
            imported[".".join(one[: depth + 1])].add(".".join(two[: depth + 1]))
    while leaves := [place for place, others in imported.items() if not others & imported.keys()]:
        for place in leaves:
            del imported[place]
    assert sorted(imported) == []
