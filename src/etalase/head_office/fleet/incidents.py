"""Groups what is wrong in stores into incidents, one for each cause, and decides which messages people get. Pure.

A cause at head office is one incident there, and none in the stores that suffer from it. Nothing of one company counts in an
incident of another (invariant I6).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from etalase.errors import Reason
from etalase.fault_side import FaultSide
from etalase.head_office.fleet.states import StateCause, StoreState, StoreVerdict, Tone

# Stores that fall silent one after another, each within so long of the last one, have one cause: a provider, a power cut.
SILENT_TOGETHER: Final = timedelta(minutes=10)
# An agent version is to blame where it has so many wrong stores, and these are at least half of all that run it.
AGENT_STORES: Final = 3
# A message is sent so long after its incident opened: one that ends by itself, or still grows, is a message less.
SETTLES_AFTER: Final = timedelta(minutes=10)
# A fault of one store's link mostly ends with the next hourly run.
LINK_SETTLES_AFTER: Final = timedelta(hours=2)
GROWS_BY: Final = 10
HEAD_OFFICE_SIDES: Final = frozenset({FaultSide.HEAD_OFFICE_DATA, FaultSide.HEAD_OFFICE_OBJECT})


class IncidentKind(StrEnum):
    """The kinds of causes. The words are part of the API."""

    PHOTO = "photo"  # of head office: its data or its object is wrong
    SILENT = "silent"
    DISK = "disk"
    AGENT = "agent"
    HELD = "held"  # removals wait for a person
    STORE = "store"  # of one store alone


@dataclass(frozen=True, slots=True)
class IncidentKey:
    """A cause: ``subject`` is a photo and a reason, an agent version, the reason of a full disk, or a store."""

    company_id: UUID
    kind: IncidentKind
    subject: str


@dataclass(frozen=True, slots=True)
class StoreNow:
    """A store as it was judged now. ``silent_from`` is the end of the promise that it broke."""

    store_id: UUID
    company_id: UUID
    agent: str
    verdict: StoreVerdict
    silent_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class PhotoFault:
    """A fault of one photo in one store, from the store's last report."""

    store_id: UUID
    company_id: UUID
    photo_id: UUID
    reason: str
    side: str


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An incident that is open. ``announced`` is the number of stores in its last message, 0 before the first."""

    key: IncidentKey
    opened_at: datetime
    stores: frozenset[UUID]
    announced: int = 0


Found = dict[IncidentKey, frozenset[UUID]]


def find_incidents(stores: Iterable[StoreNow], faults: Iterable[PhotoFault], known: Iterable[OpenIncident] = ()) -> Found:
    """Returns the stores of each cause. ``known`` are the open incidents: those of silent stores may grow."""
    by_id = {store.store_id: store for store in stores}
    found: defaultdict[IncidentKey, set[UUID]] = defaultdict(set)
    suffering = {id_ for id_, store in by_id.items() if store.verdict.state is StoreState.WRONG or _is_late(store.verdict)}
    explained: Counter[UUID] = Counter()
    is_full: set[UUID] = set()
    for fault in faults:
        store = by_id.get(fault.store_id)
        if store is None or store.verdict.state is StoreState.SILENT:
            continue
        if fault.side in HEAD_OFFICE_SIDES:
            found[IncidentKey(fault.company_id, IncidentKind.PHOTO, f"{fault.photo_id}:{fault.reason}")].add(fault.store_id)
            explained[fault.store_id] += 1
        elif fault.reason in FULL_REASONS:
            found[IncidentKey(fault.company_id, IncidentKind.DISK, fault.reason)].add(fault.store_id)
            is_full.add(fault.store_id)
    for store_id in suffering:
        store = by_id[store_id]
        if store_id not in is_full and not _is_explained(store.verdict, explained[store_id]):
            found[IncidentKey(store.company_id, IncidentKind.STORE, str(store_id))].add(store_id)
    for store in by_id.values():
        if store.verdict.state is StoreState.WAITS:
            found[IncidentKey(store.company_id, IncidentKind.HELD, "")].add(store.store_id)
    _blame_agents(found, by_id)
    _join_silences(found, by_id, known)
    return {key: frozenset(ids) for key, ids in found.items()}


FULL_REASONS: Final = frozenset(reason.value for reason in Reason if reason.policy.is_full)


def _is_late(verdict: StoreVerdict) -> bool:
    return verdict.state is StoreState.BEHIND and verdict.tone is Tone.AMBER


def _is_explained(verdict: StoreVerdict, head_office_faults: int) -> bool:
    """Returns whether head office's own faults are all that is wrong in the store."""
    others = [because for because in verdict.because if because.cause is not StateCause.OWED]
    owed = sum(because.photos for because in verdict.because if because.cause is StateCause.OWED)
    return not others and 0 < owed <= head_office_faults


