"""The edge's own product table, kept like head office's. In a project with products of its own, nothing is ever written."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from etalase.daily_bound import exceeds_bound
from etalase.edge.models import Checkpoint
from etalase.edge.sync import storage
from etalase.edge.sync.feed.lenient import NO_UUID
from etalase.edge.sync.feed.pull import Feed, pull_products
from etalase.edge.sync.result import RunResult
from etalase.edge.sync.services import Services
from etalase.edge.sync.storage.products import ProductLabel
from etalase.errors import HeadOfficeError
from etalase.protocol import Product

logger = logging.getLogger("etalase.edge")

# A product whose photo was removed so lately may follow it.
LATELY = timedelta(days=7)


@dataclass(slots=True)
class Listed:
    """What head office said of its products: those that the store no longer sells, and where the next run goes on.

    ``error`` is why its list could not be read; it holds no photo back, and the next run asks for the list again.
    """

    gone: set[UUID] = field(default_factory=set)
    changed_at: str | None = None
    sync_timestamp: str | None = None
    error: HeadOfficeError | None = None

    def raise_if_unread(self) -> None:
        """Raises the error that ended the reading of the list, if one did."""
        if self.error is not None:
            raise self.error


def sync(services: Services, feed: Feed, checkpoint: Checkpoint, result: RunResult) -> Listed:
    """Products before their photos; those that the store no longer sells are removed after their photos.

    Our head office has a product feed and says in the photo feed when asking it is worth a request. Another one has only the
    photos' ``product_*`` fields.
    """
    said = Listed(changed_at=feed.products_changed_at, sync_timestamp=checkpoint.products_sync_timestamp)
    if not services.products.is_ours:
        return said
    if said.changed_at is not None and (feed.is_full or said.changed_at != checkpoint.products_changed_at):
        since = None if feed.is_full else checkpoint.products_sync_timestamp
        listed = None
        try:
            listed = pull_products(services.head_office, since, bring=lambda page: _write_listed(services, page))
        except HeadOfficeError as error:
            logger.warning("head office's list of products: %s", error)
            said.error = error
        if listed is not None:
            result.note_oddities(listed.oddities, of_products=True)
            # A list that does not say whose it is removes nothing (hazard 10): products have nobody to ask.
            said.gone = set() if listed.is_unnamed else set(listed.deleted_ids)
            if listed.proved_complete and not listed.is_unnamed:
                said.gone.update(i for i in services.products.ids() if i not in listed.ids and not feed.photos.has_product(i))
            said.sync_timestamp = listed.sync_timestamp or said.sync_timestamp
    _write_from_photos(services, feed)
    return said


def remove(services: Services, listed: Listed, result: RunResult, *, now: datetime) -> dict[str, object]:
    """Remove those that have no photo (any more), within the bound that protects photos too (invariant I4).

    A product whose photo was just removed, or whose removal a person approved, is decided on already. What comes back are the
    fields of the checkpoint: they move once everything before is done, so that no deletion is lost with a run that is cut off;
    and not where the deletions were refused, so that the next run asks for them again.
    """
    if listed.error is not None:
        return {}
    if listed.gone and services.products.is_ours:
        services.products.unlist(listed.gone)
        bare = listed.gone & services.products.without_photos()
        decided = storage.removals.products_removed_since(now - LATELY)
        if exceeds_bound(len(bare - decided), total=services.products.count()):
            logger.warning("head office lists %d products no longer: too many at once, they stay", len(bare))
            result.note("products_stay", products=len(bare))
            return {}
        services.products.delete(bare)
    return {"products_changed_at": listed.changed_at, "products_sync_timestamp": listed.sync_timestamp}


def note_unlisted(services: Services, listed: Listed) -> None:
    """Note which products are named no longer, by a head office without a product feed; at the end of a complete run."""
    if listed.error is None and listed.sync_timestamp is None and services.products.is_ours:
        services.products.unlist_without_listed_photo()


def _write_listed(services: Services, page: Sequence[Product]) -> None:
    known: dict[UUID, ProductLabel] = {}
    if any(product.sku is None or product.name is None for product in page):  # null says nothing
        known = services.products.existing({product.id for product in page})
    told: dict[UUID, tuple[str, str]] = {}  # a list may name a product twice; PostgreSQL writes no row twice at once
    for product in page:
        sku, name = told.get(product.id) or known.get(product.id, ProductLabel())
        told[product.id] = _fitting(
            (sku if product.sku is None else product.sku, name if product.name is None else product.name)
        )
    services.products.write([(id_, *texts) for id_, texts in told.items()])


def _write_from_photos(services: Services, feed: Feed) -> None:
    for photos in feed.photos.in_slices():
        known = services.products.existing({photo.product_id for photo in photos})
        told: dict[UUID, tuple[str, str]] = {}
        for photo in photos:
            if photo.product_id == NO_UUID:
                continue
            sku, name = told.get(photo.product_id) or known.get(photo.product_id, ProductLabel())  # null says nothing
            told[photo.product_id] = _fitting((photo.product_sku or sku, photo.product_name or name))
        services.products.write([(id_, *texts) for id_, texts in told.items() if known.get(id_) != texts])
        services.products.list_again(told.keys())


def _fitting(texts: tuple[str, str]) -> tuple[str, str]:
    return texts[0].replace("\0", "")[:100], texts[1].replace("\0", "")[:255]
