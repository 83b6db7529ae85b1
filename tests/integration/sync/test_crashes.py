"""Checks kills at every point: the POS shows whole images, and the next run repairs the rest (hazards 15, 18, 23; I1, I3)."""

import hashlib
from typing import Any

import pytest
from tests.integration.sync.conftest import Edge
from tests.integration.sync.killed_run import KILLED
from tests.integration.sync.steps import start_killed_run
from tests.simulator import Response, picture

from etalase.edge.sync.download.proof import Promised
from etalase.edge.sync.services import Services
from etalase.edge.sync.verify import verify
from etalase.objectstore.model import Body


def run_until_killed(edge: Edge, point: str) -> None:
    """Runs a sync that is killed at ``point``."""
    with start_killed_run(edge, point) as process:
        _, output = process.communicate(timeout=240)
        assert process.returncode == KILLED, output


@pytest.mark.parametrize(
    ("point", "goes_back"),
    [("before the put", False), ("after the put", False), ("after the put", True), ("after the commit", True)],
)
def test_the_next_run_repairs_a_run_killed_at_any_point(edge: Edge, point: str, goes_back: bool) -> None:
    old, new = picture("old", 900), picture("new", 900)
    photo = edge.ho.put("sate", old)
    edge.sync()
    edge.ho.put("sate", new, photo=photo)

    run_until_killed(edge, point)

    shown = hashlib.md5(old if point == "before the put" else new).hexdigest()
    assert edge.md5_at(edge.ho.photos[photo]["object_key"]) == shown
    assert edge.count("etalase_publish_intent") == (0 if point == "after the commit" else 1)
    if goes_back:
        edge.ho.put("sate", old, photo=photo)
    report = edge.sync()
    assert report.exit_status == 0
    edge.check_equals_head_office()
    assert edge.count("etalase_publish_intent") == 0
    outcomes = [row["outcome"] for row in edge.query("SELECT outcome FROM etalase_sync_run ORDER BY id")]
    assert outcomes == ["success", "interrupted", "success"]
    edge.ho.image_requests.clear()
    before = edge.row_versions()
    assert edge.sync(full=True).exit_status == 0
    assert (edge.ho.image_requests, edge.row_versions()) == ([], before)


def test_after_a_kill_the_pos_shows_uploaded_photos_while_head_office_is_away(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("old"))
    edge.sync()
    edge.ho.put("sate", picture("new"), photo=photo)
    run_until_killed(edge, "after the put")
    edge.ho.on_page = lambda _: Response(503)
    assert edge.sync(full=True).damaged == 0
    with edge.services() as services:
        assert [found.what for found in verify(services, deep=False).differences] == ["changed"]
    assert edge.count("etalase_doubt") == 0
    edge.ho.on_page = None
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


def test_a_first_run_after_a_kill_does_not_download_uploaded_photos_again(edge: Edge) -> None:
    edge.ho.put("sate", picture(1))
    run_until_killed(edge, "after the put")
    assert edge.rows() == {}
    edge.ho.image_requests.clear()
    assert edge.sync().exit_status == 0
    assert edge.ho.image_requests == []
    edge.check_equals_head_office()


def test_a_killed_process_releases_the_lock(edge: Edge) -> None:
    edge.ho.put("sate", picture(1))
    with start_killed_run(edge, "hang") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "hangs\n"
        assert edge.sync().exit_status == 75
        process.kill()
        process.wait(60)
    assert edge.sync(full=True, wait_seconds=10).exit_status == 0
    edge.check_equals_head_office()


def test_an_intent_of_a_deleted_photo_is_settled_and_its_object_reclaimed_as_an_orphan(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("old"))
    edge.sync()
    key = edge.ho.photos[photo]["object_key"]
    edge.query("INSERT INTO etalase_publish_intent VALUES (%s, 'old', 'new')", key)
    edge.query("DELETE FROM product")
    edge.ho.delete(photo)
    edge.sync(RECLAIM_GRACE="0s")
    assert edge.count("etalase_publish_intent") == 0
    assert edge.objects() == set()


class Interrupting:
    """An image source whose download is interrupted by Ctrl-C."""

    def __init__(self, services: Services) -> None:
        self.real = services.images
        self.bytes_received = 0
        self.transfers_at_once = 1
        services.images = self

    def fetch_once(self, promised: Promised, *, max_wait_seconds: int) -> Any:
        """Fetches a rendition."""
        return self.real.fetch_once(promised, max_wait_seconds=max_wait_seconds)

    def done(self, photo: Any) -> None:
        """Does nothing, because no part is on disk."""

    def keep(self, photo: Any, body: Body) -> None:
        """Does nothing, because no part is on disk."""

    def fetch(self, photo: Any) -> Body:
        """Downloads all photos but one."""
        if photo.product_name == "soto":
            raise KeyboardInterrupt
        return self.real.fetch(photo)


def test_an_interrupted_run_reports_it_and_the_next_run_completes(edge: Edge) -> None:
    for product in ("sate", "soto", "gado-gado"):
        edge.ho.put(product, picture(product))
    with pytest.raises(KeyboardInterrupt):
        edge.sync(inject=lambda services: (Interrupting(services), None)[1])
    (run,) = edge.query("SELECT outcome, error FROM etalase_sync_run")
    assert run["outcome"] == "failed"
    assert "stopped" in run["error"]
    assert edge.checkpoint() is None
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


def test_a_photo_that_fails_before_its_put_keeps_its_publish_intent_of_a_crash(edge: Edge) -> None:
    photo = edge.ho.put("dish", picture("old"))
    edge.sync()
    edge.ho.put("dish", picture("new"), photo=photo)
    run_until_killed(edge, "after the put")
    edge.ho.put("dish", picture("newer"), photo=photo)
    edge.ho.on_image = lambda _: Response(503)
    edge.sync(TRIES=1)
    edge.ho.on_image = None
    edge.ho.put("dish", picture("old"), photo=photo)
    edge.sync()
    edge.check_equals_head_office()


def test_ctrl_c_drains_in_flight_work_so_that_every_uploaded_object_gets_its_row(edge: Edge) -> None:
    for product in ("sate", "gado-gado"):
        edge.ho.put(product, picture(product))
    edge.ho.put("soto", picture("soto", 5000))  # the largest photo is the last one
    with pytest.raises(KeyboardInterrupt):
        edge.sync(inject=lambda services: (Interrupting(services), None)[1], WORKERS=1)
    assert len(edge.rows()) == len(edge.objects()) == 2
    edge.check_every_row_shows_its_bytes()
