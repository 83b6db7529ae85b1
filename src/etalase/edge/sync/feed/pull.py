"""Assembles the pages of one feed (hazards 1, 10, 13)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from etalase.edge.sync.feed.renditions import RenditionPage
from etalase.edge.sync.rendition_sets import RenditionSets
from etalase.edge.sync.scratch import Photos
from etalase.errors import HeadOfficeError, HeadOfficeRefused
from etalase.protocol import Envelope, Odd, Oddity, Page, Product, ProductPage, lenient_time, printable


class FeedPages(Protocol):
    """The feeds of one store at head office, which raise :class:`HeadOfficeError`, and reports to it.

    ``features`` are the abilities that it announced last, or in an earlier run.
    """

    features: str

    def photo_pages(self, updated_since: str | None, *, with_digest: bool = False) -> Iterator[Page]: ...
    def product_pages(self, updated_since: str | None) -> Iterator[ProductPage]: ...
    def send_report(self) -> None: ...


# Four pages in random order miss a photo in 3 of 10 readings; 12 readings all miss it in 1 of a million.
MAX_READINGS = 12


class Coverage(StrEnum):
    """How much of head office's list a feed accounts for."""

    CHANGES = "changes"
    FULL = "full"
    DIGEST_PROVED = "digest_proved"  # lists the changes; head office's digest proves that the rest is here


@dataclass(slots=True)
class Feed:
    """The content of all pages: listed photos, and the ids of deleted ones.

    ``digest`` is HO's digest of its full list, where it was requested and HO supports it. ``sync_timestamp`` is that of the
    **first** page, so that the next run lists the changes during this one again. ``error`` ended the pages early; the pages
    before it remain valid.
    """

    coverage: Coverage
    photos: Photos = field(default_factory=Photos)
    deleted_ids: set[UUID] = field(default_factory=set)
    digest: str | None = None
    sync_timestamp: str | None = None
    products_changed_at: str | None = None
    totals: list[int | None] = field(default_factory=list)
    error: HeadOfficeError | None = None
    # None without a page that has renditions. HO's digest of all its sets, where the first page has it.
    renditions: RenditionSets | None = None
    rendition_digest: str | None = None
    # Whether each page has renditions.
    has_all_renditions: bool = True
    # Deviations from the API: the first of each kind and field.
    oddities: dict[tuple[Odd, str], Oddity] = field(default_factory=dict)
    # Whether every row has an id, and every page has has_more.
    is_countable: bool = True
    # Whether a page does not name its store.
    is_unnamed: bool = False

    @property
    def is_full(self) -> bool:
        """Returns whether it contains head office's full list."""
        return self.coverage is Coverage.FULL

    @property
    def proved_complete(self) -> bool:
        """Returns whether no photo can be missing: all pages arrived, with as many photos as HO counted before and after."""
        counts = {self.totals[0], self.totals[-1]}
        return self.is_full and self.error is None and self.is_countable and counts == {len(self.photos)}

    def raise_if_incomplete(self) -> None:
        """Raises the error that ended the pages early, if one did."""
        if self.error is not None:
            raise self.error

    def is_older_than(self, checkpoint: str) -> bool:
        """Returns whether head office's clock went back since ``checkpoint``; False for a full list."""
        if self.is_full or self.sync_timestamp is None:
            return False
        current, kept = lenient_time(self.sync_timestamp), lenient_time(checkpoint)
        return current is not None and kept is not None and current < kept


def pull(
    head_office: FeedPages,
    updated_since: str | None,
    *,
    pulled: Callable[[int], None],
    arrived: Callable[[Page], object] = lambda _: None,
    with_digest: bool = False,
) -> Feed:
    """Returns the feed since ``updated_since``. Later pages override earlier ones; in one page, listed overrides deleted.

    A list that is shorter than HO's own count is read again, because some head offices sort pages differently for each request
    (hazard 1). If the second reading finds no further photo, the count is wrong. Changes on a single page are not read again:
    some head offices count all photos, and an hourly run has to be one request. A full list that changed during the reading is
    read once more, because it cannot be proved complete.

    With each page, ``pulled`` is called with the number of photos so far, and ``arrived`` with the page. Raises
    :class:`HeadOfficeError` where not even the first page arrived.
    """
    feed = _pull(head_office, updated_since, pulled=pulled, arrived=arrived, with_digest=with_digest)
    if feed.is_full and feed.error is None and feed.totals[0] != feed.totals[-1]:
        with suppress(HeadOfficeError):
            again = _pull(head_office, updated_since, pulled=pulled, arrived=arrived, with_digest=with_digest)
            feed = feed if again.error else again
    return feed


