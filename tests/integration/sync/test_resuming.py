"""What came before a cut does not cross the link again (hazards 29 to 31)."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.sync.conftest import Edge
from tests.integration.sync.test_crashes import dying_run
from tests.simulator import Answer, Simulator, picture

from etalase.edge.sync import spool
from etalase.edge.sync.fetch import SPOOL_FROM_BYTES
from etalase.edge.sync.spool import MAX_AGE_SECONDS, Part
from etalase.errors import ObjectStoreAway, PhotoError, Reason, SettingsError

LARGE = 1_000_000


def parts(edge: Edge) -> list[Path]:
    """What lies in the spool."""
    return sorted(edge.spool.rglob("*.part"))


def cut(edge: Edge, at: int) -> None:
    """A run in which no transfer gets beyond ``at`` bytes, and none is tried twice."""
    edge.ho.cut_after = at
    assert edge.sync(TRIES=1).reasons == {"connection_failed": 1}
    edge.ho.cut_after = None


def test_a_cut_transfer_goes_on_in_the_same_run(edge: Edge) -> None:
    edge.ho.put("sate", picture(1, LARGE))
    edge.ho.cut_after = 300_000
    assert edge.sync(TRIES=2).outcome == "success"
    assert edge.ho.ranges == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]
    assert edge.ho.image_bytes_sent == LARGE
    assert parts(edge) == []
    edge.check_equals_head_office()


def test_a_cut_transfer_goes_on_in_the_next_run(edge: Edge) -> None:
    edge.ho.put("sate", picture(1, LARGE))
    cut(edge, 700_000)
    assert [part.stat().st_size for part in parts(edge)] == [700_000]
    assert edge.sync().outcome == "success"
    assert edge.ho.image_bytes_sent == LARGE
    assert parts(edge) == []
    edge.check_equals_head_office()


def test_a_transfer_that_was_killed_goes_on_in_the_next_run(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture(1, LARGE))

    def hang(key: str) -> Answer:
        def pieces() -> Iterator[bytes]:
            yield edge.ho.bodies[key][:600_000]
            time.sleep(20)

        return Answer(pieces=pieces(), headers={"ETag": f'"{edge.ho.photos[photo]["checksum"]}"'})

    edge.ho.on_image = hang
    with dying_run(edge, "in the transfer") as process:
        until = time.monotonic() + 30
        while sum(part.stat().st_size for part in parts(edge)) < 500_000:
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
        process.wait(10)
    edge.ho.on_image = None
    edge.ho.ranges.clear()
    assert edge.sync(wait_seconds=10, full=True).outcome == "success"
    (asked,) = edge.ho.ranges
    assert asked is not None
    assert int(asked.removeprefix("bytes=").removesuffix("-")) >= 500_000
    edge.check_equals_head_office()


def test_the_rest_of_an_object_that_changed_is_not_put_behind_the_old_beginning(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("old", LARGE))
    cut(edge, 500_000)
    edge.ho.bodies[edge.ho.photos[photo]["object_key"]] = picture("other", LARGE)
    edge.ho.ranges.clear()
    assert edge.sync(TRIES=1).reasons == {"ho_contradicts_itself": 1}  # what lies there now is not what the row promised
    assert edge.ho.ranges == ["bytes=500000-", None]
    assert parts(edge) == []


def test_a_photo_that_was_replaced_since_the_cut_comes_as_a_whole(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("old", LARGE))
    cut(edge, 500_000)
    edge.ho.put("sate", picture("new", LARGE), photo=photo)
    edge.ho.ranges.clear()
    assert edge.sync().outcome == "success"
    assert edge.ho.ranges == [None]
    edge.check_equals_head_office()


def test_a_beginning_that_was_damaged_on_disk_is_fetched_again_and_nobody_is_blamed(edge: Edge) -> None:
    edge.ho.put("sate", picture(1, LARGE))
    cut(edge, 500_000)
    (part,) = parts(edge)
    part.write_bytes(bytes(500_000))
    edge.ho.ranges.clear()
    assert edge.sync(TRIES=1).outcome == "success"
    assert edge.ho.ranges == ["bytes=500000-", None]
    edge.check_equals_head_office()


def whole_again(simulator: Simulator) -> Any:
    """A server that knows no ranges."""
    return lambda key: Answer(body=simulator.bodies[key], headers={"ETag": '"any"'})


def wrong_range(simulator: Simulator) -> Any:
    """A server whose ranges are others than were asked for, as long as ranges are asked for."""

    def answer(key: str) -> Answer | None:
        if simulator.ranges[-1] is None:
            return None
        return Answer(206, simulator.bodies[key][7:], {"Content-Range": f"bytes 7-{LARGE - 1}/{LARGE}"})

    return answer


@pytest.mark.parametrize("server", [whole_again, wrong_range])
def test_a_server_that_does_ranges_otherwise_gives_the_whole(edge: Edge, server: Any) -> None:
    edge.ho.put("sate", picture(1, LARGE))
    cut(edge, 500_000)
    edge.ho.on_image = server(edge.ho)
    assert edge.sync().outcome == "success"
    edge.check_equals_head_office()


@pytest.mark.parametrize("etag", [None, 'W/"weak"', '"' + "x" * 100 + '"', "unquoted"])
def test_without_a_strong_etag_a_transfer_begins_again(edge: Edge, etag: str | None) -> None:
    edge.ho.put("sate", picture(1, LARGE))
    headers = {"ETag": etag} if etag else {}
    edge.ho.on_image = lambda key: Answer(body=edge.ho.bodies[key][:400_000], headers=headers, length=LARGE)
    assert edge.sync(TRIES=1).failed == 1
    edge.ho.on_image = None
    edge.ho.ranges.clear()
    assert edge.sync().outcome == "success"
    assert edge.ho.ranges == [None]


def test_a_bucket_that_was_away_costs_the_link_nothing_the_second_time(edge: Edge) -> None:
    edge.ho.put("sate", picture(1, LARGE))
    assert edge.sync(touch=without_bucket).failed == 1
    edge.ho.ranges.clear()
    assert edge.sync().outcome == "success"
    assert edge.ho.ranges == []
    edge.check_equals_head_office()


def without_bucket(world: Any) -> None:
    """The bucket takes nothing."""
    real = world.bucket

    class Away:
        def put(self, *_: Any, **__: Any) -> str:
            raise ObjectStoreAway("away")

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    world.bucket = Away()


def test_what_comes_at_once_never_touches_the_disk(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "WRITE_SECONDS", 60.0)
    written: list[Path] = []
    monkeypatch.setattr(Part, "_write", lambda part: written.append(part.stem))
    edge.ho.put("sate", picture(1, spool.WRITE_BYTES - 1))
    assert edge.sync().outcome == "success"
    assert written == []
    edge.check_equals_head_office()


def test_small_photos_never_touch_the_disk(edge: Edge) -> None:
    edge.ho.put("sate", picture(1, SPOOL_FROM_BYTES - 1))
    edge.ho.cut_after = SPOOL_FROM_BYTES // 2
    edge.sync(TRIES=1)
    assert parts(edge) == []


def test_parts_that_nobody_comes_back_for_are_swept_and_the_oldest_beyond_the_bound(edge: Edge) -> None:
    edge.sync()
    folder = next(edge.spool.iterdir())
    for age, name in enumerate(["new", "older", "oldest", "forgotten"]):
        path = folder / f"{name}.part"
        path.write_bytes(bytes(700_000))
        seen = time.time() - (2 * MAX_AGE_SECONDS if name == "forgotten" else age * 60)
        os.utime(path, (seen, seen))
    edge.sync(SPOOL_MAX_BYTES=2**20 + 400_000)
    assert [part.stem for part in parts(edge)] == ["new", "older"]


def test_a_full_disk_ends_the_run_in_order_and_the_next_goes_on(edge: Edge, tmp_path: Path) -> None:
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


def test_a_part_says_where_it_lies_when_the_disk_is_full() -> None:
    part = Part(Path("/dev/full"))
    part.path = Path("/dev/full")
    with pytest.raises(PhotoError, match="no room in /dev") as failed:
        part.add(b"more")
    assert failed.value.reason is Reason.SPOOL_FULL
    part.close()


def test_somebody_elses_spool_is_refused(edge: Edge, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    with pytest.raises(SettingsError, match=r"ETALASE_SPOOL_DIR .*belongs to somebody else"):
        edge.sync(SPOOL_DIR=tmp_path / "link")
