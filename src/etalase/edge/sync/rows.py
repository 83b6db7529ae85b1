"""``product_photo``, its products, and what keeps rows and objects in step: intents, doubts and reclaims.

Plain SQL over arrays: a batch of products is one statement each way. Whatever adds or removes rows says so to the checkpoint,
in the same transaction: rows that are fewer than it says, somebody else removed.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import msgspec
from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from psycopg.errors import ForeignKeyViolation

from etalase.edge.database import cursor, translated
from etalase.edge.integrity import Damage
from etalase.edge.sync.plan.plan import Row, Step
from etalase.edge.sync.publish.put import Carried, Rotten
from etalase.objectstore import names_one_object
from etalase.protocol import KEY_PREFIX, Photo

PAGE_ROWS = 2000
_AFTER = "(%(after)s::uuid IS NULL OR {} > %(after)s)"
_AFTER_ID = _AFTER.format("id")

_COLUMNS = "id, product_id, object_key, filename, size, content_type, checksum, version, is_primary, sort_order, updated_at"

_UPSERT = f"""
    INSERT INTO product_photo ({_COLUMNS}, created_at)
    SELECT {_COLUMNS.replace("updated_at", "coalesce(updated_at, now())")}, now() FROM json_to_recordset(%s::json) AS photo (
        id uuid, product_id uuid, object_key text, filename text, size int, content_type text, checksum text, version int,
        is_primary bool, sort_order int, updated_at timestamptz)
    ON CONFLICT (id) DO UPDATE SET
        product_id = excluded.product_id, object_key = excluded.object_key, filename = excluded.filename,
        size = excluded.size, content_type = excluded.content_type, checksum = excluded.checksum,
        version = excluded.version, is_primary = excluded.is_primary, sort_order = excluded.sort_order,
        updated_at = excluded.updated_at
    RETURNING xmax = 0
