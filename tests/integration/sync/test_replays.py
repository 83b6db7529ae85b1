"""Checks that a run can be replayed, and that the next run repairs a run killed at any effect (hazards 15, 18, 23; I1, I3)."""

import uuid
from typing import Any

import pytest
from tests.integration.sync.conftest import Edge
from tests.integration.sync.effects import replayed
from tests.integration.sync.steps import forget_everything
from tests.simulator import picture


def photo_id(name: str) -> str:
    """Returns the same id for a name in every replay."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def list_menu(edge: Edge, round_number: int) -> None:
    """Changes head office's list in each way: a new photo, a new version, a moved, a swapped, a demoted and a deleted one."""
    ho = edge.ho
    if not ho.photos:
        for dish in ("sate", "soto", "rawon", "gado-gado", "pempek"):
            ho.put(dish, picture(dish), photo=photo_id(dish))
            ho.put(dish, picture(f"{dish} side"), photo=photo_id(f"{dish} side"), primary=False, sort_order=1)
    ho.put(f"new {round_number}", picture(f"new {round_number}"), photo=photo_id(f"new {round_number}"))
    ho.put("sate", picture(f"sate {round_number}"), photo=photo_id("sate"))
    ho.put("soto", picture("soto"), photo=photo_id("soto"), key=f"products/moved/{round_number}.jpg")
    one, other = (photo_id(f"rawon{suffix}") for suffix in ("", " side"))
    keys = [ho.photos[photo]["object_key"] for photo in (one, other)]
    bodies = [ho.bodies[key] for key in keys]
    ho.put("rawon", bodies[0], photo=one, key=keys[1], primary=bool(round_number % 2))
    ho.put("rawon", bodies[1], photo=other, key=keys[0], primary=not round_number % 2)
    for extra in [photo for photo, wire in ho.photos.items() if wire["sort_order"] == 2]:
        ho.delete(extra)
    extra = f"extra {round_number}"
    ho.put("gado-gado", picture(extra), photo=photo_id(extra), primary=False, sort_order=2)


def go_back(edge: Edge, photos: dict[str, dict[str, Any]], bodies: dict[str, bytes]) -> None:
    """Makes head office list earlier photos again; new products stay, since a run would hold the removal of many."""
    for photo in [photo for photo, wire in edge.ho.photos.items() if photo not in photos and not wire["is_primary"]]:
        edge.ho.delete(photo)
    edge.ho.deleted_ids = [photo for photo in edge.ho.deleted_ids if photo not in photos]
    for photo, wire in photos.items():
        key, order = wire["object_key"], wire["sort_order"]
        edge.ho.put(wire["product_name"], bodies[key], photo=photo, key=key, primary=wire["is_primary"], sort_order=order)


@pytest.mark.parametrize("full", [False, True], ids=["incremental", "full"])
def test_a_run_has_the_same_effects_when_it_is_replayed(edge: Edge, full: bool) -> None:
    list_menu(edge, 0)
    photos, bodies = dict(edge.ho.photos), dict(edge.ho.bodies)
    begins, runs = edge.clock.now(), []
    edge.clock.now = lambda: begins
    for _ in range(2):
        forget_everything(edge)
        edge.ho.photos, edge.ho.bodies, edge.ho.deleted_ids = dict(photos), dict(bodies), []
        first, _ = replayed(edge, full=False)
        list_menu(edge, 1)
        second, result = replayed(edge, full=full)
        assert result is not None
        assert (result.error, result.outcome) == (None, "success")
        edge.check_equals_head_office()
        runs.append((first.seen, second.seen))
    assert runs[0] == runs[1]
    assert any(effect.startswith("put ") for effect in runs[0][1])


@pytest.mark.long
@pytest.mark.parametrize(
    ("full", "goes_back"),
    [(False, False), (True, False), (False, True)],
    ids=["incremental", "full", "head office goes back"],
)
def test_the_next_run_repairs_a_run_killed_before_any_effect(edge: Edge, full: bool, goes_back: bool) -> None:
    list_menu(edge, 0)
    edge.sync()
    listed = {photo["checksum"] for photo in edge.ho.photos.values()}
    kills = 0
    while True:
        photos, bodies = dict(edge.ho.photos), dict(edge.ho.bodies)
        list_menu(edge, kills + 1)
        listed |= {photo["checksum"] for photo in edge.ho.photos.values()}
        effects, _ = replayed(edge, full=full, killed_before=kills)
        for row in edge.rows().values():
            assert edge.md5_at(row["object_key"]) in listed, effects.seen[-1:]
        if not effects.is_dead:
            break
        if goes_back:
            go_back(edge, photos, bodies)
        report = edge.sync(RECLAIM_GRACE="0s")
        assert (report.error, report.outcome) == (None, "success"), effects.seen[-1:]
        edge.check_equals_head_office()
        assert edge.count("etalase_publish_intent") == edge.count("etalase_doubt") == 0, effects.seen[-1:]
        kills += 1
    edge.check_equals_head_office()
    assert kills > 30
