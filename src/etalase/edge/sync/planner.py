"""Plans a feed in slices of whole products, so that memory and SQL arrays stay bounded."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Self
from uuid import UUID

from etalase.edge.sync import storage
from etalase.edge.sync.bucket_audit import BucketAudit, Look
from etalase.edge.sync.feed.pull import Feed
from etalase.edge.sync.plan.model import Plan, Row, Stage, exchanging, together
from etalase.edge.sync.plan.plan import LONG_AGO, is_settled, normalised, plan
from etalase.edge.sync.scratch import Agenda, Photos
from etalase.edge.sync.services import Services
from etalase.protocol import Photo, defect


class Slice(NamedTuple):
    """Photos of the feed with their related rows, their plan, and the look at their objects.

    The caller marks the damage that the look found.
    """

    photos: list[Photo]
    rows: list[Row]
    plan: Plan
    look: Look


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts the photos of a plan without parked ones: ``new`` have no row, ``missing`` are not here as listed."""

    known: int = 0
    new: int = 0
    missing: int = 0

    @classmethod
    def of(cls, part: Slice) -> Self:
        """Returns the counts of one slice."""
        photos, rows, planned, _ = part
        with_row, parked = {row.id for row in rows}, len(planned.parked)
        return cls(
            known=len(photos) - parked,
            new=sum(photo.id not in with_row for photo in photos) - parked,
            missing=len(planned.failed) + sum(step.adds_photo for product in planned.products for step in product.steps),
        )

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.known + other.known, self.new + other.new, self.missing + other.missing)


@dataclass(slots=True)
class Planned:
    """The plan of a whole feed: the agenda, and figures for the report."""

    agenda: Agenda = field(default_factory=Agenda)
    tally: Tally = field(default_factory=Tally)
    unchanged: int = 0
    # The number of photos that are older at head office than here.
    older: int = 0
    several_primaries: list[UUID] = field(default_factory=list)
    # Photos that the planner left out: the products that they leave keep a photo, or other photos leave their keys first.
    put_off: Photos | None = None
    waits_for_keys: bool = False


