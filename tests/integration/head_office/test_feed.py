"""The feed beyond the guide (hazards 1 to 7): pages, changes, tombstones, and the stores that get them."""

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from tests.integration.head_office.office import BUCKET, Edge, Office, delete

from etalase.head_office.models import Assortment, Company, Photo, Product, Store
from etalase.head_office.retention import purge

SOLD_AGAIN = """
DELETE FROM head_office_assortment;
INSERT INTO head_office_assortment (store_id, product_id)
SELECT s.id, p.id FROM head_office_store s, head_office_product p
"""


def execute(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def test_a_full_set_has_exactly_the_photos_of_the_products_sold(office: Office) -> None:
    sold, elsewhere = office.product("1"), office.product("2", sold_in=[office.another_store()])
    mine = {office.photo(sold).id, office.photo(sold).id}
    office.photo(elsewhere)
    page = office.page()
    assert {photo.id for photo in page.photos} == mine
    assert (page.total, page.deleted_ids, page.has_more, page.next_offset) == (2, [], False, None)


def test_plain_sql_inserts_a_photo_without_naming_version_primary_and_sort_order(office: Office) -> None:
    first = office.photo(office.product())
    execute(
        "INSERT INTO head_office_photo (id, product_id, object_key, filename, source, size, content_type, checksum)"
        " SELECT gen_random_uuid(), product_id, 'products/by-sql', filename, 'by-sql', size, content_type, checksum"
        " FROM head_office_photo"
    )
    (photo,) = (photo for photo in office.page().photos if photo.id != first.id)
    assert (photo.version, photo.is_primary, photo.sort_order) == (1, False, 0)


def test_no_feed_has_rows_of_another_company(office: Office) -> None:
    other = Company.objects.create(name="Elsewhere")
    foreign = Product.objects.create(company=other, sku="1", name="Foreign")
    with pytest.raises(IntegrityError, match="own company"), transaction.atomic():
        Assortment.objects.create(store=office.store, product=foreign)
    with pytest.raises(IntegrityError, match="never changes its id or its company"), transaction.atomic():
        Product.objects.filter(id=foreign.id).update(company=office.company)
    with pytest.raises(IntegrityError, match="never changes its id or its company"), transaction.atomic():
        Store.objects.filter(id=office.store.id).update(company=other)


def test_next_offset_leads_to_the_next_page_and_is_null_on_the_last(office: Office) -> None:
    product = office.product()
    ids = [office.photo(product).id for _ in range(5)]
    seen, offset, pages = [], 0, 0
    while True:
        page = office.page(limit=2, offset=offset)
        seen += [photo.id for photo in page.photos]
        pages += 1
        assert page.total == 5
        if page.next_offset is None:
            break
        offset = page.next_offset
    assert (seen, pages, page.has_more) == (ids, 3, False)


def test_an_exactly_full_page_can_be_the_last_one(office: Office) -> None:
    product = office.product()
    for _ in range(2):
        office.photo(product)
    assert not office.page(limit=2).has_more


def test_limit_counts_photos_and_tombstones_together_in_the_order_of_their_positions(office: Office) -> None:
    product = office.product()
    before = office.page().sync_timestamp
    photos = [office.photo(product) for _ in range(6)]
    for gone in photos[::2]:
        delete(gone)
    first = office.page(limit=3, since=before)
    second = office.page(limit=3, offset=first.next_offset or 0, since=before)
    assert (first.deleted_ids, [p.id for p in first.photos]) == ([photos[0].id, photos[2].id], [photos[1].id])
    assert (second.deleted_ids, [p.id for p in second.photos]) == ([photos[4].id], [photos[3].id, photos[5].id])
    assert second.next_offset is None
    assert first.total == 3


def test_a_run_without_changes_is_an_empty_page(office: Office) -> None:
    office.photo(office.product())
    page = office.page(since=office.page().sync_timestamp)
    assert (page.photos, page.deleted_ids, page.total, page.full) == ([], [], 1, False)


def test_a_change_at_exactly_updated_since_is_listed(office: Office) -> None:
    photo = office.photo(office.product())
    photo.refresh_from_db()
    assert [p.id for p in office.page(since=photo.updated_at.isoformat()).photos] == [photo.id]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE head_office_photo SET sort_order = sort_order + 1",
        "UPDATE head_office_photo SET updated_at = '2020-01-01', is_primary = NOT is_primary",
        "UPDATE head_office_product SET name = 'NASI GORENG'",
        "UPDATE head_office_product SET category = 'Nasi'",
        SOLD_AGAIN,
    ],
    ids=["photo", "photo with a time of its own", "product", "category", "assortment"],
)
def test_a_change_by_plain_sql_is_listed(office: Office, sql: str) -> None:
    photo = office.photo(office.product())
    since = office.page().sync_timestamp
    execute(sql)
    assert [p.id for p in office.page(since=since).photos] == [photo.id]


