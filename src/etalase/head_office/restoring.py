"""Puts an old version of a photo back."""

from uuid import UUID

from etalase.errors import UsageError
from etalase.head_office import ingest, masters
from etalase.head_office.images.validate import Picture, Upload
from etalase.head_office.ingest import Offer, PhotoChange
from etalase.head_office.models import Photo, Product
from etalase.head_office.version_models import PhotoVersion


def restore(photo_id: UUID, version: int, *, made_by: str = "") -> PhotoChange:
    """Puts the bytes of an old version back, as a new version under the photo's id and key; also of a deleted photo.

    Raises :class:`UsageError` if the version is not kept or its dish is gone, :class:`ObjectStoreError` if a bucket fails.
    """
    kept = PhotoVersion.objects.filter(photo_id=photo_id, version=version).first()
    if kept is None:
        raise UsageError(f"Version {version} of photo {photo_id} is not kept.")
    if not Product.objects.filter(id=kept.product_id).exists():
        raise UsageError(f"The dish of photo {photo_id} was deleted.")
    upload = masters.fetch(photo_id, kept.upload_checksum)
    body = masters.fetch(photo_id, kept.checksum)
    if upload is None or body is None:
        raise UsageError(f"The bytes of version {version} of photo {photo_id} are lost.")
    present = Photo.objects.filter(id=photo_id).first()
    has_primary = Photo.objects.filter(product_id=kept.product_id, is_primary=True).exists()
    offer = Offer(
        source=present.source if present else kept.source,
        filename=kept.filename,
        upload=Upload(upload, kept.upload_checksum),
        is_primary=present.is_primary if present else not has_primary,
        sort_order=present.sort_order if present else 0,
        photo_id=photo_id,
        picture=Picture(body, kept.content_type, kept.checksum),
        recipe=kept.recipe,
        made_by=made_by,
    )
    return ingest.accept(kept.product_id, offer, is_remade=True)
