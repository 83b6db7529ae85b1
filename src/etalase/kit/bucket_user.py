"""Makes a half's buckets, and their user with the least rights, where the object store has an API; else says what to create."""

import json
from collections.abc import Sequence

from etalase.doctor.http import get
from etalase.errors import EtalaseError, UsageError
from etalase.kit.answers import Answers
from etalase.kit.machine import Host
from etalase.kit.minio_admin import MinioAdmin
from etalase.objectstore.client import ObjectStore
from etalase.objectstore.private_bucket import ensure_private_bucket

ADMIN_KEY, ADMIN_SECRET = "S3_ADMIN_ACCESS_KEY", "S3_ADMIN_SECRET_KEY"


def bucket_names(answers: Answers) -> list[str]:
    """Returns the names of the half's buckets: the public one, and at head office the private one."""
    private = answers.get("ETALASE_MASTERS_BUCKET")
    return [answers["ETALASE_S3_BUCKET"], *([private] if private else [])]


def least_rights(buckets: Sequence[str]) -> dict[str, object]:
    """Returns the policy of a user that may do to its buckets what Etalase does (docs/MINIO_SETUP.md)."""
    of_bucket = ["CreateBucket", "ListBucket", "GetBucketLocation", "GetBucketPolicy", "PutBucketPolicy"]
    of_objects = ["GetObject", "PutObject", "DeleteObject"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": [f"s3:{one}" for one in of_bucket], "Resource": _all("arn:aws:s3:::{}", buckets)},
            {"Effect": "Allow", "Action": [f"s3:{one}" for one in of_objects], "Resource": _all("arn:aws:s3:::{}/*", buckets)},
        ],
    }


def _all(form: str, buckets: Sequence[str]) -> list[str]:
    return [form.format(bucket) for bucket in buckets]


def bucket(answers: Answers, name: str = "", *, as_admin: bool = False) -> ObjectStore:
    """Returns the public bucket or the one of that name, with the key of Etalase or of the administrator."""
    key, secret = (ADMIN_KEY, ADMIN_SECRET) if as_admin else ("ETALASE_S3_ACCESS_KEY", "ETALASE_S3_SECRET_KEY")
    return ObjectStore(
        endpoint=answers["ETALASE_S3_ENDPOINT"],
        bucket=name or answers["ETALASE_S3_BUCKET"],
        access_key=answers[key],
        secret_key=answers[secret],
        region=answers.get("ETALASE_S3_REGION") or "us-east-1",
        max_retries=0,
    )


def ensure_user(machine: Host, answers: Answers) -> None:
    """Makes the user as the administrator whose key was given. Raises :class:`UsageError` with the user to make by hand."""
    name, endpoint, buckets = answers["ETALASE_S3_BUCKET"], answers["ETALASE_S3_ENDPOINT"], bucket_names(answers)
    key, secret = answers["ETALASE_S3_ACCESS_KEY"], answers["ETALASE_S3_SECRET_KEY"]
    if works(answers):
        return
    make = make_of(endpoint)
    if not answers.get(ADMIN_KEY) or make != "minio":
        raise UsageError(f"The object store at {endpoint} does not accept the key {key}.", hint=by_hand(make, buckets, key))
    if not machine.is_dry:
        _admin(answers).ensure_user(key, secret, policy_name=policy_name(name), policy=least_rights(buckets))
    machine.note(f"made the user {key} and the policy {policy_name(name)} of bucket {name} on MinIO")


def remove_user(machine: Host, answers: Answers) -> None:
    """Removes the buckets, their user and its policy as the administrator of MinIO."""
    name, key = answers["ETALASE_S3_BUCKET"], answers["ETALASE_S3_ACCESS_KEY"]
    if not machine.is_dry:
        for one in bucket_names(answers):
            store = bucket(answers, one, as_admin=True)
            response = store.request("DELETE")
            if response.error.get("Code") != "NoSuchBucket":
                store.expect(response)
        _admin(answers).remove_user(key, policy_name=policy_name(name))
    machine.note(f"removed bucket {name}, the user {key} and the policy {policy_name(name)} on MinIO")


def policy_name(bucket_name: str) -> str:
    """Returns the name of the user's policy."""
    return f"etalase-{bucket_name}"


def _admin(answers: Answers) -> MinioAdmin:
    region = answers.get("ETALASE_S3_REGION") or "us-east-1"
    return MinioAdmin(answers["ETALASE_S3_ENDPOINT"], answers[ADMIN_KEY], answers[ADMIN_SECRET], region=region)


def works(answers: Answers) -> bool:
    """Returns whether the key of Etalase may write to its buckets, or create them."""
    return not problem(answers)


def problem(answers: Answers) -> str:
    """Returns why the key of Etalase does not work; an empty text if it does."""
    try:
        bucket(answers).ensure_bucket()
        bucket(answers).prove_writable(1)
        for private in bucket_names(answers)[1:]:
            ensure_private_bucket(bucket(answers, private))
    except EtalaseError as error:
        return str(error)
    return ""


def make_of(endpoint: str) -> str:
    """Returns the make by the header ``Server``: minio, seaweedfs or an empty text."""
    server = get(f"{endpoint}/", setting="ETALASE_S3_ENDPOINT", seconds=5).header(b"server").lower()
    return next((make for make in ("minio", "seaweedfs") if make in server), "")


def by_hand(make: str, buckets: Sequence[str], key: str) -> str:
    """Returns the user and buckets that a person has to create, for this make of object store."""
    again = "then run this again."
    if make == "seaweedfs":
        rights = [f"{right}:{name}" for name in buckets for right in ("Admin", "Read", "Write", "List")]
        identity = {"name": key, "credentials": [{"accessKey": key, "secretKey": "YOUR_SECRET"}], "actions": rights}
        return f"Add this identity to the file of its -s3.config, restart it, {again}\n  {json.dumps(identity)}"
    what = "Give ETALASE_S3_ACCESS_KEY and ETALASE_S3_SECRET_KEY of a user with these rights"
    if make == "minio":
        what = f"Give S3_ADMIN_ACCESS_KEY and S3_ADMIN_SECRET_KEY of MinIO's administrator, or {what[0].lower()}{what[1:]}"
    return f"{what}, {again}\n  {json.dumps(least_rights(buckets))}"
