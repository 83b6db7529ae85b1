"""Answers head office's challenges: reads the objects, here, and keeps the answers for the next report."""

from uuid import UUID

from etalase.edge.integrity import Damage
from etalase.edge.sync import storage
from etalase.edge.sync.plan.model import Row
from etalase.edge.sync.services import Bucket
from etalase.errors import ObjectMissing, ObjectStoreError
from etalase.possession import Challenge, proof_of
from etalase.protocol import is_md5
from etalase.report import ChallengeAnswer


def answer_challenges(bucket: Bucket, store_id: UUID) -> None:
    """Answers the challenges that are open. One whose object cannot be read now stays open.

    An object that is missing or damaged is marked, so that the next run fetches it again. Where one is, others may be, and only
    three are looked at here: the next run reads all of them, before this store can count as equal again.
    """
    state = storage.report_state.load()
    answers, unread = storage.report_state.answers(state), []
    # Head office gives a challenge again until it has an answer, which may be lost on its way.
    given = {one.nonce for one in answers}
    open_now = [one for one in storage.report_state.challenges(state) if one.nonce not in given]
    if not open_now:
        return
    rows = {row.id: row for row in storage.photos.with_ids([one.photo_id for one in open_now])}
    damaged: dict[UUID, Damage] = {}
    for one in open_now:
        try:
            answers.append(_answer(one, rows.get(one.photo_id), bucket, damaged))
        except ObjectStoreError:
            unread.append(one)
    if damaged:
        storage.damage_marks.mark(damaged)
        storage.checkpoint.update(store_id, {"compared_at": None})
    storage.report_state.keep_challenges(unread, answers=answers)


def _answer(challenge: Challenge, row: Row | None, bucket: Bucket, damaged: dict[UUID, Damage]) -> ChallengeAnswer:
    """Returns the answer by the row's object; adds a damaged one. Raises :class:`ObjectStoreError` where the bucket is away."""
    if row is None:
        return ChallengeAnswer(nonce=challenge.nonce, checksum=challenge.checksum)
    checksum = (row.checksum or "").lower()
    if checksum != challenge.checksum:  # other bytes by now, or not yet: neither proof nor fault
        return ChallengeAnswer(nonce=challenge.nonce, checksum=checksum if is_md5(checksum) else challenge.checksum)
    try:
        proof = proof_of(challenge, bucket.get(row.object_key))
        kind = Damage.CHANGED
    except ObjectMissing:
        proof, kind = None, Damage.MISSING
    if proof is None:
        damaged[row.id] = kind
    return ChallengeAnswer(nonce=challenge.nonce, checksum=checksum, proof=proof)
