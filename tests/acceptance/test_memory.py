"""Checks that the peak memory of a run does not depend on the number or the size of its photos."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.conftest import Edge
from tests.simulator import Response, Simulator, picture

pytestmark = pytest.mark.long

MEBIBYTE = 1024 * 1024
BUDGET_BYTES = 150 * 1000 * 1000
# Tolerance for the page cache of the scratch database and the allocator; MANY photos in memory would take more.
MAX_GROWTH_BYTES = 16 * MEBIBYTE
FEW, MANY = 500, 10_000
# A small process in between, so that RUSAGE_CHILDREN (getrusage(2)) reports the peak of the run alone.
MEASURE = """
import resource, subprocess, sys
ended = subprocess.call(sys.argv[2:])
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(ended)
"""


def peak_bytes_of_sync(edge: Edge, *, exit_status: int = 0) -> int:
    """Returns the peak resident memory of ``etalase edge sync``."""
    peak_file = edge.folder / "peak"
    command = [sys.executable, "-I", "-S", "-c", MEASURE, str(peak_file), *edge.command("sync")]
    done = subprocess.run(command, env=edge.environment, capture_output=True, text=True, check=False)
    assert done.returncode == exit_status, done.stderr
    return int(peak_file.read_text()) * 1024


def list_as_known(edge: Edge, ho: Simulator, count: int) -> None:
    """Lists ``count`` photos as changed at head office, with every row and object already on the edge."""
    photos = [ho.photos[ho.put(f"Dish {number}", picture(number, 60))] for number in range(count)]
    columns = "id, product_id, object_key, filename, size, content_type, checksum, version, is_primary, sort_order, updated_at"
    with psycopg.connect(edge.database_url) as connection, connection.cursor() as cursor:
        with cursor.copy("COPY product (id, sku, name) FROM STDIN") as copy:
            for photo in photos:
                copy.write_row([photo["product_id"], photo["product_sku"], photo["product_name"]])
        with cursor.copy(f"COPY product_photo ({columns}) FROM STDIN") as copy:
            for photo in photos:
                copy.write_row([photo[column] for column in columns.split(", ")])
    store = edge.bucket()
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda photo: store.put(photo["object_key"], ho.bodies[photo["object_key"]], content_type="image/jpeg"), photos
            )
        )


def test_memory_does_not_grow_with_the_number_of_photos(edge: Edge, ho: Simulator) -> None:
    ho.put("First", picture("first"))
    edge.json("sync")
    list_as_known(edge, ho, FEW)
    few = peak_bytes_of_sync(edge)
    edge.sql("TRUNCATE product, product_photo")
    list_as_known(edge, ho, MANY)
    many = peak_bytes_of_sync(edge)
    assert len(ho.feed_requests) >= MANY / ho.max_page
    assert many <= BUDGET_BYTES
    assert many - few <= MAX_GROWTH_BYTES


def test_memory_does_not_grow_with_the_number_of_photos_that_fail(edge: Edge, ho: Simulator) -> None:
    ho.max_page = 1000
    ho.on_image = lambda _: Response(503)
    edge.environment["ETALASE_TRIES"] = "1"
    peaks = []
    for count in (FEW, MANY):
        for number in range(len(ho.photos), count):
            ho.put(f"Dish {number}", picture(number, 60))
        peaks += [peak_bytes_of_sync(edge, exit_status=4) for _ in range(2)]
    assert edge.sql("SELECT count(*) FROM etalase_pending_photo") == [(MANY,)]
    assert max(peaks) <= BUDGET_BYTES
    assert max(peaks[2:]) - min(peaks[:2]) <= MAX_GROWTH_BYTES


def test_large_photos_pass_through_a_bounded_memory(edge: Edge, ho: Simulator, tmp_path: Path) -> None:
    for number in range(6):
        ho.put(f"Poster {number}", picture(number, 20 * MEBIBYTE))
    edge.environment["ETALASE_SPOOL_DIR"] = str(tmp_path / "spool")
    peak = peak_bytes_of_sync(edge)
    assert len(edge.sql("SELECT 1 FROM product_photo")) == 6
    assert peak <= BUDGET_BYTES
