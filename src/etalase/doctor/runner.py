"""Runs checks in parallel, each within its own time limit and all within one.

Threads, not a pool: a check that hangs in a library is left behind, and must keep neither the others nor the process.
"""

import logging
import queue
import threading
import time
from collections.abc import Sequence

import django.db

from etalase.doctor.check import Check, CheckResult, NotChecked, next_step
from etalase.errors import EtalaseError
from etalase.redaction import redacted

# Django itself takes most of the fifth second.
ALL_SECONDS = 4.0
TIME_OVER = "not checked: the time for all checks was over"

logger = logging.getLogger("etalase.doctor")


def run(checks: Sequence[Check], *, all_seconds: float = ALL_SECONDS) -> list[CheckResult]:
    """Returns the result of each check, in the order of ``checks``."""
    results: dict[str, CheckResult] = {}
    ended: queue.SimpleQueue[CheckResult] = queue.SimpleQueue()
    limits: dict[str, float] = {}
    over = time.monotonic() + all_seconds
    while True:
        _settle(checks, results, limits, ended, over)
        if not limits:
            break
        try:
            result = ended.get(timeout=max(0.0, min(limits.values()) - time.monotonic()))
        except queue.Empty:
            _give_up(checks, results, limits, over)
        else:
            if limits.pop(result.id, None) is not None:
                results[result.id] = result
        if time.monotonic() >= over:
            _give_up(checks, results, limits, over)
            break
    return [results.get(check.id, CheckResult(check.id, None, TIME_OVER)) for check in checks]


def _settle(
    checks: Sequence[Check],
    results: dict[str, CheckResult],
    limits: dict[str, float],
    ended: "queue.SimpleQueue[CheckResult]",
    over: float,
) -> None:
    """Starts what can start, and records what cannot be made."""
    while True:
        step = next_step(checks, results, limits)
        results |= {result.id: result for result in step.skipped}
        for check in step.start:
            limits[check.id] = min(over, time.monotonic() + check.seconds)
            threading.Thread(target=_make, args=(check, ended), name=f"etalase-doctor-{check.id}", daemon=True).start()
        if not step.skipped:
            return


def _give_up(checks: Sequence[Check], results: dict[str, CheckResult], limits: dict[str, float], over: float) -> None:
    now = time.monotonic()
    for check in checks:
        if check.id in limits and (limits[check.id] <= now or over <= now):
            del limits[check.id]
            said = f"no answer within {check.seconds:g} seconds" if now < over else "no answer before the time was over"
            results[check.id] = CheckResult(check.id, ok=False, detail=said, hint=check.late)


def _make(check: Check, ended: "queue.SimpleQueue[CheckResult]") -> None:
    try:
        ended.put(CheckResult(check.id, ok=True, detail=redacted(check.look())))
    except NotChecked as why:
        ended.put(CheckResult(check.id, None, f"not checked: {why.message}", why.hint))
    except EtalaseError as error:
        ended.put(CheckResult(check.id, ok=False, detail=error.message, hint=error.hint))
    except Exception as error:  # a defect of one check says nothing of the others
        logger.exception("unexpected error in the check %s", check.id)
        said = redacted(f"unexpected error in the check: {type(error).__name__}: {error}")[:500]
        ended.put(CheckResult(check.id, ok=False, detail=said, hint="This is a defect of Etalase: please report it."))
    finally:
        django.db.connections.close_all()  # those of this thread
