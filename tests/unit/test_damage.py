"""How a row and its object may disagree: one rule for runs, ``verify`` and ``status``."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from etalase.edge.damage import Damage, damage, was_put_since
from etalase.objectstore import ObjectInfo

MD5 = "5cd6a73f49b355a6fd4347f5dd0a2338"


def there(size: int = 10, etag: str = MD5, content_type: str | None = None) -> ObjectInfo:
    """An object as a listing tells it, or with its type a HEAD."""
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


def test_a_row_without_a_size_or_a_checksum_promises_nothing_that_an_object_could_keep() -> None:
    assert damage(None, MD5, "image/jpeg", there()) is Damage.CHANGED
    assert damage(10, None, "image/jpeg", there()) is Damage.CHANGED


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
def test_what_was_put_in_the_second_of_the_last_comparison_or_later_is_looked_at(put: str, since: bool, zone: timezone) -> None:
    assert was_put_since(MOMENT.astimezone(zone), ObjectInfo("a", 1, "", put)) is since


def test_where_nothing_was_ever_compared_everything_is_looked_at() -> None:
    assert was_put_since(None, there())
