"""Finds out which stores show a photo, from their checkpoints and faults: there is no row for each photo and store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from etalase.fault_side import FaultSide
from etalase.head_office.database import prepared_cursor
from etalase.head_office.fleet.comparison import DigestProof
from etalase.head_office.fleet.overview import JudgedStore, Reach, overview
from etalase.head_office.fleet.states import StateCause, StoreState
from etalase.head_office.models import Account, Photo
from etalase.head_office.permissions import own_rows

NOT_FETCHED: Final = "not_fetched"
CHALLENGE_FAILED: Final = "challenge_failed"
# Nothing is known of their photos now.
SILENT_STATES: Final = frozenset({StoreState.REVOKED, StoreState.NEVER, StoreState.ASKS, StoreState.SILENT})
# Two machines, or a list that differs without a named photo: any photo may be meant.
DOUBTS: Final = frozenset({StateCause.TWO_EDGES, StateCause.CLONED, StateCause.DIFFERENT})


@dataclass(frozen=True, slots=True)
class MissingPhoto:
    """A store that does not show the photo. ``side`` is None where nobody has to act: the store fetches it by its next run."""

    store: JudgedStore
    reason: str
    side: str | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class PhotoStores:
    """Where a photo is shown. ``unknown`` are stores of which head office cannot tell."""

    photo: Photo
    selling: int
    showing: int
    missing: Sequence[MissingPhoto]
    unknown: Sequence[JudgedStore]


def stores_of_photo(account: Account, reach: Reach, photo_id: UUID) -> PhotoStores | None:
    """Returns the stores of a photo, None if it does not exist or is of a company that the account does not see."""
    photo = own_rows(Photo.objects.select_related("product"), account).filter(id=photo_id).first()
    if photo is None:
        return None
    judged = {store.id: store for store in overview(reach).stores}
    with prepared_cursor() as cursor:
        cursor.execute(SELLING, {"photo_id": photo_id, "product_id": photo.product_id})
        rows = [(judged[row[0]], *row[1:]) for row in cursor if row[0] in judged]
    missing, unknown = [], []
    for store, *facts in rows:
        lack = _missing(store, *facts)
        if lack is not None:
            missing.append(lack)
        elif not _is_known(store, faults_cut=facts[-1]):
            unknown.append(store)
    return PhotoStores(photo, len(rows), len(rows) - len(missing) - len(unknown), missing, unknown)


def _missing(
    store: JudgedStore,
    changed_at: datetime,
    checkpoint: datetime | None,
    reason: str | None,
    side: str | None,
    since: datetime | None,
    has_failed: bool,
    _faults_cut: Any,
) -> MissingPhoto | None:
    if store.state in SILENT_STATES:
        return None
    if reason is not None:
        return MissingPhoto(store, reason, side, since)
    if has_failed:
        return MissingPhoto(store, CHALLENGE_FAILED, FaultSide.STORE.value, store.known.challenge_failed_at)
    if checkpoint is None or changed_at >= checkpoint:
        return MissingPhoto(store, NOT_FETCHED, None, changed_at)
    return None


def _is_known(store: JudgedStore, *, faults_cut: int | None) -> bool:
    """Returns whether the absence of a fault proves that the store shows the photo."""
    if store.state in SILENT_STATES or faults_cut or DOUBTS & {because.cause for because in store.verdict.because}:
        return False
    return store.known.comparison in {DigestProof.EQUAL, DigestProof.BEHIND, DigestProof.DIFFERENT}


# The last answer to a challenge for this photo counts, of stores whose newest answer failed.
SELLING = """
SELECT a.store_id::text, greatest(a.updated_at, f.updated_at, p.updated_at), r.checkpoint, x.reason, x.side, x.since,
    r.challenge_failed_at IS NOT NULL AND coalesce((
        SELECT outcome = 'failed' FROM head_office_challenge
        WHERE store_id = a.store_id AND photo_id = f.id AND outcome IN ('proved', 'failed') ORDER BY answered_at DESC LIMIT 1
    ), false), r.faults_cut
FROM (SELECT id, product_id, updated_at FROM head_office_photo WHERE id = %(photo_id)s OFFSET 0) f
CROSS JOIN LATERAL (SELECT updated_at FROM head_office_product WHERE id = f.product_id OFFSET 0) p
JOIN head_office_assortment a ON a.product_id = %(product_id)s
LEFT JOIN head_office_store_report r ON r.store_id = a.store_id
LEFT JOIN head_office_store_fault x ON x.store_id = a.store_id AND x.photo_id = %(photo_id)s
"""
