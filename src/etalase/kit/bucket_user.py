"""Makes the bucket, and its user with the least rights, where the object store has an API for it; else says what to create."""

import json

from etalase.doctor.http import get
from etalase.errors import EtalaseError, UsageError
from etalase.kit.answers import Answers
from etalase.kit.machine import Host
from etalase.kit.minio_admin import MinioAdmin
from etalase.objectstore.client import ObjectStore

ADMIN_KEY, ADMIN_SECRET = "S3_ADMIN_ACCESS_KEY", "S3_ADMIN_SECRET_KEY"


def least_rights(bucket: str) -> dict[str, object]:
    """Returns the policy of a user that may do to its bucket what Etalase does (docs/MINIO_SETUP.md)."""
    of_bucket = ["CreateBucket", "ListBucket", "GetBucketLocation", "GetBucketPolicy", "PutBucketPolicy"]
    of_objects = ["GetObject", "PutObject", "DeleteObject"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": [f"s3:{one}" for one in of_bucket], "Resource": [f"arn:aws:s3:::{bucket}"]},
            {"Effect": "Allow", "Action": [f"s3:{one}" for one in of_objects], "Resource": [f"arn:aws:s3:::{bucket}/*"]},
        ],
    }


def bucket(answers: Answers, *, as_admin: bool = False) -> ObjectStore:
    """Returns the bucket, with the key of Etalase or of the administrator."""
    key, secret = (ADMIN_KEY, ADMIN_SECRET) if as_admin else ("ETALASE_S3_ACCESS_KEY", "ETALASE_S3_SECRET_KEY")
    return ObjectStore(
        endpoint=answers["ETALASE_S3_ENDPOINT"],
        bucket=answers["ETALASE_S3_BUCKET"],
        access_key=answers[key],
        secret_key=answers[secret],
        region=answers.get("ETALASE_S3_REGION") or "us-east-1",
        max_retries=0,
    )


def ensure_user(machine: Host, answers: Answers) -> None:
    """Makes the user as the administrator whose key was given. Raises :class:`UsageError` with the user to make by hand."""
    name, endpoint = answers["ETALASE_S3_BUCKET"], answers["ETALASE_S3_ENDPOINT"]
    key, secret = answers["ETALASE_S3_ACCESS_KEY"], answers["ETALASE_S3_SECRET_KEY"]
    if works(answers):
        return
    make = make_of(endpoint)
    if not answers.get(ADMIN_KEY) or make != "minio":
        raise UsageError(f"The object store at {endpoint} does not accept the key {key}.", hint=by_hand(make, name, key))
    if not machine.is_dry:
        _admin(answers).ensure_user(key, secret, policy_name=policy_name(name), policy=least_rights(name))
    machine.note(f"made the user {key} and the policy {policy_name(name)} of bucket {name} on MinIO")


def remove_user(machine: Host, answers: Answers) -> None:
    """Removes the bucket, its user and its policy as the administrator of MinIO."""
    name, key = answers["ETALASE_S3_BUCKET"], answers["ETALASE_S3_ACCESS_KEY"]
    if not machine.is_dry:
        store = bucket(answers, as_admin=True)
        store.expect(store.request("DELETE"))
        _admin(answers).remove_user(key, policy_name=policy_name(name))
    machine.note(f"removed bucket {name}, the user {key} and the policy {policy_name(name)} on MinIO")


def policy_name(bucket_name: str) -> str:
    """Returns the name of the user's policy."""
    return f"etalase-{bucket_name}"


def _admin(answers: Answers) -> MinioAdmin:
    region = answers.get("ETALASE_S3_REGION") or "us-east-1"
    return MinioAdmin(answers["ETALASE_S3_ENDPOINT"], answers[ADMIN_KEY], answers[ADMIN_SECRET], region=region)


def works(answers: Answers) -> bool:
    """Returns whether the key of Etalase may write to its bucket, or create it."""
    return not problem(answers)


def problem(answers: Answers) -> str:
    """Returns why the key of Etalase does not work; an empty text if it does."""
    try:
        bucket(answers).ensure_bucket()
        bucket(answers).prove_writable(1)
    except EtalaseError as error:
        return str(error)
    return ""


def make_of(endpoint: str) -> str:
    """Returns the make by the header ``Server``: minio, seaweedfs or an empty text."""
    server = get(f"{endpoint}/", setting="ETALASE_S3_ENDPOINT", seconds=5).header(b"server").lower()
    return next((make for make in ("minio", "seaweedfs") if make in server), "")


def by_hand(make: str, name: str, key: str) -> str:
    """Returns the user and bucket that a person has to create, for this make of object store."""
    again = "then run this again."
    if make == "seaweedfs":
        rights = [f"{right}:{name}" for right in ("Admin", "Read", "Write", "List")]
        identity = {"name": key, "credentials": [{"accessKey": key, "secretKey": "YOUR_SECRET"}], "actions": rights}
        return f"Add this identity to the file of its -s3.config, restart it, {again}\n  {json.dumps(identity)}"
    what = "Give ETALASE_S3_ACCESS_KEY and ETALASE_S3_SECRET_KEY of a user with these rights"
    if make == "minio":
        what = f"Give S3_ADMIN_ACCESS_KEY and S3_ADMIN_SECRET_KEY of MinIO's administrator, or {what[0].lower()}{what[1:]}"
    return f"{what}, {again}\n  {json.dumps(least_rights(name))}"
