"""Keeps the edge's product table like head office's. Never writes to the products of a project that has its own."""

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
from etalase.edge.sync.storage.products import ProductLabel, ProductRow
from etalase.errors import HeadOfficeError, RowRefused
from etalase.protocol import MAX_CATEGORY_CHARS, Product

logger = logging.getLogger("etalase.edge")

# A product may be removed if its photo was removed within this time.
LATELY = timedelta(days=7)


@dataclass(slots=True)
class Listed:
    """The result of head office's product list: products that the store no longer sells, and the next checkpoint.

    ``error`` ended the reading of the list. It delays no photo, and the next run requests the list again.
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
    """Writes products before their photos; :func:`remove` removes them after their photos.

    Etalase's head office has a product feed, and its photo feed shows whether the products changed. Other head offices only
    have the ``product_*`` fields of photos.
    """
    products = Listed(changed_at=feed.products_changed_at, sync_timestamp=checkpoint.products_sync_timestamp)
    if not services.products.is_ours:
        return products
    if products.changed_at is not None and (feed.is_full or products.changed_at != checkpoint.products_changed_at):
        since = None if feed.is_full else checkpoint.products_sync_timestamp
        listed = None
        try:
            listed = pull_products(services.head_office, since, write=lambda page: _write_listed(services, page, result))
        except HeadOfficeError as error:
            logger.warning("head office's list of products: %s", error)
            products.error = error
        if listed is not None:
            result.note_oddities(listed.oddities, of_products=True)
            # A list that does not name its store removes nothing (hazard 10): product removals cannot be held for approval.
            products.gone = set() if listed.is_unnamed else set(listed.deleted_ids)
            if listed.proved_complete and not listed.is_unnamed:
                products.gone.update(
                    i for i in services.products.ids() if i not in listed.ids and not feed.photos.has_product(i)
                )
            products.sync_timestamp = listed.sync_timestamp or products.sync_timestamp
    _write_from_photos(services, feed, result)
    return products


def remove(services: Services, listed: Listed, result: RunResult, *, now: datetime) -> dict[str, object]:
    """Removes unlisted products without a photo, within the bound that protects photos too (invariant I4).

    A product whose photo was just removed, or whose removal a person approved, does not count again. Returns the fields of the
    checkpoint. They change only after everything else, so that an interrupted run loses no deletion, and not where the bound
    refused the deletions, so that the next run requests them again.
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
        _note_refused(services.products.delete(bare), result)
    return {"products_changed_at": listed.changed_at, "products_sync_timestamp": listed.sync_timestamp}


def note_unlisted(services: Services, listed: Listed) -> None:
    """Records which products are no longer listed, for a head office without a product feed; after a complete run."""
    if listed.error is None and listed.sync_timestamp is None and services.products.is_ours:
        services.products.unlist_without_listed_photo()


def _write_listed(services: Services, page: Sequence[Product], result: RunResult) -> None:
    known: dict[UUID, ProductLabel] = {}
    if any(product.sku is None or product.name is None for product in page):  # null keeps the known text
        known = services.products.existing({product.id for product in page})
    rows: dict[UUID, ProductRow] = {}  # a list may name a product twice; one INSERT cannot write a row twice
    for product in page:
        before = rows.get(product.id) or ProductRow(product.id, *known.get(product.id, ProductLabel()))
        sku = before.sku if product.sku is None else product.sku
        name = before.name if product.name is None else product.name
        category = before.category if product.category is None else _category(product.category)
        rows[product.id] = ProductRow(product.id, *fitting((sku, name)), category)
    _note_refused(services.products.write(list(rows.values())), result)


def _write_from_photos(services: Services, feed: Feed, result: RunResult) -> None:
    for photos in feed.photos.in_slices():
        known = services.products.existing({photo.product_id for photo in photos})
        texts_of: dict[UUID, tuple[str, str]] = {}
        for photo in photos:
            if photo.product_id == NO_UUID:
                continue
            sku, name = texts_of.get(photo.product_id) or known.get(
                photo.product_id, ProductLabel()
            )  # null keeps the known text
            texts_of[photo.product_id] = fitting((photo.product_sku or sku, photo.product_name or name))
        changed = [ProductRow(id_, *texts) for id_, texts in texts_of.items() if known.get(id_) != texts]
        _note_refused(services.products.write(changed), result)
        services.products.list_again(texts_of.keys())


def _note_refused(refused: Sequence[tuple[object, RowRefused]], result: RunResult) -> None:
    """Reports products that a rule of the customer's on the product table refuses, or keeps: they stay as they are."""
    if refused:
        _, error = refused[0]
        logger.warning("the product table refuses %d products: %s", len(refused), error)
        result.note("products_refused", products=len(refused), told=f"{error.rule or 'a rule of the table'}: {error.detail}")


def fitting(texts: tuple[str, str]) -> tuple[str, str]:
    """Returns a SKU and a name in a form that the product table takes."""
    return texts[0].replace("\0", "")[:100], texts[1].replace("\0", "")[:255]


def _category(category: str) -> str:
    return category.replace("\0", "")[:MAX_CATEGORY_CHARS]