def test_a_change_by_a_role_with_few_privileges_is_listed(office: Office) -> None:
    photo, gone = (office.photo(office.product(sku)) for sku in "12")
    since = office.page().sync_timestamp
    execute("CREATE ROLE clerk NOLOGIN; GRANT SELECT, UPDATE, DELETE ON head_office_photo TO clerk; SET ROLE clerk")
    try:
        execute("UPDATE head_office_photo SET sort_order = 1 WHERE id = %s", photo.id)
        execute("DELETE FROM head_office_photo WHERE id = %s", gone.id)
    finally:
        execute("RESET ROLE; DROP OWNED BY clerk; DROP ROLE clerk")
    page = office.page(since=since)
    assert ([p.id for p in page.photos], page.deleted_ids) == ([photo.id], [gone.id])


def test_a_bulk_update_is_listed(office: Office) -> None:
    product = office.product()
    ids = {office.photo(product).id for _ in range(3)}
    since = office.page().sync_timestamp
    Photo.objects.filter(product=product).update(filename="new name.jpg")
    assert {p.id for p in office.page(since=since).photos} == ids


def test_a_save_without_a_change_is_not_listed(office: Office) -> None:
    product = office.product()
    photo = office.photo(product)
    since = office.page().sync_timestamp
    photo.save()
    product.save()
    Photo.objects.update(filename=photo.filename)
    assert office.page(since=since).photos == []


def test_a_change_of_the_product_keeps_the_photos_updated_at(office: Office) -> None:
    product = office.product()
    office.photo(product)
    first = office.page()
    Product.objects.update(name="RENAMED")
    (reported,) = office.page(since=first.sync_timestamp).photos
    assert (reported.product_name, reported.updated_at) == ("RENAMED", first.photos[0].updated_at)


def test_position_and_product_of_a_photo_are_immutable(office: Office) -> None:
    photo = office.photo(office.product("1"))
    execute("UPDATE head_office_photo SET position = 4711")
    assert Photo.objects.get().position == photo.position
    other = office.product("2")
    with pytest.raises(IntegrityError, match="never changes its id or its product"), transaction.atomic():
        Photo.objects.update(product=other)


def test_a_row_that_changes_between_two_pages_is_not_missed(office: Office) -> None:
    product = office.product()
    photos = [office.photo(product) for _ in range(4)]
    edge = Edge(office.page)
    run = edge.pages(limit=2)
    next(run)
    Photo.objects.filter(id=photos[3].id).update(sort_order=-1)
    Photo.objects.filter(id=photos[0].id).update(sort_order=9)
    list(run)
    assert {*edge.photos} == {photo.id for photo in photos}
    edge.sync()
    assert edge.photos[photos[0].id]["sort_order"] == 9


@pytest.mark.parametrize("which", [0, 3], ids=["behind the page", "before the page"])
def test_a_photo_deleted_between_two_pages_is_gone_after_the_next_run(office: Office, which: int) -> None:
    product = office.product()
    photos = [office.photo(product) for _ in range(4)]
    edge = Edge(office.page)
    edge.sync()
    Photo.objects.update(sort_order=1)
    run = edge.pages(limit=2)
    next(run)
    delete(photos[which])
    list(run)
    edge.sync()
    assert {*edge.photos} == {photo.id for photo in photos} - {photos[which].id}


def test_a_photo_created_again_under_its_old_id_is_listed(office: Office) -> None:
    product = office.product()
    photo = office.photo(product)
    edge = Edge(office.page)
    edge.sync()
    delete(photo)
    office.photo(product, id=photo.id, filename="again.jpg")
    page = office.page(since=edge.checkpoint)
    assert (page.deleted_ids, [p.filename for p in page.photos]) == ([], ["again.jpg"])


def test_a_photo_created_again_for_an_unsold_product_is_a_tombstone(office: Office) -> None:
    photo = office.photo(office.product("1"))
    since = office.page().sync_timestamp
    delete(photo)
    office.photo(office.product("2", sold_in=[]), id=photo.id)
    assert office.page(since=since).deleted_ids == [photo.id]


