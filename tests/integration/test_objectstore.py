"""What Etalase relies on in an object store: one set of behaviours, on each make alike."""

import hashlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import boto3
import pytest

from etalase.devstack.makes import Make
from etalase.devstack.ports import free_port
from etalase.devstack.s3 import S3Server
from etalase.errors import (
    ObjectChanged,
    ObjectMissing,
    ObjectStoreAway,
    ObjectStoreDenied,
    ObjectStoreError,
    ObjectStoreFull,
)
from etalase.objectstore.client import IMMUTABLE, ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ACCESS_KEY, SECRET_KEY = "one-test-access-key", "one-test-secret-key"
MEBIBYTE = 1024 * 1024
OPENER = build_opener(ProxyHandler({}))


def store(server: S3Server, name: str = "photos", *, access_key: str = "", secret_key: str = "") -> ObjectStore:
    return ObjectStore(
        endpoint=server.endpoint,
        bucket=name,
        access_key=access_key or server.access_key,
        secret_key=secret_key or server.secret_key,
        max_retries=0,
    )


@pytest.fixture
def bucket(each_s3_server: S3Server) -> ObjectStore:
    """Returns a new, empty bucket."""
    fresh = store(each_s3_server, f"b-{uuid.uuid4().hex}")
    fresh.ensure_bucket()
    return fresh


@pytest.fixture
def boto(each_s3_server: S3Server) -> Iterator["S3Client"]:
    """Returns another client, with the same key."""
    client = boto3.client(
        "s3",
        endpoint_url=each_s3_server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=each_s3_server.access_key,
        aws_secret_access_key=each_s3_server.secret_key,
    )
    yield client
    client.close()


def md5(body: bytes) -> str:
    return hashlib.md5(body).hexdigest()


def put(bucket: ObjectStore, key: str, body: bytes, **condition: Any) -> str:
    return bucket.put(key, body, content_type="image/jpeg", **condition)


def url(bucket: ObjectStore, key: str) -> str:
    return f"{bucket.endpoint}/{bucket.bucket}/{quote(key, safe='/~')}"


