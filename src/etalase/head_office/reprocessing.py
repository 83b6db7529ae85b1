"""Makes photos again from their uploads, for a new recipe or other limits; only a person starts it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from etalase.checksum import md5_hex
from etalase.errors import ObjectMissing, PictureRefused
from etalase.head_office import ingest, masters, versions
from etalase.head_office.images import refusals
from etalase.head_office.images.validate import Upload
from etalase.head_office.ingest import Offer, PhotoChange
from etalase.head_office.models import Assortment, Photo
from etalase.head_office.version_models import PhotoVersion
from etalase.protocol import printable


class Remade(StrEnum):
    """The result for one photo. ``lost``: its upload is missing; ``refused``: no picture for the recipe."""

    CHANGED = "changed"
    SAME = "same"
    LOST = "lost"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ReprocessScope:
    """The photos that another recipe has made than the present one, with their bytes, and the stores that show them."""

    photo_ids: tuple[UUID, ...]
    size_bytes: int
    stores: int


def scope() -> ReprocessScope:
    """Returns the photos to make again."""
    done = PhotoVersion.objects.filter(ends_at=None, recipe=str(ingest.recipe())).values("photo_id")
    photos = Photo.objects.exclude(id__in=done)
    stores = Assortment.objects.filter(product__in=photos.values("product_id")).values("store_id").distinct().count()
    ids = tuple(photos.order_by("position").values_list("id", flat=True))
    return ReprocessScope(ids, photos.aggregate(bytes=Sum("size"))["bytes"] or 0, stores)


@dataclass(frozen=True, slots=True)
class NotRemade:
    """A photo that could not be made again."""

    sku: str
    file: str
    reason: str

    @classmethod
    def of(cls, photo: Photo, reason: str) -> "NotRemade":
        """Returns the problem of this photo."""
        return cls(photo.product.sku, photo.filename, reason)

    def __str__(self) -> str:
        return f"{printable(self.sku)}: {printable(self.file)}: {self.reason}"


def reprocess(chosen: ReprocessScope, *, advanced: Callable[[int], None]) -> tuple[Counter[Remade], list[NotRemade]]:
    """Makes the photos again, one transaction each; ``advanced`` is called with the number of finished photos.

    A photo that has changed meanwhile stays. Raises :class:`ObjectStoreError` if a bucket fails; the next call continues.
    """
    results, problems = Counter[Remade](), list[NotRemade]()
    for photo_id in chosen.photo_ids:
        result = _remake(photo_id, problems)
        if result is not None:
            results[result] += 1
        advanced(1)
    return results, problems


def _remake(photo_id: UUID, problems: list[NotRemade]) -> Remade | None:
    photo = Photo.objects.filter(id=photo_id).select_related("product").first()
    if photo is None:
        return None
    upload = _upload(photo)
    if upload is None:
        problems.append(NotRemade.of(photo, "Its upload is missing or damaged in the buckets. Import its file again."))
        return Remade.LOST
    try:
        picture = ingest.make_picture(upload)
    except PictureRefused as refused:
        problems.append(NotRemade.of(photo, refusals.for_command(refused)))
        return Remade.REFUSED
    with transaction.atomic():
        ingest.lock(photo.product_id)
        present = Photo.objects.filter(id=photo_id).first()
        if present is None or (present.version, present.checksum) != (photo.version, photo.checksum):
            return None
        offer = Offer(
            source=present.source,
            filename=present.filename,
            upload=upload,
            is_primary=present.is_primary,
            sort_order=present.sort_order,
            photo_id=photo_id,
            picture=picture,
        )
        is_same = picture.checksum == photo.checksum
        change = ingest.accept(photo.product_id, offer, object_is_sound=is_same, is_remade=True)
    return Remade.CHANGED if change is PhotoChange.UPDATED else Remade.SAME


def _upload(photo: Photo) -> Upload | None:
    """Returns the photo's present upload, or None if it is lost. A photo from before the private bucket is its own."""
    known = versions.known_uploads([photo])[photo.id]
    body = masters.fetch(photo.id, known.checksum)
    if body is None and known.checksum == photo.checksum:
        try:
            body = ingest.bucket().get(photo.object_key)
        except ObjectMissing:
            return None
    return None if body is None or md5_hex(body) != known.checksum else Upload(body, known.checksum)
