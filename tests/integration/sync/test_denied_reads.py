"""Checks that status and runs tell a policy that keeps tills from reading what they show."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.daily import daily
from tests.integration.sync.conftest import Edge
from tests.integration.sync.steps import status, sync_dishes
from tests.pictures import renditions

from etalase.edge.status.collect import read
from etalase.edge.status.summary import summarize
from etalase.edge.status.verdict import judge
from etalase.edge.sync.verify import Difference, verify


@contextmanager
def denying(edge: Edge, resource: str) -> Iterator[None]:
    """Adds a statement to the bucket's policy that denies anybody to read a resource."""
    before = edge.bucket.policy() or b""
    policy = json.loads(before)
    arn = f"arn:aws:s3:::{edge.bucket.bucket}/{resource}"
    policy["Statement"].append({"Effect": "Deny", "Principal": {"AWS": ["*"]}, "Action": ["s3:GetObject"], "Resource": [arn]})
    edge.bucket.request("PUT", query={"policy": ""}, body=json.dumps(policy).encode())
    try:
        yield
    finally:
        edge.bucket.request("PUT", query={"policy": ""}, body=before)


@pytest.mark.parametrize("denied", daily(["products/*", "renditions/*", "products/{product}/*", "*"], "products/{product}/*"))
def test_the_status_reports_a_deny_that_keeps_pos_screens_from_reading(edge_on_each_store: Edge, denied: str) -> None:
    edge = edge_on_each_store
    photos = sync_dishes(edge, *(f"DISH {n}" for n in range(6)))
    edge.ho.put_renditions(photos["DISH 1"], *renditions(1))
    edge.sync()  # learns that head office offers them
    assert edge.sync().renditions.fetched == 3
    assert status(edge)["state"] == "well"
    product = edge.ho.photos[photos["DISH 3"]]["product_id"]
    with denying(edge, denied.replace("{product}", product)):
        reported = status(edge)
        assert (reported["state"], reported["bucket"]["trouble"], reported["exit_status"]) == ("bucket_away", "read_denied", 4)
        facts = read(edge.configured())
        summary = summarize(facts, judge(facts), "en", max_names=3)
        assert [todo.text for todo in summary.todo] == [
            "Call for help: a rule of the photo store forbids the tills to read photos."
        ]
        assert any(denied.partition("{")[0] in item.detail for item in summary.hints)
        assert (summary.word, summarize(facts, judge(facts), "id", max_names=3).word) == ("LOOK", "PERIKSA")
    assert status(edge)["state"] == "well"


def test_a_run_notes_that_pos_screens_cannot_read_photos(edge: Edge) -> None:
    sync_dishes(edge, "SATE")
    with denying(edge, "products/*"):
        assert [notice["code"] for notice in edge.sync().notices] == ["not_public"]
    assert edge.sync().notices == []


def verified(edge: Edge, *, deep: bool) -> list[Difference]:
    """Returns the differences that ``verify`` names."""
    with edge.services() as services:
        return verify(services, deep=deep).differences


def test_verify_names_photos_that_pos_screens_cannot_read_and_a_deep_one_each_of_them(edge_on_each_store: Edge) -> None:
    edge = edge_on_each_store
    photos = sync_dishes(edge, *(f"DISH {n}" for n in range(6)))
    refused = {"not_public", "unreadable"}  # a store may deny the access key, too
    with denying(edge, "products/*"):
        assert {d.what for d in verified(edge, deep=False)} <= refused
        assert len(verified(edge, deep=True)) == 6
    with denying(edge, f"products/{edge.ho.photos[photos['DISH 3']]['product_id']}/*"):
        (difference,) = verified(edge, deep=True)
        assert difference.what in refused
        assert (str(difference.photo_id), difference.product_name) == (photos["DISH 3"], "DISH 3")
