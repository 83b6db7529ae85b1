"""Checks removals: applied within the bound of the day, held beyond it, never by mistake (hazards 13, 14; I2, I4)."""

from datetime import timedelta
from typing import Any

import pytest
from tests.integration.sync.conftest import Edge
from tests.simulator import Response, picture

from etalase.edge.clock import Clock
from etalase.edge.models import Removal
from etalase.edge.sync import removal_decisions
from etalase.edge.sync.lock import RunLock
from etalase.errors import Reason, UsageError


def menu(edge: Edge, count: int) -> list[str]:
    """Syncs ``count`` products with one photo each."""
    ids = [edge.ho.put(f"dish {n:02}", picture(n, 200)) for n in range(count)]
    assert edge.sync().exit_status == 0
    return ids


def lock(edge: Edge) -> RunLock:
    """Returns the lock for a person's decisions."""
    return RunLock(edge.configured().STORE_ID, Clock())


def approve(edge: Edge, *photo_ids: str) -> int:
    """Approves the removal of these photos, or of all."""
    chosen = [removal for removal in Removal.objects.all() if not photo_ids or str(removal.photo_id) in photo_ids]
    return removal_decisions.approve(chosen, lock=lock(edge)).removed


def refuse(edge: Edge) -> int:
    """Refuses all held removals."""
    return removal_decisions.refuse(removal_decisions.chosen([], everything=True), lock=lock(edge))


def test_a_deleted_photo_is_removed_and_its_object_is_an_orphan_until_the_grace_period_ends(edge: Edge) -> None:
    ids = menu(edge, 2)
    edge.ho.delete(ids[0])
    report = edge.sync()
    assert (report.exit_status, report.deleted) == (0, 1)
    assert len(edge.objects()) == 2
    edge.check_equals_head_office()
    assert edge.sync().exit_status == 0
    assert len(edge.objects()) == 2
    edge.query("UPDATE etalase_reclaim SET obsolete_at = now() - interval '24 hours'")
    assert edge.sync().reclaimed == 1
    assert len(edge.objects()) == 1


def test_a_photo_missing_from_a_full_list_is_removed(edge: Edge) -> None:
    ids = menu(edge, 4)
    del edge.ho.photos[ids[0]]
    assert edge.sync().deleted == 0
    assert edge.sync(full=True).deleted == 1
    edge.check_equals_head_office()


@pytest.mark.parametrize(
    ("full", "count", "gone", "held"),
    [(False, 5, 3, 0), (False, 5, 4, 4), (False, 20, 5, 5), (True, 20, 4, 0), (True, 20, 5, 5), (True, 5, 5, 5)],
)
def test_at_most_three_or_a_fifth_of_the_products_lose_their_last_photo_at_once(
    edge: Edge, full: bool, count: int, gone: int, held: int
) -> None:
    ids = menu(edge, count)
    for photo in ids[:gone]:
        edge.ho.delete(photo)
    report = edge.sync(full=full)
    assert (report.held, report.deleted) == (held, gone - held)
    assert (report.outcome, report.exit_status) == (("held", 3) if held else ("success", 0))
    assert len(edge.rows()) == count - gone + held
    edge.check_every_row_shows_its_bytes()


def test_a_dry_run_separates_removals_to_apply_from_removals_to_hold(edge: Edge) -> None:
    for number in range(10):
        edge.ho.put(f"product {number}", picture(number))
    second = edge.ho.put("product 9", picture("second"), primary=False)
    edge.sync()
    gone = [photo_id for photo_id in edge.ho.photos if photo_id != second][:5]
    for photo_id in (*gone, second):
        edge.ho.delete(photo_id)
    forecast = edge.sync(dry_run=True).forecast
    assert forecast is not None
    assert [removal["photo_id"] for removal in forecast["removals"]] == [second]
    assert [removal["product_name"] for removal in forecast["removals_to_hold"]] == [f"product {n}" for n in range(5)]
    assert edge.removals() == {}


@pytest.mark.parametrize("new_key", [None, "products/successor.jpg"])
def test_a_dry_run_counts_a_replaced_photo_once(edge: Edge, new_key: str | None) -> None:
    ids = menu(edge, 5)
    edge.ho.delete(ids[0])
    edge.ho.put("dish 00", picture("successor"), key=new_key)
    foretold = (edge.sync(dry_run=True).forecast or {})["counts"]
    run = edge.sync()
    assert {**run.counts, "bytes_fetched": run.bytes_fetched} == foretold
    assert run.deleted == 1


