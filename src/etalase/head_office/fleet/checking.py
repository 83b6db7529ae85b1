"""Checks the answers to challenges, in the worker: against bytes of head office whose MD5 it has just computed."""

import hmac
import logging
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection

from etalase.checksum import md5_hex
from etalase.errors import ObjectMissing
from etalase.head_office import ingest
from etalase.head_office.fleet_models import PossessionChallenge
from etalase.head_office.models import Photo
from etalase.possession import Challenge, proof_of

logger = logging.getLogger("etalase.head_office")

Outcome = PossessionChallenge.Outcome
# Between two of these the worker makes the renditions that are due.
BATCH: Final = 300


def check_answers() -> int:
    """Checks up to :data:`BATCH` answers, and returns how many. Raises :class:`ObjectStoreError` where the bucket is away.

    Stores with the same dishes are challenged with the same photos, so that each object is read once.
    """
    unchecked = PossessionChallenge.objects.filter(answered_at__isnull=False, outcome="").order_by("photo_id")[:BATCH]
    read: tuple[UUID, bytes | None] | None = None
    count = 0
    for answered in unchecked:
        photo = Photo.objects.filter(id=answered.photo_id).values_list("checksum", "object_key").first()
        if photo is None or photo[0] != answered.checksum or answered.answered_checksum != answered.checksum:
            _settle(answered, Outcome.VOID)
        else:
            if read is None or read[0] != answered.photo_id:
                read = answered.photo_id, _own_bytes(answered.photo_id, key=photo[1], checksum=photo[0])
            _settle(answered, _outcome(answered, read[1]))
        count += 1
    return count


def _own_bytes(photo_id: UUID, *, key: str, checksum: str) -> bytes | None:
    """Returns the bytes of head office's own object, None where they are not the promised ones."""
    try:
        body = ingest.bucket().get(key)
    except ObjectMissing:
        body = b""
    if md5_hex(body) == checksum:
        return body
    logger.error("head office's own object of photo %s is missing or damaged (%s): upload the photo again", photo_id, key)
    return None


def _outcome(answered: PossessionChallenge, body: bytes | None) -> Outcome:
    if body is None:
        return Outcome.UNCHECKED
    challenge = Challenge(
        nonce=answered.nonce,
        photo_id=answered.photo_id,
        checksum=answered.checksum,
        offset=answered.offset,
        length=answered.length,
    )
    expected = proof_of(challenge, body) or ""
    return Outcome.PROVED if hmac.compare_digest(expected, answered.proof or "") and expected else Outcome.FAILED


def _settle(answered: PossessionChallenge, outcome: Outcome) -> None:
    """Writes the outcome, and what it proves of the store."""
    changed = PossessionChallenge.objects.filter(nonce=answered.nonce, outcome="").update(outcome=outcome)
    column = {Outcome.PROVED: "possession_proved_at", Outcome.FAILED: "challenge_failed_at"}.get(outcome)
    if changed and column and answered.answered_at is not None:
        _note(answered.store_id, column, answered.answered_at)


def _note(store_id: UUID, column: str, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE head_office_store_report SET {column} = greatest({column}, %s) WHERE store_id = %s", [at, store_id]
        )
