"""Challenges stores to prove that they have the bytes of some photos, and keeps their answers for the worker to check.

A store gets up to three photos of its list, three times a day; after a failure the same photos again, until they are proved.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from etalase.head_office.database import prepared_cursor
from etalase.possession import NONCE_BYTES, Challenge, range_of
from etalase.report import MAX_ANSWERS, ChallengeAnswer

VALID_FOR: Final = timedelta(hours=26)
# A proof lasts for a day: two of these may fail to arrive.
PROVE_AGAIN_AFTER: Final = timedelta(hours=8)


def is_due(*, proved_at: datetime | None, failed_at: datetime | None, unchecked_at: datetime | None, now: datetime) -> bool:
    """Returns whether a store without open challenges gets new ones: not before the worker has checked its last answers."""
    if unchecked_at is not None and now - unchecked_at < PROVE_AGAIN_AFTER:
        return False
    if proved_at is None or (failed_at is not None and failed_at >= proved_at):
        return True
    return now - proved_at >= PROVE_AGAIN_AFTER


def open_challenges(kept: str | None) -> list[Challenge]:
    """Returns the open challenges of a store from the JSON of :data:`OPEN`."""
    return msgspec.json.decode(kept, type=list[Challenge]) if kept else []


def issue(store_id: UUID, *, now: datetime) -> list[Challenge]:
    """Makes and keeps new challenges for the store: those of the last failures first, then photos by chance."""
    with prepared_cursor() as cursor:
        cursor.execute(FAILED, {"store_id": store_id, "limit": MAX_ANSWERS})
        rows = cursor.fetchall()
        if len(rows) < MAX_ANSWERS:
            known = [row[0] for row in rows]
            start, limit = UUID(bytes=secrets.token_bytes(16)), MAX_ANSWERS - len(rows)
            cursor.execute(CHOSEN, {"store_id": store_id, "from": start, "limit": limit, "known": known})
            rows += cursor.fetchall()
        made = [_challenge(*row) for row in rows]
        for one in made:
            fields: dict[str, Any] = msgspec.structs.asdict(one)
            cursor.execute(KEEP, {**fields, "store_id": store_id, "made_at": now, "expires_at": now + VALID_FOR})
    return made


def _challenge(photo_id: UUID, checksum: str, size: int) -> Challenge:
    offset, length = range_of(size, at=secrets.randbits(31))
    return Challenge(nonce=secrets.token_hex(NONCE_BYTES), photo_id=photo_id, checksum=checksum, offset=offset, length=length)


def keep_answers(store_id: UUID, answers: Sequence[ChallengeAnswer], *, now: datetime) -> None:
    """Keeps the answers to open challenges of this store; any other answer is ignored."""
    with prepared_cursor() as cursor:
        for answer in answers:
            values: dict[str, Any] = msgspec.structs.asdict(answer)
            cursor.execute(ANSWER, {**values, "store_id": store_id, "now": now})


OPEN = """
(SELECT json_agg(json_build_object(
    'nonce', nonce, 'photo_id', photo_id, 'checksum', checksum, 'offset', "offset", 'length', length
))::text
FROM head_office_challenge
WHERE store_id = %(store_id)s AND answered_at IS NULL AND expires_at > head_office_clock())
"""

UNCHECKED_AT = """
(SELECT max(answered_at) FROM head_office_challenge WHERE store_id = %(store_id)s AND answered_at IS NOT NULL AND outcome = '')
"""

# Photos whose last challenge failed, and which are listed with the same bytes or others.
FAILED = """
SELECT f.id, f.checksum, f.size
FROM (
    SELECT DISTINCT ON (photo_id) photo_id, outcome FROM head_office_challenge
    WHERE store_id = %(store_id)s AND answered_at IS NOT NULL ORDER BY photo_id, answered_at DESC
) newest
JOIN head_office_photo f ON f.id = newest.photo_id
JOIN head_office_assortment a ON a.product_id = f.product_id AND a.store_id = %(store_id)s
WHERE newest.outcome = 'failed'
LIMIT %(limit)s
"""

# Ids are random, so that those after a random id are a choice by chance; the least ones follow the greatest.
CHOSEN = """
SELECT f.id, f.checksum, f.size
FROM (
    (SELECT 0 AS turn, product_id FROM head_office_assortment
     WHERE store_id = %(store_id)s AND product_id >= %(from)s ORDER BY product_id LIMIT 20)
    UNION ALL
    (SELECT 1, product_id FROM head_office_assortment
     WHERE store_id = %(store_id)s AND product_id < %(from)s ORDER BY product_id LIMIT 20)
) sold
CROSS JOIN LATERAL (
    SELECT id, checksum, size FROM head_office_photo
    WHERE product_id = sold.product_id AND id <> ALL(%(known)s::uuid[]) ORDER BY md5(id::text || %(from)s::text) LIMIT 1
) f
ORDER BY turn, product_id LIMIT %(limit)s
"""

KEEP = """
INSERT INTO head_office_challenge
    (nonce, store_id, photo_id, checksum, "offset", length, made_at, expires_at, answered_checksum, outcome)
VALUES (%(nonce)s, %(store_id)s, %(photo_id)s, %(checksum)s, %(offset)s, %(length)s, %(made_at)s, %(expires_at)s, '', '')
"""

ANSWER = """
UPDATE head_office_challenge SET answered_at = %(now)s, proof = %(proof)s, answered_checksum = %(checksum)s
WHERE nonce = %(nonce)s AND store_id = %(store_id)s AND answered_at IS NULL AND expires_at > %(now)s
"""
