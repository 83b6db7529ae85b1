"""Makes the renditions of one photo: objects before rows, rows only if the photo is still the one that was read."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from etalase.checksum import md5_hex
from etalase.errors import ObjectMissing, ObjectRefused, PictureFault, PictureRefused
from etalase.head_office import ingest, obsolete
from etalase.head_office.models import Photo, PhotoRenditionSet, Rendition
from etalase.head_office.renditions import queue
from etalase.objectstore.client import IMMUTABLE
from etalase.pictures.making import FocalPoint, MadeRenditions, make_renditions
from etalase.renditions import key_of

logger = logging.getLogger("etalase.head_office")

# After a failure that may pass.
RETRY = timedelta(hours=1)
# The time after a photo's change in which a picture that needed too much memory or time is tried again.
MAY_PASS = timedelta(days=1)
MAX_PROBLEM_CHARS = 500
CENTRE = FocalPoint()


@dataclass(frozen=True, slots=True)
class MadeSet:
    """The result for one photo: the bytes of its renditions, or the reason of the failure."""

    photo_id: UUID
    size_bytes: int = 0
    problem: str = ""


class _NotMade(Exception):
    """The photo has no renditions now. ``may_pass``: a later attempt may succeed with the same photo."""

    def __init__(self, reason: str, *, may_pass: bool) -> None:
        super().__init__(reason)
        self.may_pass = may_pass


def make_set(photo_id: UUID) -> MadeSet | None:
    """Makes the renditions of a photo. Returns None where nothing is to do: made meanwhile, or in another process now.

    Raises :class:`ObjectStoreError` where the bucket fails for every photo, and Django's database errors; the photo stays due.
    """
    with queue.alone_with(photo_id) as is_mine:
        if not is_mine or not PhotoRenditionSet.objects.filter(photo_id=photo_id, due_at__isnull=False).exists():
            return None
        photo = Photo.objects.filter(id=photo_id).first()
        if photo is None:
            return None
        try:
            made = _made(photo)
            for one in made.renditions:
                key = key_of(photo_id, one)
                # Until its row is there, the object is one that nobody needs: a crash leaves nothing behind.
                obsolete.retire(key, timezone.now() + obsolete.GRACE)
                ingest.bucket().put(key, one.body, content_type=one.content_type, cache_control=IMMUTABLE)
        except (_NotMade, ObjectRefused) as error:
            may_pass = error.may_pass if isinstance(error, _NotMade) else True
            return MadeSet(photo_id, problem=str(error)) if _keep_problem(photo, str(error), may_pass=may_pass) else None
        size_bytes = sum(len(one.body) for one in made.renditions)
        return MadeSet(photo_id, size_bytes) if _commit(photo, made) else None


def _made(photo: Photo) -> MadeRenditions:
    """Returns the renditions of the photo's object. Raises :class:`_NotMade` for a fault of this photo."""
    try:
        body = ingest.bucket().get(photo.object_key)
    except ObjectMissing as error:
        raise _NotMade("Its object is missing in the bucket: import or upload it again.", may_pass=True) from error
    if md5_hex(body) != photo.checksum:
        raise _NotMade("Its object in the bucket is damaged: import or upload it again.", may_pass=True)
    point = CENTRE if photo.focal_x is None or photo.focal_y is None else FocalPoint(photo.focal_x, photo.focal_y)
    try:
        return make_renditions(body, focal_point=point)
    except PictureRefused as error:
        raise _NotMade(str(error), may_pass=may_pass(error.code, timezone.now() - photo.updated_at)) from error
    except Exception as error:
        # Decoders meet hostile bytes: whatever one photo causes, the next one is made.
        logger.exception("unexpected error: the renditions of a photo cannot be made", extra={"photo_id": str(photo.id)})
        raise _NotMade(f"Unexpected error: {type(error).__name__}.", may_pass=True) from error


def may_pass(fault: PictureFault, age: timedelta) -> bool:
    """Returns whether another attempt can help a photo that changed ``age`` ago: the machine may have been short of memory."""
    return fault is PictureFault.TOO_COMPLEX and age < MAY_PASS


@transaction.atomic
def _commit(photo: Photo, made: MadeRenditions) -> bool:
    """Writes the rows and returns True, unless the photo has changed since it was read: then it is due again."""
    if not _is_unchanged(photo):
        return False
    now = {(one.width, one.height, len(one.body), one.content_type, one.checksum) for one in made.renditions}
    rows = Rendition.objects.filter(set_id=photo.id)
    if set(rows.values_list("width", "height", "size", "content_type", "checksum")) != now:
        rows.delete()
        Rendition.objects.bulk_create(
            Rendition(set_id=photo.id, width=width, height=height, size=size, content_type=content_type, checksum=checksum)
            for width, height, size, content_type, checksum in now
        )
    obsolete.claim(*(key_of(photo.id, one) for one in made.renditions))
    PhotoRenditionSet.objects.filter(photo_id=photo.id).update(
        photo_checksum=photo.checksum, recipe=queue.RECIPE, thumbhash=made.thumbhash, due_at=None, problem=""
    )
    return True


@transaction.atomic
def _keep_problem(photo: Photo, problem: str, *, may_pass: bool) -> bool:
    if not _is_unchanged(photo):
        return False
    PhotoRenditionSet.objects.filter(photo_id=photo.id).update(
        problem=problem[:MAX_PROBLEM_CHARS], due_at=Now() + RETRY if may_pass else None
    )
    return True


def _is_unchanged(photo: Photo) -> bool:
    """Returns whether the photo still has the bytes and the focal point that were read, and keeps it so for the transaction."""
    fields = {"checksum": photo.checksum, "focal_x": photo.focal_x, "focal_y": photo.focal_y}
    return [fields] == list(Photo.objects.select_for_update(no_key=True).filter(id=photo.id).values(*fields))