def _pull(
    head_office: FeedPages,
    updated_since: str | None,
    *,
    pulled: Callable[[int], None],
    arrived: Callable[[Page], object],
    with_digest: bool,
) -> Feed:
    feed = Feed(Coverage.FULL if updated_since is None else Coverage.CHANGES)
    try:
        for reading in range(MAX_READINGS):
            before, pages_before = len(feed.photos), len(feed.totals)
            _read(head_office.photo_pages(updated_since, with_digest=with_digest), feed, pulled, arrived)
            miscounts = reading == 1 and len(feed.photos) == before
            is_doubted = feed.is_full or len(feed.totals) - pages_before > 1
            counted = feed.totals[-1]
            if not is_doubted or counted is None or len(feed.photos) >= counted or miscounts:
                break
    except HeadOfficeError as error:
        if not feed.totals:
            raise
        feed.error = error
    return feed


def _read(pages: Iterator[Page], feed: Feed, pulled: Callable[[int], None], arrived: Callable[[Page], object]) -> None:
    for page in pages:
        if not feed.totals:
            feed.sync_timestamp = page.sync_timestamp
            feed.products_changed_at = page.products_changed_at and printable(page.products_changed_at)
            feed.digest = page.digest
            feed.rendition_digest = page.rendition_digest if isinstance(page, RenditionPage) else None
            if page.full:
                feed.coverage = Coverage.FULL
        feed.photos.discard(page.deleted_ids)
        feed.photos.put(page.photos)
        feed.deleted_ids.update(page.deleted_ids)
        feed.deleted_ids.difference_update(photo.id for photo in page.photos)
        _take_renditions(page, feed)
        feed.totals.append(page.total)
        _note_deviations(page, feed)
        pulled(len(feed.photos))
        arrived(page)


def _take_renditions(page: Page, feed: Feed) -> None:
    if not isinstance(page, RenditionPage):
        feed.has_all_renditions = False
        return
    if feed.renditions is None:
        feed.renditions = RenditionSets()
    feed.renditions.discard(page.deleted_ids)
    feed.renditions.put(page.renditions)


def _note_deviations(page: Envelope, feed: "Feed | ProductFeed") -> None:
    """Records the deviations of the page, and whether the list can still be proved complete."""
    for oddity in page.oddities:
        feed.oddities.setdefault((oddity.kind, oddity.field), oddity)
        feed.is_countable = feed.is_countable and oddity.kind is not Odd.ROW_NAMELESS
    feed.is_countable = feed.is_countable and page.has_more is not None
    feed.is_unnamed = feed.is_unnamed or not page.names_its_store


@dataclass(slots=True)
class ProductFeed:
    """The listed products, and the ids of those that the store no longer sells."""

    full: bool
    ids: set[UUID] = field(default_factory=set)
    deleted_ids: set[UUID] = field(default_factory=set)
    sync_timestamp: str | None = None
    totals: list[int | None] = field(default_factory=list)
    oddities: dict[tuple[Odd, str], Oddity] = field(default_factory=dict)
    is_countable: bool = True
    is_unnamed: bool = False

    @property
    def proved_complete(self) -> bool:
        """Returns whether no product can be missing, as :attr:`Feed.proved_complete` does."""
        return self.full and self.is_countable and {self.totals[0], self.totals[-1]} == {len(self.ids)}


def pull_products(
    head_office: FeedPages, updated_since: str | None, *, write: Callable[[Sequence[Product]], None]
) -> ProductFeed | None:
    """Returns the product feed, after it gave each page's products to ``write``; None for an HO without one (404)."""
    feed = ProductFeed(full=updated_since is None)
    try:
        for page in head_office.product_pages(updated_since):
            if not feed.totals:
                feed.sync_timestamp = page.sync_timestamp
                feed.full = feed.full or page.full
            feed.ids.difference_update(page.deleted_ids)
            feed.deleted_ids.update(page.deleted_ids)
            listed = {product.id for product in page.products}
            feed.ids |= listed
            feed.deleted_ids -= listed
            feed.totals.append(page.total)
            _note_deviations(page, feed)
            write(page.products)
    except HeadOfficeRefused as error:
        if error.status == 404:
            return None
        raise
    return feed
