"""Chooses stores of an overview by state, region, version and a searched text, and puts them in an order."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from etalase.head_office.fleet.overview import SEVERITY, JudgedStore
from etalase.head_office.fleet.states import StoreState


@dataclass(frozen=True, slots=True)
class Selection:
    """What a person wants to see. Empty: everything. ``region`` None: of any region; an empty text: those without one."""

    states: frozenset[StoreState] = field(default_factory=frozenset)
    region: str | None = None
    agent: str | None = None
    text: str = ""

    def of(self, stores: Iterable[JudgedStore]) -> list[JudgedStore]:
        """Returns the chosen stores in their order."""
        text = self.text.strip().casefold()
        return [
            store
            for store in stores
            if (not self.states or store.state in self.states)
            and (self.region is None or store.region == self.region)
            and (self.agent is None or store.agent == self.agent)
            and (not text or text in store.code.casefold() or text in store.name.casefold())
        ]


def worst_first(stores: Iterable[JudgedStore]) -> list[JudgedStore]:
    """Returns the stores by severity; within a state in their order."""
    return sorted(stores, key=lambda store: SEVERITY[store.state])


def regions_of(stores: Sequence[JudgedStore]) -> list[str]:
    """Returns the regions of the stores, in order; an empty text where some have none."""
    return sorted({store.region for store in stores})


def agents_of(stores: Sequence[JudgedStore]) -> list[tuple[str, int]]:
    """Returns the versions that report, with the number of stores, the most frequent first."""
    return Counter(store.agent for store in stores if store.agent).most_common()
