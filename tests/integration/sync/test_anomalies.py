"""Checks anomalies: a run notices them, compares everything, and causes no mass removal (hazards 9 and 12)."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.daily import daily
from tests.integration.sync.conftest import Edge
from tests.integration.sync.steps import status
from tests.simulator import Response, picture

from etalase.edge.status.localize import Words
from etalase.edge.sync import run as run_module
from etalase.edge.sync.services import Services
from etalase.errors import ObjectStoreAway, ObjectStoreDenied, ObjectStoreFull
from etalase.protocol import Page, ProductPage


def notice_codes(report: Any) -> list[str]:
    """Returns the codes of the run's notices."""
    return [notice["code"] for notice in report.notices]


@pytest.fixture
def menu(edge: Edge) -> list[str]:
    """Syncs ten photos."""
    photos = [edge.ho.put(f"dish {n}", picture(n)) for n in range(10)]
    assert notice_codes(edge.sync()) == []
    return photos


def test_a_run_without_anomalies_has_no_notices(edge: Edge, menu: list[str]) -> None:
    assert notice_codes(edge.sync()) == notice_codes(edge.sync(full=True)) == []


def test_a_lost_bucket_is_refilled_by_the_next_run_of_any_kind(edge: Edge, menu: list[str]) -> None:
    edge.bucket.delete(list(edge.objects()))
    report = edge.sync(trigger="schedule")
    assert (notice_codes(report), report.kind, report.healed, report.outcome) == (["bucket_lost"], "full", 10, "success")
    edge.check_equals_head_office()


@pytest.mark.parametrize(
    "why", daily(["head office lists nothing", "head office gives no photo"], "head office gives no photo")
)
def test_a_lost_bucket_that_cannot_be_refilled_is_compared_once_and_not_each_hour(
    edge: Edge, menu: list[str], why: str
) -> None:
    if why == "head office lists nothing":
        edge.ho.photos.clear()
        assert edge.sync(full=True).held == len(menu)
    edge.ho.on_image = lambda _: Response(404)
    edge.bucket.delete(list(edge.objects()))
    edge.ho.now += timedelta(seconds=1)  # so that head office does not list the newest photo in each run
    noticed = []
    for hours in range(1, 12):
        edge.hours_later = hours
        report = edge.sync(trigger="schedule", TRIES=1)
        noticed.append(notice_codes(report))
        assert (report.damaged, report.kind == "full") == (len(menu), hours == 1)
    assert noticed == [["bucket_lost"], *[[]] * 10]
    edge.ho.image_requests.clear()
    edge.hours_later += 1
    edge.sync(trigger="schedule", TRIES=1)
    assert edge.ho.image_requests == []  # no retry is due yet
    # The refilled bucket is emptied once more.
    edge.ho.on_image = None
    edge.ho.photos.clear()
    edge.query("DELETE FROM etalase_removal")
    for number in range(10):
        edge.ho.put(f"dish {number}", picture(number), photo=menu[number])
    assert edge.sync().healed == len(menu)
    edge.bucket.delete(list(edge.objects()))
    assert notice_codes(edge.sync()) == ["bucket_lost"]


def test_an_edge_restored_from_a_backup_compares_everything(edge: Edge, menu: list[str]) -> None:
    edge.ho.put("dish 0", picture("newer"), photo=menu[0])
    backup = {table: edge.query(f"SELECT * FROM {table}") for table in ("product_photo", "etalase_checkpoint")}
    edge.sync()
    edge.ho.put("dish 1", picture("newest"), photo=menu[1])
    edge.sync()
    # Restores the backup: earlier rows and checkpoint.
    old = {row["id"]: row for row in backup["product_photo"]}
    for id_, row in old.items():
        edge.query("UPDATE product_photo SET checksum = %s, size = %s WHERE id = %s", row["checksum"], row["size"], id_)
    edge.query("UPDATE etalase_checkpoint SET sync_timestamp = %s", backup["etalase_checkpoint"][0]["sync_timestamp"])
    edge.ho.on_page = lambda _: Response(503)
    for _ in range(3):  # however many runs fail first
        assert edge.sync(trigger="schedule").exit_status == 4
    edge.ho.on_page = None
    edge.ho.image_requests.clear()

    report = edge.sync(trigger="schedule")

    assert (notice_codes(report), report.kind, report.outcome) == (["edge_restored"], "full", "success")
    assert edge.ho.image_requests == []  # the bucket is newer than the rows, and right
    edge.check_equals_head_office()
    assert notice_codes(edge.sync()) == []


