"""What has to be done so that the edge equals head office: pure decisions, without I/O.

The checksum decides a download, not the version (hazard 25). Everything is planned a product at a time, because a
foreign head office moves keys between the photos of a product (hazard 55).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

import msgspec

from etalase.errors import PhotoError, Reason
from etalase.protocol import MAX_CONTENT_TYPE_CHARS, Photo, defect, flawed, printable

# An unknown time is older than any known one.
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Found:
    """What is really under a key: its ETag or MD5, None where there is nothing; ``mistyped``: served as another type."""

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
    """A row of ``product_photo``, and what is really under its key.

    ``object_etag`` is the row's checksum while nothing else is known; the ETag that a HEAD or a listing found otherwise; None
    where the object is missing. ``object_mistyped`` tells that the bytes are right and their Content-Type is not.
    """

    object_etag: str | None
    object_mistyped: bool = False

    def with_object(self, found: Found) -> "Row":
        """This row, over an object that turned out to be another one, or missing."""
        return replace(self, object_etag=found.etag, object_mistyped=found.mistyped)


class Kind(StrEnum):
    """What a photo needs."""

    FETCH = "fetch"  # bytes over the link
    COPY = "copy"  # bytes that already lie under another key of this edge
    ROW = "row"  # only its row


@dataclass(frozen=True, slots=True)
class Step:
    """One photo to publish. ``replaces`` is the ETag of what lies under its key now, None where nothing does.

    ``copy_from`` is the key that has the bytes already; ``row_key`` is where its row points now, if it has one.
    ``heals`` tells that the row was right and the object was not. ``demotes``: the row only steps back as the primary photo;
    that settles nothing of what HO lists, or owes, of it.
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

    @property
    def brings(self) -> bool:
        """Whether the photo is not here as head office lists it until this is done: its bytes or its row are missing."""
        return not self.demotes and (self.kind is not Kind.ROW or self.row_key is None)


@dataclass(frozen=True, slots=True, eq=False)
class ProductPlan:
    """What one product needs, in the order of publishing; several of them where its photos do not depend on each other.

    The bytes of an *entangled* product are all in hand before its first put, because keys move between its photos.
    ``displaced`` are rows (with their keys) whose key another photo takes over: they go in the same transaction.
    """

    product_id: UUID
    steps: tuple[Step, ...]
    entangled: bool = False
    displaced: tuple[tuple[UUID, str], ...] = ()

    @property
    def bytes_in_hand(self) -> int:
        """How many bytes publishing it holds in memory at once, at most."""
        sizes = [step.photo.size or 0 for step in self.steps if step.kind is not Kind.ROW]
        return (sum(sizes) if self.entangled else max(sizes, default=0)) if sizes else 0

    @property
    def bytes_to_fetch(self) -> int:
        """How many bytes have to come over the link."""
        return sum(step.photo.size or 0 for step in self.steps if step.kind is Kind.FETCH)


@dataclass(slots=True)
class Plan:
    """What a run has to do, and what it need not."""

    products: list[ProductPlan] = field(default_factory=list)
    # How many photos HO has in an older form than the edge, by its own clock: it was restored from a backup, or changed back.
    older_at_head_office: int = 0
    unchanged: list[UUID] = field(default_factory=list)
    parked: list[Photo] = field(default_factory=list)
    failed: list[tuple[Photo, PhotoError]] = field(default_factory=list)
    # Products for which HO names more than one primary photo: HO's own data.
    several_primaries: list[UUID] = field(default_factory=list)
    # The photo that gets each key, by key, with those of the slices before.
    claims: dict[str, Photo] = field(default_factory=dict)

    @property
    def unpublishable(self) -> list[tuple[Photo, PhotoError]]:
        """The photos that cannot be published now, with the reason: failed or parked."""
        return self.failed + [
            (photo, PhotoError(Reason.PRODUCT_MISSING, f"product {photo.product_id} is not here yet")) for photo in self.parked
        ]


