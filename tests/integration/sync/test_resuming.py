"""Checks that bytes received before a cut are not downloaded again (hazards 29 to 31)."""

import itertools
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.daily import daily
from tests.django_settings import STORE_ID
from tests.integration.sync.conftest import Edge
from tests.integration.sync.steps import start_killed_run
from tests.simulator import Response, Simulator, picture

from etalase.edge.clock import Clock
from etalase.edge.sync.download import partial
from etalase.edge.sync.download.images import SPOOL_FROM_BYTES
from etalase.edge.sync.download.partial import MAX_AGE_SECONDS, PartialPhoto, Spool
from etalase.edge.sync.run import sync
from etalase.edge.sync.services import Services
from etalase.errors import ObjectStoreAway, PhotoError, Reason, SettingsError

LARGE = 1_000_000


def parts(edge: Edge) -> list[Path]:
    """Returns the parts in the spool."""
    return sorted(edge.spool.rglob("*.part"))


def cut(edge: Edge, at: int) -> None:
    """Runs a sync whose transfers all end after ``at`` bytes, without a retry."""
    edge.ho.cut_after = at
    assert edge.sync(TRIES=1).reasons == {"connection_failed": 1}
    edge.ho.cut_after = None


def test_a_cut_transfer_resumes_in_the_same_run(edge: Edge) -> None:
    edge.ho.put("sate", picture(1, LARGE))
    edge.ho.cut_after = 300_000
    assert edge.sync(TRIES=2).outcome == "success"
    assert edge.ho.ranges == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]
    assert edge.ho.image_bytes_sent == LARGE
    assert parts(edge) == []
    edge.check_equals_head_office()


def test_a_cut_transfer_resumes_in_the_next_run(edge: Edge) -> None:
    edge.ho.put("sate", picture(1, LARGE))
    cut(edge, 700_000)
    assert [part.stat().st_size for part in parts(edge)] == [700_000]
    assert edge.sync().outcome == "success"
    assert edge.ho.image_bytes_sent == LARGE
    assert parts(edge) == []
    edge.check_equals_head_office()


def test_a_transfer_of_a_killed_run_resumes_in_the_next_run(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture(1, LARGE))
    is_killed = threading.Event()

    def hang(key: str) -> Response:
        def pieces() -> Iterator[bytes]:
            yield edge.ho.bodies[key][:600_000]
            is_killed.wait(60)

        return Response(pieces=pieces(), headers={"ETag": f'"{edge.ho.photos[photo]["checksum"]}"'})

    edge.ho.on_image = hang
    with start_killed_run(edge, "in the transfer") as process:
        until = time.monotonic() + 30
        while sum(part.stat().st_size for part in parts(edge)) < 500_000:
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
        process.wait(60)
        is_killed.set()
    edge.ho.on_image = None
    edge.ho.ranges.clear()
    assert edge.sync(wait_seconds=10, full=True).outcome == "success"
    (requested,) = edge.ho.ranges
    assert requested is not None
    assert int(requested.removeprefix("bytes=").removesuffix("-")) >= 500_000
    edge.check_equals_head_office()


def test_the_rest_of_a_changed_object_is_not_appended_to_the_old_part(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("old", LARGE))
    cut(edge, 500_000)
    edge.ho.bodies[edge.ho.photos[photo]["object_key"]] = picture("other", LARGE)
    edge.ho.ranges.clear()
    assert edge.sync(TRIES=1).reasons == {"ho_contradicts_itself": 1}  # the object no longer matches the listed checksum
    assert edge.ho.ranges == ["bytes=500000-", None]
    assert parts(edge) == []


def test_a_photo_replaced_since_the_cut_is_downloaded_whole(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("old", LARGE))
    cut(edge, 500_000)
    edge.ho.put("sate", picture("new", LARGE), photo=photo)
    edge.ho.ranges.clear()
    assert edge.sync().outcome == "success"
    assert edge.ho.ranges == [None]
    edge.check_equals_head_office()


def test_a_damaged_part_on_disk_is_downloaded_again_without_blaming_head_office(edge: Edge) -> None:
    edge.ho.put("sate", picture(1, LARGE))
    cut(edge, 500_000)
    (part,) = parts(edge)
    part.write_bytes(bytes(500_000))
    edge.ho.ranges.clear()
    assert edge.sync(TRIES=1).outcome == "success"
    assert edge.ho.ranges == ["bytes=500000-", None]
    edge.check_equals_head_office()


def whole_again(simulator: Simulator) -> Any:
    """Makes the server ignore ranges."""
    return lambda key: Response(body=simulator.bodies[key], headers={"ETag": '"any"'})


def wrong_range(simulator: Simulator) -> Any:
    """Makes the server return another range than requested."""

    def response(key: str) -> Response | None:
        if simulator.ranges[-1] is None:
            return None
        return Response(206, simulator.bodies[key][7:], {"Content-Range": f"bytes 7-{LARGE - 1}/{LARGE}"})

    return response


