"""Compares this server's clock with that of another server, by the Date of its response. Pure."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from etalase.doctor.check import Fault, NotChecked

# S3 refuses a request from 15 minutes on; a clock that is off by a third of that runs away.
MAX_SKEW_SECONDS = 5 * 60


def compare(date: str, *, here: float, whose: str) -> str:
    """Returns how far the clocks differ. Raises :class:`Fault` beyond :data:`MAX_SKEW_SECONDS`; ``here`` is Unix time."""
    try:
        there = parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        raise NotChecked(f"{whose} sends no date") from None
    skew = here - there
    if abs(skew) <= MAX_SKEW_SECONDS:
        return f"{abs(skew):.0f} seconds from that of {whose}"
    how = "fast" if skew > 0 else "slow"
    ours, theirs = (f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S}" for moment in (here, there))
    raise Fault(
        f"Compared with {whose}, this server's clock is {abs(skew) / 60:.0f} minutes {how} (here {ours}, there {theirs}, UTC).",
        hint="Set this server's clock (timedatectl set-ntp true); if it is right, that of the other server.",
    )
