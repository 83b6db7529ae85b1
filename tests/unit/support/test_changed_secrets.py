"""Checks that a known secret stays hidden where another program has changed it."""

import time

import pytest

from etalase.support.changed_secrets import hide_changed

SECRET = "CANARY0a1b2c3d"


@pytest.mark.parametrize(
    "text",
    [SECRET, SECRET.upper(), SECRET.lower(), SECRET[:8], SECRET[:10] + "...", SECRET[:5] + "\n   " + SECRET[5:],
     SECRET[:10] + "\\\n" + SECRET[10:], "... " + SECRET[5:], SECRET[:3] + "\n" + SECRET[3:12]],
)  # fmt: skip
def test_a_changed_secret_is_hidden_whole(text: str) -> None:
    shown = hide_changed(f"the login with {text} failed", [SECRET])
    assert not [part for part in ("CANARY", "0a1b", "2c3d") if part in shown.upper() or part in shown]
    assert shown.startswith("the login with ")
    assert shown.endswith(" failed")


def test_words_of_every_log_stay_readable() -> None:
    line = "the password of etalase-edge for postgres"
    assert hide_changed(line, ["Password123!", "etalase-edge-7Kx9", "postgres-a1b2", "short"]) == line


@pytest.mark.parametrize("text", ["CANARY0a" * 125_000, "CANARY0\n" * 125_000, "a.a-a+" * 160_000, "-" * 1_000_000])
def test_a_hostile_log_costs_little(text: str) -> None:
    began = time.process_time()
    hide_changed(text, [SECRET])
    assert time.process_time() - began < 60