"""


class ProductTable:
    """The product model of this project, by its table and columns: ours, or the one ETALASE_PRODUCT_MODEL names."""

    def __init__(self, *, name_field: str, sku_field: str) -> None:
        model: Any = apps.get_model(settings.ETALASE_PRODUCT_MODEL)
        meta = model._meta  # noqa: SLF001 - Django documents Model._meta as its API
        self.is_ours = meta.label == "etalase_edge.Product"
        self.table, self.id = _quoted(meta.db_table), _quoted(meta.pk.column)
        self.name, self.sku = _quoted(meta.get_field(name_field).column), _quoted(meta.get_field(sku_field).column)

    def names(self, ids: Collection[UUID]) -> dict[UUID, tuple[str, str]]:
        """(SKU, name) of those of ``ids`` that exist."""
        with cursor() as db:
            db.execute(
                f"SELECT {self.id}, {self.sku}, {self.name} FROM {self.table} WHERE {self.id} = ANY(%s)",
                [list(ids)],
            )
            return {row[0]: (row[1] or "", row[2] or "") for row in db.fetchall()}

    def write(self, products: Sequence[tuple[UUID, str, str]]) -> None:
        """Insert or update (id, SKU, name). Only ever called where the table is ours."""
        if not products:
            return
        ids, skus, names = (list(column) for column in zip(*products, strict=True))
        with cursor() as db:
            db.execute(
                "INSERT INTO product (id, sku, name) SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[])"
                " ON CONFLICT (id) DO UPDATE SET sku = excluded.sku, name = excluded.name, is_listed = TRUE"
                " WHERE (product.sku, product.name, product.is_listed)"
                " IS DISTINCT FROM (excluded.sku, excluded.name, TRUE)",
                [ids, skus, names],
            )

    def list_again(self, ids: Collection[UUID]) -> None:
        """Head office lists these; only ever called where the table is ours."""
        with cursor() as db:
            db.execute("UPDATE product SET is_listed = TRUE WHERE id = ANY(%s) AND NOT is_listed", [list(ids)])

    def unlist(self, ids: Collection[UUID]) -> None:
        """Head office lists these no longer; only ever called where the table is ours."""
        with cursor() as db:
            db.execute("UPDATE product SET is_listed = FALSE WHERE id = ANY(%s) AND is_listed", [list(ids)])

    def unlist_without_listed_photo(self) -> None:
        """Of a head office that names products by their photos alone, these are named no longer: all of their photos were
        removed, or their removal is held or waits; and none is owed. Only ever called where the table is ours."""
        with cursor() as db:
            db.execute(
                "UPDATE product p SET is_listed = FALSE WHERE is_listed"
                " AND NOT EXISTS (SELECT 1 FROM product_photo f WHERE f.product_id = p.id AND NOT EXISTS"
                " (SELECT 1 FROM etalase_removal r WHERE r.photo_id = f.id AND r.state IN ('held', 'waiting')))"
                " AND NOT EXISTS (SELECT 1 FROM etalase_pending_photo o WHERE o.product_id = p.id)"
            )

    def without_photos(self) -> set[UUID]:
        """The products that no row of ``product_photo`` belongs to."""
        with cursor() as db:
            db.execute("SELECT id FROM product p WHERE NOT EXISTS (SELECT 1 FROM product_photo WHERE product_id = p.id)")
            return {record[0] for record in db.fetchall()}

    def ids(self) -> Iterator[UUID]:
        """All products."""
        for record in _paged(f"SELECT {self.id} FROM {self.table} WHERE {_AFTER.format(self.id)} ORDER BY 1"):
            yield record[0]

    def count(self) -> int:
        """How many products there are."""
        with cursor() as db:
            db.execute(f"SELECT count(*) FROM {self.table}")
            return int(db.fetchone()[0])

    def delete(self, ids: Collection[UUID]) -> None:
        """Remove products that have no photo (any more); only ever called where the table is ours."""
        with cursor() as db:
            db.execute(
                "DELETE FROM product p WHERE id = ANY(%s) AND NOT EXISTS (SELECT 1 FROM product_photo WHERE product_id = p.id)",
                [list(ids)],
            )


def touching(photos: Collection[Photo]) -> list[Row]:
    """The rows that a plan for ``photos`` must know: of their products, with their ids, under their keys."""
    with cursor() as db:
        db.execute(
            f"SELECT {_COLUMNS} FROM product_photo WHERE product_id = ANY(%s) OR id = ANY(%s) OR object_key = ANY(%s)",
            [
                list({photo.product_id for photo in photos}),
                [photo.id for photo in photos],
                [photo.object_key for photo in photos if photo.object_key and "\0" not in photo.object_key],
            ],
        )
        return [_row(record) for record in db.fetchall()]


def every() -> Iterator[Row]:
    """All rows, in the order of their ids."""
    return map(_row, _paged(f"SELECT {_COLUMNS} FROM product_photo WHERE {_AFTER_ID} ORDER BY id"))


def in_batches() -> Iterator[list[Row]]:
    """All rows, some at a time."""
    rest = every()
    while batch := list(islice(rest, PAGE_ROWS)):
        yield batch


def count() -> int:
    """How many rows there are."""
    with cursor() as db:
        db.execute("SELECT count(*) FROM product_photo")
        return int(db.fetchone()[0])


def count_among(ids: Iterable[UUID]) -> int:
    """How many of these photos have a row."""
    with cursor() as db:
        db.execute("SELECT count(*) FROM product_photo WHERE id = ANY(%s)", [list(ids)])
        return int(db.fetchone()[0])


def some(count: int) -> list[Row]:
    """So many rows with an object, here and there among all of them."""
    with cursor() as db:
        # From a place drawn by lot onwards, and from the beginning where too few come after it.
        for first in (uuid4(), UUID(int=0)):
            db.execute(
                f"SELECT {_COLUMNS} FROM product_photo WHERE id >= %s AND object_key > '' ORDER BY id LIMIT %s", [first, count]
            )
            if len(found := db.fetchall()) == count:
                break
        return [_row(record) for record in found]


def ids() -> Iterator[UUID]:
    """The ids of all rows."""
    return (record[0] for record in _paged(f"SELECT id FROM product_photo WHERE {_AFTER_ID} ORDER BY id"))


def keys() -> Iterator[str]:
    """The object keys of all rows."""
    return (record[1] or "" for record in _paged(f"SELECT id, object_key FROM product_photo WHERE {_AFTER_ID} ORDER BY id"))


def _paged(select: str) -> Iterator[tuple[Any, ...]]:
    """What ``select`` gives, page by page, each after the last id of the one before; a cursor would hold it all in memory."""
    after: UUID | None = None
    while True:
        with cursor() as db:
            db.execute(f"{select} LIMIT {PAGE_ROWS}", {"after": after})
            page = db.fetchall()
        yield from page
        if len(page) < PAGE_ROWS:
            return
        after = page[-1][0]


def of_products(ids: Collection[UUID]) -> list[Row]:
    """All rows of the products ``ids``."""
    with cursor() as db:
        db.execute(f"SELECT {_COLUMNS} FROM product_photo WHERE product_id = ANY(%s)", [list(ids)])
        return [_row(record) for record in db.fetchall()]


def with_ids(ids: Collection[UUID]) -> list[Row]:
    """The rows with these ids, where there are any."""
    with cursor() as db:
        db.execute(f"SELECT {_COLUMNS} FROM product_photo WHERE id = ANY(%s) ORDER BY id", [list(ids)])
        return [_row(record) for record in db.fetchall()]


def owners(keys: Collection[str]) -> dict[str, str]:
    """The checksum that the row of each key has, where a row has it; one of them where several share it."""
    with cursor() as db:
        db.execute("SELECT object_key, lower(checksum) FROM product_photo WHERE object_key = ANY(%s)", [list(keys)])
        return {key: checksum or "" for key, checksum in db.fetchall()}


def with_bytes(checksums: Collection[str]) -> dict[str, str]:
    """The key of one object each that has these bytes by its row, and is not known to be damaged."""
    if not checksums:
        return {}
    with cursor() as db:
        db.execute(
            "SELECT lower(checksum), min(object_key) FROM product_photo WHERE lower(checksum) = ANY(%s)"
            " AND starts_with(object_key, %s) AND id NOT IN (SELECT photo_id FROM etalase_doubt) GROUP BY 1",
            [list(checksums), KEY_PREFIX],
        )
        return {checksum: key for checksum, key in db.fetchall() if names_one_object(key)}


def products_with_a_photo() -> int:
    """How many products have at least one photo."""
    with cursor() as db:
        db.execute("SELECT count(DISTINCT product_id) FROM product_photo")
        return int(db.fetchone()[0])


# Publish intents (hazard 18)


def intents() -> list[tuple[str, str | None]]:
    """The live keys that a run was about to overwrite and did not get to commit, with the checksum of a row there, if any."""
    with cursor() as db:
        db.execute(
            "SELECT i.object_key, min(p.checksum) FROM etalase_publish_intent i LEFT JOIN product_photo p USING (object_key)"
            " GROUP BY i.object_key"
        )
        return list(db.fetchall())


def coming() -> dict[str, str]:
    """What the intents were about: the MD5s, by key, of photos that head office promised and that may lie there already."""
    with cursor() as db:
        db.execute("SELECT object_key, new_checksum FROM etalase_publish_intent WHERE new_checksum IS NOT NULL")
        return {key: checksum.lower() for key, checksum in db.fetchall()}


def note_intents(steps: Iterable[Step]) -> None:
    """Commit what the next puts are about to overwrite, before they do."""
    # Photos that share an object share its intent.
    noted = {s.photo.object_key: (s.replaces or "", s.photo.checksum) for s in steps if s.overwrites_live_key}
    if not noted:
        return
    old, new = (list(column) for column in zip(*noted.values(), strict=True))
    with cursor() as db:
        db.execute(
            "INSERT INTO etalase_publish_intent (object_key, old_checksum, new_checksum)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[])"
            " ON CONFLICT (object_key) DO UPDATE SET new_checksum = excluded.new_checksum",
            [list(noted), old, new],
        )


def clear_intents(keys: Collection[str]) -> None:
    """Forget the intents of ``keys``: their rows say what their objects are."""
    with cursor() as db:
        db.execute("DELETE FROM etalase_publish_intent WHERE object_key = ANY(%s)", [list(keys)])


# Doubts: what is known to be damaged


def doubts() -> dict[UUID, Damage]:
    """The photos whose objects were seen not to be what their rows say, and how."""
    with cursor() as db:
        db.execute("SELECT photo_id, kind FROM etalase_doubt WHERE EXISTS (SELECT 1 FROM product_photo WHERE id = photo_id)")
        return {photo_id: Damage(kind) for photo_id, kind in db.fetchall()}


def doubted_unattended(*, asked_before: datetime) -> list[Row]:
    """The rows whose objects are in doubt, and that neither the retry list owes nor head office took away.

    Left out are those that head office was asked for in vain since ``asked_before``.
    """
    with cursor() as db:
        db.execute(
            f"SELECT {_COLUMNS} FROM product_photo WHERE id IN (SELECT photo_id FROM etalase_doubt d"
            " WHERE (asked_at IS NULL OR asked_at < %s)"
            " AND NOT EXISTS (SELECT 1 FROM etalase_pending_photo o WHERE o.photo_id = d.photo_id)"
            " AND NOT EXISTS (SELECT 1 FROM etalase_removal r WHERE r.photo_id = d.photo_id AND r.state <> 'applied'))",
            [asked_before],
        )
        return [_row(record) for record in db.fetchall()]


def asked_in_vain(photo_ids: Collection[UUID], *, at: datetime) -> None:
    """Note that head office's whole list does not name these damaged photos."""
    if photo_ids:
        with cursor() as db:
            db.execute("UPDATE etalase_doubt SET asked_at = %s WHERE photo_id = ANY(%s)", [at, list(photo_ids)])