def test_a_head_office_restored_from_a_backup_is_noticed_without_a_mass_removal(edge: Edge, menu: list[str]) -> None:
    backup = {photo: dict(wire) for photo, wire in edge.ho.photos.items()}
    bodies = dict(edge.ho.bodies)
    edge.ho.put("dish 0", picture("changed since"), photo=menu[0])
    for n in range(10, 20):
        edge.ho.put(f"dish {n}", picture(n))
    edge.sync()
    edge.ho.photos, edge.ho.bodies = backup, bodies

    report = edge.sync(full=True)

    assert (notice_codes(report), report.held, report.deleted) == (["ho_older"], 10, 0)
    assert report.notices[0]["photos"] == 1
    rows = edge.rows()
    assert len(rows) == 20
    assert rows[menu[0]]["checksum"] == backup[menu[0]]["checksum"]
    edge.check_every_row_shows_its_bytes()


def test_a_clock_of_head_office_that_went_back_is_noticed(edge: Edge, menu: list[str]) -> None:
    edge.ho.now -= timedelta(days=2)
    new = edge.ho.put("new", picture("new"))
    report = edge.sync(trigger="schedule")
    assert (notice_codes(report), report.kind) == (["ho_clock_back"], "full")
    assert new in edge.rows()
    edge.check_equals_head_office()


@pytest.mark.parametrize("days", [29, 400])
def test_an_edge_that_was_off_for_long_compares_everything(edge: Edge, menu: list[str], days: int) -> None:
    del edge.ho.photos[menu[0]]  # and no feed lists the deletion: head office has dropped its tombstone
    edge.hours_later = days * 24
    report = edge.sync(trigger="schedule")
    assert notice_codes(report) == (["long_away"] if days == 400 else [])
    assert (menu[0] in edge.rows()) is (days == 29)
    assert len(edge.rows()) >= 9


def test_an_object_deleted_by_another_program_is_counted(edge: Edge, menu: list[str]) -> None:
    assert edge.query("SELECT photos FROM etalase_checkpoint") == [{"photos": 10}]
    edge.ho.delete(menu[0])
    edge.sync()
    assert edge.query("SELECT photos FROM etalase_checkpoint") == [{"photos": 9}]


def test_rows_deleted_by_another_program_are_restored_by_the_next_run_of_any_kind(edge: Edge, menu: list[str]) -> None:
    edge.query("DELETE FROM product_photo WHERE id = ANY(%s::uuid[])", menu[:4])
    edge.ho.image_requests.clear()
    edge.ho.on_page = lambda _: Response(503)
    edge.sync(trigger="schedule")
    edge.ho.on_page = None
    report = edge.sync(trigger="schedule")
    assert (report.notices, report.kind) == ([{"code": "rows_vanished", "photos": 4}], "full")
    assert edge.ho.image_requests == []
    edge.check_equals_head_office()
    assert notice_codes(edge.sync()) == []


def test_older_versions_at_head_office_make_the_next_run_a_full_one(edge: Edge, menu: list[str]) -> None:
    edge.ho.put("dish 0", picture("newer"), photo=menu[0])
    edge.sync()
    quiet = edge.ho.photos[menu[1]]
    edge.ho.put("dish 0", picture("older"), photo=menu[0])
    edge.ho.photos[menu[0]]["updated_at"], edge.ho.photos[menu[1]] = quiet["updated_at"], {**quiet, "filename": "untold.jpg"}
    edge.ho.change_page = None
    real_page = edge.ho.page

    def everything(request: dict[str, Any], prefer: str = "") -> dict[str, Any]:
        page = real_page({**request, "updated_since": None}, prefer)
        page["photos"] = [photo for photo in page["photos"] if request.get("updated_since") is None or photo["id"] == menu[0]]
        return page

    edge.ho.page = everything  # type: ignore[method-assign]
    assert notice_codes(edge.sync(trigger="schedule")) == ["ho_older"]
    assert edge.sync(trigger="schedule").kind == "full"
    assert edge.rows()[menu[1]]["filename"] == "untold.jpg"
    assert edge.sync(trigger="schedule").kind == "incremental"