def test_a_new_sale_lists_the_products_old_photos(office: Office) -> None:
    product = office.product(sold_in=[])
    photo = office.photo(product)
    since = office.page().sync_timestamp
    Assortment.objects.create(store=office.store, product=product)
    assert [p.id for p in office.page(since=since).photos] == [photo.id]


def test_the_end_of_a_sale_lists_tombstones_and_a_new_sale_lists_the_photos(office: Office) -> None:
    product = office.product()
    photos = {office.photo(product).id, office.photo(product).id}
    edge = Edge(office.page)
    edge.sync()
    Assortment.objects.all().delete()
    assert {*office.page(since=edge.checkpoint).deleted_ids} == photos
    edge.sync()
    assert edge.photos == {}
    Assortment.objects.create(store=office.store, product=product)
    edge.sync()
    assert {*edge.photos} == photos


def test_a_sale_ended_and_resumed_between_runs_leaves_no_tombstone(office: Office) -> None:
    product = office.product()
    photo = office.photo(product)
    since = office.page().sync_timestamp
    Assortment.objects.all().delete()
    Assortment.objects.create(store=office.store, product=product)
    page = office.page(since=since)
    assert (page.deleted_ids, [p.id for p in page.photos]) == ([], [photo.id])


def test_the_tombstone_of_a_photo_deleted_while_unsold_is_listed(office: Office) -> None:
    product = office.product()
    photo = office.photo(product)
    since = office.page().sync_timestamp
    Assortment.objects.all().delete()
    delete(photo)
    Assortment.objects.create(store=office.store, product=product)
    assert office.page(since=since).deleted_ids == [photo.id]


def test_a_store_gets_tombstones_only_of_photos_that_it_can_have_received(office: Office) -> None:
    since = office.page().sync_timestamp
    never_sold, sold_later, sold_before = office.product("1", sold_in=[]), office.product("2", sold_in=[]), office.product("3")
    office.photo(never_sold).delete()
    office.photo(sold_later).delete()
    Assortment.objects.create(store=office.store, product=sold_later)
    Assortment.objects.filter(product=sold_before).delete()
    office.photo(sold_before)
    assert office.page(since=since).deleted_ids == []


@pytest.mark.parametrize(
    "remove",
    [
        delete,
        lambda product: Product.objects.filter(id=product.id).delete(),
        lambda product: execute("DELETE FROM head_office_product WHERE id = %s", product.id),
        lambda _: execute("DELETE FROM head_office_photo; DELETE FROM head_office_assortment; DELETE FROM head_office_product"),
        lambda _: execute("DELETE FROM head_office_assortment; DELETE FROM head_office_photo; DELETE FROM head_office_product"),
    ],
    ids=["instance", "query", "SQL cascade", "photos first", "assortment first"],
)
def test_deletion_of_a_product_lists_tombstones_of_its_photos(office: Office, remove: Any) -> None:
    product = office.product()
    photos = {office.photo(product).id, office.photo(product).id}
    photos_since, products_since = office.page().sync_timestamp, office.products_page().sync_timestamp
    remove(product)
    assert {*office.page(since=photos_since).deleted_ids} == photos
    assert office.products_page(since=products_since).deleted_ids == [product.id]


def test_deletion_of_a_store_leaves_no_tombstones(office: Office) -> None:
    other = office.another_store()
    office.photo(office.product(sold_in=[other]))
    other.delete()
    execute("DELETE FROM head_office_store WHERE id = %s", office.another_store().id)
    assert Assortment.objects.count() == 0


def test_a_full_set_has_no_tombstones(office: Office) -> None:
    office.photo(office.product()).delete()
    assert office.page().deleted_ids == []


@pytest.mark.parametrize("since", ["2999-01-01T00:00:00Z", "2001-01-01T00:00:00.5+07:00"], ids=["future", "before the floor"])
def test_an_unusable_updated_since_gets_a_full_set_marked_as_full(office: Office, since: str) -> None:
    product = office.product()
    photo = office.photo(product)
    office.photo(product).delete()
    page = office.page(since=since)
    assert (page.full, [p.id for p in page.photos], page.deleted_ids) == (True, [photo.id], [])


def test_full_is_absent_from_a_requested_full_set_and_from_changes(office: Office) -> None:
    from etalase.head_office import feed

    who = feed.StoreIdentity(office.store.id, office.company.id, "x", "y")
    assert "full" not in feed.photo_page(who, feed.PageRequest(limit=10), BUCKET)
    now = office.page().sync_timestamp
    assert not office.page(since=now).full


