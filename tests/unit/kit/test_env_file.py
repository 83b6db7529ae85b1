"""The file of settings: a shell and this module read the same values from it, and systemd's rules for quotes are the same."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etalase.errors import UsageError
from etalase.kit.env_file import parse, render

values = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" '\"\\$`%#;=&|<>*?~!{}()[]"), max_size=40)


@given(st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,10}", fullmatch=True), values, max_size=5))
def test_what_is_written_is_read(written: dict[str, str]) -> None:
    assert parse(render(written, about="Settings\nof a test"), name="x") == written


@settings(max_examples=30)
@given(values)
def test_a_shell_reads_the_same_value(value: str) -> None:
    text = render({"NAME": value}, about="x")
    done = subprocess.run(["/bin/sh", "-c", f'{text}\nprintf %s "$NAME"'], capture_output=True, check=True)
    assert done.stdout.decode() == value


def test_lines_of_people_are_read_as_systemd_reads_them() -> None:
    text = "# a comment\n; another\n\nA=one two\nB=\"three four\"\nexport C='five'\nD=\n"
    assert parse(text, name="x") == {"A": "one two", "B": "three four", "C": "five", "D": ""}


@pytest.mark.parametrize(("text", "line"), [("A=1\nnonsense", 2), ("1A=2", 1), ("A='open", 1)])
def test_a_line_that_is_none_is_named(text: str, line: int) -> None:
    with pytest.raises(UsageError, match=f"edge.env, line {line}"):
        parse(text, name="edge.env")


@pytest.mark.parametrize("value", ["two\nlines", "bell\a", "nul\0"])
def test_a_value_that_no_line_can_hold_is_refused(value: str) -> None:
    with pytest.raises(UsageError):
        render({"A": value}, about="x")