def plan(
    photos: Collection[Photo],
    rows: Sequence[Row],
    *,
    known_products: frozenset[UUID] | set[UUID],
    max_photo_bytes: int,
    orphans: Mapping[str, str] = MappingProxyType({}),
    copies: Mapping[str, str] = MappingProxyType({}),
    leaving: Collection[UUID] = (),
    elsewhere: Mapping[UUID, Photo] = MappingProxyType({}),
    claims: Mapping[str, Photo] = MappingProxyType({}),
) -> Plan:
    """The plan for ``photos``, against ``rows``: all rows of their products, with their ids, or under their keys.

    ``orphans`` are MD5s by key of objects that no row names, where a listing told of them: their bytes need no link; ``copies``
    are keys by MD5 of objects that have a photo's bytes by all appearances, wherever they lie.
    ``leaving`` are photos that HO deleted, whose rows are still here; ``elsewhere`` are those of ``rows`` that another slice of
    HO's list tells of: what is right for them is not decided here. ``claims`` are the photos that got their keys in slices
    before this one.
    """
    result = Plan(claims=dict(claims))
    usable: dict[UUID, list[Photo]] = {}
    rows_by_id = {row.id: row for row in rows}
    for listed in photos:
        photo = as_it_is_here(listed, rows_by_id.get(listed.id)) if listed.flaws else listed
        if photo is None:
            result.failed.append((listed, flawed(listed)))
        elif error := defect(photo, max_photo_bytes=max_photo_bytes):
            result.failed.append((photo, error))
        elif photo.product_id not in known_products and not listed.flaws:  # whose row is here, has its product here
            result.parked.append(photo)
        else:
            usable.setdefault(photo.product_id, []).append(normalised(photo))
    here = {photo.id for photo in photos}
    told = {photo.id: photo for those in usable.values() for photo in those}
    told |= {id_: normalised(photo) for id_, photo in elsewhere.items() if id_ not in here}
    planning = _Planning(result, rows, told, orphans, copies, leaving)
    for product_id, wanted in usable.items():
        planning.add(product_id, wanted)
    return result


class _Planning:
    """The rows, objects and claims against which the products of one slice are planned, one after another."""

    def __init__(
        self,
        result: Plan,
        rows: Sequence[Row],
        told: Mapping[UUID, Photo],
        orphans: Mapping[str, str],
        copies: Mapping[str, str],
        leaving: Collection[UUID],
    ) -> None:
        self.result, self.told, self.leaving = result, told, leaving
        self.orphans, self.copies = orphans, copies
        self.rows_by_id = {row.id: row for row in rows}
        self.rows_of: dict[UUID, list[Row]] = {}
        self.owners: dict[str, list[Row]] = {}
        for row in rows:
            self.rows_of.setdefault(row.product_id, []).append(row)
            self.owners.setdefault(row.object_key, []).append(row)

    def add(self, product_id: UUID, wanted: Sequence[Photo]) -> None:
        """Plans one product: its steps, the photos that fail, and those that need nothing."""
        rows, owners = self.rows_of.get(product_id, []), self.owners
        wanted, demoted, several = one_primary(wanted, rows, self.leaving, self.told)
        if several:
            self.result.several_primaries.append(product_id)
        listed = {photo.id for photo in wanted}
        bytes_at: dict[str | None, str] = {row.object_etag: row.object_key for row in rows if row.object_etag}
        steps: list[Step] = []
        displaced: set[tuple[UUID, str]] = set()
        # A photo whose bytes are under its key keeps the key; among the others the newest comes first.
        for photo in sorted(wanted, key=self._precedence, reverse=True):
            row = self.rows_by_id.get(photo.id)
            key = photo.object_key or ""
            if conflict := _conflict(photo, owners.get(key, ()), self.result.claims.get(key), self.told):
                self.result.failed.append((photo, conflict))
                continue
            if self.result.claims.setdefault(key, photo).id != photo.id:
                bytes_at.setdefault(photo.checksum, key)  # the first of the photos that share the object brings it
            others = [owner for owner in owners.get(key, ()) if owner.id != photo.id and owner.checksum != photo.checksum]
            displaced |= {(o.id, key) for o in others if o.id not in listed and not _share_object(self.told.get(o.id), photo)}
            step = _step(photo, row, owners.get(key, ()), bytes_at, self.copies, self.orphans)
            if row and row.updated_at and photo.updated_at and photo.updated_at < row.updated_at and differs(photo, row):
                self.result.older_at_head_office += 1
            if step is None:
                self.result.unchanged.append(photo.id)
            else:
                steps.append(step)
        steps += [_demotion(row) for row in demoted if (row.id, row.object_key) not in displaced]
        if steps or displaced:
            self._add_steps(product_id, steps, tuple(sorted(displaced)), own_keys={row.object_key for row in rows})

    def _precedence(self, photo: Photo) -> tuple[bool, datetime, UUID]:
        return is_settled(photo, self.rows_by_id.get(photo.id)), photo.updated_at or LONG_AGO, photo.id

    def _add_steps(
        self, product_id: UUID, steps: Sequence[Step], displaced: tuple[tuple[UUID, str], ...], *, own_keys: set[str]
    ) -> None:
        """Adds one plan for steps that depend on each other, else a plan a step."""
        entangled = any(s.copy_from in own_keys for s in steps) or any(
            owner.id != s.photo.id for s in steps if s.overwrites_live_key for owner in self.owners[s.photo.object_key or ""]
        )
        ordered = tuple(_in_order(steps, self.owners))
        if entangled or displaced or any(step.row_is_primary and not step.photo.is_primary for step in steps):
            self.result.products.append(ProductPlan(product_id, ordered, entangled, displaced))
        else:
            self.result.products += [ProductPlan(product_id, (step,)) for step in ordered]


