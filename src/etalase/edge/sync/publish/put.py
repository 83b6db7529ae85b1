"""Fetches, verifies and puts the photos of one product; objects always before rows (invariant I1).

Runs in the workers and writes to the object store only. The run commits each :class:`ProductResult`, product by product.
"""

from collections.abc import Callable
from dataclasses import replace

import msgspec

from etalase.checksum import md5_hex
from etalase.edge.integrity import Damage
from etalase.edge.sync.download.proof import verified
from etalase.edge.sync.plan.model import Kind, ProductPlan, Step
from etalase.edge.sync.plan.vacating import last_photo_kept, still_held
from etalase.edge.sync.product_result import ProductResult
from etalase.edge.sync.services import PhotoSource, PublishBucket
from etalase.errors import ObjectChanged, ObjectMissing, ObjectStoreError, PhotoError, Reason
from etalase.media_types import MAGIC_BYTES, sniff_type
from etalase.objectstore.model import Body
from etalase.pictures.reading import structural_damage
from etalase.protocol import Photo


def put_product(
    plan: ProductPlan, images: PhotoSource, bucket: PublishBucket, *, fetch: Callable[[Photo], Body]
) -> ProductResult:
    """Fetches the product's photos with ``fetch``, verifies and puts them.

    The failure of one raises nothing and harms no other.
    """
    result = ProductResult(plan)
    if plan.entangled:
        moving = [step for step in plan.steps if step.kind is not Kind.ROW]
        in_hand = {step.photo.id: body for step in moving if (body := _bytes(step, fetch, bucket, result)) is not None}
        for step in plan.steps:
            if step.kind is Kind.ROW:
                result.published.append(step)
            elif step.photo.id in in_hand:
                _place(step, in_hand.pop(step.photo.id), images, bucket, result)
    else:
        for step in plan.steps:
            if step.kind is Kind.ROW:
                result.published.append(step)
            elif (body := _bytes(step, fetch, bucket, result)) is not None:
                _place(step, body, images, bucket, result)
    if plan.exchange and result.failed:
        _keep_all(result)
    _keep_a_primary(result)
    return result


def _bytes(step: Step, fetch: Callable[[Photo], Body], bucket: PublishBucket, result: ProductResult) -> Body | None:
    try:
        if step.copy_from is not None and (body := _copied(step, step.copy_from, bucket, result)) is not None:
            return body
        return fetch(step.photo)
    except PhotoError as error:
        result.failed.append((step, error))
        return None


def _copied(step: Step, source: str, bucket: PublishBucket, result: ProductResult) -> Body | None:
    """Returns the bytes under ``source``, or None where they are not the photo's: then head office has them."""
    try:
        body = bucket.get(source)
        return verified(body, step.photo)
    except ObjectMissing:
        damage = Damage.MISSING
    except ObjectStoreError:
        damage = Damage.UNREADABLE
    except PhotoError:
        if md5_hex(body) == step.photo.checksum:
            return None  # the source is intact, so head office's other fields of this photo are wrong
        damage = Damage.CHANGED
    if source != step.photo.object_key:
        result.rotten.append((source, step.photo.checksum or "", damage))
    return None


def _place(step: Step, body: Body, images: PhotoSource, bucket: PublishBucket, result: ProductResult) -> None:
    key = step.photo.object_key or ""
    if step.overwrites_live_key and (sibling := _not_moved_away(step, key, result)):
        result.failed.append((step, still_held(key, sibling.photo.id)))
        return
    content_type = sniff_type(body[:MAGIC_BYTES]) or ""  # never empty: it was verified
    try:
        etag = _put(step, key, body, content_type, bucket)
        if not is_kept(bucket, key, etag, step.photo.checksum):
            result.unsettled_keys.add(key)
            detail = f"the object store keeps other bytes under {key} than it was given"
            result.failed.append((step, PhotoError(Reason.STORE_CONFLICT, detail)))
            return
    except ObjectStoreError as error:
        images.keep(step.photo, body)
        result.unsettled_keys.add(key)
        result.failed.append((step, PhotoError(error.reason, str(error))))
        return
    result.published.append(step)
    if content_type != step.photo.content_type:
        result.retyped.append((step.photo, content_type))
    if damage := structural_damage(body):
        result.damaged.append((step.photo, damage))
    images.done(step.photo)


def _not_moved_away(step: Step, key: str, result: ProductResult) -> Step | None:
    return next((failed for failed, _ in result.failed if failed.row_key == key and failed.photo.id != step.photo.id), None)


def _put(step: Step, key: str, body: Body, content_type: str, bucket: PublishBucket) -> str:
    """Puts the object in the place of the one that the plan knows, or of another one that is there by now (hazard 21).

    Where the plan knows of no object, no row names the key, and an object there may be overwritten.
    """
    try:
        return bucket.put(key, body, content_type=content_type, if_match=step.replaces or None)
    except ObjectChanged:
        # A repair by hand, or our own put whose response was lost: the lock excludes other writers.
        there = bucket.head(key)
        return bucket.put(key, body, content_type=content_type, if_match=there.etag if there else None)


def is_kept(bucket: PublishBucket, key: str, etag: str, checksum: str | None) -> bool:
    """Returns whether the store keeps the bytes with this MD5 that it was given. Reads them where the ETag is not an MD5."""
    return etag == checksum or bucket.read_through(key).digest == checksum


def _keep_all(result: ProductResult) -> None:
    """Keeps each product's photo where products exchange their last photos and one has not arrived (hazard 79)."""
    result.failed += [(step, last_photo_kept()) for step in result.published if not step.is_interim]
    result.published.clear()


def _keep_a_primary(result: ProductResult) -> None:
    """Keeps the old primary photo primary until the new one arrives (hazard 41, invariant I2)."""
    if not any(step.photo.is_primary for step, _ in result.failed):
        return
    for step in [s for s in result.published if s.row_is_primary and not s.photo.is_primary]:
        result.published.remove(step)
        kept = msgspec.structs.replace(step.photo, is_primary=True)
        result.published.append(replace(step, photo=kept))
        result.keep_primary.add(step.photo.id)
        result.failed.append((step, PhotoError(Reason.WAITS_FOR_SIBLING, "stays primary until the new primary photo is here")))
