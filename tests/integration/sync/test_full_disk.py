"""Checks a full disk: downloads stop, published photos stay, and the next run with room continues (hazard 35)."""

import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import S3_ACCESS_KEY, S3_SECRET_KEY
from tests.integration.sync.conftest import Edge, bucket_on
from tests.simulator import picture

from etalase.devstack.makes import Make
from etalase.devstack.ports import free_port

pytestmark = pytest.mark.long

MEBIBYTE = 1024 * 1024


def grow(disk: Path, mebibytes: int) -> None:
    """Makes the disk larger."""
    subprocess.run(["mount", "-o", f"remount,size={mebibytes}m", disk], check=True)


def test_a_full_object_store_stops_the_run_and_a_later_run_with_room_continues(
    edge: Edge, make: Make, small_disk: Path
) -> None:
    port = free_port(offsets=list(make.wanted(0).values()))
    server = make.start(small_disk, port, access_key=S3_ACCESS_KEY, secret_key=S3_SECRET_KEY)
    try:
        full = replace(edge, s3=server, bucket=bucket_on(server))
        old = full.ho.put("old", picture("old"))
        full.sync()
        full.ho.put("old", picture("new"), photo=old)
        for n in range(20):
            full.ho.put(f"dish {n}", picture(n, 4 * MEBIBYTE))

        for _ in range(4):
            report = full.sync(trigger="schedule")
            assert report.exit_status in {1, 4}
            assert "full" in str(report.error) or {f["reason"] for f in report.failures} <= {"store_away", "store_full"}
            assert 1 < len(full.rows()) < 21
            full.check_every_row_shows_its_bytes()

        grow(small_disk, 512)
        until = time.monotonic() + 240  # the object store notices the new room after a moment
        while full.sync(trigger="schedule").outcome != "success":
            assert time.monotonic() < until
        full.check_equals_head_office()
    finally:
        server.stop()


def test_a_full_spool_stops_the_run_and_a_later_run_with_room_continues(edge: Edge, small_disk: Path) -> None:
    (small_disk / "filling").write_bytes(bytes(62 * MEBIBYTE))
    edge.settings["SPOOL_DIR"] = small_disk
    small = edge.ho.put("small", picture("small"))
    for n in range(3):
        edge.ho.put(f"dish {n}", picture(n, 4 * MEBIBYTE))
    for n in range(4):
        edge.ho.cut_after = 3 * MEBIBYTE
        report = edge.sync(trigger="schedule", TRIES=1)
        assert report.exit_status in {1, 4}, n
        assert small in edge.rows()
    edge.ho.cut_after = None
    (small_disk / "filling").unlink()
    assert edge.sync(trigger="schedule").outcome == "success"
    edge.check_equals_head_office()
