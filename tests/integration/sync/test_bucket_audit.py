"""Checks that runs, ``verify`` and ``status`` agree on damaged objects (docs/adr/0021)."""

import uuid
from collections.abc import Callable
from hashlib import md5
from typing import Any

from tests.django_settings import STORE_ID
from tests.integration.sync.conftest import Edge
from tests.integration.sync.rotting import Rotting
from tests.integration.sync.steps import overwrite_in_parts, status, sync_dishes
from tests.simulator import Response, picture

from etalase.edge.clock import Clock
from etalase.edge.integrity import Damage
from etalase.edge.status import collect
from etalase.edge.status.comparison import compare
from etalase.edge.status.looks import MAX_UNREADABLE, Reads
from etalase.edge.status.snapshot import Comparison, Trouble
from etalase.edge.sync.lock import RunLock
from etalase.edge.sync.verify import verify
from etalase.errors import ObjectStoreAway

DISHES = [f"DISH {number}" for number in range(MAX_UNREADABLE + 2)]


class Failing:
    """The real bucket, but requests for the objects of ``keys`` fail, and all requests after ``lists`` listings."""

    def __init__(self, real: Any, keys: set[str], lists: int = 1_000_000) -> None:
        self._real, self._keys, self._lists_left = real, keys, lists

    def _check(self, key: str) -> None:
        if key in self._keys or self._lists_left <= 0:
            raise ObjectStoreAway("HTTP 500 InternalError")

    def head(self, key: str) -> Any:
        self._check(key)
        return self._real.head(key)

    def read_through(self, key: str) -> Any:
        self._check(key)
        return self._real.read_through(key)

    def list(self, prefix: str) -> Any:
        self._check("")
        self._lists_left -= 1
        return self._real.list(prefix)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def look(bucket: Any) -> Comparison:
    """Returns what the status sees; every object counts as put since the last comparison."""
    return compare(bucket, RunLock(uuid.UUID(STORE_ID), Clock()), compared_at=None, now=Clock().utc(), reads={})


def verified(edge: Edge, over: Callable[[Any], Any] = lambda bucket: bucket) -> list[str]:
    """Returns the differences that ``verify --deep`` finds in the bucket."""
    with edge.services() as services:
        services.bucket = over(services.bucket)
        return [str(difference.what) for difference in verify(services, deep=True).differences]


def test_many_unreadable_objects_are_damage_and_not_an_unreachable_bucket(edge: Edge) -> None:
    sync_dishes(edge, *DISHES, "SATE")
    keys = {row["object_key"] for row in edge.rows().values() if row["filename"] != "SATE.jpg"}
    failing = Failing(edge.bucket, keys)
    seen = look(failing)
    assert (seen.error, seen.damaged) == (None, {Damage.UNREADABLE: MAX_UNREADABLE})
    assert verified(edge, lambda bucket: Failing(bucket, keys)) == len(DISHES) * ["unreadable"]
    assert look(failing).damaged == {Damage.UNREADABLE: len(DISHES)}  # beyond the bound, by their marks


def test_a_bucket_that_fails_after_the_listing_marks_no_photo(edge: Edge) -> None:
    sync_dishes(edge, *DISHES)
    seen = look(Failing(edge.bucket, set(), lists=1))
    assert (seen.trouble, seen.error) == (Trouble.AWAY, "HTTP 500 InternalError")
    assert edge.count("etalase_doubt") == 0


def test_too_many_unreadable_objects_without_md5_etags_report_the_stores_error(edge: Edge, s3: Any) -> None:
    sync_dishes(edge, *DISHES)
    keys = {row["object_key"] for row in edge.rows().values()}
    for key in keys:
        overwrite_in_parts(s3, edge.bucket.bucket, key, edge.bucket.get(key))
    assert (look(edge.bucket).verified, look(Failing(edge.bucket, keys)).error) == (len(DISHES), "HTTP 500 InternalError")


def test_the_status_reads_a_marked_object_with_any_etag(edge: Edge, s3: Any) -> None:
    key = edge.ho.photos[sync_dishes(edge, "SATE")["SATE"]]["object_key"]
    overwrite_in_parts(s3, edge.bucket.bucket, key, picture("SATE"))
    reads: Reads = {}
    assert collect.look(edge.configured(), reads).verified == len(reads) == 1
    disk = Rotting(key)
    assert verified(edge, disk.over) == ["changed"]
    assert disk.look(edge.configured(), reads).damaged == {Damage.CHANGED: 1}


def test_the_status_sees_the_type_of_an_object_without_an_md5_etag(edge: Edge, s3: Any) -> None:
    key = edge.ho.photos[sync_dishes(edge, "SATE")["SATE"]]["object_key"]
    overwrite_in_parts(s3, edge.bucket.bucket, key, picture("SATE"), content_type="text/html")
    assert look(edge.bucket).damaged == {Damage.MISTYPED: 1}
    assert verified(edge) == ["mistyped"]


def test_a_whole_object_outside_the_listed_prefix_is_not_missing(edge: Edge) -> None:
    photos = sync_dishes(edge, "SATE", "SOTO")
    edge.bucket.put("elsewhere/sate.jpg", picture("SATE"), content_type="image/jpeg")
    edge.query("UPDATE product_photo SET object_key = 'elsewhere/sate.jpg' WHERE id = %s", photos["SATE"])
    edge.query("UPDATE product_photo SET object_key = 'elsewhere/soto.jpg' WHERE id = %s", photos["SOTO"])
    assert status(edge)["damaged"]["missing"] == 1
    assert "missing" in verified(edge)
    edge.query("DELETE FROM product_photo WHERE id = %s", photos["SOTO"])
    assert "missing" not in verified(edge)


def test_a_photo_put_by_this_run_is_not_judged_by_the_listing_before_it(edge: Edge) -> None:
    first = edge.ho.put("SATE", picture("old", 2000), primary=True)
    second = edge.ho.put("SATE", picture("side", 3000), primary=False, sort_order=1)
    edge.sync()
    edge.ho.put("SATE", picture("new", 2500), photo=first, primary=True)
    edge.ho.put(
        "SATE", picture("side 2", 3500), photo=second, primary=False, sort_order=1, checksum=md5(b"overtaken").hexdigest()
    )
    side_key = edge.ho.photos[second]["object_key"]

    def correct_the_metadata(key: str) -> Response | None:
        if key == side_key:
            edge.ho.on_image = None
            edge.ho.put("SATE", picture("side 2", 3500), photo=second, primary=False, sort_order=1)
        return None

    edge.ho.on_image = correct_the_metadata
    result = edge.sync(full=True)
    assert (result.outcome, result.damaged, edge.count("etalase_doubt")) == ("success", 0, 0)