def test_after_a_purge_of_tombstones_an_old_edge_gets_the_full_set(office: Office) -> None:
    product = office.product()
    photo, kept = office.photo(product), office.photo(product)
    edge = Edge(office.page)
    edge.sync()
    delete(photo)
    assert purge(days=0)["tombstones"] == 1
    assert office.page(since=edge.checkpoint).full
    edge.sync()
    assert {*edge.photos} == {kept.id}
    assert not office.page(since=edge.checkpoint).full


def test_a_purge_keeps_young_tombstones(office: Office) -> None:
    photo = office.photo(office.product())
    since = office.page().sync_timestamp
    delete(photo)
    assert purge(days=1)["tombstones"] == 0
    assert office.page(since=since).deleted_ids == [photo.id]


def test_after_a_truncate_every_edge_gets_the_full_set(office: Office) -> None:
    office.photo(office.product())
    edge = Edge(office.page)
    edge.sync()
    execute("TRUNCATE head_office_photo CASCADE")
    edge.sync()
    assert edge.photos == {}


def test_one_primary_photo_a_product(office: Office) -> None:
    product = office.product()
    office.photo(product, is_primary=True)
    with pytest.raises(IntegrityError, match="one_primary"), transaction.atomic():
        office.photo(product, is_primary=True)


def test_the_product_feed_has_pages_changes_and_tombstones(office: Office) -> None:
    products = [office.product(str(n)) for n in range(3)]
    office.product("9", sold_in=[])
    first = office.products_page(limit=2)
    second = office.products_page(limit=2, offset=first.next_offset or 0)
    assert [p.id for p in first.products + second.products] == [p.id for p in products]
    assert (first.total, second.next_offset) == (3, None)
    Product.objects.filter(id=products[0].id).update(name="RENAMED")
    delete(products[1])
    Assortment.objects.filter(product=products[2]).delete()
    changes = office.products_page(since=first.sync_timestamp)
    assert [p.name for p in changes.products] == ["RENAMED"]
    assert {*changes.deleted_ids} == {products[1].id, products[2].id}
    assert office.products_page(since="2999-01-01T00:00:00Z").full


def test_only_a_new_name_is_a_rename(office: Office) -> None:
    product = office.product()
    execute("UPDATE head_office_product SET category = 'Nasi', renamed_at = now()")
    product.refresh_from_db()
    assert (product.category, product.renamed_at) == ("Nasi", None)
    execute("UPDATE head_office_product SET name = 'NASI GORENG', category = '', renamed_at = NULL")
    product.refresh_from_db()
    assert product.renamed_at == product.updated_at
    columns = "id, company_id, sku, name"
    execute(f"INSERT INTO head_office_product ({columns}) SELECT gen_random_uuid(), id, '9', 'SQL' FROM head_office_company")
    assert list(Product.objects.filter(sku="9").values_list("category", "renamed_at")) == [("", None)]


@pytest.mark.parametrize(
    "edit",
    [
        lambda _office, _product: Product.objects.update(name="RENAMED"),
        lambda _office, _product: Product.objects.update(category="Minuman"),
        lambda _office, _product: Assortment.objects.all().delete(),
        lambda _office, product: delete(product),
        lambda office, _product: office.product("new"),
    ],
    ids=["renamed", "recategorised", "no longer sold", "deleted", "new"],
)
def test_products_changed_at_differs_after_a_product_change(office: Office, edit: Any) -> None:
    assert office.page().products_changed_at is None
    product = office.product()
    before = office.page().products_changed_at
    assert office.page().products_changed_at == before
    office.photo(product)
    assert office.page().products_changed_at == before
    edit(office, product)
    after = office.page().products_changed_at
    assert after not in {None, before}
    assert office.page().products_changed_at == after


def test_an_offset_beyond_the_end_gets_an_empty_last_page(office: Office) -> None:
    office.photo(office.product())
    page = office.page(offset=2**63 - 1)
    assert (page.photos, page.has_more, page.total) == ([], False, 1)


def test_the_horizon_is_not_read_inside_a_transaction(office: Office) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
        office.page()


def test_prescribed_ids_are_kept(office: Office) -> None:
    id_ = uuid.UUID("73ce4e57-19f0-44f8-8e3d-ea1c27c0e21b")
    office.photo(office.product(), id=id_)
    assert [p.id for p in office.page().photos] == [id_]
