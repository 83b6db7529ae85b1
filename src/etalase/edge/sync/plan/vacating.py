"""Finds photos that have to leave a key before another photo of head office's list gets it, and gives them keys. Pure.

Otherwise a product would show another product's picture from the put of the object to the commit of the rows (invariant I1).
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from etalase.edge.sync.plan.model import Kind, ProductPlan, Row, Step
from etalase.errors import PhotoError, Reason
from etalase.protocol import KEY_PREFIX, MAX_KEY_CHARS, Photo


def holders(photo: Photo, owners: Iterable[Row], everything: Mapping[UUID, Photo]) -> list[Row]:
    """Returns the rows of listed photos among the key's ``owners`` that have to leave it before ``photo`` gets it.

    Photos of one product do not wait for each other: each of their pictures is promised for the product.
    """
    return [
        row
        for row in owners
        if row.id != photo.id
        and (one := everything.get(row.id)) is not None
        and one.object_key != photo.object_key
        and row.object_etag != photo.checksum
        and not row.product_id == one.product_id == photo.product_id
    ]


def vacating(rows: Iterable[Row]) -> list[ProductPlan]:
    """Returns the moves of rows to keys of their own; bytes that are known to be damaged stay behind."""
    plans = []
    for row in {row.id: row for row in rows}.values():
        photo = as_it_is(row, object_key=moving_key(row.id, row.object_key))
        is_whole = row.object_etag == (row.checksum or "").lower()
        kind, source = (Kind.COPY, row.object_key) if is_whole else (Kind.ROW, None)
        plans.append(ProductPlan(row.product_id, (Step(photo, kind, copy_from=source, row_key=row.object_key, vacates=True),)))
    return plans


def still_held(key: str, holder: UUID) -> PhotoError:
    """Returns the error of a photo whose key its ``holder`` has not left."""
    return PhotoError(Reason.WAITS_FOR_SIBLING, f"photo {holder} has to leave {key} first, and could not")


def last_photo_kept() -> PhotoError:
    """Returns the error of a product's last photo that would leave the product bare (hazard 79)."""
    return PhotoError(Reason.WAITS_FOR_SIBLING, "stays with its old product until that product's new photo is here")


def moving_key(photo_id: UUID, key: str) -> str:
    """Returns a key beside ``key`` that HO gives no photo, for the time until the photo gets its listed one."""
    folder, _, name = key.rpartition("/")
    extension = name.rpartition(".")[2] if "." in name else "jpg"
    beside = f"{folder}/moving-{photo_id}.{extension}"
    is_allowed = beside.startswith(KEY_PREFIX) and len(beside.encode()) <= MAX_KEY_CHARS
    return beside if is_allowed else f"{KEY_PREFIX}moving-{photo_id}"


def as_it_is(row: Row, *, object_key: str | None = None) -> Photo:
    """Returns the photo of a row, with another key where one is given."""
    return Photo(
        id=row.id,
        product_id=row.product_id,
        object_key=object_key or row.object_key,
        size=row.size,
        content_type=row.content_type,
        checksum=row.checksum and row.checksum.lower(),
        is_primary=row.is_primary,
        updated_at=row.updated_at,
        image_url="",
        filename=row.filename,
        version=row.version,
        sort_order=row.sort_order,
        product_sku=None,
        product_name=None,
    )