@pytest.mark.parametrize("full", [False, True])
def test_rows_deleted_by_another_program_during_a_run_are_missed(edge: Edge, menu: list[str], full: bool) -> None:
    edge.ho.put("new", picture("new"))
    removed: list[int] = []

    def remove(_: str) -> None:
        if not removed:
            with edge.other_connection() as other:
                removed.append(other.execute("DELETE FROM product_photo WHERE id = ANY(%s::uuid[])", [menu[:3]]).rowcount)

    edge.ho.on_image = remove
    assert edge.sync(full=full).outcome == "success"
    noticed = status(edge)
    assert (removed, noticed["vanished"], noticed["state"]) == ([3], 3, "damaged")
    edge.ho.on_image = None
    report = edge.sync(trigger="schedule")
    assert (report.notices, report.kind) == ([{"code": "rows_vanished", "photos": 3}], "full")
    edge.check_equals_head_office()
    assert status(edge)["well"] is True


def test_rows_removed_by_a_run_before_it_was_cut_off_are_not_missed(edge: Edge, menu: list[str]) -> None:
    edge.ho.delete(menu[0])
    edge.ho.put("new", picture("new"))

    def dies(*_: Any, **__: Any) -> None:
        raise ObjectStoreAway("cut off")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "commit_checkpoint", dies)
        assert edge.sync().outcome == "failed"
    assert edge.query("SELECT photos FROM etalase_checkpoint") == [{"photos": 10}]
    assert status(edge)["vanished"] == 0
    assert notice_codes(edge.sync()) == []


class WithProducts:
    """A head office with a product feed like ours; the simulator speaks only the guide."""

    def __init__(self, real: Any, deleted_ids: list[UUID]) -> None:
        self._real, self.deleted_ids = real, deleted_ids
        self.pulled_since: list[str | None] = []
        self._page: Page

    features = ""

    def photo_pages(self, updated_since: str | None, *, with_digest: bool = False) -> Iterator[Page]:
        """Reads the photo feed and marks products as changed."""
        for page in self._real.photo_pages(updated_since, with_digest=with_digest):
            self._page = page
            yield msgspec.structs.replace(page, products_changed_at=f"after {len(self.deleted_ids)} deletions")

    def send_report(self) -> None:
        self._real.send_report()

    def product_pages(self, updated_since: str | None) -> Iterator[ProductPage]:
        """Returns the changes since the last request: each deletion is listed once."""
        self.pulled_since.append(updated_since)
        now = f"2026-02-03T07:26:{len(self.deleted_ids):02}+00:00"
        yield ProductPage(
            products=[],
            deleted_ids=[] if updated_since == now else self.deleted_ids,
            sync_timestamp=now,
            total=0,
            has_more=False,
            next_offset=None,
            filter=self._page.filter,
            store=self._page.store,
        )


def test_a_discontinued_product_is_removed_even_if_the_run_that_learned_of_it_was_cut_off(edge: Edge, menu: list[str]) -> None:
    gone = UUID(int=7)
    office: list[WithProducts] = []

    def sells(deleted: list[UUID]) -> Callable[[Services], None]:
        def inject(services: Services) -> None:
            office.append(WithProducts(services.head_office, deleted))
            services.head_office = office[-1]

        return inject

    edge.sync(inject=sells([]))
    edge.query("INSERT INTO product (id, sku, name) VALUES (%s, '', 'WATER')", gone)

    def full_bucket(services: Services) -> None:
        sells([gone])(services)
        services.bucket = Full(services.bucket)

    edge.ho.put("newer", picture("newer"))
    assert edge.sync(inject=full_bucket).outcome == "failed"
    assert edge.query("SELECT name FROM product WHERE id = %s", gone) == [{"name": "WATER"}]
    assert edge.sync(inject=sells([gone])).outcome == "success"
    assert edge.query("SELECT name FROM product WHERE id = %s", gone) == []
    edge.sync(inject=sells([gone]))
    assert office[-1].pulled_since == []