def test_held_removals_stay_held_and_are_reported_in_each_run(edge: Edge) -> None:
    ids = menu(edge, 5)
    for photo in ids:
        edge.ho.delete(photo)
    for full in (False, False, True):
        assert edge.sync(full=full).exit_status == 3
    assert set(edge.removals().values()) == {"held"}
    assert len(edge.rows()) == 5
    assert {row["product_name"] for row in edge.query("SELECT product_name FROM etalase_removal")} == {
        f"dish {n:02}" for n in range(5)
    }


def test_small_hourly_removals_add_up_to_the_bound_of_a_day(edge: Edge) -> None:
    ids = menu(edge, 10)
    outcomes = []
    for hour, photo in enumerate(ids[:6]):
        edge.hours_later = hour
        edge.ho.delete(photo)
        outcomes.append(edge.sync().outcome.value)
    assert outcomes == ["success"] * 3 + ["held"] * 3
    assert len(edge.rows()) == 7


def test_the_removal_bound_starts_again_after_a_day(edge: Edge) -> None:
    ids = menu(edge, 10)
    for photo in ids[:3]:
        edge.ho.delete(photo)
    edge.sync()
    edge.hours_later = 25
    edge.ho.delete(ids[3])
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


def test_an_empty_list_removes_nothing(edge: Edge) -> None:
    menu(edge, 2)
    edge.ho.photos.clear()
    report = edge.sync(full=True)
    assert (report.exit_status, report.deleted, report.held) == (3, 0, 2)
    assert len(edge.rows()) == 2


@pytest.mark.parametrize("total", [1, 3])
def test_a_list_that_is_not_proved_complete_removes_nothing_and_is_noticed(edge: Edge, total: int) -> None:
    ids = menu(edge, 3)
    del edge.ho.photos[ids[0]]
    edge.ho.change_page = lambda page: page.update(total=total)
    report = edge.sync(full=True)
    assert (report.exit_status, report.deleted, report.feed_proved_complete) == (0, 0, False)
    assert edge.query("SELECT feed_proved_complete AS proved FROM etalase_checkpoint") == [{"proved": False}]
    edge.ho.change_page = None
    assert edge.sync(full=True).feed_proved_complete is True
    edge.check_equals_head_office()


def test_a_list_that_changed_during_the_read_is_read_once_more(edge: Edge) -> None:
    menu(edge, 4)
    edge.ho.max_page = 2
    new: list[str] = []

    def change(page: dict[str, Any]) -> None:
        if page["has_more"] and not new:
            new.append(edge.ho.put("new", picture("new")))

    edge.ho.change_page = change
    report = edge.sync(full=True)
    assert (report.feed_proved_complete, report.fetched) == (True, 1)
    edge.check_equals_head_office()


def test_a_list_whose_total_changes_during_the_read_is_not_complete(edge: Edge) -> None:
    ids = menu(edge, 4)
    del edge.ho.photos[ids[0]]
    edge.ho.max_page = 2
    edge.ho.change_page = lambda page: page.update(total=page["total"] + (0 if page["has_more"] else 1))
    report = edge.sync(full=True)
    assert (report.deleted, report.feed_proved_complete) == (0, False)


def test_the_removal_of_a_photo_with_a_remaining_sibling_is_unlimited(edge: Edge) -> None:
    menu(edge, 9)
    seconds = [edge.ho.put(f"dish {n:02}", picture(f"second {n}"), primary=False) for n in range(9)]
    edge.sync()
    for photo in seconds:
        edge.ho.delete(photo)
    assert edge.sync().deleted == 9
    edge.check_equals_head_office()


# Decisions of a person


def test_approved_removals_do_not_count_against_the_bound_of_the_day(edge: Edge) -> None:
    ids = menu(edge, 10)
    for photo in ids[:5]:
        edge.ho.delete(photo)
    assert edge.sync().exit_status == 3
    assert approve(edge) == 5
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()
    for photo in ids[5:8]:
        edge.ho.delete(photo)
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


def test_one_of_many_held_removals_can_be_approved(edge: Edge) -> None:
    ids = menu(edge, 5)
    for photo in ids:
        edge.ho.delete(photo)
    edge.sync()
    assert approve(edge, ids[0]) == 1
    assert set(edge.rows()) == set(ids[1:])
    assert edge.sync().held == 4


