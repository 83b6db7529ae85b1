"""Checks that the nightly full run compares the bucket with the rows and repairs it (hazards 17, 22, 25, 26 and 62)."""

import hashlib
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.integration.sync.conftest import Edge
from tests.integration.sync.steps import overwrite_in_parts
from tests.simulator import Response, picture

from etalase.edge.sync.services import Services
from etalase.objectstore.client import ObjectStore
from etalase.objectstore.faults import S3Response
from etalase.objectstore.model import ObjectInfo


def test_a_full_run_repairs_damaged_lost_and_overwritten_objects_and_downloads_nothing_else(edge: Edge, s3: Any) -> None:
    names = ("deleted", "overwritten", "cut", "in parts", "well", "also well")
    keys = {name: edge.ho.photos[edge.ho.put(name, picture(name))]["object_key"] for name in names}
    edge.sync()
    edge.ho.image_requests.clear()
    before = edge.rows()
    bucket = edge.bucket.bucket
    s3.delete_object(Bucket=bucket, Key=keys["deleted"])
    s3.put_object(Bucket=bucket, Key=keys["overwritten"], Body=picture("other"))
    s3.put_object(Bucket=bucket, Key=keys["cut"], Body=picture("cut")[:100])
    overwrite_in_parts(s3, bucket, keys["in parts"], b"someone's own picture")

    report = edge.sync(full=True)

    assert (report.outcome, report.healed, report.fetched, report.unchanged) == ("success", 4, 4, 2)
    assert len(edge.ho.image_requests) == 4
    edge.check_equals_head_office()
    assert edge.count("etalase_publish_intent") == 0
    healed = edge.rows()
    assert {id_ for id_, row in healed.items() if row != before[id_]} == set()


def test_a_lost_bucket_is_refilled(edge: Edge) -> None:
    for n in range(3):
        edge.ho.put(f"dish {n}", picture(n))
    edge.sync()
    edge.bucket.delete(list(edge.objects()))
    assert edge.sync(full=True).healed == 3
    edge.check_equals_head_office()


def test_a_repair_never_deletes_before_it_has_the_replacement(edge: Edge, s3: Any) -> None:
    photo = edge.ho.put("sate", picture("whole"))
    edge.sync()
    key = edge.ho.photos[photo]["object_key"]
    s3.put_object(Bucket=edge.bucket.bucket, Key=key, Body=picture("still a picture"))
    edge.ho.on_image = lambda _: Response(404)
    assert edge.sync(full=True).exit_status == 1
    assert edge.bucket.get(key) == picture("still a picture")
    assert photo in edge.rows()
    edge.ho.on_image = None
    assert edge.sync(full=True).exit_status == 0
    edge.check_equals_head_office()


def test_an_orphan_is_deleted_after_its_grace_period(edge: Edge) -> None:
    edge.ho.put("sate", picture(1))
    edge.sync()
    edge.bucket.put("products/orphan.jpg", picture(2), content_type="image/jpeg")
    for _ in range(2):
        edge.sync(full=True)
        assert "products/orphan.jpg" in edge.objects()
    edge.query("UPDATE etalase_reclaim SET obsolete_at = now() - interval '24 hours'")
    assert edge.sync().reclaimed == 1
    assert "products/orphan.jpg" not in edge.objects()
    edge.check_equals_head_office()


def test_more_than_a_thousand_objects_are_compared(edge: Edge) -> None:
    edge.ho.put("zzz", picture("last"), key="products/zzz.jpg")
    edge.sync()
    for n in range(1001):
        edge.bucket.put(f"products/filler/{n:04}.jpg", b"x", content_type="image/jpeg")
    edge.ho.image_requests.clear()
    report = edge.sync(full=True, RECLAIM_GRACE="0s")
    assert (report.healed, report.reclaimed, edge.ho.image_requests) == (0, 1001, [])
    edge.check_equals_head_office()