def _blame_agents(found: "defaultdict[IncidentKey, set[UUID]]", by_id: Mapping[UUID, StoreNow]) -> None:
    """Puts stores together that have one agent version and one cause, where other versions do not have it."""
    alone = {by_id[UUID(key.subject)] for key in found if key.kind is IncidentKind.STORE}
    running = Counter((store.company_id, store.agent) for store in by_id.values())
    groups: defaultdict[tuple[UUID, str, StateCause], list[StoreNow]] = defaultdict(list)
    causes: Counter[tuple[UUID, StateCause]] = Counter()
    for store in alone:
        cause = store.verdict.because[0].cause
        groups[store.company_id, store.agent, cause].append(store)
        causes[store.company_id, cause] += 1
    for (company_id, agent, cause), stores in groups.items():
        others = causes[company_id, cause] - len(stores)
        has_others = any(company == company_id and version != agent for company, version in running)
        if len(stores) < AGENT_STORES or others or not has_others or 2 * len(stores) < running[company_id, agent]:
            continue
        for store in stores:
            del found[IncidentKey(company_id, IncidentKind.STORE, str(store.store_id))]
        found[IncidentKey(company_id, IncidentKind.AGENT, f"{agent}:{cause}")].update(store.store_id for store in stores)


@dataclass(slots=True)
class _Silence:
    """The moments at which the first and the last store of an incident fell silent."""

    key: IncidentKey
    first_at: datetime
    last_at: datetime

    def has(self, moment: datetime) -> bool:
        return self.first_at - SILENT_TOGETHER <= moment <= self.last_at + SILENT_TOGETHER


def _join_silences(
    found: "defaultdict[IncidentKey, set[UUID]]", by_id: Mapping[UUID, StoreNow], known: Iterable[OpenIncident]
) -> None:
    """Adds each silent store to the incident of those that fell silent shortly before or after it."""
    silences: defaultdict[UUID, list[_Silence]] = defaultdict(list)
    for incident in known:
        if incident.key.kind is IncidentKind.SILENT:
            first_at = datetime.fromisoformat(incident.key.subject)
            moments = [at for id_ in incident.stores if id_ in by_id and (at := by_id[id_].silent_from)]
            last_at = max([first_at, *moments])
            silences[incident.key.company_id].append(_Silence(incident.key, first_at, last_at))
    silent = [
        (store.silent_from, store.store_id, store)
        for store in by_id.values()
        if store.verdict.state is StoreState.SILENT and store.silent_from
    ]
    for at, _, store in sorted(silent, key=lambda one: one[:2]):
        mine = silences[store.company_id]
        silence = next((one for one in mine if one.has(at)), None)
        if silence is None:
            silence = _Silence(IncidentKey(store.company_id, IncidentKind.SILENT, at.isoformat()), at, at)
            mine.append(silence)
        silence.last_at = max(silence.last_at, at)
        found[silence.key].add(store.store_id)


@dataclass(frozen=True, slots=True)
class Changes:
    """What one look changes: incidents that open, go on with other stores, or close."""

    opened: Found
    changed: Found
    closed: Collection[IncidentKey]


def changes_of(known: Iterable[OpenIncident], found: Found) -> Changes:
    """Returns how the open incidents differ from what was found now."""
    before = {incident.key: incident.stores for incident in known}
    return Changes(
        opened={key: ids for key, ids in found.items() if key not in before},
        changed={key: ids for key, ids in found.items() if key in before and before[key] != ids},
        closed=[key for key in before if key not in found],
    )


def is_to_be_told(incident: OpenIncident, *, now: datetime, is_of_link: bool) -> bool:
    """Returns whether people get a message of this open incident now: after it has settled, and when it grew tenfold."""
    if incident.announced:
        return len(incident.stores) >= GROWS_BY * incident.announced
    return now - incident.opened_at >= (LINK_SETTLES_AFTER if is_of_link else SETTLES_AFTER)
