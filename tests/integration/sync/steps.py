"""Steps that several tests of sync runs share: read the status, load a store, kill a run, overwrite an object."""

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from django.db import connection
from tests.django_settings import STORE_ID
from tests.integration.sync.conftest import Edge
from tests.simulator import picture

from etalase.edge.clock import Clock
from etalase.edge.status.collect import look, read
from etalase.edge.status.snapshot import Comparison
from etalase.edge.status.to_json import as_json
from etalase.edge.status.verdict import judge
from etalase.edge.sync.lock import AT_WORK_CLASS, RunLock
from etalase.settings.edge import EdgeSettings

TABLES = (
    "product_photo", "product", "etalase_sync_run", "etalase_checkpoint", "etalase_pending_photo", "etalase_removal",
    "etalase_doubt", "etalase_publish_intent", "etalase_reclaim", "etalase_rendition", "etalase_report_state",
)  # fmt: skip


def forget_everything(edge: Edge) -> None:
    """Makes the edge one that has never run."""
    for table in TABLES:
        edge.query(f"DELETE FROM {table}")
    edge.bucket.delete([info.key for info in edge.bucket.list("")])
    shutil.rmtree(edge.spool)
    edge.spool.mkdir()


def status(edge: Edge, looking: Callable[[EdgeSettings], Comparison] = look, /, **changes: Any) -> dict[str, Any]:
    """Returns the output of ``etalase edge status --json`` and its exit status."""
    facts = read(edge.configured(**changes), looking)
    verdict = judge(facts)
    response: dict[str, Any] = json.loads(json.dumps(as_json(facts, verdict)))
    return response | {"exit_status": verdict.exit_status}


def sync_dishes(edge: Edge, *dishes: str) -> dict[str, str]:
    """Syncs a photo of each dish to the store; returns the photo ids."""
    photos = {dish: edge.ho.put(dish, picture(dish)) for dish in dishes}
    assert edge.sync().outcome == "success"
    return photos


@contextmanager
def run_in_flight(edge: Edge) -> Iterator[None]:
    """Holds the lock of this store's runs in another session."""
    lock = RunLock(uuid.UUID(STORE_ID), Clock())
    with edge.other_connection() as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [AT_WORK_CLASS, lock._store])
        yield
        # PostgreSQL ends a closed session, and with it the lock, only a moment later.
        other.execute("SELECT pg_advisory_unlock_all()")


def overwrite_in_parts(s3: Any, bucket: str, key: str, body: bytes, content_type: str = "image/jpeg") -> None:
    """Overwrites an object by a multipart upload, so that its ETag is not an MD5."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key, ContentType=content_type)["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key=key, PartNumber=1, UploadId=upload, Body=body)
    s3.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )


@contextmanager
def start_killed_run(edge: Edge, point: str) -> Iterator["subprocess.Popen[str]"]:
    """Starts a process whose run is killed at ``point``."""
    place = {name: str(connection.settings_dict[name]) for name in ("NAME", "HOST", "PORT", "USER", "PASSWORD")}
    message = {"database": place, "settings": edge_settings(edge), "point": point}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.sync.killed_run"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        stdin: IO[str] | None = process.stdin
        assert stdin is not None
        stdin.write(json.dumps(message))
        stdin.close()
        process.stdin = None
        try:
            yield process
        finally:
            process.kill()


def edge_settings(edge: Edge) -> dict[str, Any]:
    """Returns the settings as JSON values, secrets included, for another process."""
    settings = edge.configured()
    values = settings.model_dump(mode="json", exclude_defaults=True)
    for name in ("HO_PASSWORD", "S3_SECRET_KEY"):
        values[name] = getattr(settings, name).get_secret_value()
    return values