def doubt(damaged: Mapping[UUID, Damage]) -> None:
    """Remember these until their objects were put anew, or seen to be right."""
    if damaged:
        with cursor() as db:
            db.execute(
                "INSERT INTO etalase_doubt (photo_id, kind) SELECT * FROM unnest(%s::uuid[], %s::text[])"
                " ON CONFLICT (photo_id) DO UPDATE SET kind = excluded.kind WHERE etalase_doubt.kind <> excluded.kind",
                [list(damaged), [kind.value for kind in damaged.values()]],
            )


def doubt_rotten(rotten: Collection[Rotten], *, but: Collection[UUID]) -> None:
    """Remember the photos whose objects were to be copied and turned out not to be what their rows say, ``but`` for some.

    A key that a put is about to change says nothing about its row.
    """
    if rotten:
        keys, checksums, kinds = (list(column) for column in zip(*rotten, strict=True))
        with cursor() as db:
            db.execute(
                "INSERT INTO etalase_doubt (photo_id, kind) SELECT DISTINCT ON (p.id) p.id, r.kind"
                " FROM unnest(%s::text[], %s::text[], %s::text[]) AS r (object_key, checksum, kind)"
                " JOIN product_photo p ON p.object_key = r.object_key AND lower(p.checksum) = r.checksum"
                " WHERE p.id <> ALL(%s)"
                " AND NOT EXISTS (SELECT 1 FROM etalase_publish_intent i WHERE i.object_key = r.object_key)"
                " ON CONFLICT (photo_id) DO NOTHING",
                [keys, checksums, [kind.value for kind in kinds], list(but)],
            )