def test_refused_removals_keep_their_photos_and_are_not_proposed_again(edge: Edge) -> None:
    ids = menu(edge, 5)
    for photo in ids:
        edge.ho.delete(photo)
    edge.sync()
    assert refuse(edge) == 5
    for full in (False, True):
        report = edge.sync(full=full)
        assert (report.held, report.deleted) == (0, 0)
    assert len(edge.rows()) == 5
    edge.check_every_row_shows_its_bytes()


def test_a_photo_that_is_listed_again_is_no_longer_held(edge: Edge) -> None:
    ids = menu(edge, 5)
    wires = dict(edge.ho.photos)
    for photo in ids:
        edge.ho.delete(photo)
    edge.sync()
    edge.ho.deleted_ids.clear()
    for number, photo in enumerate(ids):
        edge.ho.put(f"dish {number:02}", picture(number, 200), photo=photo, version=wires[photo]["version"])
    stale = list(Removal.objects.all())
    assert edge.sync().exit_status == 0
    assert edge.removals() == {}
    # A person read the list earlier, and approves now.
    assert removal_decisions.approve(stale, lock=lock(edge)).removed == 0
    assert removal_decisions.refuse(stale, lock=lock(edge)) == 0
    assert edge.removals() == {}
    edge.check_equals_head_office()


def test_a_removal_that_is_not_held_cannot_be_approved(edge: Edge) -> None:
    (photo,) = menu(edge, 1)
    with pytest.raises(UsageError, match=photo):
        removal_decisions.chosen([next(iter(edge.query("SELECT id FROM product_photo")))["id"]], everything=False)


# The last photo waits for its successor (invariant I2)


@pytest.mark.parametrize("full", [False, True], ids=["incremental", "full"])
def test_the_last_photo_of_a_product_stays_until_its_successor_is_published(edge: Edge, full: bool) -> None:
    (old,) = menu(edge, 1)
    edge.ho.delete(old)
    new = edge.ho.put("dish 00", picture("new"), primary=False)
    edge.ho.now += timedelta(seconds=1)  # so that later feeds do not list it again
    edge.ho.on_image = lambda key: Response(404)

    for hour in range(6):
        edge.hours_later = hour
        report = edge.sync(full=full, trigger="schedule")
        assert report.exit_status == 1
        assert set(edge.rows()) == {old}
        assert edge.removals() == {old: "waiting"}
    assert edge.reasons() == {new: Reason.NOT_FOUND}

    edge.ho.on_image = None
    edge.hours_later = 40
    assert edge.sync(trigger="schedule").exit_status == 0
    edge.check_equals_head_office()
    assert edge.removals() == {old: "applied"}


def test_a_product_deleted_by_the_customer_takes_its_held_removals_along(edge: Edge) -> None:
    ids = menu(edge, 5)
    for photo in ids:
        edge.ho.delete(photo)
    edge.sync()
    edge.query("DELETE FROM product")
    report = edge.sync()
    assert (report.exit_status, report.held, edge.rows()) == (0, 0, {})


def test_a_photo_stays_while_the_one_shown_instead_is_damaged(edge: Edge) -> None:
    ids = menu(edge, 4)
    further = edge.ho.put("dish 00", picture("further"), primary=False)
    edge.sync()
    edge.bucket.delete([edge.rows()[further]["object_key"]])
    edge.ho.on_image = lambda _: Response(503)
    edge.sync(full=True, TRIES=1)
    edge.ho.delete(ids[0])
    assert (edge.sync(TRIES=1).deleted, ids[0] in edge.rows()) == (0, True)
    edge.ho.on_image = None
    report = edge.sync()
    assert (report.healed, report.deleted) == (1, 1)
    edge.check_equals_head_office()


def test_a_photo_on_the_retry_list_does_not_wait_for_itself_when_head_office_removes_it(edge: Edge) -> None:
    photos = [edge.ho.put(f"dish {n}", picture(n)) for n in range(5)]
    edge.sync()
    edge.ho.put("dish 0", picture("new"), photo=photos[0], checksum="0" * 32)
    assert edge.sync().failed == 1
    del edge.ho.photos[photos[0]]
    assert edge.sync(full=True).deleted == 1
    assert (edge.removals(), edge.reasons()) == ({photos[0]: "applied"}, {})
