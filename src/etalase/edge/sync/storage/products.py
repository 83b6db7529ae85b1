"""Reads and writes the product table: ours or the one of a customer's project."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction

from etalase.edge.database import cursor, translated
from etalase.edge.sync.storage.paging import AFTER, paged
from etalase.edge.sync.storage.savepoints import apart, bound_waits, check_at_once
from etalase.errors import DatabaseBusy, RowRefused, RowWaits

T = TypeVar("T")

MAX_WAITING: Final = 20


class ProductRow(NamedTuple):
    """The texts of a product to write; a category of None keeps the one that is here."""

    id: UUID
    sku: str
    name: str
    category: str | None = None


class ProductLabel(NamedTuple):
    """What a person calls a product; blank for a product that is not here."""

    sku: str = ""
    name: str = ""


class ProductTable:
    """The table and columns of the product model: ours or the one in ETALASE_PRODUCT_MODEL."""

    def __init__(self, *, name_field: str, sku_field: str) -> None:
        model: Any = apps.get_model(settings.ETALASE_PRODUCT_MODEL)
        meta = model._meta  # noqa: SLF001 - Django documents Model._meta as its API
        self.is_ours = meta.label == "etalase_edge.Product"
        self.table, self.id = _quoted(meta.db_table), _quoted(meta.pk.column)
        self.name, self.sku = _quoted(meta.get_field(name_field).column), _quoted(meta.get_field(sku_field).column)

    def existing(self, ids: Collection[UUID]) -> dict[UUID, ProductLabel]:
        """Returns the labels of those products among ``ids`` that exist."""
        with cursor() as db:
            db.execute(
                f"SELECT {self.id}, {self.sku}, {self.name} FROM {self.table} WHERE {self.id} = ANY(%s)",
                [list(ids)],
            )
            return {row[0]: ProductLabel(row[1] or "", row[2] or "") for row in db.fetchall()}

    def labels(self, ids: Collection[UUID]) -> dict[UUID, ProductLabel]:
        """Returns a label for each of ``ids``."""
        return dict.fromkeys(ids, ProductLabel()) | self.existing(ids)

    def write(self, products: Sequence[ProductRow]) -> list[tuple[ProductRow, RowRefused]]:
        """Inserts or updates products. Returns those that a rule of the customer's refuses.

        For our own table only.
        """
        return _apart(products, self._write)

    def _write(self, products: Sequence[ProductRow]) -> None:
        if not products:
            return
        ids, skus, names, categories = (list(column) for column in zip(*products, strict=True))
        with cursor() as db:
            db.execute(
                "INSERT INTO product (id, sku, name, category)"
                " SELECT n.id, n.sku, n.name, coalesce(n.category, p.category, '')"
                " FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[]) AS n(id, sku, name, category)"
                " LEFT JOIN product p ON p.id = n.id ON CONFLICT (id) DO UPDATE"
                " SET sku = excluded.sku, name = excluded.name, category = excluded.category, is_listed = TRUE"
                " WHERE (product.sku, product.name, product.category, product.is_listed)"
                " IS DISTINCT FROM (excluded.sku, excluded.name, excluded.category, TRUE)",
                [ids, skus, names, categories],
            )

    def list_again(self, ids: Collection[UUID]) -> None:
        """Marks products as listed by head office. For our own table only."""
        with cursor() as db:
            db.execute("UPDATE product SET is_listed = TRUE WHERE id = ANY(%s) AND NOT is_listed", [list(ids)])

    def unlist(self, ids: Collection[UUID]) -> None:
        """Marks products as no longer listed by head office. For our own table only."""
        with cursor() as db:
            db.execute("UPDATE product SET is_listed = FALSE WHERE id = ANY(%s) AND is_listed", [list(ids)])

    def unlist_without_listed_photo(self) -> None:
        """Marks products as no longer listed if they have no listed photo. For our own table only.

        For a head office that lists products only through their photos. A photo whose removal is held or waiting is not listed;
        a photo on the retry list is.
        """
        with cursor() as db:
            db.execute(
                "UPDATE product p SET is_listed = FALSE WHERE is_listed"
                " AND NOT EXISTS (SELECT 1 FROM product_photo f WHERE f.product_id = p.id AND NOT EXISTS"
                " (SELECT 1 FROM etalase_removal r WHERE r.photo_id = f.id AND r.state IN ('held', 'waiting')))"
                " AND NOT EXISTS (SELECT 1 FROM etalase_pending_photo o WHERE o.product_id = p.id)"
            )

    def without_photos(self) -> set[UUID]:
        """Returns the products without a row in ``product_photo``."""
        with cursor() as db:
            db.execute("SELECT id FROM product p WHERE NOT EXISTS (SELECT 1 FROM product_photo WHERE product_id = p.id)")
            return {record[0] for record in db.fetchall()}

    def ids(self) -> Iterator[UUID]:
        """Yields the ids of all products."""
        for record in paged(f"SELECT {self.id} FROM {self.table} WHERE {AFTER.format(self.id)} ORDER BY 1"):
            yield record[0]

    def count(self) -> int:
        """Returns the number of products."""
        with cursor() as db:
            db.execute(f"SELECT count(*) FROM {self.table}")
            return int(db.fetchone()[0])

    def delete(self, ids: Collection[UUID]) -> list[tuple[UUID, RowRefused]]:
        """Deletes those of the products ``ids`` that have no photo. Returns those that a rule of the customer's keeps.

        For our own table only.
        """
        return _apart(list(ids), self._delete)

    def _delete(self, ids: Sequence[UUID]) -> None:
        with cursor() as db:
            db.execute(
                "DELETE FROM product p WHERE id = ANY(%s) AND NOT EXISTS (SELECT 1 FROM product_photo WHERE product_id = p.id)",
                [ids],
            )


def _apart(items: Sequence[T], write: Callable[[Sequence[T]], None]) -> list[tuple[T, RowRefused]]:
    """Writes the items; needs savepoints, and their statements, only where one is refused."""
    if not items or connection.in_atomic_block:
        return apart(items, write)
    try:
        _write_bounded(items, write)
    except RowRefused:
        with translated(), transaction.atomic():
            bound_waits()
            check_at_once()
            return apart(items, write)
    except DatabaseBusy:
        return _one_by_one(items, write)
    return []


def _write_bounded(items: Sequence[T], write: Callable[[Sequence[T]], None]) -> None:
    with translated(), transaction.atomic():
        bound_waits()
        write(items)


def _one_by_one(items: Sequence[T], write: Callable[[Sequence[T]], None]) -> list[tuple[T, RowRefused]]:
    """Writes each item alone, because one waits for another session or for a trigger. Many mean that the table is locked."""
    refused: list[tuple[T, RowRefused]] = []
    for item in items:
        try:
            _write_bounded([item], write)
        except RowRefused as error:
            refused.append((item, error))
        except DatabaseBusy as busy:
            refused.append((item, RowWaits(busy)))
            if len(refused) >= MAX_WAITING:
                raise
    return refused


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
