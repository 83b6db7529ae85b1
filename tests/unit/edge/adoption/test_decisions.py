"""Checks the decisions of an adoption, and how a person's choices are read."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etalase.edge.adoption.decisions import (
    STATE_OF,
    Choice,
    Code,
    OpenRow,
    chosen,
    objects_of,
    open_decisions,
    parse_choices,
    rows_of,
)
from etalase.edge.models import OwnState
from etalase.edge.sync.storage.own_photos import WITHOUT_OBJECT
from etalase.errors import UsageError

ids = st.integers(0, 5).map(lambda number: UUID(int=number))
rows = st.lists(
    st.builds(
        OpenRow,
        photo_id=st.uuids(),
        product_id=ids,
        product_name=st.text(max_size=5),
        what=st.sampled_from([Code.ROW_NOT_LISTED, Code.ROW_WITHOUT_OWN_OBJECT, "of another version"]),
        object_key=st.text(max_size=5),
    ),
    max_size=12,
    unique_by=lambda row: row.photo_id,
)
keys = st.sets(st.builds("products/{}/{}".format, st.integers(0, 5), st.sampled_from(["thumb.jpg", "a=b", "", "*", "x"])))


@given(rows=rows, keys=keys)
def test_each_open_thing_belongs_to_exactly_one_decision(rows: list[OpenRow], keys: set[str]) -> None:
    decisions = open_decisions(rows, keys)
    assert len({decision.id for decision in decisions}) == len(decisions)
    things = [thing for decision in decisions for thing in (*rows_of(decision.id, rows), *objects_of(decision.id, keys))]
    assert sorted(map(str, things)) == sorted([*(str(row.photo_id) for row in rows), *keys])
    for decision in decisions:
        assert decision.count == len(rows_of(decision.id, rows)) + len(objects_of(decision.id, keys))
        assert decision.default == "keep"
        assert set(decision.choices) == {"keep", "approve", "disown"}
        assert str(decision.count) in decision.text


@given(rows=rows, keys=keys, choice=st.sampled_from(Choice))
def test_a_choice_for_one_counts_before_that_for_its_code(rows: list[OpenRow], keys: set[str], choice: Choice) -> None:
    decisions = open_decisions(rows, keys)
    for decision in decisions[:1]:
        of_id, of_code = parse_choices([f"{decision.id}={choice}"], [f"{code}=keep" for code in Code])
        assert chosen(decisions, of_id, of_code) == dict.fromkeys((one.id for one in decisions), Choice.KEEP) | {
            decision.id: choice
        }


NONE: list[str] = []


@pytest.mark.parametrize("text", ["", "=", "keep", "a", "a=", "=keep", "a=delete", "a=KEEP", "row_not_listed"])
def test_a_malformed_choice_is_refused_with_the_words_that_there_are(text: str) -> None:
    for by_id, by_code in zip(([text], NONE), (NONE, [text]), strict=True):
        with pytest.raises(UsageError) as refused:
            parse_choices(by_id, by_code)
        assert text in str(refused.value)
        assert "keep, approve, disown" in str(refused.value)


def test_an_unknown_code_or_id_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no code «nosuch»"):
        parse_choices([], ["nosuch=keep"])
    with pytest.raises(UsageError, match="No decision is open under nosuch"):
        chosen([], {"nosuch": Choice.KEEP}, {})


def test_the_words_of_the_tables_are_those_of_the_decisions() -> None:
    assert set(STATE_OF.values()) == set(OwnState.values)
    assert WITHOUT_OBJECT == Code.ROW_WITHOUT_OWN_OBJECT