def ask(
    url: str, method: str = "GET", body: bytes | None = None, *, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Status and body of a request without a key."""
    try:
        with OPENER.open(Request(url, body, headers or {}, method=method), timeout=60) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


# Bucket and policy


def test_anybody_may_read_an_object_whose_key_they_know_and_nothing_else(bucket: ObjectStore) -> None:
    put(bucket, "products/1/primary.jpg", b"nasi goreng")
    base, there = f"{bucket.endpoint}/{bucket.bucket}", url(bucket, "products/1/primary.jpg")
    assert ask(there) == ask(f"{there}?v=0a1b2c3d") == (200, b"nasi goreng")
    assert ask(url(bucket, "products/1/none.jpg"))[0] == 404
    for closed in (base, f"{base}/", f"{base}?list-type=2", f"{base}?policy", f"{base}?versions", bucket.endpoint):
        assert ask(closed)[0] == 403, closed
    assert ask(there, "PUT", b"theirs")[0] == 403
    assert ask(url(bucket, "theirs.jpg"), "PUT", b"theirs")[0] == 403
    assert ask(there, "DELETE")[0] == 403
    assert ask(f"{base}?policy", "PUT", b"{}")[0] == 403
    ask(f"{base}?delete", "POST", b"<Delete><Object><Key>products/1/primary.jpg</Key></Object></Delete>")
    assert [(found.key, found.etag) for found in bucket.list("")] == [("products/1/primary.jpg", md5(b"nasi goreng"))]


def test_objects_have_their_type_and_are_revalidated_each_time(bucket: ObjectStore) -> None:
    etag = put(bucket, "a.jpg", b"bytes")
    with OPENER.open(url(bucket, "a.jpg"), timeout=60) as answer:
        sent = [answer.headers[name] for name in ("Content-Type", "Cache-Control", "ETag")]
    assert sent == ["image/jpeg", "no-cache", f'"{etag}"']
    assert ask(url(bucket, "a.jpg"), headers={"If-None-Match": f'"{etag}"'})[0] == 304


@pytest.mark.parametrize("takes_conditions", [True, False])
def test_an_object_whose_key_names_its_bytes_may_be_kept_by_browsers(bucket: ObjectStore, takes_conditions: bool) -> None:
    bucket._takes_conditions = takes_conditions
    put(bucket, "renditions/a.webp", b"bytes", cache_control=IMMUTABLE, if_none_match="*")
    with OPENER.open(url(bucket, "renditions/a.webp"), timeout=60) as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_our_statement_is_added_to_the_policy_and_the_statements_of_others_stay(bucket: ObjectStore, boto: "S3Client") -> None:
    put(bucket, "products/1/a.jpg", b"bytes")
    name = bucket.bucket
    lists = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": ["s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{name}"],
    }
    boto.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [lists]}))
    listing, photo = f"{bucket.endpoint}/{name}?list-type=2", url(bucket, "products/1/a.jpg")
    assert (ask(listing)[0], ask(photo)[0]) == (200, 403)
    change = bucket.policy_change()
    assert change is not None
    assert (len(change.added), len(change.kept)) == (1, 1)
    for _ in range(2):
        bucket.ensure_bucket()
        assert (ask(listing)[0], ask(photo)[0]) == (200, 200)
    assert len(json.loads(boto.get_bucket_policy(Bucket=name)["Policy"])["Statement"]) == 2
    assert any("can list bucket" in risk for risk in bucket.risks())


def test_a_policy_is_replaced_only_where_a_setting_says_so(bucket: ObjectStore, boto: "S3Client") -> None:
    put(bucket, "products/1/a.jpg", b"bytes")
    name = bucket.bucket
    lists = {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["s3:ListBucket"], "Resource": [f"arn:aws:s3:::{name}"]}
    boto.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [lists]}))
    bucket.replaces_policy = True
    for _ in range(2):
        bucket.ensure_bucket()
        assert (ask(f"{bucket.endpoint}/{name}?list-type=2")[0], ask(url(bucket, "products/1/a.jpg"))[0]) == (403, 200)


def test_reads_from_a_missing_bucket_raise_object_missing(each_s3_server: S3Server) -> None:
    nowhere = store(each_s3_server, f"b-{uuid.uuid4().hex}")
    with pytest.raises(ObjectMissing):
        nowhere.get("a.jpg")
    with pytest.raises(ObjectMissing):
        list(nowhere.list(""))


# Putting


def test_a_put_replaces_the_object_of_its_condition_only(bucket: ObjectStore) -> None:
    first = put(bucket, "a.jpg", b"first", if_none_match="*")
    with pytest.raises(ObjectChanged):
        put(bucket, "a.jpg", b"second", if_none_match="*")
    second = put(bucket, "a.jpg", b"second", if_match=first)
    with pytest.raises(ObjectChanged):
        put(bucket, "a.jpg", b"third", if_match=first)
    assert bucket.get("a.jpg") == b"second"
    third = put(bucket, "a.jpg", b"third")
    assert [first, second, third] == [md5(b"first"), md5(b"second"), md5(b"third")]


def test_a_put_that_should_replace_what_is_gone_writes_nothing(bucket: ObjectStore) -> None:
    with pytest.raises(ObjectChanged):
        put(bucket, "a.jpg", b"second", if_match=md5(b"first"))
    assert bucket.head("a.jpg") is None


def test_of_several_who_put_at_once_where_nothing_was_one_wins(bucket: ObjectStore) -> None:
    def attempt(n: int) -> str | None:
        try:
            return put(bucket, "a.jpg", b"%d" % n, if_none_match="*")
        except ObjectChanged:
            return None

    with ThreadPoolExecutor(4) as pool:
        won = [etag for etag in pool.map(attempt, range(4)) if etag]
    found = bucket.head("a.jpg")
    assert found is not None
    assert won == [found.etag]


@pytest.mark.parametrize("before", [None, b"the last good photo"])
def test_a_put_whose_connection_breaks_leaves_what_was_there(
    bucket: ObjectStore, boto: "S3Client", before: bytes | None
) -> None:
    if before is not None:
        put(bucket, "a.jpg", before)
    signed = urlsplit(boto.generate_presigned_url("put_object", Params={"Bucket": bucket.bucket, "Key": "a.jpg"}))
    body = os.urandom(MEBIBYTE)

    def send(count: int) -> None:
        with socket.create_connection(("127.0.0.1", signed.port or 0)) as connection:
            target = f"{signed.path}?{signed.query}"
            head = f"PUT {target} HTTP/1.1\r\nHost: {signed.netloc}\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body[:count])
            if count == len(body):
                assert b" 200 " in connection.recv(100)

    send(len(body) // 2)
    time.sleep(0.2)  # the server has to notice
    assert (bucket.get("a.jpg") if bucket.head("a.jpg") else None) == before
    send(len(body))
    assert bucket.get("a.jpg") == body


def test_the_etag_of_a_large_photo_is_its_md5_too(bucket: ObjectStore) -> None:
    body = os.urandom(20 * MEBIBYTE)
    assert put(bucket, "large.jpg", body) == md5(body) == bucket.read_through("large.jpg").digest
    found = bucket.head("large.jpg")
    assert found is not None
    assert (found.key, found.size, found.etag) == ("large.jpg", len(body), md5(body))


def test_who_reads_while_an_object_is_overwritten_gets_the_old_or_the_new_one_whole(bucket: ObjectStore) -> None:
    bodies = [bytes([n]) * MEBIBYTE for n in range(20)]
    promised = {md5(body) for body in bodies}
    put(bucket, "a.jpg", bodies[0])
    written = threading.Event()

    def read() -> set[str]:
        seen = set()
        while not written.is_set():
            status, body = ask(url(bucket, "a.jpg"))
            seen.add(md5(body) if status == 200 else f"status {status}")
        return seen

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for body in bodies:
                put(bucket, "a.jpg", body)
        finally:
            written.set()
    assert set().union(*(reader.result() for reader in readers)) <= promised


# Reading


def test_what_is_not_there_is_none_by_head_and_missing_otherwise(bucket: ObjectStore) -> None:
    assert bucket.head("none.jpg") is None
    for read in (bucket.get, bucket.read_through):
        with pytest.raises(ObjectMissing, match=r"none\.jpg"):
            read("none.jpg")
    assert list(bucket.list("")) == []


def test_what_was_cut_goes_on_where_it_stopped_unless_the_object_has_changed(bucket: ObjectStore) -> None:
    body = os.urandom(MEBIBYTE)
    first = put(bucket, "a.jpg", body)
    rest = {"Range": "bytes=1000-", "If-Match": f'"{first}"'}
    assert ask(url(bucket, "a.jpg"), headers=rest) == (206, body[1000:])
    put(bucket, "a.jpg", os.urandom(MEBIBYTE))
    assert ask(url(bucket, "a.jpg"), headers=rest)[0] == 412


def test_a_listing_of_more_than_a_thousand_is_whole(bucket: ObjectStore) -> None:
    keys = {f"products/{n:04}/primary.jpg" for n in range(1_005)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: put(bucket, key, key.encode()), keys))
    put(bucket, "products-of-others/x.jpg", b"x")
    found = list(bucket.list("products/"))
    assert len(found) == len(keys)
    assert {(info.key, info.size, info.etag) for info in found} == {(key, len(key), md5(key.encode())) for key in keys}
    assert len(list(bucket.list(""))) == len(keys) + 1
    assert len(list(bucket.list("products/000"))) == 10


@pytest.mark.parametrize(
    "name",
    [
        "nasi goreng.jpg",
        " begins and ends with spaces .jpg ",
        "#1 100%?a=b&c=d+e.jpg",
        "%20%2F%00.jpg",
        "naïve/é\u0301/ñandú.jpg",
        "咖啡/🍛.jpg",
        "<&>'\"`.jpg",
        "a:b;c=d,e@f$g!h*i(j){k}[l]|m^n~.jpg",
        "..hidden/...jpg",
        "/".join("d" * 200 for _ in range(4)) + ".jpg",
        "é" * 120 + ".jpg",
    ],
)
def test_whatever_its_key_an_object_is_written_found_read_and_deleted(bucket: ObjectStore, name: str) -> None:
    key, body = f"products/{name}", name.encode()
    assert put(bucket, key, body) == md5(body)
    found = bucket.head(key)
    assert list(bucket.list("products/")) == [found]
    assert found is not None
    assert (found.key, found.size, found.etag) == (key, len(body), md5(body))
    assert bucket.get(key) == body
    assert bucket.read_through(key).digest == md5(body)
    assert ask(url(bucket, key)) == (200, body)
    bucket.delete([key])
    assert list(bucket.list("")) == []


def test_deleting_takes_what_it_was_given_and_twice_is_no_error(bucket: ObjectStore) -> None:
    for key in ("a.jpg", "b.jpg", "c.jpg"):
        put(bucket, key, b"x")
    for _ in range(2):
        bucket.delete(["a.jpg", "none.jpg", "c.jpg"])
        assert [info.key for info in bucket.list("")] == ["b.jpg"]


# What goes wrong


def everything(bucket: ObjectStore) -> dict[str, Callable[[], object]]:
    """Returns each operation by name."""
    return {
        "ensure_bucket": bucket.ensure_bucket,
        "put": lambda: put(bucket, "b.jpg", b"x"),
        "put where nothing is": lambda: put(bucket, "c.jpg", b"x", if_none_match="*"),
        "head": lambda: bucket.head("a.jpg"),
        "get": lambda: bucket.get("a.jpg"),
        "read_through": lambda: bucket.read_through("a.jpg").digest,
        "list": lambda: list(bucket.list("")),
        "delete": lambda: bucket.delete(["a.jpg"]),
    }


@pytest.mark.parametrize("wrong", [{"secret_key": "guessed-secret-key"}, {"access_key": "a-stranger's-key"}])
def test_a_wrong_key_is_reported_for_every_operation_and_changes_nothing(
    bucket: ObjectStore, each_s3_server: S3Server, wrong: dict[str, str]
) -> None:
    put(bucket, "a.jpg", b"bytes")
    for what, call in everything(store(each_s3_server, bucket.bucket, **wrong)).items():
        with pytest.raises(ObjectStoreDenied, match="refuses this access key"):
            pytest.fail(f"{what} gave {call()!r}")
    assert [info.key for info in bucket.list("")] == ["a.jpg"]


def test_an_away_server_is_reported_for_every_operation_and_has_its_objects_after_a_restart(make: Make, tmp_path: Path) -> None:
    port = free_port(offsets=list(make.wanted(0).values()))
    server = make.start(tmp_path, port, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
    bucket = store(server)
    bucket.ensure_bucket()
    put(bucket, "a.jpg", b"bytes")
    server.stop()
    for what, call in everything(bucket).items():
        with pytest.raises(ObjectStoreAway):
            pytest.fail(f"{what} gave {call()!r}")
    server = make.start(tmp_path, port, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
    assert bucket.get("a.jpg") == b"bytes"
    assert [info.key for info in bucket.list("")] == ["a.jpg"]
    server.stop()


@pytest.mark.long
@pytest.mark.parametrize("size", [4 * MEBIBYTE, 700_001])  # MinIO reports a full disk in another way for each
def test_a_full_store_takes_nothing_more_and_gives_what_it_has(make: Make, small_disk: Path, size: int) -> None:
    port = free_port(offsets=list(make.wanted(0).values()))
    server = make.start(small_disk, port, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
    try:
        bucket = store(server)
        bucket.ensure_bucket()
        body = os.urandom(size)
        with pytest.raises(ObjectStoreError) as raised:
            [put(bucket, f"{n}.jpg", body) for n in range(2 + 80 * MEBIBYTE // size)]
        # SeaweedFS reports only «internal error», as a store does that is away.
        assert type(raised.value) is {Make.MINIO: ObjectStoreFull, Make.SEAWEEDFS: ObjectStoreAway}[make]
        with pytest.raises(ObjectStoreError):
            put(bucket, "0.jpg", body[::-1])
        kept = [info for info in bucket.list("") if info.etag == md5(body)]
        assert len(kept) >= 5
        assert {bucket.read_through(info.key).digest for info in kept} == {md5(body)}
        assert ask(url(bucket, "0.jpg")) == (200, body)
        bucket.delete(["0.jpg"])
        assert bucket.head("0.jpg") is None
    finally:
        server.stop()
