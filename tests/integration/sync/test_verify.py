"""Checks ``etalase edge verify``: reports differences, changes nothing, and reads every object with ``--deep``."""

import socket
import threading
from typing import Any

import pytest
from tests.daily import daily
from tests.integration.sync.conftest import Edge
from tests.integration.sync.rotting import Rotting
from tests.simulator import Response, picture

from etalase.edge.clock import Clock
from etalase.edge.sync import removal_decisions, storage
from etalase.edge.sync.lock import RunLock
from etalase.edge.sync.run import sync
from etalase.edge.sync.services import Services
from etalase.edge.sync.verify import Verification, verify


def run_verify(edge: Edge, *, deep: bool = False) -> Verification:
    """Returns the result of ``verify``."""
    with edge.services() as services:
        return verify(services, deep=deep)


def differences(edge: Edge, *, deep: bool = False) -> set[tuple[str, str]]:
    """Returns the kind of each difference with its product, or with its key if it has no product."""
    return {(d.what, d.product_name or d.object_key) for d in run_verify(edge, deep=deep).differences}


def test_verify_finds_no_difference_on_an_edge_that_equals_head_office(edge: Edge) -> None:
    for n in range(5):
        edge.ho.put(f"dish {n}", picture(n))
    edge.sync()
    for deep in (False, True):
        found = run_verify(edge, deep=deep)
        assert (found.equal, found.exit_status, found.rows, found.objects, found.listed) == (True, 0, 5, 5, 5)


def test_verify_names_each_difference_once_and_changes_nothing_and_a_full_run_repairs_it(edge: Edge, s3: Any) -> None:
    names = ("missing", "cut", "changed", "retyped", "renamed", "promoted", "fine")
    photos = {name: edge.ho.put(name, picture(name)) for name in names}
    gone = edge.ho.put("no longer listed", picture("gone"))
    edge.sync()
    key = {name: edge.ho.photos[photo]["object_key"] for name, photo in photos.items()}
    bucket = edge.bucket.bucket
    s3.delete_object(Bucket=bucket, Key=key["missing"])
    s3.put_object(Bucket=bucket, Key=key["cut"], Body=picture("cut")[:99], ContentType="image/jpeg")
    s3.put_object(Bucket=bucket, Key=key["changed"], Body=picture("other"), ContentType="image/jpeg")
    s3.put_object(Bucket=bucket, Key=key["retyped"], Body=picture("retyped"), ContentType="text/html")
    s3.put_object(Bucket=bucket, Key="products/orphan.jpg", Body=b"x")
    s3.put_object(Bucket=bucket, Key="not-ours/a.txt", Body=b"x")
    edge.ho.photos[photos["renamed"]]["filename"] = "new name.jpg"
    edge.ho.put("promoted", picture("new bytes"), photo=photos["promoted"])
    edge.ho.put("new", picture("new"))
    edge.ho.put("impossible", picture("x"), key="../etc/passwd")
    del edge.ho.photos[gone]
    before = edge.row_versions(), edge.objects()

    seen = differences(edge)
    expected = {
        ("missing", "missing"), ("cut", "cut"), ("changed", "changed"), ("mistyped", "retyped"),
        ("row_differs", "renamed"), ("outdated", "promoted"),
        ("not_here", "new"), ("not_usable", "impossible"), ("not_listed", "no longer listed"),
        ("orphan", "products/orphan.jpg"),
    }  # fmt: skip
    assert seen == differences(edge, deep=True) == expected
    assert (edge.row_versions(), edge.objects()) == before

    edge.ho.image_requests.clear()
    with edge.services() as services:
        report = sync(services, full=True, deep=True)
    assert (report.healed, report.fetched) == (4, 6)
    assert len(edge.ho.image_requests) == 5  # the bytes of the photo with a new type are here already
    assert differences(edge, deep=True) == {("not_usable", "impossible")}
    assert s3.head_object(Bucket=bucket, Key=key["retyped"])["ContentType"] == "image/jpeg"
    assert s3.head_object(Bucket=bucket, Key="not-ours/a.txt")


def test_verify_compares_rows_and_bucket_while_head_office_is_away(edge: Edge, s3: Any) -> None:
    photo = edge.ho.put("sate", picture(1))
    edge.sync()
    s3.delete_object(Bucket=edge.bucket.bucket, Key=edge.ho.photos[photo]["object_key"])
    edge.ho.on_page = lambda _: Response(503)
    found = run_verify(edge)
    assert [d.what for d in found.differences] == ["missing"]
    assert (found.equal, found.exit_status, found.listed) == (False, 4, None)


def test_verify_does_not_report_orphans_held_removals_and_parked_photos(edge: Edge) -> None:
    photos = [edge.ho.put(f"dish {n}", picture(n)) for n in range(8)]
    edge.sync()
    edge.ho.put("dish 7", picture("as webp"), photo=photos[7], key="products/elsewhere.jpg")
    for photo in photos[:5]:
        del edge.ho.photos[photo]
    assert edge.sync(full=True).held == 5
    found = run_verify(edge)
    assert (found.differences, found.held, found.awaiting_grace) == ([], 5, 1)
    removal_decisions.refuse(storage.removals.in_states(["held"])[:2], lock=RunLock(edge.configured().STORE_ID, Clock()))
    found = run_verify(edge)
    assert (found.differences, found.held, found.kept) == ([], 3, 2)


