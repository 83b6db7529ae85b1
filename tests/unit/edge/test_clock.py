"""Checks that the sync engine takes time and random numbers from its clock alone, so that a run can be replayed."""

import re
import threading
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

import etalase.edge.sync
from etalase.edge.clock import Clock

FOLDER = Path(etalase.edge.sync.__file__).parent
MODULES = sorted(path for path in FOLDER.rglob("*.py") if path != FOLDER / "clock.py")
READS = re.compile(
    r"^\s*(import|from) (time|random|secrets)\b|\buuid[14]\b|\.(now|utcnow|today)\((UTC|)\)|\bTimer\(|\burandom\b", re.MULTILINE
)
# The times of runs, which processes on other machines compare, and the creation time of a row, which decides nothing.
READS_OF_THE_DATABASE = re.compile(r"\b(Now|now|clock_timestamp|gen_random_uuid|random)\(\)|CURRENT_TIMESTAMP")
WITH_DATABASE_TIME = {"storage/runs.py", "storage/photo_writes.py"}


def test_the_folder_has_modules() -> None:
    assert FOLDER / "storage" / "photos.py" in MODULES


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_no_other_module_reads_a_clock_or_draws_a_random_number(module: Path) -> None:
    source = module.read_text().replace("clock.now()", "")
    assert READS.findall(source) == []
    if str(module.relative_to(FOLDER)) not in WITH_DATABASE_TIME:
        assert READS_OF_THE_DATABASE.findall(source) == []


def test_a_clock_with_a_seed_gives_the_same_times_and_ids_again() -> None:
    one, other = (Clock(now=lambda: 1.0, random=Random(7)) for _ in range(2))
    assert one.utc() == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert [one.random_id() for _ in range(3)] == [other.random_id() for _ in range(3)]


def test_an_alarm_rings_once_its_time_is_over_and_not_after_its_block() -> None:
    rung = threading.Event()
    with Clock().alarm(0.001, rung.set):
        assert rung.wait(60)
    rung.clear()
    with Clock().alarm(3600, rung.set):
        pass
    assert not rung.is_set()
