"""The kept summary of a store never differs from a fresh count, whoever writes and whenever it is committed (ADR 0034)."""

import random
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection
from tests.integration.head_office.conftest import another_session
from tests.integration.head_office.office import Office
from tests.integration.head_office.sql_changes import CHANGES, Session

from etalase.head_office.feed_models import FeedSummary
from etalase.head_office.models import Store
from etalase.head_office.retention import purge

# Of a product, where it has a place in the statement, and of a store.
EDITS = (
    """INSERT INTO head_office_photo (id, product_id, object_key, filename, source, size, content_type, checksum)
    SELECT gen_random_uuid(), id, gen_random_uuid(), 'a.jpg', gen_random_uuid(), 1, 'image/jpeg', md5('') FROM {product}""",
    "DELETE FROM head_office_photo WHERE product_id IN (SELECT id FROM {product})",
    "DELETE FROM head_office_assortment WHERE (store_id, product_id) IN (SELECT s.id, p.id FROM {store}, {product})",
    """INSERT INTO head_office_assortment (store_id, product_id)
    SELECT s.id, p.id FROM {store}, {product} ON CONFLICT DO NOTHING""",
    "UPDATE head_office_product SET name = name || '!' WHERE id IN (SELECT id FROM {product})",
    """INSERT INTO head_office_product (id, company_id, sku, name)
    SELECT gen_random_uuid(), company_id, gen_random_uuid(), 'new' FROM {store}""",
    "DELETE FROM head_office_product WHERE id IN (SELECT id FROM {product})",
)
COUNTS = """
SELECT (SELECT count(*) FROM head_office_assortment JOIN head_office_photo USING (product_id) WHERE store_id = %(id)s),
       (SELECT count(*) FROM head_office_assortment WHERE store_id = %(id)s)
"""


def check(office: Office, store: Store) -> None:
    """Compares what the pages say with a count at this moment, twice: counted, and kept."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, {"id": store.id})
        expected = cursor.fetchone()
    for _ in range(2):
        own = Office(office.company, store)
        assert (own.page().total, own.products_page().total) == expected


@pytest.mark.parametrize("seed", range(8))
def test_pages_have_the_counts_of_this_moment_after_any_commits(office: Office, seed: int) -> None:
    chance, stores = random.Random(seed), [office.store, office.another_store()]
    for number in range(4):
        office.photo(office.product(str(number), sold_in=stores[: number % 3]))
    writers, done = [another_session() for _ in range(3)], 0
    try:
        for writer in writers:
            writer.execute("SET lock_timeout = '20ms'")
            writer.commit()
        for _ in range(40):
            writer = chance.choice(writers)
            product = f"(SELECT * FROM head_office_product ORDER BY sku OFFSET {chance.randrange(5)} LIMIT 1) p"
            store = f"(SELECT * FROM head_office_store ORDER BY code OFFSET {chance.randrange(2)} LIMIT 1) s"
            try:
                done += writer.execute(chance.choice(EDITS).format(product=product, store=store).encode()).rowcount
            except psycopg.Error:  # it waited for another writer, or met a row that another has made
                writer.rollback()
            if chance.random() < 0.5:
                writer.commit()
            check(office, chance.choice(stores))
    finally:
        for writer in writers:
            writer.close()
    assert done > 5
    for place in stores:
        check(office, place)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_late_commit_ends_a_summary(office: Office, stranger: Session, change: Callable[..., Any]) -> None:
    a, unsold = office.photo(office.product("A")), office.photo(office.product("C", sold_in=[]))
    check(office, office.store)
    change(stranger, a, unsold)
    check(office, office.store)
    stranger.commit()
    check(office, office.store)


def test_a_summary_is_kept_and_used_until_something_changes(office: Office) -> None:
    product = office.product()
    office.photo(product)
    for _ in range(2):
        office.page()
    kept = FeedSummary.objects.get()
    assert (kept.photos, kept.products) == (1, 1)
    FeedSummary.objects.update(photos=7)  # a count would not say so
    assert office.page().total == 7
    office.photo(product)
    assert office.page().total == 2
    purge(days=0)
    assert office.page().total == 2


def test_a_store_made_again_under_its_id_starts_without_a_summary(office: Office) -> None:
    other = office.another_store()
    office.photo(office.product(sold_in=[other]))
    assert Office(office.company, other).page().total == 1
    Store.objects.filter(id=other.id).delete()
    assert not FeedSummary.objects.filter(store_id=other.id).exists()
    again = Store.objects.create(id=other.id, company=office.company, code="AGAIN", name="again")
    assert Office(office.company, again).page().total == 0


def test_nothing_is_counted_in_vain_while_a_transaction_is_open(office: Office, stranger: Session) -> None:
    stranger.execute("SELECT pg_current_xact_id()")
    office.photo(office.product())
    assert office.page().total == 1
    assert not FeedSummary.objects.exists()
    stranger.commit()
    assert office.page().total == 1
    assert FeedSummary.objects.get().photos == 1