@pytest.mark.parametrize("server", [whole_again, wrong_range])
def test_a_server_with_broken_ranges_gives_the_whole_object(edge: Edge, server: Any) -> None:
    edge.ho.put("sate", picture(1, LARGE))
    cut(edge, 500_000)
    edge.ho.on_image = server(edge.ho)
    assert edge.sync().outcome == "success"
    edge.check_equals_head_office()


@pytest.mark.parametrize("etag", daily([None, 'W/"weak"', '"' + "x" * 100 + '"', "unquoted"], None, 'W/"weak"'))
def test_without_a_strong_etag_a_transfer_starts_again(edge: Edge, etag: str | None) -> None:
    edge.ho.put("sate", picture(1, LARGE))
    headers = {"ETag": etag} if etag else {}
    edge.ho.on_image = lambda key: Response(body=edge.ho.bodies[key][:400_000], headers=headers, length=LARGE)
    assert edge.sync(TRIES=1).failed == 1
    edge.ho.on_image = None
    edge.ho.ranges.clear()
    assert edge.sync().outcome == "success"
    assert edge.ho.ranges == [None]


def test_an_outage_of_the_bucket_costs_no_second_download(edge: Edge) -> None:
    edge.ho.put("sate", picture(1, LARGE))
    assert edge.sync(inject=without_bucket).failed == 1
    edge.ho.ranges.clear()
    assert edge.sync().outcome == "success"
    assert edge.ho.ranges == []
    edge.check_equals_head_office()


def without_bucket(services: Any) -> None:
    """Makes the bucket refuse every put."""
    real = services.bucket

    class Away:
        def put(self, *_: Any, **__: Any) -> str:
            raise ObjectStoreAway("away")

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    services.bucket = Away()


def test_an_uninterrupted_transfer_writes_no_part_to_disk(edge: Edge) -> None:
    edge.clock.monotonic = lambda: 0.0  # on a slow machine, the transfer takes longer than WRITE_SECONDS
    edge.ho.put("sate", picture(1, partial.WRITE_BYTES - 1))
    written: list[list[Path]] = []

    def watch(services: Services) -> None:
        put = services.bucket.put

        class Watched:
            def put(self, *args: Any, **options: Any) -> str:
                written.append(parts(edge))
                return put(*args, **options)

            def __getattr__(self, name: str) -> Any:
                return getattr(edge.bucket, name)

        services.bucket = Watched()

    assert edge.sync(inject=watch).outcome == "success"
    assert written == [[]]
    edge.check_equals_head_office()


def test_small_photos_are_never_written_to_disk(edge: Edge) -> None:
    edge.ho.put("sate", picture(1, SPOOL_FROM_BYTES - 1))
    edge.ho.cut_after = SPOOL_FROM_BYTES // 2
    edge.sync(TRIES=1)
    assert parts(edge) == []


def test_abandoned_parts_are_deleted_and_the_oldest_beyond_the_bound(edge: Edge) -> None:
    edge.sync()
    folder = next(edge.spool.iterdir())
    for age, name in enumerate(["new", "older", "oldest", "forgotten"]):
        path = folder / f"{name}.part"
        path.write_bytes(bytes(700_000))
        seen = time.time() - (2 * MAX_AGE_SECONDS if name == "forgotten" else age * 60)
        os.utime(path, (seen, seen))
    edge.sync(SPOOL_MAX_BYTES=2**20 + 400_000)
    assert [part.stem for part in parts(edge)] == ["new", "older"]


def test_a_full_disk_ends_the_run_cleanly_and_the_next_run_resumes(edge: Edge, tmp_path: Path) -> None:
    small = tmp_path / "small disk"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk (root in a machine of its own may)")
    try:
        edge.ho.put("sate", picture(1, 2 * LARGE))
        edge.ho.put("small", picture(2))
        report = edge.sync(SPOOL_DIR=small)
        assert (report.exit_status, report.fetched) == (4, 1)
        assert "no room in" in str(report.error)
        assert str(small) in str(report.error)
    finally:
        subprocess.run(["umount", small], check=True)
    assert edge.sync().outcome == "success"
    edge.check_equals_head_office()


def test_a_part_names_its_folder_if_the_disk_is_full() -> None:
    part = PartialPhoto(Path("/dev/full"), Clock())
    part.path = Path("/dev/full")
    with pytest.raises(PhotoError, match="no room in /dev") as failed:
        part.add(b"more")
    assert failed.value.reason is Reason.SPOOL_FULL
    part.close()


