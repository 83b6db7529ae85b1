"""Checks that one check never keeps the others, nor the process."""

import threading
import time

import pytest

from etalase.doctor.check import Check, Fault, NotChecked
from etalase.doctor.runner import run


def says(text: str) -> str:
    return text


def raises(error: Exception) -> str:
    raise error


def test_each_kind_of_ending_has_its_result(caplog: pytest.LogCaptureFixture) -> None:
    found = run(
        [
            Check("fine", lambda: says("well")),
            Check("fault", lambda: raises(Fault("Wrong.", hint="Do this."))),
            Check("unknown", lambda: raises(NotChecked("no photo"))),
            Check("defect", lambda: raises(ZeroDivisionError("by design")), seconds=60.0),
            Check("dependent", lambda: says("never"), needs=("fault",)),
        ],
        all_seconds=60.0,
    )
    assert [(r.id, r.ok) for r in found] == [
        ("fine", True), ("fault", False), ("unknown", None), ("defect", False), ("dependent", None)
    ]  # fmt: skip
    assert found[1].hint == "Do this."
    assert found[2].detail == "not checked: no photo"
    assert "ZeroDivisionError: by design" in found[3].detail
    assert "unexpected error in the check defect" in caplog.text


def test_a_check_that_hangs_has_failed_and_the_others_are_made() -> None:
    never = threading.Event()
    found = run(
        [
            Check("hangs", lambda: str(never.wait(30)), seconds=0.05),
            Check("needs it", lambda: says("x"), needs=("hangs",)),
            Check("fine", lambda: says("x")),
        ]
    )
    assert [r.ok for r in found] == [False, None, True]
    assert "no answer within 0.05 seconds" in found[0].detail


def test_all_ends_in_time_whatever_hangs() -> None:
    never = threading.Event()
    began = time.monotonic()
    found = run([Check(str(n), lambda: str(never.wait(30)), seconds=20) for n in range(3)], all_seconds=0.1)
    assert [r.ok for r in found] == [False] * 3
    assert time.monotonic() - began < 15
