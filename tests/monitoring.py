"""Reads what the repository gives to monitoring: rules, board, runbook, and the names of metrics in them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
RULES = ROOT / "ops/prometheus/etalase.rules.yml"
RULES_TEST = ROOT / "ops/prometheus/etalase.rules.test.yml"
BOARD = ROOT / "ops/grafana/etalase.json"
RUNBOOK = ROOT / "docs/runbook.md"
# The head of a command in a block of the runbook.
EDGE, HEAD_OFFICE = "etalase edge ", "etalase head-office "


def alerts() -> list[dict[str, Any]]:
    """Returns all alerts of the rules."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    """Returns every expression of the rules and of the board, with its variables."""
    board = json.loads(BOARD.read_text())
    shown = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    variables = [entry["query"]["query"] for entry in board["templating"]["list"] if entry["type"] == "query"]
    return [*(alert["expr"] for alert in alerts()), *shown, *variables]


def metrics_named(*, of_head_office: bool) -> set[str]:
    """Returns the names of metrics in rules, board and operations.md: those of head office, or those of an edge."""
    documented = (ROOT / "docs/operations.md").read_text()
    texts = [*expressions(), *re.findall(r"^\| (`etalase_.+?) \|", documented, re.MULTILINE)]
    names = {name for text in texts for name in re.findall(r"\betalase_[a-z_]+\b", text)}
    return {name for name in names if name.startswith("etalase_ho_") == of_head_office}


def runbook_commands(prefix: str) -> Iterator[list[str]]:
    """Yields the arguments of each command in a block of the runbook, once."""
    lines = dict.fromkeys(re.findall(r"^    (.+)$", RUNBOOK.read_text(), re.MULTILINE))
    yield from (line.removeprefix(prefix).split() for line in lines if line.startswith(prefix))