def test_too_many_removed_products_at_once_stay_and_are_requested_again(edge: Edge, menu: list[str]) -> None:
    gone = [UUID(int=n) for n in range(1, 9)]
    for product_id in gone:
        edge.query("INSERT INTO product (id, sku, name) VALUES (%s, '', 'WATER')", product_id)

    def inject(services: Services) -> None:
        services.head_office = WithProducts(services.head_office, gone)

    for _ in range(2):
        assert edge.sync(inject=inject).notices == [{"code": "products_stay", "products": 8}]
    assert "8 products" in Words("en").notice({"code": "products_stay", "products": 8})
    assert len(edge.query("SELECT id FROM product")) == 18
    edge.query("DELETE FROM product WHERE id = ANY(%s)", gone[:5])
    assert edge.sync(inject=inject).notices == []
    assert len(edge.query("SELECT id FROM product")) == 10


class Full:
    """A full bucket. SeaweedFS then returns a plain 500; test_full_disk.py tries that for real."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def put(self, *args: Any, **kwargs: Any) -> str:
        """Raises the error of a full bucket."""
        raise ObjectStoreFull("The object store is full.")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def test_a_full_bucket_gives_up_its_orphans_before_the_next_put(edge: Edge, menu: list[str]) -> None:
    edge.query("INSERT INTO etalase_reclaim VALUES ('products/old.jpg', now() - interval '2 days')")
    edge.bucket.put("products/old.jpg", b"x", content_type="image/jpeg")
    edge.ho.put("new", picture("new"))

    def full(services: Services) -> None:
        services.bucket = Full(services.bucket)

    report = edge.sync(inject=full)
    assert (report.outcome, report.reclaimed) == ("failed", 1)
    assert "products/old.jpg" not in edge.objects()


def test_an_orphan_that_cannot_be_deleted_blocks_nothing(edge: Edge, menu: list[str]) -> None:
    for n in range(8):
        key = f"products/old{n}.jpg"
        edge.query("INSERT INTO etalase_reclaim VALUES (%s, now() - %s * interval '1 day')", key, 10 - n)
        edge.bucket.put(key, b"x", content_type="image/jpeg")

    class Kept:
        """The real bucket with some objects under retention."""

        def __init__(self, real: Any) -> None:
            self._real = real

        def delete(self, keys: Sequence[str]) -> None:
            """Refuses to delete objects under retention."""
            if keys[0] < "products/old6":
                raise ObjectStoreDenied("retention")
            self._real.delete(keys)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

    def keeps(services: Services) -> None:
        services.bucket = Kept(services.bucket)

    reports = [edge.sync(inject=keeps) for _ in range(3)]
    assert [report.outcome for report in reports] == ["success"] * 3
    assert [(report.reclaimed, report.notices) for report in reports] == [
        (0, [{"code": "not_reclaimed", "objects": 5}]),
        (2, [{"code": "not_reclaimed", "objects": 1}]),
        (0, []),
    ]


def test_a_foreign_object_is_never_deleted(edge: Edge, menu: list[str], s3: Any) -> None:
    s3.put_object(Bucket=edge.bucket.bucket, Key="backups/x.jpg", Body=b"x")
    edge.query("UPDATE product_photo SET object_key = 'backups/x.jpg' WHERE id = %s", menu[0])
    edge.ho.delete(menu[0])
    for _ in range(2):
        edge.sync(full=True, RECLAIM_GRACE="0s")
    assert menu[0] not in edge.rows()
    assert s3.head_object(Bucket=edge.bucket.bucket, Key="backups/x.jpg")


def test_an_orphan_that_was_named_by_a_row_again_gets_a_new_grace_period(edge: Edge, menu: list[str]) -> None:
    key = edge.rows()[menu[0]]["object_key"]
    edge.query("INSERT INTO etalase_reclaim VALUES (%s, now() - interval '1 hour')", key)
    edge.ho.put("dish 0", picture("new"), photo=menu[0])
    edge.sync()
    assert edge.count("etalase_reclaim") == 0
