"""Checks which check follows from which results, and the words and the object that people and machines get."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from etalase.doctor.check import Check, CheckResult, NextChecks, is_ok, next_step, to_json, to_lines


def check(name: str, *needs: str, after: tuple[str, ...] = ()) -> Check:
    return Check(name, lambda: "", needs=needs, after=after)


def results(**ok: bool | None) -> dict[str, CheckResult]:
    return {name: CheckResult(name, value, "") for name, value in ok.items()}


CHAIN = [check("a"), check("b", "a"), check("c", "b"), check("d", after=("a",))]


def test_checks_without_needs_start_at_once() -> None:
    assert next_step(CHAIN, {}, ()) == NextChecks(start=[CHAIN[0]])
    assert next_step(CHAIN, {}, {"a"}) == NextChecks()


def test_a_need_has_to_be_fine_and_a_predecessor_only_has_to_have_ended() -> None:
    assert next_step(CHAIN, results(a=True), ()).start == [CHAIN[1], CHAIN[3]]
    assert next_step(CHAIN, results(a=False), ()).start == [CHAIN[3]]


def test_what_depends_on_a_fault_names_the_first_in_the_chain() -> None:
    known = results(a=False)
    skipped = next_step(CHAIN, known, ()).skipped
    assert [(result.id, result.ok, result.detail) for result in skipped] == [("b", None, "not checked: needs a")]
    known |= {result.id: result for result in skipped}
    assert [result.detail for result in next_step(CHAIN, known, ()).skipped] == ["not checked: needs a"]


def test_what_depends_on_a_check_that_was_left_out_names_that_one() -> None:
    assert next_step(CHAIN, results(a=True, b=None, d=True), ()).skipped == [CheckResult("c", None, "not checked: needs b")]


@given(st.data())
def test_every_check_gets_a_result_and_none_starts_on_a_fault(data: Any) -> None:
    names = [f"c{number}" for number in range(data.draw(st.integers(1, 12)))]
    checks = []
    for at, name in enumerate(names):
        before = st.lists(st.sampled_from(names[:at]), unique=True) if at else st.just([])
        checks.append(check(name, *data.draw(before), after=tuple(data.draw(before))))
    known: dict[str, CheckResult] = {}
    while len(known) < len(checks):
        step = next_step(checks, known, ())
        assert step.start or step.skipped
        for started in step.start:
            assert all(known[need].ok for need in started.needs)
            known[started.id] = CheckResult(started.id, data.draw(st.sampled_from([True, False, None])), "")
        known |= {result.id: result for result in step.skipped}
    assert is_ok(list(known.values())) == (False not in [result.ok for result in known.values()])


def test_the_verdict_stands_first_and_faults_before_what_is_fine() -> None:
    some = [
        CheckResult("one", ok=True, detail="x"),
        CheckResult("two", ok=False, detail="Wrong.", hint="Do this."),
        CheckResult("three", None, "not checked: needs two"),
        CheckResult("four", None, "not checked: needs two"),
    ]
    assert to_lines(some) == [
        "TO DO: two. 1 of 4 checks are fine, 2 were not made.",
        "TO DO  two  Wrong. Do this.",
        "-      not checked: needs two: three, four",
        "fine   one  x",
    ]
    assert to_lines(some[:1])[0] == "WELL: 1 of 1 checks are fine."
    assert to_json(some)["ok"] is False
    assert to_json(some)["checks"][1] == {"id": "two", "ok": False, "detail": "Wrong.", "hint": "Do this."}
