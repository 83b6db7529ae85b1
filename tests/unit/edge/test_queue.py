"""Checks which messages of an old queue are ours."""

import json

from hypothesis import given
from hypothesis import strategies as st

from etalase.edge.queue import as_ours, is_delivery
from etalase.edge.task_names import OUR_TASKS, QUEUE


def message(task: object) -> dict[str, object]:
    return {
        "body": "W1tdLCB7fSwge31d",
        "headers": {"task": task, "id": "1"},
        "properties": {"delivery_info": {"exchange": "", "routing_key": "celery"}, "priority": 0},
    }


def test_only_the_queue_of_our_message_changes() -> None:
    for task in OUR_TASKS:
        ours = as_ours(json.dumps(message(task)).encode())
        assert ours is not None
        parsed = json.loads(ours)
        assert parsed["properties"]["delivery_info"].pop("routing_key") == QUEUE
        expected = message(task)
        expected["properties"] = {"delivery_info": {"exchange": ""}, "priority": 0}
        assert parsed == expected


@given(
    st.binary()
    | st.recursive(
        st.none() | st.integers() | st.text() | st.just("sync_api.tasks.sync_product_photos"),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["headers", "task", "properties", "x"]), inner),
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_other_text_is_not_changed(other: bytes) -> None:
    assert as_ours(other) is None


def test_a_task_of_another_application_is_not_changed() -> None:
    for task in ("reports.tasks.mail", "sync_api.tasks.sync_product_photos_x", None, 1, ["sync_api.tasks.sync_product_photos"]):
        assert as_ours(json.dumps(message(task)).encode()) is None
    assert as_ours(b"[" * 100_000) is None


def test_a_delivery_in_flight_is_recognised() -> None:
    assert is_delivery(json.dumps([message("any.task"), "etalase", "etalase"]).encode())
    assert is_delivery(json.dumps([message(None), "", ""]).encode())


@given(
    st.binary()
    | st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["headers", "properties", "x"]), inner),
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_other_text_is_not_a_delivery(other: bytes) -> None:
    assert not is_delivery(other)
