"""Checks the difference between a bucket's policy and ours, in the forms in which servers and people write policies."""

import json
from typing import Any

import pytest

from etalase.objectstore.bucket_policy import change_of, denials, read_policy

BUCKET = "product-images"
OURS = read_policy(BUCKET)["Statement"][0]
LISTS = {"Sid": "Backup", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:ListBucket", "Resource": "*"}
READS = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}


def body(*statements: Any, **fields: Any) -> bytes:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **fields}).encode()


@pytest.mark.parametrize("there", [b"", b"{}", b'{"Statement": null}', body()])
def test_an_empty_policy_gains_our_statement(there: bytes) -> None:
    change = change_of(there, BUCKET)
    assert (change.added, change.kept) == ([OURS], [])
    assert change.document == read_policy(BUCKET)


@pytest.mark.parametrize(
    "statement",
    [
        OURS,
        READS,
        OURS | {"Sid": "Public"},
        READS | {"Action": ["s3:GetObject", "s3:GetObjectVersion"]},
        READS | {"Principal": {"AWS": "*"}},
        READS | {"Action": "s3:*", "Resource": ["arn:aws:s3:::other/*", "*"]},
    ],
)
def test_a_policy_that_grants_reading_is_not_put_again(statement: dict[str, Any]) -> None:
    for there in (body(statement), body(LISTS, statement), json.dumps({"Statement": statement}).encode()):
        assert not change_of(there, BUCKET).is_needed


@pytest.mark.parametrize(
    "statement",
    [
        LISTS,
        READS | {"Effect": "Deny"},
        READS | {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
        READS | {"Principal": {"AWS": "arn:aws:iam:::user/backup"}},
        READS | {"Resource": f"arn:aws:s3:::{BUCKET}/banners/*"},
        "not a statement",
    ],
)
def test_the_statements_of_others_stay_as_they_are(statement: Any) -> None:
    change = change_of(body(statement, Id="theirs"), BUCKET)
    assert (change.added, change.kept, change.removed) == ([OURS], [statement], [])
    assert change.document == {"Version": "2012-10-17", "Id": "theirs", "Statement": [statement, OURS]}
    assert not change_of(json.dumps(change.document).encode(), BUCKET).is_needed


def test_a_replaced_policy_is_ours_alone() -> None:
    change = change_of(body(LISTS, OURS), BUCKET, replace=True)
    assert (change.added, change.kept, change.removed) == ([], [], [LISTS])
    assert change.is_needed
    assert change.document == read_policy(BUCKET)
    assert not change_of(body(OURS), BUCKET, replace=True).is_needed


@pytest.mark.parametrize("there", [b"<Policy/>", b"[]", b"\xff"])
def test_a_policy_of_no_known_form_is_not_guessed_at(there: bytes) -> None:
    with pytest.raises(ValueError):
        change_of(there, BUCKET)


DENIES = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/products/sate/*"}


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"Action": ["s3:Get*"], "Principal": {"AWS": ["*"]}}, True),
        ({"Action": "*", "Resource": f"arn:aws:s3:::{BUCKET}/*"}, True),
        ({"Resource": "*"}, True),
        ({"Resource": f"arn:aws:s3:::{BUCKET}/renditions/*"}, True),
        ({"Resource": f"arn:aws:s3:::{BUCKET}/private/*"}, False),
        ({"Resource": "arn:aws:s3:::other/*"}, False),
        ({"Action": "s3:PutObject"}, False),
        ({"Principal": {"AWS": "arn:aws:iam::1:user/backup"}}, False),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, False),
        ({"Effect": "Allow"}, False),
    ],
)
def test_a_denial_counts_where_it_concerns_everybody_and_photos(change: dict[str, Any], counts: bool) -> None:
    statement = DENIES | change
    found = denials(body(OURS, statement), BUCKET, ("products/", "renditions/"))
    assert found == ([statement["Resource"]] if counts else [])


@pytest.mark.parametrize("there", [b"", b"no JSON", b"[]", b'{"Statement": null}', b'{"Statement": "x"}'])
def test_a_policy_of_another_form_denies_nothing(there: bytes) -> None:
    assert denials(there, BUCKET, ("products/",)) == []
