"""Checks outages of head office, bucket and database: a clear error, no partial work, a full recovery (hazards 35, 45)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from tests.integration.sync.conftest import Edge
from tests.simulator import Response, picture

from etalase.edge.sync import run as run_module
from etalase.edge.sync.services import Services
from etalase.errors import ObjectStoreAway, ObjectStoreDenied, ObjectStoreError, ObjectStoreFull, Reason

UNREACHABLE = "http://127.0.0.1:1"


class FailingPuts:
    """The real bucket, whose puts fail after the first ``good`` ones."""

    def __init__(self, services: Services, error: ObjectStoreError, good: int) -> None:
        self.real: Any = services.bucket
        self.error, self.left = error, good

    def prove_writable(self, size_bytes: int) -> None:
        """Raises the error if puts fail by now."""
        if self.left < 0:
            raise self.error
        self.real.prove_writable(size_bytes)

    def put(self, *args: Any, **kwargs: Any) -> Any:
        """Puts the first objects, then raises."""
        self.left -= 1
        if self.left < 0:
            raise self.error
        return self.real.put(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def puts_fail(error: ObjectStoreError, *, good: int = 0) -> Callable[[Services], None]:
    """Returns a function that replaces the bucket with a failing one."""

    def inject(services: Services) -> None:
        services.bucket = FailingPuts(services, error, good)

    return inject


@contextmanager
def database_away() -> Iterator[None]:
    """Makes PostgreSQL unreachable."""
    port = connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["PORT"] = "1"
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["PORT"] = port


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"HO_URL": UNREACHABLE}, "HO_URL"),
        ({"S3_ENDPOINT": UNREACHABLE}, "S3_ENDPOINT"),
        ({"S3_SECRET_KEY": "another secret of nobody"}, "S3_SECRET_KEY"),
        ({"S3_ACCESS_KEY": "nobody"}, "S3_ACCESS_KEY"),
    ],
)
def test_an_unreachable_service_is_named_with_a_hint_and_nothing_changes(
    edge: Edge, changes: dict[str, Any], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    photo = edge.ho.put("sate", picture("old"))
    edge.sync()
    checkpoint, before = edge.checkpoint(), edge.row_versions()
    edge.ho.put("sate", picture("new"), photo=photo)

    report = edge.sync(TRIES=2, **changes)

    assert (report.outcome, report.exit_status) == ("failed", 4)
    assert says in str(report.error)
    assert (edge.checkpoint(), edge.row_versions()) == (checkpoint, before)
    (run,) = edge.query("SELECT outcome, error FROM etalase_sync_run ORDER BY id DESC LIMIT 1")
    assert (run["outcome"], run["error"]) == ("failed", str(report.error))
    assert "another secret" not in caplog.text + str(report.error)

    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


def test_without_its_database_a_run_fails_without_a_request_to_head_office(edge: Edge) -> None:
    edge.ho.put("sate", picture(1))
    with database_away():
        report = edge.sync()
    assert report.exit_status == 4
    assert "DATABASE_URL" in str(report.error)
    assert edge.ho.requests == []
    assert edge.sync().exit_status == 0


@pytest.mark.parametrize(
    ("error", "says", "fetches"),
    [
        (ObjectStoreFull("full"), "full", 30),
        (ObjectStoreAway("away"), "object store", 45),
        (ObjectStoreDenied("denied"), "object store", 45),
    ],
)
def test_a_bucket_that_refuses_every_put_ends_the_run_without_a_download_loop(
    edge: Edge, error: ObjectStoreError, says: str, fetches: int
) -> None:
    old = edge.ho.put("old", picture("old"))
    edge.sync()
    edge.ho.image_requests.clear()
    edge.ho.put("old", picture("new"), photo=old)
    for n in range(60):
        edge.ho.put(f"dish {n}", picture(n, 300))

    report = edge.sync(inject=puts_fail(error, good=2))

    assert report.exit_status == 4
    assert says in str(report.error)
    assert report.fetched == 2
    assert len(edge.rows()) in {2, 3}
    assert len(edge.ho.image_requests) <= fetches
    edge.check_every_row_shows_its_bytes()

    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()
    assert edge.reasons() == {}


def test_one_failed_put_fails_one_photo(edge: Edge) -> None:
    edge.ho.put("large", picture(1, 900))
    small = edge.ho.put("small", picture(2, 100))
    report = edge.sync(inject=lambda services: setattr(services, "bucket", FailingSmall(services)))
    assert (report.exit_status, report.fetched) == (1, 1)
    assert edge.reasons() == {small: Reason.STORE_ERROR}
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


class FailingSmall(FailingPuts):
    """A bucket that refuses small bodies."""

    def __init__(self, services: Services) -> None:
        super().__init__(services, ObjectStoreAway("away"), 0)

    def put(self, *args: Any, **kwargs: Any) -> Any:
        """Puts large bodies only."""
        if len(args[1]) == 100:
            raise self.error
        return self.real.put(*args, **kwargs)


def test_missing_tables_are_reported_with_the_migrate_command(edge: Edge) -> None:
    edge.query("ALTER TABLE etalase_checkpoint RENAME TO elsewhere")
    try:
        report = edge.sync()
    finally:
        edge.query("ALTER TABLE elsewhere RENAME TO etalase_checkpoint")
    assert report.exit_status == 4
    assert "migrate" in str(report.error)


def test_photos_that_need_no_download_are_published_while_head_offices_bucket_is_away(edge: Edge) -> None:
    photos = [edge.ho.put(f"dish {n}", picture(n)) for n in range(3)]
    edge.sync()
    for n, photo in enumerate(photos):
        edge.ho.put(f"dish {n}", picture(n), photo=photo, sort_order=9)
    for n in range(40):
        edge.ho.put(f"new {n}", picture(f"new {n}"))
    edge.ho.on_image = lambda _: Response(503)
    report = edge.sync(TRIES=1)
    assert (report.updated, len(edge.reasons())) == (3, 40)
    assert {row["sort_order"] for row in edge.rows().values()} == {9}


def test_an_unexpected_error_ends_the_run_cleanly_and_is_reported(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    edge.ho.put("sate", picture(1))

    def surprising(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a surprise")

    monkeypatch.setattr(run_module, "sweep", surprising)
    report = edge.sync()
    assert (report.outcome, report.exit_status) == ("failed", 4)
    assert "ZeroDivisionError: a surprise" in str(report.error)
    assert "report it" in str(report.error)
