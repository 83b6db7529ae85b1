"""A bucket user on a real MinIO: made, used, given another secret, and removed."""

import uuid
from pathlib import Path

import pytest

from etalase.devstack.s3 import S3Server
from etalase.errors import ObjectStoreDenied, UsageError
from etalase.kit.bucket_user import ADMIN_KEY, ADMIN_SECRET, bucket, ensure_user, least_rights, problem, remove_user
from etalase.kit.machine import Host
from etalase.kit.minio_admin import MinioAdmin
from etalase.objectstore.client import ObjectStore
from etalase.objectstore.private_bucket import ensure_private_bucket, prove_private
from etalase.objectstore.requests import ONE_KEY


def store(server: S3Server, bucket: str, key: str, secret: str) -> ObjectStore:
    return ObjectStore(endpoint=server.endpoint, bucket=bucket, access_key=key, secret_key=secret)


def test_a_user_has_its_bucket_and_no_other(minio_server: S3Server) -> None:
    name = f"edge-{uuid.uuid4().hex[:8]}"
    admin = MinioAdmin(minio_server.endpoint, minio_server.access_key, minio_server.secret_key, region="us-east-1")
    assert not admin.has_user(name)
    for secret in ("the first secret", "another secret, which replaces it"):
        admin.ensure_user(name, secret, policy_name=name, policy=least_rights([name]))
        assert admin.has_user(name)
        own = store(minio_server, name, name, secret)
        own.ensure_bucket()
        own.prove_writable(100)
        assert own.policy_change() is not None
        with pytest.raises(ObjectStoreDenied):
            store(minio_server, "another-bucket", name, secret).ensure_bucket()
    with pytest.raises(ObjectStoreDenied):
        store(minio_server, name, name, "the first secret").ensure_bucket()
    admin.remove_user(name, policy_name=name)
    assert not admin.has_user(name)


def test_init_makes_head_offices_private_bucket_and_a_removal_takes_both(minio_server: S3Server, tmp_path: Path) -> None:
    name = f"ho-{uuid.uuid4().hex[:8]}"
    answers = {
        "ETALASE_S3_ENDPOINT": minio_server.endpoint,
        "ETALASE_S3_BUCKET": name,
        "ETALASE_MASTERS_BUCKET": f"{name}-masters",
        "ETALASE_S3_ACCESS_KEY": name,
        "ETALASE_S3_SECRET_KEY": "a secret of its own",
        ADMIN_KEY: minio_server.access_key,
        ADMIN_SECRET: minio_server.secret_key,
    }
    machine = Host(lambda _: None, tmp_path)
    ensure_user(machine, answers)
    assert problem(answers) == ""
    private = bucket(answers, f"{name}-masters")
    prove_private(private)
    for one in (bucket(answers), private):
        one.delete([info.key for info in one.list("")])
    remove_user(machine, answers)
    assert problem(answers)
    as_admin = bucket(answers, f"{name}-masters", as_admin=True)
    assert as_admin.request("GET", query=ONE_KEY).error["Code"] == "NoSuchBucket"


def test_a_key_for_the_public_bucket_alone_is_not_enough_at_head_office(minio_server: S3Server) -> None:
    name = f"ho-{uuid.uuid4().hex[:8]}"
    admin = MinioAdmin(minio_server.endpoint, minio_server.access_key, minio_server.secret_key, region="us-east-1")
    admin.ensure_user(name, "a secret of its own", policy_name=name, policy=least_rights([name]))
    own = store(minio_server, name, name, "a secret of its own")
    own.ensure_bucket()
    with pytest.raises(ObjectStoreDenied, match=f"bucket {name}-masters"):
        ensure_private_bucket(store(minio_server, f"{name}-masters", name, "a secret of its own"))


def test_a_wrong_key_of_the_administrator_is_named(minio_server: S3Server) -> None:
    with pytest.raises(UsageError, match="S3_ADMIN_SECRET_KEY"):
        MinioAdmin(minio_server.endpoint, minio_server.access_key, "wrong secret", region="us-east-1").ensure_user(
            "x", "y" * 20, policy_name="x", policy=least_rights(["x"])
        )