def normalised(photo: Photo) -> Photo:
    """``photo`` in the form that rows have: the checksum in lower case, nulls as the guide's defaults, a type that fits."""
    content_type = photo.content_type and photo.content_type.replace("\0", "")[:MAX_CONTENT_TYPE_CHARS]
    if (
        (photo.checksum or "").islower()
        and photo.version is not None
        and photo.sort_order is not None
        and content_type == photo.content_type
    ):
        return photo
    return msgspec.structs.replace(
        photo,
        content_type=content_type,
        checksum=(photo.checksum or "").lower(),
        version=1 if photo.version is None else photo.version,
        sort_order=0 if photo.sort_order is None else photo.sort_order,
    )


def as_it_is_here(photo: Photo, row: Row | None) -> Photo | None:
    """A photo with flaws as its row and object are here, where its other fields promise just that; else None."""
    if row is None or row.object_etag != row.checksum or row.object_mistyped:
        return None
    flaws = {name for name, _ in photo.flaws}
    kept = {name: getattr(row, name) for name in flaws if name in Row.__dataclass_fields__}
    here = normalised(msgspec.structs.replace(photo, **kept, flaws=()))
    return None if differs(here, row) else here


def one_primary(
    wanted: Sequence[Photo], rows: Sequence[Row], leaving: Collection[UUID] = (), told: Collection[UUID] = ()
) -> tuple[list[Photo], list[Row], bool]:
    """``wanted`` with at most one primary photo, counting the rows that HO did not list now (invariant I5).

    The newest wins, but none that is ``leaving``. A row of a photo that HO ``told`` of is no row of this product for long.
    The rows that lose to a listed photo come back, to be demoted; the flag
    tells that HO named several.
    """
    listed = {photo.id for photo in wanted}.union(told)
    candidates: list[tuple[datetime, UUID]] = [(p.updated_at or LONG_AGO, p.id) for p in wanted if p.is_primary]
    several = len(candidates) > 1
    others = {row.id: row for row in rows if row.is_primary and row.id not in listed}
    if not candidates:
        return list(wanted), [], several
    candidates += [(row.updated_at, row.id) for row in others.values() if row.updated_at and row.id not in leaving]
    winner = max(candidates)[1]
    settled = [msgspec.structs.replace(p, is_primary=False) if p.is_primary and p.id != winner else p for p in wanted]
    return settled, [row for row in others.values() if row.id != winner], several


def is_settled(photo: Photo, row: Row | None) -> bool:
    """Whether the photo has its bytes under its key already, by its row."""
    return row is not None and (row.object_key, row.checksum) == (photo.object_key, photo.checksum)


