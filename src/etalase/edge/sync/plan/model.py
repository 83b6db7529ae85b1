"""The data of a plan: rows, steps and plans of products. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, StrEnum
from uuid import UUID

from etalase.errors import PhotoError, Reason
from etalase.protocol import Photo


@dataclass(frozen=True, slots=True)
class Found:
    """The object under a key: its ETag or MD5, None if it is missing. ``mistyped``: served with a wrong Content-Type."""

    etag: str | None
    mistyped: bool = False


@dataclass(frozen=True, slots=True)
class StoredRow:
    """The columns of ``product_photo``, in their order."""

    id: UUID
    product_id: UUID
    object_key: str
    filename: str | None
    size: int | None
    content_type: str | None
    checksum: str | None
    version: int | None
    is_primary: bool
    sort_order: int | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class Row(StoredRow):
    """A row of ``product_photo`` with the object under its key.

    ``object_etag`` is the ETag of a HEAD or a listing, None for a missing object, or the row's checksum as long as no look
    found otherwise. ``object_mistyped``: the bytes are right and their Content-Type is wrong.
    """

    object_etag: str | None
    object_mistyped: bool = False

    def with_object(self, found: Found) -> "Row":
        """Returns this row with the object that a look found."""
        return replace(self, object_etag=found.etag, object_mistyped=found.mistyped)


class Kind(StrEnum):
    """The kind of work for a photo."""

    FETCH = "fetch"  # its bytes by download
    COPY = "copy"  # its bytes from another key of this edge
    ROW = "row"  # only its row


class Stage(Enum):
    """How a plan treats a key that another listed photo has to leave first, so that its product shows no foreign picture."""

    FORECAST = "forecast"  # the other photo counts as gone
    FIRST = "first"  # the product is planned later
    VACATE = "vacate"  # so is all else, and the other photo moves to a key of its own
    LAST = "last"  # the photo fails


@dataclass(frozen=True, slots=True)
class Step:
    """One photo to publish. ``replaces`` is the ETag of the current object under its key, None without one.

    ``copy_from`` is a key with the same bytes; ``row_key`` is the key in its current row, if it has one. ``heals``: the row is
    right and the object is not. ``demotes``: only clears ``is_primary``. ``vacates``: only moves the row, as it is, with its
    bytes to a key of its own, because another photo gets its key.
    """

    photo: Photo
    kind: Kind
    replaces: str | None = None
    copy_from: str | None = None
    row_key: str | None = None
    row_is_primary: bool = False
    overwrites_live_key: bool = False
    heals: bool = False
    demotes: bool = False
    vacates: bool = False

    @property
    def is_interim(self) -> bool:
        """Returns whether the step leaves the photo other than head office lists it: it counts nowhere and settles no retry."""
        return self.demotes or self.vacates

    @property
    def adds_photo(self) -> bool:
        """Returns whether the bytes or the row of the photo are missing before this step."""
        return not self.is_interim and (self.kind is not Kind.ROW or self.row_key is None)


@dataclass(frozen=True, slots=True, eq=False)
class ProductPlan:
    """Steps of one product in the order of publishing. Photos that do not depend on each other get plans of their own.

    All bytes of an *entangled* product are in memory before its first put, because keys move between its photos. ``displaced``
    are rows (with their keys) whose key another photo takes over: the same transaction deletes them. ``leaving`` are rows (with
    the causes of their removal) that it deletes only where a unique rule of the customer's gives their place to another photo.
    An *exchange* has the steps of several products that give each other their last photos: all are published, or none.
    """

    product_id: UUID
    steps: tuple[Step, ...]
    entangled: bool = False
    displaced: tuple[tuple[UUID, str], ...] = ()
    leaving: tuple[tuple[UUID, str], ...] = ()
    exchange: bool = False

    def apart(self) -> "list[ProductPlan]":
        """Returns one plan for each step, or this one where its steps depend on each other."""
        demotes = any(step.row_is_primary and not step.photo.is_primary for step in self.steps)
        if self.entangled or self.displaced or self.exchange or demotes or len(self.steps) == 1:
            return [self]
        return [ProductPlan(self.product_id, (step,), leaving=self.leaving) for step in self.steps]

    @property
    def bytes_in_hand(self) -> int:
        """Returns the most bytes that publishing holds in memory at once."""
        sizes = [step.photo.size or 0 for step in self.steps if step.kind is not Kind.ROW]
        return (sum(sizes) if self.entangled else max(sizes, default=0)) if sizes else 0

    @property
    def bytes_to_fetch(self) -> int:
        """Returns the number of bytes to download."""
        return sum(step.photo.size or 0 for step in self.steps if step.kind is Kind.FETCH)


@dataclass(slots=True)
class Plan:
    """The plan of a run."""

    products: list[ProductPlan] = field(default_factory=list)
    # The number of photos that are older at HO than here, by HO's clock: HO was restored from a backup, or changed them back.
    older_at_head_office: int = 0
    unchanged: list[UUID] = field(default_factory=list)
    parked: list[Photo] = field(default_factory=list)
    # Photos that are planned later.
    put_off: list[Photo] = field(default_factory=list)
    waits_for_keys: bool = False
    failed: list[tuple[Photo, PhotoError]] = field(default_factory=list)
    # Products with more than one primary photo in HO's own data.
    several_primaries: list[UUID] = field(default_factory=list)
    # The photo that gets each key, including the slices before.
    claims: dict[str, Photo] = field(default_factory=dict)

    @property
    def unpublishable(self) -> list[tuple[Photo, PhotoError]]:
        """Returns the photos that cannot be published now, failed or parked, with the reason."""
        return self.failed + [
            (photo, PhotoError(Reason.PRODUCT_MISSING, f"product {photo.product_id} is not here yet")) for photo in self.parked
        ]


def urgency(product: ProductPlan) -> tuple[bool, int]:
    """Returns the sort key of a plan: primary photos first, small before large, so that a new store's POS is usable early."""
    primary = [s.photo.size or 0 for s in product.steps if s.photo.is_primary]
    return (not primary, min(primary or [s.photo.size or 0 for s in product.steps], default=0))


