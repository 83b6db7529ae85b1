"""Checks of head office's worker: it lives, and each photo has its renditions or waits for them."""

from etalase import formatting
from etalase.doctor.check import Check, Fault, NotChecked
from etalase.formatting import counted
from etalase.head_office import heartbeat
from etalase.head_office.renditions.queue import counts

READS = ("database_rights", "tables")


def checks() -> list[Check]:
    """Returns the checks, in the order in which they are shown."""
    return [Check("worker", worker, needs=READS), Check("renditions", renditions, needs=READS)]


def worker() -> str:
    """Checks that a worker has written its heartbeat lately."""
    age = heartbeat.age()
    if age is None and not counts().waiting:
        raise NotChecked("no worker has run yet, and no photo waits for it")
    if age is None or age > heartbeat.ALIVE_WITHIN:
        since = "yet" if age is None else f"for {formatting.duration(age.total_seconds())}"
        raise Fault(
            f"No worker of head office has run {since}: new photos go out without renditions.",
            hint="Start it: systemctl start etalase-head-office-worker (etalase head-office worker).",
        )
    return f"last heartbeat {formatting.duration(max(age.total_seconds(), 0))} ago"


def renditions() -> str:
    """Checks that no photo was refused; those that wait are the worker's."""
    lacking = counts()
    if lacking.failed:
        raise Fault(
            f"{counted(lacking.failed, 'photo')} without renditions, because making them failed.",
            hint="etalase head-office renditions tries again, and names each with its reason.",
        )
    return f"those of {counted(lacking.waiting, 'photo')} wait" if lacking.waiting else "every photo has its own"
