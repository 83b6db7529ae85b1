"""Checks rules, board and runbook against each other, and the rules with promtool where it is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tests import promtool
from tests.monitoring import EDGE, HEAD_OFFICE, RULES, RULES_TEST, RUNBOOK, alerts, expressions

PROMTOOL = promtool.SOURCE.find()
NEEDS_PROMTOOL = pytest.mark.skipif(
    PROMTOOL is None, reason="There is no promtool: run make promtool (Go, 4 minutes); it is in no wheel."
)


def test_each_alert_says_how_long_how_bad_what_and_what_to_do() -> None:
    headings = re.findall(r"^## (.+)$", RUNBOOK.read_text(), re.MULTILINE)
    names = [alert["alert"] for alert in alerts()]
    assert names == headings
    assert len(set(names)) == len(names)
    for alert in alerts():
        assert re.fullmatch(r"\d+[mhd]", alert["for"])
        assert alert["labels"]["severity"] in {"info", "warning", "critical"}
        assert alert["annotations"]["summary"].endswith(".")
        assert alert["annotations"]["runbook_url"] == f"docs/runbook.md#{alert['alert'].lower()}"


def test_the_runbook_repeats_severity_and_time_of_each_alert() -> None:
    told = re.findall(r"^## (\w+)\n\*(\w+), after (\w+)\.\*", RUNBOOK.read_text(), re.MULTILINE)
    assert told == [(alert["alert"], alert["labels"]["severity"], alert["for"]) for alert in alerts()]


def test_each_section_of_the_runbook_has_a_command() -> None:
    for section in re.split(r"^## ", RUNBOOK.read_text(), flags=re.MULTILINE)[1:]:
        commands = re.findall(r"^    (.+)$", section, re.MULTILINE)
        assert commands, section
        assert all(command.startswith((EDGE, HEAD_OFFICE, "df ", "date ")) for command in commands)


def test_expressions_select_labels_with_balanced_braces_and_no_store_by_name() -> None:
    for expression in expressions():
        assert expression.count("{") == expression.count("}")
        assert expression.count("(") == expression.count(")")
        assert not re.search(r'store="', expression)


@NEEDS_PROMTOOL
def test_promtool_accepts_the_rules() -> None:
    done = subprocess.run([str(PROMTOOL), "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@NEEDS_PROMTOOL
def test_each_alert_fires_where_something_is_wrong_and_none_where_all_is_well(tmp_path: Path) -> None:
    for file in (RULES, RULES_TEST):
        shutil.copy(file, tmp_path)
    argv = [str(PROMTOOL), "test", "rules", RULES_TEST.name]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@NEEDS_PROMTOOL
def test_promtool_reads_each_expression_of_the_board(tmp_path: Path) -> None:
    queries = [
        re.sub(r"^label_values\((\w+), \w+\)$", r"\1", expression).replace("$store", "AVRIL-001")
        for expression in expressions()
    ]
    rules = tmp_path / "all.yml"
    records = [{"record": f"one:{number}", "expr": query} for number, query in enumerate(queries)]
    rules.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": records}]}))
    done = subprocess.run([str(PROMTOOL), "check", "rules", rules], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