def exchanging(products: Iterable[ProductPlan], moves: Iterable[tuple[UUID, UUID]]) -> list[ProductPlan]:
    """Returns one plan for the products that ``moves`` connect: each leads from a product to that which gets its last photo."""
    group_of: dict[UUID, set[UUID]] = {}
    for pair in moves:
        group = set(pair).union(*(group_of.get(product_id, ()) for product_id in pair))
        group_of.update(dict.fromkeys(group, group))
    parts: dict[UUID, list[ProductPlan]] = {}
    for plan in products:
        parts.setdefault(min(group_of.get(plan.product_id, {plan.product_id})), []).append(plan)
    merged: list[ProductPlan] = []
    for plans in parts.values():
        if len({plan.product_id for plan in plans}) == 1:
            merged += plans
            continue
        merged.append(
            ProductPlan(
                plans[0].product_id,
                tuple(step for plan in plans for step in plan.steps),
                any(plan.entangled for plan in plans),
                tuple(one for plan in plans for one in plan.displaced),
                tuple(one for plan in plans for one in plan.leaving),
                exchange=True,
            )
        )
    return merged


def together(products: Iterable[ProductPlan], rows: Iterable[Row], leaving: Mapping[UUID, str]) -> list[ProductPlan]:
    """Returns one plan for each product, because a unique rule makes its photos depend on each other.

    ``leaving`` has the causes of the removals that a run applies where the product keeps another photo.
    """
    plans_of: dict[UUID, list[ProductPlan]] = {}
    for product in products:
        plans_of.setdefault(product.product_id, []).append(product)
    leaving_of: dict[UUID, list[tuple[UUID, str]]] = {}
    for row in rows:
        if row.id in leaving:
            leaving_of.setdefault(row.product_id, []).append((row.id, leaving[row.id]))
    merged = []
    for product_id, plans in plans_of.items():
        displaced = tuple(one for plan in plans for one in plan.displaced)
        taken = {photo_id for photo_id, _ in displaced}
        merged.append(
            ProductPlan(
                product_id,
                tuple(step for plan in plans for step in plan.steps),
                any(plan.entangled for plan in plans),
                displaced,
                tuple(one for one in leaving_of.get(product_id, ()) if one[0] not in taken),
            )
        )
    return merged
