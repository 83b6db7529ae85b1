"""Random edits at head office, committed in random order: an edge that follows the protocol ends equal to it."""

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from tests.integration.head_office.conftest import another_session
from tests.integration.head_office.office import Edge, Office, roll_clock

from etalase.head_office.models import Company, Photo, Store
from etalase.head_office.retention import purge
from etalase.protocol import Page

WRITERS = 3
SKUS = PHOTOS = 3

writers = st.integers(0, WRITERS - 1)
skus = st.integers(0, SKUS - 1)
photos = st.integers(0, PHOTOS - 1)
stores = st.integers(0, 1)


class HeadOffice(RuleBasedStateMachine):
    """Three people edit, each in a transaction that stays open until they commit or give up; two edges sync meanwhile.

    Names are small numbers, so that edits meet: the same photo is deleted, made again, sold here and there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sessions: list[psycopg.Connection[Any]] = []

    @initialize()
    def open_the_office(self) -> None:
        """Creates a company per example, so that nothing has to be cleared in between."""
        self.company = Company.objects.create(name=str(uuid.uuid4()))
        self.stores = [Store.objects.create(company=self.company, code=f"S{n}", name=f"Store {n}") for n in range(2)]
        self.products = [uuid.uuid4() for _ in range(SKUS)]
        self.photo_ids = [uuid.uuid4() for _ in range(PHOTOS)]
        self.edges = [Edge(self._asker(store)) for store in self.stores]
        self.runs: list[Iterator[Page] | None] = [None, None]
        self.sessions = [another_session() for _ in range(WRITERS)]
        for session in self.sessions:
            # A session that waits for a lock gives up: with one thread here, the lock's owner could never continue.
            session.execute("SET lock_timeout = '20ms'")
            session.commit()
        for number in range(SKUS):
            self.add_product(0, number)
            self.sell(0, number, number % 2)
            self.add_photo(0, number, number)
        self.sessions[0].commit()
        for edge in self.edges:
            edge.sync()

    def _asker(self, store: Store) -> Any:
        office = Office(self.company, store)
        return office.page

    def _edit(self, writer: int, sql: str, **values: Any) -> None:
        session = self.sessions[writer]
        try:
            session.execute(sql, values)
        except psycopg.Error:
            session.rollback()

    @rule(writer=writers, sku=skus)
    def add_product(self, writer: int, sku: int) -> None:
        self._edit(
            writer,
            "INSERT INTO head_office_product (id, company_id, sku, name) VALUES (%(id)s, %(company)s, %(sku)s, 'dish')"
            " ON CONFLICT DO NOTHING",
            id=self.products[sku],
            company=self.company.id,
            sku=str(sku),
        )

    @rule(writer=writers, sku=skus, name=st.sampled_from(["soto", "rawon"]))
    def rename_product(self, writer: int, sku: int, name: str) -> None:
        self._edit(writer, "UPDATE head_office_product SET name = %(name)s WHERE id = %(id)s", id=self.products[sku], name=name)

    @rule(writer=writers, sku=skus)
    def delete_product(self, writer: int, sku: int) -> None:
        self._edit(writer, "DELETE FROM head_office_product WHERE id = %(id)s", id=self.products[sku])

    @rule(writer=writers, sku=skus, store=stores)
    def sell(self, writer: int, sku: int, store: int) -> None:
        self._edit(
            writer,
            "INSERT INTO head_office_assortment (store_id, product_id) VALUES (%(store)s, %(id)s) ON CONFLICT DO NOTHING",
            id=self.products[sku],
            store=self.stores[store].id,
        )

    @rule(writer=writers, sku=skus, store=stores)
    def stop_selling(self, writer: int, sku: int, store: int) -> None:
        self._edit(
            writer,
            "DELETE FROM head_office_assortment WHERE store_id = %(store)s AND product_id = %(id)s",
            id=self.products[sku],
            store=self.stores[store].id,
        )

    @rule(writer=writers, sku=skus, photo=photos)
    def add_photo(self, writer: int, sku: int, photo: int) -> None:
        self._edit(
            writer,
            "INSERT INTO head_office_photo (id, product_id, object_key, filename, source, size, content_type, checksum,"
            " version, is_primary, sort_order) VALUES (%(id)s, %(product)s, %(key)s, 'f.jpg', %(key)s, 1, 'image/jpeg',"
            " md5('x'), 1, false, 0) ON CONFLICT DO NOTHING",
            id=self.photo_ids[photo],
            product=self.products[sku],
            key=f"products/{self.products[sku]}/{self.photo_ids[photo]}.jpg",
        )

    @rule(writer=writers, photo=photos, order=st.integers(0, 3))
    def change_photo(self, writer: int, photo: int, order: int) -> None:
        self._edit(
            writer,
            "UPDATE head_office_photo SET sort_order = %(order)s WHERE id = %(id)s",
            id=self.photo_ids[photo],
            order=order,
        )

    @rule(writer=writers, photo=photos)
    def delete_photo(self, writer: int, photo: int) -> None:
        self._edit(writer, "DELETE FROM head_office_photo WHERE id = %(id)s", id=self.photo_ids[photo])

    @rule(writer=writers)
    def commit(self, writer: int) -> None:
        self.sessions[writer].commit()

    @rule(writer=writers)
    def give_up(self, writer: int) -> None:
        self.sessions[writer].rollback()

    @rule(hours=st.sampled_from([-30, 0, 3, 500]))
    def roll_the_clock(self, hours: int) -> None:
        roll_clock(f"{hours} hours")

    @rule(days=st.sampled_from([0, 1]))
    @precondition(lambda self: all(s.info.transaction_status.name == "IDLE" for s in self.sessions))
    def purge(self, days: int) -> None:
        purge(days=days)

    @rule(store=stores, full=st.booleans(), limit=st.integers(1, 3))
    def begin_sync(self, store: int, full: bool, limit: int) -> None:
        self.runs[store] = self.edges[store].pages(full=full, limit=limit)
        next(self.runs[store])  # type: ignore[arg-type]

    @rule(store=stores)
    def next_page(self, store: int) -> None:
        run = self.runs[store]
        if run is not None and next(run, None) is None:
            self.runs[store] = None

    @rule(store=stores)
    def sync(self, store: int) -> None:
        """Syncs an edge. Nothing is committed during the run, so that the digest of the first page covers its end."""
        self.runs[store] = None
        edge = self.edges[store]
        edge.sync(limit=2)
        assert edge.head_office_digest == edge.digest

    @invariant()
    def an_edge_knows_no_photo_of_another_store(self) -> None:
        """Asserts that no photo of another company's product is here."""
        for edge in getattr(self, "edges", []):
            assert {photo["product_id"] for photo in edge.photos.values()} <= {str(id_) for id_ in self.products}

    @staticmethod
    def _truth(store: Store) -> set[tuple[str, str, str, int]]:
        rows = Photo.objects.filter(product__assortment__store=store)
        return {
            (str(id_), str(product_id), name, order)
            for id_, product_id, name, order in rows.values_list("id", "product_id", "product__name", "sort_order")
        }

    def teardown(self) -> None:
        """Asserts that each edge has exactly the photos of its store, after all commits and one more run."""
        try:
            for session in self.sessions:
                session.commit()
            for edge, store in zip(getattr(self, "edges", []), getattr(self, "stores", []), strict=True):
                edge.sync(limit=2)
                assert edge.head_office_digest == edge.digest
                assert {
                    (str(id_), photo["product_id"], photo["product_name"], photo["sort_order"])
                    for id_, photo in edge.photos.items()
                } == self._truth(store)
        finally:
            for session in self.sessions:
                session.close()
            roll_clock("0")


@pytest.mark.timeout(120)
def test_an_edge_that_follows_the_protocol_ends_equal_to_head_office() -> None:
    connection.ensure_connection()
    run_state_machine_as_test(
        HeadOffice,
        settings=settings(
            max_examples=12,
            stateful_step_count=40,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
