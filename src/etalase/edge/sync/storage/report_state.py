"""Reads and writes ``etalase_report_state``: this edge as a reporter to head office."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

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


def challenges(state: ReportState) -> list[Challenge]:
    """Returns head office's challenges that are not answered yet; an unreadable one is left out."""
    return list(_readable(Challenge, state.challenges))


def answers(state: ReportState) -> list[ChallengeAnswer]:
    """Returns the answers for the next report; an unreadable one is left out."""
    return list(_readable(ChallengeAnswer, state.answers))


def keep_challenges(challenges: Sequence[Challenge], *, answers: Sequence[ChallengeAnswer]) -> None:
    """Keeps challenges and answers in place of the earlier ones."""
    _update(challenges=msgspec.to_builtins(list(challenges)), answers=msgspec.to_builtins(list(answers)))


def _readable(kind: type[T], values: object) -> Iterator[T]:
    for value in values if isinstance(values, list) else []:
        with suppress(msgspec.ValidationError):
            yield msgspec.convert(value, kind)


def leave_out(until: datetime) -> None:
    """Records until when no report is sent; the next one has all its faults."""
    _update(left_out_until=until, faults_taken="")


def keep_digest(digest: str, *, of: str, verified: int) -> None:
    """Keeps the digest of the verified rows, with the mark of the rows."""
    _update(digest=digest, digest_of=of, verified=verified)


def note_look(at: datetime) -> None:
    """Records when a run last compared all objects with their rows."""
    _update(verified_at=at)


def _update(**values: object) -> None:
    with translated():
        ReportState.objects.filter(id=1).update(**values)


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
