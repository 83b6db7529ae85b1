"""Plans the steps that make the edge equal to head office. Pure.

The checksum decides a download, not the version (hazard 25). Photos are planned by product, because some head offices move keys
between the photos of a product (hazard 55).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from types import MappingProxyType
from uuid import UUID

import msgspec

from etalase.edge.sync.plan.model import Kind, Plan, ProductPlan, Row, Stage, Step
from etalase.edge.sync.plan.vacating import as_it_is, holders, still_held, vacating
from etalase.errors import PhotoError, Reason
from etalase.protocol import MAX_CONTENT_TYPE_CHARS, Photo, defect, flawed, printable

# An unknown time is older than any known one.
LONG_AGO = datetime.min.replace(tzinfo=UTC)

_compared = attrgetter(
    "product_id", "object_key", "filename", "size", "content_type", "checksum", "version", "is_primary", "sort_order"
)


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
    own: Collection[UUID] = (),
    put_off: Collection[UUID] = (),
    stage: Stage = Stage.FORECAST,
) -> Plan:
    """Returns the plan for ``photos``, given ``rows``: all rows of their products, with their ids, or under their keys.

    ``orphans`` are the MD5s of listed objects without a row, by key: their bytes need no download. ``copies`` are keys of
    objects that seem to have a photo's bytes, by MD5. ``leaving`` are photos that HO deleted and whose rows are still here.
    ``elsewhere`` are photos of ``rows`` that another slice plans. ``claims`` are the photos that got their keys in earlier
    slices. ``own`` are rows of the store's own, which HO never listed: they keep their keys, whole objects and primary flags.
    ``put_off`` are photos that the run plans later: they get no step now. ``stage`` tells the same of keys that others hold.
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
        elif photo.product_id not in known_products and not listed.flaws:  # a row here proves that its product is here
            result.parked.append(photo)
        elif photo.id in put_off:
            result.put_off.append(photo)
        else:
            usable.setdefault(photo.product_id, []).append(normalised(photo))
    ids = {photo.id for photo in photos}
    listed_photos = {photo.id: photo for of_product in usable.values() for photo in of_product}
    listed_photos |= {id_: normalised(photo) for id_, photo in elsewhere.items() if id_ not in ids}
    listed_photos |= {photo.id: normalised(photo) for photo in result.put_off}
    everything = {photo.id: photo for photo in photos} | listed_photos
    own = set(own) - listed_photos.keys()
    planning = _Planning(result, rows, listed_photos, orphans, copies, leaving, own, everything=everything, stage=stage)
    for product_id, wanted in usable.items():
        planning.add(product_id, wanted)
    result.waits_for_keys |= any(planning.waits_for(photo) for photo in result.put_off)
    return result


