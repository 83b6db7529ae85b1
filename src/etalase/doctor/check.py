"""A check of the doctor, its result, and the decision which check runs next. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from etalase.errors import EtalaseError
from etalase.protocol import printable

# A check beyond its limit has failed: a person waits. Each request in it has a shorter limit of its own.
CHECK_SECONDS = 3.0
LATE = "Something swallows the connection, or the link is very slow: look at firewall, address and port."


class Fault(EtalaseError):
    """The check found a fault; the message says which, the hint what to do."""


class NotChecked(EtalaseError):
    """The check cannot be made here, which is not a fault; the message says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at. ``look`` returns the detail of a good result, or raises :class:`Fault` or :class:`NotChecked`.

    It starts once all in ``needs`` are fine, and all in ``after`` have ended. Beyond ``seconds`` it fails, with the hint
    ``late``.
    """

    id: str
    look: Callable[[], str]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    seconds: float = CHECK_SECONDS
    late: str = LATE


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check; ``ok`` is None where it was not checked."""

    id: str
    ok: bool | None
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class NextChecks:
    """The checks that can start now, and the results of those that never will."""

    start: list[Check] = field(default_factory=list)
    skipped: list[CheckResult] = field(default_factory=list)


def next_step(checks: Sequence[Check], results: Mapping[str, CheckResult], running: Collection[str]) -> NextChecks:
    """Returns the next checks, given ``results``. Each call settles one more layer of dependent checks."""
    step = NextChecks()
    by_id = {check.id: check for check in checks}
    for check in checks:
        if check.id in results or check.id in running:
            continue
        if (cause := _cause(check, by_id, results)) is not None:
            step.skipped.append(CheckResult(check.id, None, f"not checked: needs {cause}"))
        elif all(need in results for need in (*check.needs, *check.after) if need in by_id):
            step.start.append(check)
    return step


def _cause(check: Check, by_id: Mapping[str, Check], results: Mapping[str, CheckResult]) -> str | None:
    """Returns the id of the failed check that prevents this one: the first in the chain, or None."""
    for need in check.needs:
        if need in results and not results[need].ok:
            deeper = _cause(by_id[need], by_id, results) if results[need].ok is None else None
            return deeper or need
    return None


def is_ok(results: Collection[CheckResult]) -> bool:
    """Returns whether no check found a fault."""
    return all(result.ok is not False for result in results)


def to_json(results: Sequence[CheckResult]) -> dict[str, Any]:
    """Returns the object of ``--json``."""
    checks = [{"id": result.id, "ok": result.ok, "detail": result.detail, "hint": result.hint} for result in results]
    return {"ok": is_ok(results), "checks": checks}


def to_lines(results: Sequence[CheckResult]) -> list[str]:
    """Returns the verdict, then a line a check: the faults first."""
    faults = [result for result in results if result.ok is False]
    unknown = [result for result in results if result.ok is None]
    fine = [result for result in results if result.ok]
    counts = f"{len(fine)} of {len(results)} checks are fine" + (f", {len(unknown)} were not made" if unknown else "")
    verdict = f"TO DO: {', '.join(fault.id for fault in faults)}. {counts}." if faults else f"WELL: {counts}."
    width = max((len(result.id) for result in (*faults, *fine)), default=0)
    lines = [f"TO DO  {fault.id:<{width}}  {fault.detail} {fault.hint}".rstrip() for fault in faults]
    reasons = dict.fromkeys(result.detail for result in unknown)
    lines += [f"-      {why}: {', '.join(result.id for result in unknown if result.detail == why)}" for why in reasons]
    lines += [f"fine   {result.id:<{width}}  {result.detail}".rstrip() for result in fine]
    return [verdict, *map(printable, lines)]  # details quote head office's names
