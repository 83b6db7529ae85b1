"""Checks the one rule for disagreements between a row and its object, for runs, ``verify`` and ``status``."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from etalase.edge.integrity import Damage, damage, damage_read, was_put_since
from etalase.objectstore.model import ObjectInfo, ObjectRead

MD5 = "5cd6a73f49b355a6fd4347f5dd0a2338"


def there(size: int = 10, etag: str = MD5, content_type: str | None = None) -> ObjectInfo:
    """Returns an object as in a listing, or as in a HEAD response with its media type."""
    return ObjectInfo("products/a.jpg", size, etag, content_type=content_type)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (there(), None),
        (there(content_type="image/jpeg"), None),
        (None, Damage.MISSING),
        (there(size=9), Damage.CUT),
        (there(size=0, etag="d41d8cd98f00b204e9800998ecf8427e"), Damage.CUT),
        (there(size=11), Damage.CHANGED),
        (there(etag="0" * 32), Damage.CHANGED),
        (there(etag=f"{MD5}-1"), Damage.CHANGED),
        (there(content_type="text/html"), Damage.MISTYPED),
        (there(etag="0" * 32, content_type="text/html"), Damage.CHANGED),
    ],
)
def test_each_kind_of_damage_has_its_name(found: ObjectInfo | None, expected: Damage | None) -> None:
    assert damage(10, MD5.upper(), "image/jpeg", found) is expected


def test_a_row_without_size_or_checksum_cannot_disagree_with_its_object() -> None:
    assert damage(None, MD5, "image/jpeg", there()) is Damage.CHANGED
    assert damage(10, None, "image/jpeg", there()) is Damage.CHANGED


JPEG, PNG, WEBP = b"\xff\xd8\xff\xe0JFIF", b"\x89PNG\r\n\x1a\n....", b"RIFF....WEBPVP8 "


@pytest.mark.parametrize(
    ("row_type", "served", "expected"),
    [
        ("image/jpeg", "IMAGE/JPEG", None),
        ("image/jpeg", "image/jpeg; charset=binary", None),
        ("image/jpg", "image/jpeg", None),
        ("Image/PJPEG ;q=1", "image/jpeg", None),
        ("image/x-png", "image/png", None),
        (None, "image/webp", None),
        ("", "image/webp", None),
        ("application/octet-stream", "image/webp", None),
        ("binary/octet-stream", "binary/octet-stream", None),  # an adopted row; a full read decides
        ("image/gif", "image/gif", None),
        ("image/jpeg", "image/jpg", Damage.MISTYPED),
        ("image/jpeg", "image/png", Damage.MISTYPED),
        ("image/jpeg", "", Damage.MISTYPED),
        (None, "text/html", Damage.MISTYPED),
        ("nonsense", "application/octet-stream", Damage.MISTYPED),
    ],
)
def test_a_head_response_reveals_a_media_type_that_no_photo_has(
    row_type: str | None, served: str, expected: Damage | None
) -> None:
    assert damage(10, MD5, row_type, there(content_type=served)) is expected


@pytest.mark.parametrize(
    "row_type", ["image/jpeg", "image/png", "image/jpg", "IMAGE/WEBP;x", "text/html", "nonsense", "", None]
)
@pytest.mark.parametrize(
    ("first_bytes", "is_really"), [(JPEG, "image/jpeg"), (PNG, "image/png"), (WEBP, "image/webp")], ids=["jpeg", "png", "webp"]
)
def test_the_bytes_decide_the_media_type_of_an_object(first_bytes: bytes, is_really: str, row_type: str | None) -> None:
    for served in (is_really, is_really.upper(), f"{is_really} ; charset=binary"):
        assert damage_read(MD5, row_type, ObjectRead(MD5, served, first_bytes)) is None
    for served in ("", "text/html", "application/octet-stream", "image/jpg", "image/gif"):
        assert damage_read(MD5, row_type, ObjectRead(MD5, served, first_bytes)) is Damage.MISTYPED


def test_an_adopted_object_that_is_not_an_image_is_served_with_its_rows_media_type() -> None:
    assert damage_read(MD5, "image/gif", ObjectRead(MD5, "image/gif", b"GIF89a")) is None
    assert damage_read(MD5, "image/gif", ObjectRead(MD5, "text/html", b"GIF89a")) is Damage.MISTYPED


MOMENT = datetime(2026, 2, 3, 7, 26, 11, 900_000, UTC)


@pytest.mark.parametrize(
    ("put", "since"),
    [
        ("2026-02-03T07:26:10", False),
        ("2026-02-03T07:26:11", True),
        ("2026-02-03T07:26:12", True),
        ("2025-12-31T23:59:59", False),
    ],
)
@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=7))])
def test_objects_put_since_the_second_of_the_last_comparison_are_examined(put: str, since: bool, zone: timezone) -> None:
    assert was_put_since(MOMENT.astimezone(zone), ObjectInfo("a", 1, "", put)) is since


def test_without_an_earlier_comparison_every_object_is_examined() -> None:
    assert was_put_since(None, there())
