"""Draws the map of the fleet: one small square a store, grouped by state, worst first.

Ten thousand squares are written by one join: a template would take longer than all the rest of the page.
"""

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from etalase.head_office.fleet.overview import JudgedStore
from etalase.head_office.fleet.states import StoreState
from etalase.head_office.fleet_pages.words import say


def map_groups(stores: Sequence[JudgedStore], base: str) -> list[dict[str, Any]]:
    """Returns the groups of the map, from stores in the order of severity. ``base`` is the address below which stores are."""
    return [_group(state, list(members), base) for state, members in groupby(stores, key=lambda store: store.state)]


def _group(state: StoreState, stores: Sequence[JudgedStore], base: str) -> dict[str, Any]:
    return {
        "state": state.value,
        "name": say(f"state_{state}"),
        "count": say("found", count=len(stores)),
        "squares": _squares(stores, base),
    }


def _squares(stores: Sequence[JudgedStore], base: str) -> SafeString:
    # Ids are UUIDs, and each text is escaped.
    squares = "".join(f'<a href="{base}{store.id}/" title="{escape(f"{store.code} {store.name}")}"></a>' for store in stores)
    return mark_safe(squares)  # noqa: S308