def test_a_full_run_finds_a_rotting_disk_within_the_deep_verify_days(edge: Edge) -> None:
    for n in range(6):
        edge.ho.put(f"dish {n}", picture(n))
    edge.sync()
    edge.hours_later = 1.0
    edge.sync(full=True)  # since then there was no put after the last comparison
    rotten = edge.rows()[next(iter(edge.ho.photos))]["object_key"]

    disk = Rotting(rotten)
    healed = []
    for day in range(4):
        edge.hours_later = 24.0 * day
        healed.append(edge.sync(full=True, inject=disk.inject, DEEP_VERIFY_DAYS=4).healed)
    assert sum(healed) == 1
    edge.check_equals_head_office()
    assert edge.sync(full=True, inject=disk.inject, DEEP_VERIFY_DAYS=0).healed == 0


def test_a_run_ends_at_its_time_limit_and_the_next_run_continues_there(edge: Edge) -> None:
    edge.ho.put("first", picture("first"))
    edge.sync()  # an empty edge would have downloaded the others before it publishes the first
    for n in range(40):
        edge.ho.put(f"dish {n:02}", picture(n))
    checkpoint = edge.checkpoint()
    edge.end_time_at_download(10)
    report = edge.sync()
    assert (report.outcome, report.exit_status, report.error) == ("partial", 1, None)
    assert [notice["code"] for notice in report.notices] == ["out_of_time"]
    assert 0 < report.fetched < 40
    assert (edge.reasons(), edge.checkpoint()) == ({}, checkpoint)
    edge.check_every_row_shows_its_bytes()
    edge.ho.on_image = None
    rest = edge.sync()
    assert (rest.outcome, rest.fetched + report.fetched) == ("success", 40)
    edge.check_equals_head_office()
    (_, first, second) = edge.query("SELECT outcome, to_carry FROM etalase_sync_run ORDER BY id")
    assert (first["outcome"], first["to_carry"], second["to_carry"]) == ("partial", 40, rest.fetched)


def test_a_dripping_feed_ends_at_the_time_limit_of_the_run(edge: Edge) -> None:
    edge.ho.put("sate", picture(1))

    is_over = threading.Event()

    def drips() -> Any:
        yield b" "
        edge.end_time()
        while not is_over.wait(0.05):
            yield b" "

    edge.ho.on_page = lambda _: Response(pieces=drips())
    report = edge.sync()
    is_over.set()
    assert (report.outcome, report.notices[0]["code"]) == ("partial", "out_of_time")


def test_a_run_whose_last_transfers_were_stopped_is_not_complete(edge: Edge) -> None:
    old = edge.ho.put("old", picture("old"))
    edge.sync()
    before = edge.checkpoint()
    edge.ho.put("old", picture("new"), photo=old)
    for n in range(3):
        edge.ho.put(f"dish {n}", picture(n))

    all_in_flight, is_over = threading.Barrier(4), threading.Event()

    def drips() -> Any:
        yield b"\xff"
        if all_in_flight.wait(60) == 0:
            edge.end_time()
        while not is_over.wait(0.05):
            yield b"\xff"

    edge.ho.on_image = lambda _: Response(pieces=drips())
    edge.settings = {"MIN_BYTES_PER_SECOND": 1, "WORKERS": 8}
    report = edge.sync()
    is_over.set()
    assert (report.outcome, report.notices[0]["code"], report.fetched) == ("partial", "out_of_time", 0)
    assert edge.checkpoint() == before
    assert old in edge.rows()
    edge.ho.on_image = None
    assert edge.sync().fetched == 4
    edge.check_equals_head_office()


def test_a_hanging_bucket_ends_at_the_time_limit_of_the_run(edge: Edge) -> None:
    def hurry(services: Services) -> None:
        services.puts_end_seconds = 0.5

    with socket.create_server(("127.0.0.1", 0)) as silent:
        report = edge.sync(inject=hurry, MAX_RUN_SECONDS=1, S3_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert (report.outcome, report.notices[0]["code"]) == ("partial", "out_of_time")


def test_an_object_that_its_store_cannot_read_is_downloaded_again(edge: Edge) -> None:
    for n in range(4):
        edge.ho.put(f"dish {n}", picture(n))
    edge.sync()
    rotten = edge.rows()[next(iter(edge.ho.photos))]["object_key"]
    disk = Rotting(rotten, unreadable=True)
    with edge.services() as services:
        disk.inject(services)
        found = verify(services, deep=True)
    assert [(d.what, d.object_key) for d in found.differences] == [("unreadable", rotten)]
    with edge.services() as services:
        disk.inject(services)
        report = sync(services, full=True, deep=True)
    assert (report.outcome, report.healed, disk.mended) == ("success", 1, True)


@pytest.mark.parametrize("closed_days", daily([4, 7], 7))
def test_a_missed_daily_share_of_the_deep_verify_is_read_by_the_next_run(edge: Edge, closed_days: int) -> None:
    for n in range(6):
        edge.ho.put(f"dish {n}", picture(n))
    edge.sync()
    edge.hours_later = 1.0
    edge.sync(full=True)
    for row in edge.rows().values():
        edge.hours_later += 24.0 * closed_days
        disk = Rotting(row["object_key"])
        assert edge.sync(full=True, inject=disk.inject, DEEP_VERIFY_DAYS=4).healed == 1


def test_verify_does_not_report_equality_for_a_list_that_is_not_proved_complete(edge: Edge) -> None:
    edge.ho.put("sate", picture(1))
    edge.sync()
    edge.ho.change_page = lambda page: page.update(total=9)
    found = run_verify(edge)
    assert (found.differences, found.equal, found.exit_status) == ([], False, 1)


def test_verify_reports_a_bucket_that_no_pos_can_read_and_a_run_repairs_it(edge: Edge, s3: Any) -> None:
    edge.ho.put("sate", picture(1))
    edge.sync()
    s3.delete_bucket_policy(Bucket=edge.bucket.bucket)
    assert [d.what for d in run_verify(edge).differences] == ["not_public"]
    edge.sync(full=True)
    assert run_verify(edge).equal
