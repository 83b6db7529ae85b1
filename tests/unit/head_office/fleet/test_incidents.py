"""Which stores make one incident, and when people get a message about it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etalase.errors import Reason
from etalase.fault_side import FaultSide
from etalase.head_office.fleet.incidents import (
    IncidentKey,
    IncidentKind,
    OpenIncident,
    PhotoFault,
    StoreNow,
    changes_of,
    find_incidents,
    is_to_be_told,
)
from etalase.head_office.fleet.states import Because, StateCause, StoreState, StoreVerdict, Tone

NOW = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AVRIL, OTHER = UUID(int=1), UUID(int=2)
PHOTO = UUID(int=77)
EQUAL = StoreVerdict(StoreState.EQUAL, Tone.GOOD)
SILENT = StoreVerdict(StoreState.SILENT, Tone.RED, (Because(StateCause.OVERDUE, FaultSide.LINK),))
WAITS = StoreVerdict(StoreState.WAITS, Tone.AMBER, (Because(StateCause.HELD, FaultSide.HEAD_OFFICE_DATA, 64),))
DAMAGED = StoreVerdict(StoreState.WRONG, Tone.RED, (Because(StateCause.DAMAGED, FaultSide.STORE, 2),))
LATE = StoreVerdict(StoreState.BEHIND, Tone.AMBER, (Because(StateCause.CHANGED),))
LOADING = StoreVerdict(StoreState.BEHIND, Tone.NEUTRAL, (Because(StateCause.CHANGED),))


def owed(photos: int) -> StoreVerdict:
    """Returns the verdict of a store that could not load some photos."""
    return StoreVerdict(StoreState.WRONG, Tone.RED, (Because(StateCause.OWED, None, photos),))


def store(
    number: int, verdict: StoreVerdict, *, company: UUID = AVRIL, agent: str = "etalase/0.3", silent: datetime | None = None
) -> StoreNow:
    """Returns a store as it was judged."""
    return StoreNow(UUID(int=number), company, agent, verdict, silent)


def fault(number: int, reason: Reason, side: FaultSide, *, company: UUID = AVRIL) -> PhotoFault:
    """Returns a fault of the photo in the store."""
    return PhotoFault(UUID(int=number), company, PHOTO, reason.value, side.value)


def ids(*numbers: int) -> frozenset[UUID]:
    """Returns the ids of the stores of these numbers."""
    return frozenset(UUID(int=number) for number in numbers)


def kinds(found: dict[IncidentKey, frozenset[UUID]]) -> dict[tuple[str, str], frozenset[UUID]]:
    """Returns what was found by kind and subject."""
    return {(key.kind.value, key.subject): stores for key, stores in found.items()}


def test_stores_that_are_well_or_on_their_way_are_no_incident() -> None:
    never = StoreVerdict(StoreState.NEVER, Tone.NONE)
    unproved = StoreVerdict(StoreState.UNPROVED, Tone.NEUTRAL, (Because(StateCause.NOT_PROVED),))
    assert find_incidents([store(n, v) for n, v in enumerate((EQUAL, LOADING, never, unproved), 1)], []) == {}


def test_3000_stores_that_fall_silent_within_ten_minutes_are_one_incident() -> None:
    stores = [store(n, SILENT, silent=NOW + n * MINUTE / 300) for n in range(1, 3001)]
    assert list(find_incidents(stores, []).values()) == [ids(*range(1, 3001))]


def test_stores_that_fall_silent_hours_apart_are_two_incidents() -> None:
    stores = [store(1, SILENT, silent=NOW), store(2, SILENT, silent=NOW + 11 * MINUTE)]
    assert sorted(find_incidents(stores, []).values(), key=min) == [ids(1), ids(2)]


def test_an_outage_over_an_hour_of_promises_grows_one_incident() -> None:
    first = [store(1, SILENT, silent=NOW), store(2, EQUAL), store(3, EQUAL)]
    (key, found), *more = find_incidents(first, []).items()
    known = [OpenIncident(key, NOW, found)]
    second = [store(1, SILENT, silent=NOW), store(2, SILENT, silent=NOW + 9 * MINUTE), store(3, EQUAL)]
    found = find_incidents(second, [], known)[key]
    third = [store(1, EQUAL), store(2, SILENT, silent=NOW + 9 * MINUTE), store(3, SILENT, silent=NOW + 18 * MINUTE)]
    last = find_incidents(third, [], [OpenIncident(key, NOW, found)])
    assert (more, last) == ([], {key: ids(2, 3)})


def test_a_photo_that_head_office_has_wrong_is_one_incident_there_and_none_in_stores() -> None:
    stores = [store(n, owed(1)) for n in (1, 2, 3)]
    faults = [fault(n, Reason.NOT_FOUND, FaultSide.HEAD_OFFICE_OBJECT) for n in (1, 2, 3)]
    assert kinds(find_incidents(stores, faults)) == {("photo", f"{PHOTO}:{Reason.NOT_FOUND}"): ids(1, 2, 3)}


def test_a_store_with_a_fault_of_its_own_besides_is_an_incident_too() -> None:
    faults = [fault(1, Reason.NOT_FOUND, FaultSide.HEAD_OFFICE_OBJECT)]
    found = kinds(find_incidents([store(1, owed(2))], faults))
    assert found == {("photo", f"{PHOTO}:{Reason.NOT_FOUND}"): ids(1), ("store", str(UUID(int=1))): ids(1)}


def test_stores_with_a_full_disk_are_one_incident_for_each_reason() -> None:
    full = [reason for reason in Reason if reason.policy.is_full]
    stores = [store(n, owed(5)) for n in range(1, 5)]
    faults = [fault(n, full[n % len(full)], FaultSide.STORE) for n in range(1, 5)]
    assert {kind for kind, _ in kinds(find_incidents(stores, faults))} == {"disk"}


@pytest.mark.parametrize(
    ("wrong", "well", "others_wrong", "kind"),
    [(3, 0, 0, "agent"), (3, 3, 0, "agent"), (3, 4, 0, "store"), (2, 0, 0, "store"), (3, 0, 1, "store")],
    ids=["all of them", "half of them", "less than half", "two stores", "another version too"],
)
def test_a_version_is_to_blame_only_where_the_others_are_well(wrong: int, well: int, others_wrong: int, kind: str) -> None:
    verdicts = [DAMAGED] * wrong + [EQUAL] * well
    stores = [store(n, verdict, agent="etalase/0.4") for n, verdict in enumerate(verdicts, 1)]
    stores += [store(100, EQUAL), *(store(200 + n, DAMAGED) for n in range(others_wrong))]
    assert {found for found, _ in kinds(find_incidents(stores, []))} == {kind}


def test_held_removals_of_a_company_are_one_incident() -> None:
    stores = [store(1, WAITS), store(2, WAITS), store(3, WAITS, company=OTHER), store(4, LATE)]
    found = find_incidents(stores, [])
    assert found == {
        IncidentKey(AVRIL, IncidentKind.HELD, ""): ids(1, 2),
        IncidentKey(OTHER, IncidentKind.HELD, ""): ids(3),
        IncidentKey(AVRIL, IncidentKind.STORE, str(UUID(int=4))): ids(4),
    }


VERDICTS = st.sampled_from([EQUAL, SILENT, WAITS, DAMAGED, LATE, LOADING, owed(1), owed(3)])


@st.composite
def fleets(draw: st.DrawFn) -> tuple[list[StoreNow], list[PhotoFault]]:
    """Draws stores of two companies, and faults in them."""
    count = draw(st.integers(0, 12))
    companies = [draw(st.sampled_from([AVRIL, OTHER])) for _ in range(count)]
    stores = [
        store(
            n, draw(VERDICTS), company=company, agent=draw(st.sampled_from(["a", "b"])),
            silent=NOW + draw(st.integers(0, 40)) * MINUTE,
        )
        for n, company in enumerate(companies)
    ]  # fmt: skip
    faults = [
        fault(
            n, draw(st.sampled_from([Reason.NOT_FOUND, Reason.STORE_FULL])), draw(st.sampled_from(FaultSide)), company=company
        )
        for n, company in enumerate(companies)
        if draw(st.booleans())
    ]
    return stores, faults


@given(fleets())
def test_every_store_that_is_not_right_is_in_an_incident_of_its_own_company(
    fleet: tuple[list[StoreNow], list[PhotoFault]],
) -> None:
    stores, faults = fleet
    found = find_incidents(stores, faults)
    company_of = {one.store_id: one.company_id for one in stores}
    assert all(company_of[id_] == key.company_id for key, members in found.items() for id_ in members)
    covered = frozenset().union(*found.values())
    not_right = {one.store_id for one in stores if one.verdict.tone in {Tone.RED, Tone.AMBER}}
    assert not_right <= covered
    assert changes_of([OpenIncident(key, NOW, members) for key, members in found.items()], found).changed == {}


@pytest.mark.parametrize(
    ("age", "stores", "announced", "is_of_link", "is_told"),
    [
        (9 * MINUTE, 3000, 0, False, False),
        (10 * MINUTE, 1, 0, False, True),
        (60 * MINUTE, 1, 0, True, False),
        (120 * MINUTE, 1, 0, True, True),
        (120 * MINUTE, 29, 3, False, False),
        (120 * MINUTE, 30, 3, False, True),
    ],
)
def test_a_message_is_sent_after_the_incident_has_settled_and_when_it_grew_tenfold(
    age: timedelta, stores: int, announced: int, is_of_link: bool, is_told: bool
) -> None:
    key = IncidentKey(AVRIL, IncidentKind.STORE, "")
    incident = OpenIncident(key, NOW - age, ids(*range(stores)), announced)
    assert is_to_be_told(incident, now=NOW, is_of_link=is_of_link) is is_told