def trust(photo_ids: Collection[UUID]) -> None:
    """The objects of these are right (again)."""
    if photo_ids:
        with cursor() as db:
            db.execute("DELETE FROM etalase_doubt WHERE photo_id = ANY(%s)", [list(photo_ids)])


def forget_doubts_without_row() -> None:
    """What was removed need not be right."""
    with cursor() as db:
        db.execute("DELETE FROM etalase_doubt WHERE NOT EXISTS (SELECT 1 FROM product_photo WHERE id = photo_id)")


# How many rows there should be


def expected() -> tuple[int | None, int]:
    """How many rows the checkpoint knows of, None before the first complete run; and how many there are, at that moment."""
    with cursor() as db:
        db.execute("SELECT (SELECT photos FROM etalase_checkpoint LIMIT 1), (SELECT count(*) FROM product_photo)")
        known, there = db.fetchone()
        return known, there


def listed_and_here() -> tuple[int, int]:
    """How many photos head office lists as far as finished runs know, and how many of them are here as it lists them.

    What it does not list any more (a removal that waits or was refused) is in neither, nor a photo whose product is not here.
    """
    with cursor() as db:
        db.execute(
            "SELECT count(*), count(*) FILTER (WHERE o.photo_id IS NULL) FROM product_photo p"
            " FULL JOIN (SELECT photo_id FROM etalase_pending_photo WHERE reason <> 'product_missing') o ON o.photo_id = p.id"
            " WHERE NOT EXISTS (SELECT 1 FROM etalase_removal r"
            " WHERE r.photo_id = coalesce(p.id, o.photo_id) AND r.state <> 'applied')"
        )
        listed, here = db.fetchone()
        return listed, here


