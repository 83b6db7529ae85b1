"""Reads and writes ``etalase_report_state``: this edge as a reporter to head office."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from etalase.edge.database import cursor, translated
from etalase.edge.models import ReportState
from etalase.possession import Challenge
from etalase.report import ChallengeAnswer

T = TypeVar("T")


def load() -> ReportState:
    """Returns the one row; makes it where a copy of the tables came without rows."""
    with translated():
        state, _ = ReportState.objects.get_or_create(id=1)
        return state


def next_sequence() -> int:
    """Returns the number of the next report, which no other process gets."""
    with cursor() as db:
        db.execute("UPDATE etalase_report_state SET sequence = sequence + 1 WHERE id = 1 RETURNING sequence")
        return int(db.fetchone()[0])


def note_taken(*, faults_taken: str, sequence: int) -> None:
    """Records that head office took a report. A greater ``sequence`` than this edge's own is from before a restore."""
    with cursor() as db:
        db.execute(
            "UPDATE etalase_report_state SET faults_taken = %s, sequence = greatest(sequence, %s) WHERE id = 1",
            [faults_taken, sequence],
        )


def challenges() -> list[Challenge]:
    """Returns head office's challenges that are not answered yet; an unreadable one is left out."""
    return [one for value in _as_list(load().challenges) if (one := _as(Challenge, value)) is not None]


def keep_challenges(challenges: Sequence[Challenge]) -> None:
    """Keeps challenges in place of the earlier ones."""
    with translated():
        ReportState.objects.filter(id=1).update(challenges=msgspec.to_builtins(list(challenges)))


def answers() -> list[ChallengeAnswer]:
    """Returns the answers for the next report."""
    return [one for value in _as_list(load().answers) if (one := _as(ChallengeAnswer, value)) is not None]


def keep_answers(answers: Sequence[ChallengeAnswer]) -> None:
    """Keeps answers in place of the earlier ones."""
    with translated():
        ReportState.objects.filter(id=1).update(answers=msgspec.to_builtins(list(answers)))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _as(kind: type[T], value: Any) -> T | None:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def leave_out(until: datetime) -> None:
    """Records until when no report is sent; the next one has all its faults."""
    with translated():
        ReportState.objects.filter(id=1).update(left_out_until=until, faults_taken="")


def keep_digest(digest: str, *, of: str, verified: int) -> None:
    """Keeps the digest of the verified rows, with the mark of the rows."""
    with translated():
        ReportState.objects.filter(id=1).update(digest=digest, digest_of=of, verified=verified)


def note_look(at: datetime) -> None:
    """Records when a run last compared all objects with their rows."""
    with translated():
        ReportState.objects.filter(id=1).update(verified_at=at)


def mark_of_rows() -> str:
    """Returns a mark that changes with each write to the rows that the digest covers, and with what it leaves out.

    PostgreSQL gives each version of a row another place or transaction, so that no column has to be read.
    """
    with cursor() as db:
        db.execute(
            "SELECT concat_ws('/',"
            " (SELECT concat_ws(' ', count(*), sum(hashtext(ctid::text || ' ' || xmin::text)::bigint)) FROM product_photo),"
            " (SELECT md5(concat(string_agg(photo_id::text, '' ORDER BY photo_id))) FROM etalase_doubt),"
            " (SELECT md5(concat(string_agg(photo_id::text, '' ORDER BY photo_id))) FROM etalase_removal"
            " WHERE state <> 'applied'),"
            " (SELECT md5(concat(string_agg(photo_id || state, '' ORDER BY photo_id))) FROM etalase_own_photo))"
        )
        return str(db.fetchone()[0])
