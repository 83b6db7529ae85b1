"""Checks a store's whole life on each make of object store."""

import urllib.request
from urllib.error import HTTPError
from urllib.parse import quote

from tests.integration.sync.conftest import Edge
from tests.simulator import PNG, Response, picture


def public_status(edge: Edge, key: str) -> int:
    """Returns the status that a POS browser gets for an object."""
    try:
        with urllib.request.urlopen(f"{edge.s3.endpoint}/{edge.bucket.bucket}/{quote(key)}") as response:
            return int(response.status)
    except HTTPError as error:
        with error:
            return error.code


def test_every_object_store_serves_a_store_from_its_first_load_to_its_last_change(edge_on_each_store: Edge) -> None:
    edge = edge_on_each_store
    ids = [edge.ho.put(f"dish {n}", picture(n, 500 + 40_000 * n)) for n in range(8)]
    side = edge.ho.put("dish 0", picture("side", magic=PNG), primary=False, sort_order=1)
    odd_key = "products/es teh #1 100%/é?.jpg"
    odd_url = f"{edge.ho.url}/product-images/{quote(odd_key)}?v=0a1b2c3d"
    odd = edge.ho.put("es teh", picture("odd"), key=odd_key, primary=False, image_url=odd_url)

    first = edge.sync()
    assert (first.outcome, first.kind, first.fetched) == ("success", "full", 10)
    edge.check_equals_head_office()
    assert public_status(edge, edge.rows()[odd]["object_key"]) == 200

    # Nothing to do for either kind of run.
    before, objects = edge.row_versions(), set(edge.bucket.list(""))
    edge.ho.image_requests.clear()
    for full in (False, True):
        report = edge.sync(full=full)
        assert (report.outcome, report.fetched, report.updated, report.healed) == ("success", 0, 0, 0)
    assert (edge.ho.image_requests, edge.row_versions(), set(edge.bucket.list(""))) == ([], before, objects)

    # New bytes under the same key, another type under another key, and a deletion.
    edge.ho.put("dish 1", picture("other", 30_000), photo=ids[1])
    old_key = edge.rows()[ids[2]]["object_key"]
    edge.ho.put("dish 2", picture("as png", magic=PNG), photo=ids[2])
    edge.ho.delete(side)
    changed = edge.sync()
    assert (changed.outcome, changed.kind, changed.fetched, changed.deleted) == ("success", "incremental", 2, 1)
    edge.check_equals_head_office()
    assert old_key in edge.objects()

    # Damage in the bucket, and orphans past their grace period.
    edge.bucket.delete([edge.rows()[ids[3]]["object_key"]])
    edge.bucket.put(edge.rows()[ids[4]]["object_key"], b"overwritten by hand", content_type="image/jpeg")
    healed = edge.sync(full=True)
    assert (healed.outcome, healed.healed) == ("success", 2)
    edge.check_equals_head_office()
    edge.query("UPDATE etalase_reclaim SET obsolete_at = now() - interval '24 hours'")
    assert edge.sync().reclaimed == 2
    assert edge.objects() == {row["object_key"] for row in edge.rows().values()}
    assert public_status(edge, old_key) == 404


def test_bytes_that_another_program_puts_during_a_run_are_not_overwritten_unseen(edge_on_each_store: Edge) -> None:
    edge = edge_on_each_store
    photo = edge.ho.put("sate", picture("first"))
    edge.sync()
    key = edge.rows()[photo]["object_key"]
    edge.ho.put("sate", picture("second"), photo=photo)

    def meddle(_key: str) -> Response | None:
        edge.bucket.put(key, b"somebody else's", content_type="image/jpeg")
        edge.ho.on_image = None
        return None

    edge.ho.on_image = meddle
    edge.sync()
    assert edge.sync().outcome == "success"
    edge.check_equals_head_office()


def test_an_object_deleted_during_a_run_does_not_stop_the_run(edge_on_each_store: Edge) -> None:
    edge = edge_on_each_store
    photo = edge.ho.put("sate", picture("first"))
    others = [edge.ho.put(f"dish {n}", picture(n)) for n in range(3)]
    edge.sync()
    key = edge.rows()[photo]["object_key"]
    edge.ho.put("sate", picture("second"), photo=photo)
    for n, other in enumerate(others):
        edge.ho.put(f"dish {n}", picture(f"new {n}"), photo=other)

    def lose(requested: str) -> Response | None:
        if requested == key:
            edge.bucket.delete([key])
        return None

    edge.ho.on_image = lose
    report = edge.sync()
    assert (report.outcome, report.fetched) == ("success", 4)
    edge.check_equals_head_office()