def expect_what_is_here() -> None:
    """What there is from here on is what should be."""
    with cursor() as db:
        db.execute("UPDATE etalase_checkpoint SET photos = (SELECT count(*) FROM product_photo)")


def expect(more: int) -> None:
    """So many rows more, or less, are as they should be."""
    if more:
        with cursor() as db:
            db.execute("UPDATE etalase_checkpoint SET photos = photos + %s", [more])


# Publishing: rows after objects


def commit(batch: Sequence[Carried]) -> list[Carried]:
    """Write the rows of whole products in one transaction; the caller has opened it.

    Products that vanished meanwhile fail inside their own savepoint and come back; the others stay.
    """
    with cursor() as db:
        # A foreign key that a project's own Django made is checked at COMMIT, past every savepoint (hazard 58).
        db.execute("SET CONSTRAINTS ALL IMMEDIATE")
    try:
        with translated(), transaction.atomic():
            _write(batch)
        return []
    except IntegrityError as error:
        if not isinstance(error.__cause__, ForeignKeyViolation):
            raise
        vanished: list[Carried] = []
        for carried in batch:
            try:
                with translated(), transaction.atomic():
                    _write([carried])
            except IntegrityError as failure:
                if not isinstance(failure.__cause__, ForeignKeyViolation):
                    raise
                vanished.append(carried)
        return vanished


def _write(batch: Sequence[Carried]) -> None:
    steps = [step for carried in batch for step in carried.published]
    displaced = [photo_id for carried in batch for photo_id in carried.displaced]
    more = 0
    with cursor() as db:
        if displaced:
            db.execute("DELETE FROM product_photo WHERE id = ANY(%s)", [displaced])
            more -= db.rowcount
        demoted = [step.photo.id for step in steps if step.row_is_primary and not step.photo.is_primary]
        if demoted:
            # Before the upsert: a customer's own unique index on the primary photo cannot be deferred (hazard 58).
            db.execute("UPDATE product_photo SET is_primary = FALSE WHERE id = ANY(%s)", [demoted])
        if steps:
            # Each photo once, whatever was planned: PostgreSQL refuses a batch that writes a row twice.
            photos = {step.photo.id: _as_row(step.photo) for step in steps}
            db.execute(_UPSERT, [msgspec.json.encode(list(photos.values())).decode()])
            more += sum(inserted for (inserted,) in db.fetchall())
    expect(more)
    named = {step.photo.object_key or "" for step in steps}
    settle_reclaims(named)
    reclaim_later([s.row_key for s in steps if s.row_key and s.row_key != s.photo.object_key])
    unsettled = {key for carried in batch for key in carried.unsettled_keys}
    # A photo that failed before its put says nothing about what an earlier run left under its key: that intent stays.
    settled = [step for step in steps if not step.demotes]
    clear_intents({step.photo.object_key or "" for step in settled} - unsettled)
    # Also where the row is written alone: then the right bytes lie there already.
    trust([step.photo.id for step in settled])
    doubt_rotten({one for carried in batch for one in carried.rotten}, but=[step.photo.id for step in settled])


def delete(photo_ids: Collection[UUID]) -> int:
    """Remove rows; their objects follow after their grace (hazard 15: row first, object later). Returns how many went."""
    with cursor() as db:
        db.execute("DELETE FROM product_photo WHERE id = ANY(%s) RETURNING object_key", [list(photo_ids)])
        gone = db.fetchall()
    expect(-len(gone))
    reclaim_later([record[0] for record in gone if record[0]])
    return len(gone)


def as_json(row: Row) -> dict[str, Any]:
    """The row as it can be kept in a JSON column, to be put back by :func:`restore`."""
    record: dict[str, Any] = json.loads(json.dumps({name: getattr(row, name) for name in _COLUMNS.split(", ")}, default=str))
    return record


class _Kept(msgspec.Struct):
    """What :func:`as_json` keeps, and what tells it from anything else that may stand in its column."""

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
    product_sku: str = ""