def _conflict(
    photo: Photo, owners: Sequence[Row], claim: Photo | None, told: Mapping[UUID, Photo] = MappingProxyType({})
) -> PhotoError | None:
    """Why this photo cannot have its key: photos of any products may share an object, but not with different bytes."""
    if claim is not None and claim.id != photo.id and not _share_object(claim, photo):
        return PhotoError(
            Reason.KEY_CONFLICT,
            f"HO's own data: object_key {photo.object_key} is also photo {claim.id}'s"
            f" ({printable(claim.product_name or 'without a name')}), with other bytes",
        )
    for owner in owners:
        if (
            owner.id != photo.id
            and owner.object_etag == owner.checksum == photo.checksum
            and owner.size not in {None, photo.size}
        ):
            detail = f"HO's own data: size is {photo.size}, and the bytes with this MD5 under its object_key are {owner.size}"
            return PhotoError(Reason.HO_CONTRADICTS_ITSELF, detail)
        # Where the bytes under the key are this photo's already, it is the other row that is wrong: nothing is put over
        # anybody's. Nor is it where HO lists the other one with the same new bytes.
        is_foreign = owner.id != photo.id and owner.product_id != photo.product_id
        if is_foreign and owner.object_etag != photo.checksum and not _share_object(told.get(owner.id), photo):
            return PhotoError(
                Reason.KEY_CONFLICT,
                f"object_key {photo.object_key} is in use by photo {owner.id} of another product, with other bytes",
            )
    return None


def _share_object(one: Photo | None, other: Photo) -> bool:
    """Whether both are the same bytes under the same key. Of two sizes of theirs one is wrong: the bytes tell which."""
    what = (other.object_key, (other.checksum or "").lower())
    return one is not None and (one.object_key, (one.checksum or "").lower()) == what


def _step(
    photo: Photo,
    row: Row | None,
    at_key: Sequence[Row],
    bytes_at: Mapping[str | None, str],
    copies: Mapping[str, str],
    orphans: Mapping[str, str],
) -> Step | None:
    key = photo.object_key or ""
    there = at_key[0].object_etag if at_key else orphans.get(key)
    mistyped = bool(at_key and at_key[0].object_mistyped)
    row_key = row.object_key if row else None
    row_is_primary = bool(row and row.is_primary)
    if there == photo.checksum and not mistyped:
        if row is not None and not differs(photo, row):
            return None
        return Step(photo, Kind.ROW, row_key=row_key, row_is_primary=row_is_primary)
    source = bytes_at.get(photo.checksum) or copies.get(photo.checksum or "")
    return Step(
        photo,
        Kind.COPY if source else Kind.FETCH,
        replaces=there,
        copy_from=source,
        row_key=row_key,
        row_is_primary=row_is_primary,
        overwrites_live_key=bool(at_key),
        heals=row is not None and row.object_key == key and row.checksum == photo.checksum,
    )


def differs(photo: Photo, row: Row) -> bool:
    """Whether the row is not what HO lists. ``updated_at`` alone is no difference: it would cost a write for nothing."""
    return (
        photo.product_id,
        photo.object_key,
        photo.filename,
        photo.size,
        photo.content_type,
        photo.checksum,
        photo.version,
        photo.is_primary,
        photo.sort_order,
    ) != (
        row.product_id,
        row.object_key,
        row.filename,
        row.size,
        row.content_type,
        row.checksum,
        row.version,
        row.is_primary,
        row.sort_order,
    )


def _demotion(row: Row) -> Step:
    photo = Photo(
        id=row.id,
        product_id=row.product_id,
        object_key=row.object_key,
        size=row.size,
        content_type=row.content_type,
        checksum=row.checksum,
        is_primary=False,
        updated_at=row.updated_at,
        image_url="",
        filename=row.filename,
        version=row.version,
        sort_order=row.sort_order,
        product_sku=None,
        product_name=None,
    )
    return Step(photo, Kind.ROW, row_key=row.object_key, row_is_primary=True, demotes=True)


def _in_order(steps: Iterable[Step], owners: Mapping[str, Sequence[Row]]) -> list[Step]:
    """The demoted photo's new key before the primary's: whoever is on a key moves away before the key is overwritten."""
    pending = sorted(steps, key=lambda s: (s.photo.is_primary, s.photo.size or 0, s.photo.id))
    ordered: list[Step] = []
    while pending:
        waiting = {step.photo.id for step in pending}
        free = next(
            (
                step
                for step in pending
                if not any(o.id in waiting and o.id != step.photo.id for o in owners.get(step.photo.object_key or "", ()))
            ),
            pending[0],  # a swap of two keys has no right order; the bytes of both are in hand
        )
        pending.remove(free)
        ordered.append(free)
    return ordered


def urgency(product: ProductPlan) -> tuple[bool, int]:
    """Primary photos first, small before large: a new store's POS is usable early. The smaller, the more urgent."""
    primary = [s.photo.size or 0 for s in product.steps if s.photo.is_primary]
    return (not primary, min(primary or [s.photo.size or 0 for s in product.steps], default=0))