class Planner:
    """Plans ``feed`` against rows and, with an ``audit``, against the objects of the bucket.

    ``adds_products``: the run adds missing products together with their photos.
    ``keeps_last_photo`` returns whether a product keeps its last photo, which then does not move to another product.
    ``leaving`` returns the causes of removals that the run applies where the product keeps another photo; it is asked where a
    unique rule of the customer's needs to know. ``stage`` is that of keys that photos give to each other.
    """

    def __init__(
        self,
        services: Services,
        feed: Feed,
        *,
        audit: BucketAudit | None = None,
        adds_products: bool = False,
        keeps_last_photo: Callable[[UUID], bool] = lambda _: False,
        leaving: Callable[[], Mapping[UUID, str]] | None = None,
        stage: Stage = Stage.FORECAST,
        everything: Photos | None = None,
    ) -> None:
        self._services, self._feed, self._audit = services, feed, audit
        self._ask_leaving, self._stage = leaving, stage
        # Head office's whole list, where ``feed`` has a part of it.
        self._everything = feed.photos if everything is None else everything
        self._adds_products = adds_products and services.products.is_ours
        self._keeps_last_photo = keeps_last_photo
        # The store's own rows; False for a row without an object of its own, which a plan leaves out of account.
        self._own = storage.own_photos.have_objects()

    @cached_property
    def has_retries(self) -> bool:
        """Returns whether the retry list had a photo when the plan began."""
        return storage.retry_list.is_anything_pending()

    @cached_property
    def _leaving(self) -> Mapping[UUID, str]:
        return self._ask_leaving() if self._ask_leaving is not None else {}

    def slices(self) -> Iterator[Slice]:
        """Yields planned slices; a contested key stays with the same photo in all of them."""
        photos = self._feed.photos
        contested, claims = photos.contested_keys(), self._award_contested_keys()
        for part in photos.in_slices(self._services.slice_photos):
            rows = storage.photos.touching(part)
            look, as_found, orphans, copies = Look(), rows, {}, {}
            if self._audit is not None:
                look = self._audit.look(rows)
                as_found = [
                    row.with_object(look.found[row.object_key]) if row.object_key in look.found else row for row in rows
                ]
            listed = {photo.id for photo in part}
            as_found = [row for row in as_found if row.id in listed or self._own.get(row.id, True)]
            if self._audit is not None:
                orphans = self._audit.orphans(part, as_found)
                copies = self._audit.copies(part, as_found)
            put_off, exchanges = self._last_photos_moving(part, rows)
            planned = plan(
                part,
                as_found,
                known_products=self._known({photo.product_id for photo in part}),
                max_photo_bytes=self._services.settings.MAX_PHOTO_BYTES,
                orphans=orphans,
                copies=copies,
                leaving=self._feed.deleted_ids,
                elsewhere=self._elsewhere({row.id for row in rows} - listed),
                claims=claims,
                own=self._own.keys(),
                put_off=put_off,
                stage=self._stage,
            )
            if self._ask_leaving is not None and planned.products and self._services.rules.unique:
                planned.products = together(planned.products, rows, self._leaving)
            planned.products = exchanging(planned.products, exchanges) if exchanges else planned.products
            claims = {key: planned.claims[key] for key in contested & planned.claims.keys()}
            yield Slice(part, rows, planned, look)

    def plan(self, settle: Callable[[Slice], None]) -> Planned:
        """Returns the plan of the whole feed. Calls ``settle`` with each slice, to record unchanged photos."""
        planned = Planned()
        for part in self.slices():
            product_ids = {photo.product_id for photo in part.photos}
            attempts = storage.retry_list.attempts(product_ids) if self.has_retries else {}
            planned.agenda.add(part.plan.products, attempts=attempts)
            planned.tally += Tally.of(part)
            planned.unchanged += len(part.plan.unchanged)
            planned.older += part.plan.older_at_head_office
            planned.several_primaries += part.plan.several_primaries
            if part.plan.put_off:
                planned.put_off = planned.put_off or Photos()
                planned.waits_for_keys |= part.plan.waits_for_keys
                planned.put_off.put(photo for photo in part.plan.put_off if photo.id in self._feed.photos)
                planned.put_off.add_pending(part.plan.put_off)
            settle(part)
        return planned

    def _elsewhere(self, ids: set[UUID]) -> dict[UUID, Photo]:
        """Returns these photos as head office lists them, now or, for those on the retry list, in an earlier run."""
        found = self._everything.among(ids)
        if not self.has_retries or self._feed.proved_complete:
            return found
        return storage.retry_list.listed(ids - found.keys() - self._feed.deleted_ids) | found

    def _last_photos_moving(self, part: list[Photo], rows: list[Row]) -> tuple[set[UUID], set[tuple[UUID, UUID]]]:
        """Returns the photos whose move would leave a product bare that keeps its last photo (hazard 79).

        And, of the others, the old and the new product of each that is its old product's last photo.
        """
        products = {row.id: row.product_id for row in rows}
        moving = [photo for photo in part if products.get(photo.id, photo.product_id) != photo.product_id]
        left = {products[photo.id] for photo in moving}
        if not left or self._stage is Stage.FORECAST:
            return set(), set()
        shown = storage.photos.undamaged_of(left)
        listed = self._feed.photos.among(set().union(*shown.values()))
        bare = {
            product for product, ids in shown.items() if all(id_ in listed and listed[id_].product_id != product for id_ in ids)
        }
        last = [photo for photo in moving if products[photo.id] in bare]
        kept = {photo.id for photo in last if self._keeps_last_photo(products[photo.id])}
        return kept, {(products[photo.id], photo.product_id) for photo in last if photo.id not in kept}

    def _known(self, product_ids: set[UUID]) -> set[UUID]:
        return product_ids if self._adds_products else product_ids & set(self._services.products.existing(product_ids))

    def _award_contested_keys(self) -> dict[str, Photo]:
        """Returns the photo for each key that photos claim with different bytes: its owner, or the newest usable one.

        Otherwise the first planned photo would get the key. With a wrong checksum it would fail, and no photo would ever get
        it.
        """
        awarded: dict[str, Photo] = {}
        for claimants in self._feed.photos.disputes():
            owning = {row.id: row for row in storage.photos.with_ids([photo.id for photo in claimants])}
            known = self._known({photo.product_id for photo in claimants})
            max_photo_bytes = self._services.settings.MAX_PHOTO_BYTES
            usable = [
                (is_settled(one, owning.get(one.id)), one.updated_at or LONG_AGO, one.id, one)
                for one in map(normalised, claimants)
                if one.product_id in known and not one.flaws and not defect(one, max_photo_bytes=max_photo_bytes)
            ]
            if usable:
                *_, winner = max(usable)
                awarded[winner.object_key or ""] = winner
        return awarded