class _Planning:
    """The rows, objects and claims for planning the products of one slice, one after another."""

    def __init__(
        self,
        result: Plan,
        rows: Sequence[Row],
        listed: Mapping[UUID, Photo],
        orphans: Mapping[str, str],
        copies: Mapping[str, str],
        leaving: Collection[UUID],
        own: Collection[UUID],
        *,
        everything: Mapping[UUID, Photo],
        stage: Stage,
    ) -> None:
        self.result, self.listed, self.leaving, self.own = result, listed, leaving, own
        # With those photos, too, that HO lists and that cannot be published now.
        self.everything, self.stage = everything, stage
        self.vacated: set[UUID] = set()
        self.orphans, self.copies = orphans, copies
        self.rows_by_id = {row.id: row for row in rows}
        self.rows_of: dict[UUID, list[Row]] = {}
        self.owners: dict[str, list[Row]] = {}
        for row in rows:
            self.rows_of.setdefault(row.product_id, []).append(row)
            self.owners.setdefault(row.object_key, []).append(row)

    def add(self, product_id: UUID, wanted: Sequence[Photo]) -> None:
        """Adds one product: its steps, its failing photos, and its unchanged ones."""
        rows, owners = self.rows_of.get(product_id, []), self.owners
        if self._puts_off(wanted):
            return
        wanted, demoted, several = one_primary(
            wanted, [row for row in rows if row.id not in self.own], self.leaving, self.listed
        )
        if several:
            self.result.several_primaries.append(product_id)
        listed = {photo.id for photo in wanted}
        bytes_at: dict[str | None, str] = {row.object_etag: row.object_key for row in rows if row.object_etag}
        steps: list[Step] = []
        displaced: set[tuple[UUID, str]] = set()
        # A photo whose bytes are under its key keeps the key; among the others the newest one gets it.
        for photo in sorted(wanted, key=self._precedence, reverse=True):
            row = self.rows_by_id.get(photo.id)
            key = photo.object_key or ""
            if conflict := self._conflict(photo):
                self.result.failed.append((photo, conflict))
                continue
            if self.result.claims.setdefault(key, photo).id != photo.id:
                bytes_at.setdefault(photo.checksum, key)  # the first photo that shares the object uploads it
            others = [owner for owner in owners.get(key, ()) if owner.id != photo.id and owner.checksum != photo.checksum]
            displaced |= {
                (o.id, key) for o in others if o.id not in listed and o.id not in self.own and not self._keeps_row(o, photo)
            }
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

    def _keeps_row(self, row: Row, taker: Photo) -> bool:
        """Returns whether HO lists the photo of ``row`` under another key than ``taker``, or with the same object."""
        one = self.everything.get(row.id)
        return one is not None and (one.object_key != taker.object_key or _share_object(one, taker))

    def _puts_off(self, wanted: Sequence[Photo]) -> bool:
        """Puts off a product whose photos wait for keys, as the stage says. Returns whether it did."""
        waiting_for = [row for one in wanted for row in self.waits_for(one)]
        if self.stage is Stage.VACATE:
            self.result.products += vacating(row for row in waiting_for if row.id not in self.vacated)
            self.vacated.update(row.id for row in waiting_for)
        elif self.stage is not Stage.FIRST or not waiting_for:
            return False
        self.result.put_off += wanted
        return True

    def _conflict(self, photo: Photo) -> PhotoError | None:
        """Returns why this photo cannot have its key now."""
        key, in_the_way = photo.object_key or "", self.waits_for(photo)
        others = [owner for owner in self.owners.get(key, ()) if owner not in in_the_way]
        conflict = _conflict(photo, others, self.result.claims.get(key), self.listed, self.own)
        if conflict is None and in_the_way and self.stage is Stage.LAST:
            return still_held(key, in_the_way[0].id)
        return conflict

    def waits_for(self, photo: Photo) -> list[Row]:
        """Returns the rows that have to leave the key of the photo first."""
        return holders(photo, self.owners.get(photo.object_key or "", ()), self.everything)

    def _precedence(self, photo: Photo) -> tuple[bool, datetime, UUID]:
        return is_settled(photo, self.rows_by_id.get(photo.id)), photo.updated_at or LONG_AGO, photo.id

    def _add_steps(
        self, product_id: UUID, steps: Sequence[Step], displaced: tuple[tuple[UUID, str], ...], *, own_keys: set[str]
    ) -> None:
        """Adds one plan for steps that depend on each other, else one plan for each step."""
        entangled = any(s.copy_from in own_keys for s in steps) or any(
            owner.id != s.photo.id for s in steps if s.overwrites_live_key for owner in self.owners[s.photo.object_key or ""]
        )
        ordered = tuple(_in_order(steps, self.owners))
        if entangled or displaced or any(step.row_is_primary and not step.photo.is_primary for step in steps):
            self.result.products.append(ProductPlan(product_id, ordered, entangled, displaced))
        else:
            self.result.products += [ProductPlan(product_id, (step,)) for step in ordered]


def normalised(photo: Photo) -> Photo:
    """Returns ``photo`` in the form of a row: a lower-case checksum, the guide's defaults for nulls, a type that fits."""
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
    """Returns a photo with flaws completed from its row, if its other fields match row and object; else None."""
    if row is None or row.object_etag != row.checksum or row.object_mistyped:
        return None
    flaws = {name for name, _ in photo.flaws}
    kept = {name: getattr(row, name) for name in flaws if name in Row.__dataclass_fields__}
    here = normalised(msgspec.structs.replace(photo, **kept, flaws=()))
    return None if differs(here, row) else here


