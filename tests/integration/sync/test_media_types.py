"""Checks that the bytes alone decide the media type of a photo."""

from typing import Any

import boto3
import pytest
from tests.daily import daily
from tests.integration.sync.conftest import Edge
from tests.integration.sync.steps import status
from tests.simulator import PNG, Response, picture

from etalase.edge.sync.verify import verify

WEBP = b"RIFF\0\0\0\0WEBP"
LISTED_TYPES: list[str | None] = [
    "image/jpg",
    "IMAGE/JPEG",
    "image/jpeg; charset=binary",
    "image/pjpeg",
    "image/x-png",
    "image/png",  # of a JPEG, too
    "application/octet-stream",
    "binary/octet-stream",
    "text/html",
    "nonsense",
    "image/jpeg;" + "x" * 200,
    "a\0b",
    "",
    None,
]


@pytest.fixture
def s3_client(edge_on_each_store: Edge) -> Any:
    """Returns a client with write access to the bucket, for each make in turn."""
    server = edge_on_each_store.s3
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
    )


def served(edge: Edge, key: str) -> str | None:
    """Returns the media type that a browser gets for an object."""
    info = edge.bucket.head(key)
    return info.content_type if info else None


@pytest.mark.parametrize("magic", [b"\xff\xd8\xff\xe0", PNG, WEBP], ids=["jpeg", "png", "webp"])
def test_an_image_is_served_with_its_real_media_type_under_any_name(edge_on_each_store: Edge, magic: bytes) -> None:
    edge = edge_on_each_store
    really = {PNG: "image/png", WEBP: "image/webp"}.get(magic, "image/jpeg")
    photos = {
        edge.ho.put(f"dish {n}", picture(n, magic=magic), key=f"products/{n}/primary.jpg", content_type=listed): listed
        for n, listed in enumerate(LISTED_TYPES)
    }
    sent_types = ["text/html", "image/jpg", "application/octet-stream", ""]
    edge.ho.on_image = lambda key: Response(body=edge.ho.bodies[key], headers={"Content-Type": sent_types[len(key) % 4]})
    report = edge.sync()
    assert (report.exit_status, report.fetched, edge.reasons()) == (0, len(LISTED_TYPES), {})
    (notice,) = report.notices
    assert (notice["code"], notice["field"], notice["served"]) == ("retyped", "content_type", really)
    for photo, row in edge.rows().items():
        listed = photos[photo]
        assert row["content_type"] == (listed and listed.replace("\0", "")[:100])  # the row copies head office
        assert served(edge, row["object_key"]) == really

    # The audit does not report such an object as damaged, and no run downloads or writes it again.
    before, images = edge.row_versions(), len(edge.ho.image_requests)
    reported = status(edge)
    assert (reported["state"], reported["verified"]) == ("well", len(LISTED_TYPES))
    for full in (False, True, True):
        report = edge.sync(full=full)
        assert (report.fetched, report.updated, report.healed, report.notices) == (0, 0, 0, [])
    with edge.services() as services:
        assert verify(services, deep=True).differences == []
    assert (edge.row_versions(), len(edge.ho.image_requests), edge.count("etalase_doubt")) == (before, images, 0)


def test_an_object_with_a_wrong_media_type_is_repaired_from_its_own_bytes(edge: Edge, s3: Any) -> None:
    keys = []
    for n, listed in enumerate(["image/jpeg", "image/png", None]):
        edge.ho.put(f"dish {n}", picture(n), key=f"products/{n}.jpg", content_type=listed)
        keys.append(f"products/{n}.jpg")
    edge.sync()
    edge.sync(full=True)
    for n, key in enumerate(keys):
        s3.put_object(Bucket=edge.bucket.bucket, Key=key, Body=picture(n), ContentType="text/html")
    assert status(edge)["damaged"]["mistyped"] == 3
    edge.ho.image_requests.clear()
    assert edge.sync(full=True).healed == 3
    assert edge.ho.image_requests == []
    assert {served(edge, key) for key in keys} == {"image/jpeg"}
    assert {s3.head_object(Bucket=edge.bucket.bucket, Key=key)["CacheControl"] for key in keys} == {"no-cache"}
    assert status(edge)["well"] is True


@pytest.mark.parametrize(
    "encoding",
    daily(
        [
            "aws-chunked",
            "AWS-Chunked",
            "none",
            "None",
            "identity",
            "",
            " ",
            ",",
            "aws-chunked,",
            "aws-chunked, identity",
            "none,none",
            # Encodings of bytes that are not encoded
            "utf-8",
            "binary",
            "gzip",
            "aws-chunked,gzip",
        ],
        *("AWS-Chunked", "none,none", "", "gzip"),
    ),
)
def test_a_content_encoding_that_changes_no_byte_is_ignored(edge: Edge, encoding: str) -> None:
    for n, size in enumerate([2000, 100_000]):  # in memory, and through the spool
        edge.ho.put(f"dish {n}", picture(n, size))
    edge.ho.on_image = lambda key: Response(body=edge.ho.bodies[key], headers={"Content-Encoding": encoding})
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


@pytest.mark.parametrize(
    "encoding", daily(["gzip", "br", "aws-chunked,gzip", "gzip, identity", "utf-8", "nonsense"], "gzip", "nonsense")
)
@pytest.mark.parametrize("size", [2000, 100_000])
def test_a_real_content_encoding_is_refused(edge: Edge, encoding: str, size: int) -> None:
    for longer in (0, 100):
        photo = edge.ho.put("sate", picture(1, size), photo=next(iter(edge.ho.photos), None))
        coded = bytes(size - 50 + longer)
        edge.ho.on_image = lambda key, coded=coded: Response(body=coded, headers={"Content-Encoding": encoding})
        edge.sync()
        assert edge.reasons() == {photo: "encoding_refused"}


def test_the_media_type_is_read_from_an_s3_servers_echo_of_the_upload(edge_on_each_store: Edge, s3_client: Any) -> None:
    edge = edge_on_each_store
    for n, encoding in enumerate(["aws-chunked", "none", "identity"]):
        photo = edge.ho.put(f"dish {n}", picture(n), content_type="image/jpg")
        key = f"head-office/{n}.jpg"
        s3_client.put_object(
            Bucket=edge.bucket.bucket, Key=key, Body=picture(n), ContentType="binary/octet-stream", ContentEncoding=encoding
        )
        edge.ho.photos[photo]["image_url"] = f"{edge.s3.endpoint}/{edge.bucket.bucket}/{key}"
    assert edge.sync(IMAGE_ORIGINS=[edge.s3.endpoint]).exit_status == 0
    edge.check_equals_head_office()
    assert {served(edge, row["object_key"]) for row in edge.rows().values()} == {"image/jpeg"}