def test_a_spool_of_another_user_is_refused(edge: Edge, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    with pytest.raises(SettingsError, match=r"ETALASE_SPOOL_DIR .*belongs to another user"):
        edge.sync(SPOOL_DIR=tmp_path / "link")


def test_a_run_that_waited_for_the_lock_sees_the_parts_of_the_run_before(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture(1, LARGE))
    edge.ho.put("soto", picture(2, LARGE))
    with edge.services() as waiting:  # created before the other run, as by --wait
        cut_one = edge.ho.photos[photo]["object_key"]
        edge.ho.on_image = lambda key: Response(404) if key != cut_one else None
        edge.ho.cut_after = 700_000
        edge.sync(TRIES=1)
        edge.ho.cut_after = edge.ho.on_image = None
        edge.ho.image_bytes_sent = 0
        assert sync(waiting, full=True).outcome == "success"
    assert edge.ho.image_bytes_sent == LARGE + 300_000
    edge.check_equals_head_office()


def test_parts_that_another_run_finished_during_the_wait_do_no_harm(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture(1, LARGE))
    cut(edge, 700_000)
    with edge.services() as waiting:
        assert edge.sync().outcome == "success"
        edge.ho.put("sate", picture("newer", LARGE), photo=photo)
        assert sync(waiting, full=True).outcome == "success"
    edge.check_equals_head_office()
    assert parts(edge) == []


def test_two_databases_of_one_store_share_no_spool(tmp_path: Path) -> None:
    store_id = UUID(STORE_ID)
    one, other = (Spool.of_store(tmp_path, store_id, database, Clock()) for database in ("db:5432/edge", "db:5432/edge2"))
    timestamp = "2026-02-03T07:26:11.813339+00:00"
    one.note_checkpoint(timestamp)
    assert other.last_checkpoint is None
    assert Spool.of_store(tmp_path, store_id, "db:5432/edge", Clock()).last_checkpoint == datetime.fromisoformat(timestamp)


@pytest.mark.parametrize("etag", daily(['"é"', '"a\tb"', f'"{"x" * 63}"', 'W/"weak"', "bare", ""], '"é"', ""))
def test_an_etag_unfit_for_a_header_costs_a_new_download_only(edge: Edge, etag: str) -> None:
    photo = edge.ho.put("sate", picture(1, LARGE))
    edge.ho.put("soto", picture(2))
    key = edge.ho.photos[photo]["object_key"]
    headers = {"ETag": etag} if etag else {}
    edge.ho.on_image = lambda requested: (
        Response(body=edge.ho.bodies[key][:400_000], headers=headers, length=LARGE) if requested == key else None
    )
    for _ in range(2):
        report = edge.sync(TRIES=2)
        assert (report.outcome, report.reasons, len(edge.rows())) == ("partial", {"connection_failed": 1}, 1)
    edge.ho.on_image = None
    assert edge.sync().outcome == "success"
    edge.check_equals_head_office()


def test_a_part_with_an_unknown_name_is_deleted(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture(1, LARGE))
    cut(edge, 500_000)
    (part,) = parts(edge)
    for odd in ("c3a9", "zz", "22c3a922"):
        (part.parent / f"{photo}.{edge.ho.photos[photo]['checksum']}.{odd}.part").write_bytes(b"x" * 100)
    part.unlink()
    assert edge.sync().outcome == "success"
    assert parts(edge) == []
    edge.check_equals_head_office()


def test_without_an_etag_a_breaking_link_is_not_retried_for_ever(edge: Edge) -> None:
    edge.ho.put("sate", picture(1, LARGE))
    cuts = itertools.cycle([200_000, 10_000])
    edge.ho.on_image = lambda key: Response(body=edge.ho.bodies[key][: next(cuts)], length=LARGE)
    edge.sync(TRIES=3)
    assert len(edge.ho.image_requests) == 3


def test_the_spool_keeps_its_bound_after_a_failed_run_too(edge: Edge) -> None:
    edge.ho.max_page = 8
    for number in range(12):
        edge.ho.put(f"dish {number}", picture(number, LARGE))
    edge.ho.on_page = lambda request: Response(500) if request["offset"] else None
    edge.ho.cut_after = 600_000
    assert edge.sync(TRIES=1, SPOOL_MAX_BYTES=2 * 1024 * 1024).exit_status == 4
    assert sum(part.stat().st_size for part in parts(edge)) <= 2 * 1024 * 1024


def test_bytes_are_counted_on_arrival_and_predicted_without_those_on_disk(edge: Edge) -> None:
    edge.ho.put("sate", picture(1, LARGE))
    edge.ho.cut_after = 700_000
    assert edge.sync(TRIES=1).bytes_fetched == 700_000
    edge.ho.cut_after = None
    forecast = edge.sync(dry_run=True, BANDWIDTH="100k").forecast
    assert forecast is not None
    assert (forecast["bytes_to_fetch"], forecast["bytes_in_spool"]) == (LARGE, 700_000)
    assert forecast["seconds_at_limit"] == pytest.approx(300_000 / 102_400)
    assert edge.sync().bytes_fetched == 300_000
    assert edge.query("SELECT bytes_fetched FROM etalase_sync_run ORDER BY id") == [
        {"bytes_fetched": 700_000},
        {"bytes_fetched": 300_000},
    ]


def test_a_vanished_spool_folder_ends_the_run_with_an_error(edge: Edge) -> None:
    edge.ho.put("sate", picture(1, LARGE))

    def gone(_: str) -> None:
        shutil.rmtree(edge.spool, ignore_errors=True)

    edge.ho.on_image = gone
    edge.ho.cut_after = 900_000
    report = edge.sync(TRIES=1)
    assert report.exit_status in {1, 4}
    edge.ho.on_image = edge.ho.cut_after = None
    assert edge.sync().outcome == "success"
