"""Throttles guesses of codes, by address and overall (hazard 52, ADR 0020).

Failures count by different codes: a machine that repeats an expired code counts once, so that other stores behind the same NAT
can still join. With 55 random bits and the overall limit, a guesser of seven days finds one of 10,000 open codes with a
probability of 2 in 10 million.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from etalase.head_office.invitation_models import WrongCode

WINDOW: Final = timedelta(minutes=15)
CODES_OF_AN_ADDRESS: Final = 30
CODES_OVERALL: Final = 1000


def locked_seconds(address: str) -> int | None:
    """Returns the seconds until a code from this address is looked at, or None while it is."""
    now = timezone.now()
    # A failure with a future time, from a clock that was ahead, must not lock anybody.
    counted = WrongCode.objects.filter(at__gt=now - WINDOW, at__lte=now).order_by("-at")
    limits = ((counted.filter(address=address), CODES_OF_AN_ADDRESS), (counted, CODES_OVERALL))
    ends = [failed.at + WINDOW for rows, most in limits if (failed := _nth(rows, most)) is not None]
    return max(1, round((max(ends) - now).total_seconds())) if ends else None


def count_wrong(address: str, code_hash: str) -> None:
    """Counts a wrong code, and deletes the failures that count no longer."""
    now = timezone.now()
    delete_old_failures(now)
    WrongCode.objects.bulk_create([WrongCode(address=address, code_hash=code_hash, at=now)], ignore_conflicts=True)


def delete_old_failures(now: datetime) -> int:
    """Deletes the failures that count no longer at ``now``; returns their number."""
    return WrongCode.objects.filter(at__lte=now - WINDOW).delete()[0]


def _nth(rows: QuerySet[WrongCode], number: int) -> WrongCode | None:
    return next(iter(rows[number - 1 : number]), None)