def one_primary(
    wanted: Sequence[Photo], rows: Sequence[Row], leaving: Collection[UUID] = (), listed: Collection[UUID] = ()
) -> tuple[list[Photo], list[Row], bool]:
    """Returns ``wanted`` with at most one primary photo, counting the rows that HO does not list now (invariant I5).

    The newest wins, except photos that are ``leaving``. Rows of ``listed`` photos do not count, because another product's plan
    changes them. Also returns the rows to demote, and whether HO named several primary photos.
    """
    listed = {photo.id for photo in wanted}.union(listed)
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
    """Returns whether the row has the key and checksum of the photo."""
    return row is not None and (row.object_key, row.checksum) == (photo.object_key, photo.checksum)


def _conflict(
    photo: Photo,
    owners: Sequence[Row],
    claim: Photo | None,
    listed: Mapping[UUID, Photo] = MappingProxyType({}),
    own: Collection[UUID] = (),
) -> PhotoError | None:
    """Returns why this photo cannot have its key: photos may share an object, but not with different bytes."""
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
        # If the key already has this photo's bytes, the other row is wrong and nothing is overwritten. The same holds if HO
        # lists the other photo with these new bytes.
        is_foreign = owner.id != photo.id and owner.product_id != photo.product_id and owner.id not in own
        if is_foreign and owner.object_etag != photo.checksum and not _share_object(listed.get(owner.id), photo):
            return PhotoError(
                Reason.KEY_CONFLICT,
                f"object_key {photo.object_key} is in use by photo {owner.id} of another product, with other bytes",
            )
        # Of an own row whose object was replaced long ago, no bytes can be lost.
        if owner.id in own and owner.object_etag == (owner.checksum or "").lower() != photo.checksum:
            return PhotoError(
                Reason.KEY_IS_OWN,
                f"object_key {photo.object_key} is in use by photo {owner.id}, the store's own, with other bytes: "
                "the listed photo comes once that one is disowned",
            )
    return None


def _share_object(one: Photo | None, other: Photo) -> bool:
    """Returns whether both have the same bytes under the same key. Their sizes may differ: the bytes decide which is right."""
    shared = (other.object_key, (other.checksum or "").lower())
    return one is not None and (one.object_key, (one.checksum or "").lower()) == shared


def _step(
    photo: Photo,
    row: Row | None,
    at_key: Sequence[Row],
    bytes_at: Mapping[str | None, str],
    copies: Mapping[str, str],
    orphans: Mapping[str, str],
) -> Step | None:
    key = photo.object_key or ""
    current = at_key[0].object_etag if at_key else orphans.get(key)
    mistyped = bool(at_key and at_key[0].object_mistyped)
    row_key = row.object_key if row else None
    row_is_primary = bool(row and row.is_primary)
    if current == photo.checksum and not mistyped:
        if row is not None and not differs(photo, row):
            return None
        return Step(photo, Kind.ROW, row_key=row_key, row_is_primary=row_is_primary)
    source = bytes_at.get(photo.checksum) or copies.get(photo.checksum or "")
    return Step(
        photo,
        Kind.COPY if source else Kind.FETCH,
        replaces=current,
        copy_from=source,
        row_key=row_key,
        row_is_primary=row_is_primary,
        overwrites_live_key=bool(at_key),
        heals=row is not None and row.object_key == key and row.checksum == photo.checksum,
    )


def differs(photo: Photo, row: Row) -> bool:
    """Returns whether the row differs from HO's. ``updated_at`` alone is not a difference that is worth a write."""
    return bool(_compared(photo) != _compared(row))


def _demotion(row: Row) -> Step:
    photo = msgspec.structs.replace(as_it_is(row), is_primary=False)
    return Step(photo, Kind.ROW, row_key=row.object_key, row_is_primary=True, demotes=True)


def _in_order(steps: Iterable[Step], owners: Mapping[str, Sequence[Row]]) -> list[Step]:
    """Returns the steps in an order in which a photo leaves a key before another photo overwrites the key."""
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
            pending[0],  # two swapped keys have no right order; the bytes of both are in memory
        )
        pending.remove(free)
        ordered.append(free)
    return ordered