def test_the_bucket_and_its_policy_are_created_once_and_again_after_a_loss(edge: Edge, s3: Any) -> None:
    writes: list[str] = []

    class Watched(ObjectStore):
        """Records the writes."""

        def request(self, method: str, key: str = "", **options: Any) -> S3Response:
            if method == "PUT":
                writes.append(", ".join(options.get("query") or ["bucket"]))
            return super().request(method, key, **options)

    store = Watched(
        endpoint=edge.s3.endpoint, bucket="fresh-bucket", access_key=edge.s3.access_key, secret_key=edge.s3.secret_key
    )

    def ensure() -> list[str]:
        writes.clear()
        store.ensure_bucket()
        return list(writes)

    assert ensure() == ["bucket", "policy"]
    assert ensure() == []
    s3.delete_bucket_policy(Bucket="fresh-bucket")
    assert ensure() == ["policy"]
    assert ensure() == []

    store.put("products/a.jpg", b"bytes", content_type="image/jpeg")
    assert urllib.request.urlopen(f"{edge.s3.endpoint}/fresh-bucket/products/a.jpg").read() == b"bytes"
    for path in ("/fresh-bucket/", "/fresh-bucket/?list-type=2", "/fresh-bucket/?policy"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(edge.s3.endpoint + path)
        assert refused.value.code == 403
        refused.value.close()


def test_a_deleted_bucket_policy_is_restored_by_the_next_run(edge: Edge, s3: Any) -> None:
    edge.ho.put("sate", picture(1))
    edge.sync()
    s3.delete_bucket_policy(Bucket=edge.bucket.bucket)
    edge.sync()
    assert s3.get_bucket_policy(Bucket=edge.bucket.bucket)["Policy"]


class OtherEtags:
    """The real bucket of a server that encrypts: its ETags look like MD5s but are not (hazard 56)."""

    def __init__(self, services: Services) -> None:
        self.real: Any = services.bucket
        self.puts = 0

    def put(self, *args: Any, **kwargs: Any) -> str:
        """Puts the object and returns another ETag."""
        self.puts += 1
        if kwargs.get("if_match") is not None:
            kwargs["if_match"] = self.real.head(args[0]).etag if self.is_there(args[0], kwargs["if_match"]) else "other"
        return self.other(self.real.put(*args, **kwargs))

    def is_there(self, key: str, etag: str) -> bool:
        """Returns whether a condition on this server's ETag holds."""
        there = self.head(key)
        return there is not None and there.etag == etag

    def head(self, key: str) -> ObjectInfo | None:
        """Returns the object with this server's ETag."""
        there = self.real.head(key)
        return replace(there, etag=self.other(there.etag)) if there else None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Returns the object with this server's ETag."""
        return (replace(info, etag=self.other(info.etag)) for info in self.real.list(prefix))

    def other(self, etag: str) -> str:
        """Returns thirty-two digits that are unrelated to the bytes."""
        return hashlib.md5(etag.encode()).hexdigest()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def test_a_bucket_whose_etags_are_not_checksums_is_read_and_not_refilled(edge: Edge, s3: Any) -> None:
    made: list[OtherEtags] = []

    def inject(services: Services) -> None:
        services.bucket = OtherEtags(services)
        made.append(services.bucket)

    photo, _ = edge.ho.put("sate", picture("sate")), edge.ho.put("soto", picture("soto"))
    assert edge.sync(inject=inject).exit_status == 0
    edge.check_equals_head_office()
    edge.ho.image_requests.clear()
    assert edge.sync(inject=inject, full=True).healed == 0
    assert (edge.ho.image_requests, made[-1].puts) == ([], 0)

    s3.put_object(Bucket=edge.bucket.bucket, Key=edge.ho.photos[photo]["object_key"], Body=picture("rot!"))
    assert edge.sync(inject=inject, full=True).healed == 1
    edge.ho.put("sate", picture("new"), photo=photo)
    assert edge.sync(inject=inject).exit_status == 0
    edge.check_equals_head_office()
