"""A bucket user on a real MinIO: made, used, given another secret, and removed."""

import uuid

import pytest

from etalase.devstack.s3 import S3Server
from etalase.errors import ObjectStoreDenied, UsageError
from etalase.kit.bucket_user import least_rights
from etalase.kit.minio_admin import MinioAdmin
from etalase.objectstore.client import ObjectStore


def store(server: S3Server, bucket: str, key: str, secret: str) -> ObjectStore:
    return ObjectStore(endpoint=server.endpoint, bucket=bucket, access_key=key, secret_key=secret)


def test_a_user_has_its_bucket_and_no_other(minio_server: S3Server) -> None:
    name = f"edge-{uuid.uuid4().hex[:8]}"
    admin = MinioAdmin(minio_server.endpoint, minio_server.access_key, minio_server.secret_key, region="us-east-1")
    assert not admin.has_user(name)
    for secret in ("the first secret", "another secret, which replaces it"):
        admin.ensure_user(name, secret, policy_name=name, policy=least_rights(name))
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


def test_a_wrong_key_of_the_administrator_is_named(minio_server: S3Server) -> None:
    with pytest.raises(UsageError, match="S3_ADMIN_SECRET_KEY"):
        MinioAdmin(minio_server.endpoint, minio_server.access_key, "wrong secret", region="us-east-1").ensure_user(
            "x", "y" * 20, policy_name="x", policy=least_rights("x")
        )