def is_kept(record: object) -> bool:
    """Whether :func:`restore` can put the record back."""
    try:
        msgspec.convert(record, _Kept)
    except msgspec.ValidationError:
        return False
    return True


def restore(records: Sequence[dict[str, Any]]) -> None:
    """Put rows back as :func:`as_json` kept them; where one of their products has a primary photo by now, it stays that."""
    with cursor() as db:
        db.execute(_UPSERT, [json.dumps(list(records))])
        expect(sum(inserted for (inserted,) in db.fetchall()))
        db.execute(
            "UPDATE product_photo p SET is_primary = FALSE WHERE id = ANY(%s) AND is_primary AND EXISTS"
            " (SELECT 1 FROM product_photo o WHERE o.product_id = p.product_id AND o.is_primary AND o.id <> ALL(%s))",
            2 * [[UUID(record["id"]) for record in records]],
        )
        db.execute("DELETE FROM etalase_reclaim r USING product_photo p WHERE p.object_key = r.object_key")


# Reclaiming objects


def reclaim_later(keys: Collection[str]) -> None:
    """Let the objects under ``keys`` go after their grace, if no row names them then. What is not ours stays (hazard 16).

    How long that is, is asked when it may be over: so a changed RECLAIM_GRACE counts for what waits already.
    """
    ours = [key for key in dict.fromkeys(keys) if key.startswith(KEY_PREFIX)]
    if not ours:
        return
    with cursor() as db:
        db.execute(
            "INSERT INTO etalase_reclaim (object_key) SELECT * FROM unnest(%s::text[]) ON CONFLICT (object_key) DO NOTHING",
            [ours],
        )


def settle_reclaims(keys: Collection[str]) -> None:
    """The objects under ``keys`` are gone, or a row names them: should they go later, they have their grace anew."""
    with cursor() as db:
        db.execute("DELETE FROM etalase_reclaim WHERE object_key = ANY(%s)", [list(keys)])


def put_off(keys: Collection[str], *, until: datetime) -> None:
    """The objects under ``keys`` cannot be removed now; the others must not wait for them."""
    with cursor() as db:
        db.execute("UPDATE etalase_reclaim SET put_off_until = %s WHERE object_key = ANY(%s)", [until, list(keys)])


def reclaims_due(grace: timedelta) -> list[str]:
    """The keys whose ``grace`` is over. Those that a row names again are forgotten here, their objects stay."""
    with cursor() as db:
        db.execute("DELETE FROM etalase_reclaim r USING product_photo p WHERE p.object_key = r.object_key")
        # By a clock that was ahead once: the grace begins now.
        db.execute("UPDATE etalase_reclaim SET obsolete_at = now() WHERE obsolete_at > now()")
        db.execute(
            "SELECT object_key FROM etalase_reclaim WHERE obsolete_at <= now() - %s"
            " AND (put_off_until IS NULL OR put_off_until <= now()) ORDER BY coalesce(put_off_until, obsolete_at)",
            [grace],
        )
        return [record[0] for record in db.fetchall()]


def reclaims() -> set[str]:
    """The keys that wait for their grace."""
    with cursor() as db:
        db.execute("SELECT object_key FROM etalase_reclaim")
        return {record[0] for record in db.fetchall()}


def _as_row(photo: Photo) -> Photo:
    """The photo as PostgreSQL takes it: without texts that are no column, where a NUL is nobody's loss; its time in UTC, of
    which no offset is too large. A year 10,000 in UTC, which nobody could read any more, is an unknown time."""
    try:
        at = photo.updated_at and photo.updated_at.astimezone(UTC)
    except OverflowError:
        at = None
    return msgspec.structs.replace(photo, product_sku=None, product_name=None, image_url="", updated_at=at)


def _row(record: tuple[Any, ...]) -> Row:
    (id_, product_id, key, filename, size, content_type, checksum, version, is_primary, sort_order, updated_at) = record
    return Row(
        id=id_,
        product_id=product_id,
        object_key=key or "",
        filename=filename,
        size=size,
        content_type=content_type,
        checksum=checksum,
        version=version,
        is_primary=bool(is_primary),
        sort_order=sort_order,
        updated_at=updated_at,
        object_etag=checksum and checksum.lower(),
    )


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
