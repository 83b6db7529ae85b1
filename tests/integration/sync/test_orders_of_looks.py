"""Checks that each look at the bucket tells the truth, whichever looked before it, until a run has healed the damage."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from tests.daily import daily
from tests.faulty_database import run_command
from tests.integration.sync.conftest import Edge
from tests.integration.sync.test_renditions import list_menu, shown_keys
from tests.simulator import Response

from etalase.edge.integrity import Damage
from etalase.settings.edge import edge_settings

HARMS: dict[str, tuple[Damage, Callable[[bytes], bytes] | None]] = {
    "lost": (Damage.MISSING, None),
    "cut": (Damage.CUT, lambda body: body[:-3]),
    "rotten": (Damage.CHANGED, lambda body: bytes(len(body))),
    "wrong type": (Damage.MISTYPED, lambda body: body),
}
ORDERS: tuple[tuple[str, ...], ...] = (
    ("photos_status", "photos_verify", "photos_status", "photos_verify"),
    ("photos_verify", "photos_status", "photos_status", "photos_verify"),
    ("photos_verify", "photos_doctor", "photos_verify", "photos_status"),
)


@pytest.fixture
def commands(edge: Edge, settings: Any) -> Edge:
    """Returns an edge whose commands use the settings of this test."""
    return for_commands(edge, settings)


def for_commands(edge: Edge, settings: Any) -> Edge:
    """Gives the commands the settings of this edge."""
    settings.ETALASE = edge.configured()
    edge_settings.cache_clear()
    return edge


def harm(edge: Edge, key: str, name: str) -> None:
    """Harms an object as another program or a disk does."""
    change = HARMS[name][1]
    if change is None:
        edge.bucket.delete([key])
        return
    body = change(edge.bucket.get(key))
    content_type = "text/html" if name == "wrong type" else "image/webp" if key.startswith("renditions/") else "image/jpeg"
    edge.bucket.put(key, body, content_type=content_type)


def check_told(command: str, kind: Damage, *, photo: str, rendition: str) -> None:
    """Asserts that the command names the photo and the rendition, each with its damage."""
    status, found = run_command(command)
    match command:
        case "photos_status":
            assert (status, found["state"], found["problems"]) == (1, "damaged", ["damaged", "small_pictures"])
            damaged = found["damaged_photos"] + found["renditions"]["damaged_pictures"]
            assert [(one["object_key"], one["kind"]) for one in damaged] == [(photo, kind), (rendition, kind)]
            assert found["renditions"]["damaged"] == 1
        case "photos_verify":
            assert (status, found["equal"], found["renditions_waiting"]) == (1, False, 0)
            assert {(one["object_key"], one["what"]) for one in found["differences"]} == {(photo, kind), (rendition, kind)}
        case _:  # it looks at settings and services, and changes nothing that the others tell
            assert "checks" in found


def check_order(edge: Edge, order: tuple[str, ...], harm_name: str) -> None:
    """Harms a photo and a rendition, asserts what the commands tell in this order, and that one run heals both."""
    first, second, *_ = edge.ho.photos
    photo, rendition = edge.ho.photos[first]["object_key"], shown_keys(edge, second)[1]
    for key in (photo, rendition):
        harm(edge, key, harm_name)
    for command in order:
        check_told(command, HARMS[harm_name][0], photo=photo, rendition=rendition)
    assert rendition not in shown_keys(edge, second)
    done = run_command("photos_sync")[1]
    assert (done["outcome"], done["healed"], done["renditions"]["healed"], done["renditions"]["damaged"]) == (
        "success",
        1,
        1,
        0,
    )
    assert run_command("photos_status")[1]["state"] == "well"
    status, found = run_command("photos_verify", "--deep")
    assert (status, found["equal"], found["differences"]) == (0, True, [])
    assert rendition in shown_keys(edge, second)


@pytest.mark.parametrize("order", daily(zip(ORDERS), (ORDERS[0],), (ORDERS[1],)))
@pytest.mark.parametrize("harm_name", daily(HARMS, "lost", "rotten"))
def test_each_command_tells_damage_whichever_ran_before_it(commands: Edge, order: tuple[str, ...], harm_name: str) -> None:
    list_menu(commands)
    commands.sync()
    check_order(commands, order, harm_name)


@pytest.mark.long
def test_each_command_tells_damage_on_each_make_of_object_store(edge_on_each_store: Edge, settings: Any) -> None:
    edge = for_commands(edge_on_each_store, settings)
    list_menu(edge)
    edge.sync()
    for order, harm_name in zip(ORDERS, ("rotten", "lost", "wrong type"), strict=True):
        check_order(edge, order, harm_name)


def test_a_loss_that_head_office_cannot_make_good_stays_told(commands: Edge) -> None:
    photos = list_menu(commands)
    commands.sync()
    lost = shown_keys(commands, photos[0])[1]
    harm(commands, lost, "rotten")
    commands.ho.on_image = lambda key: Response(404) if key == lost else None
    for _ in range(2):
        done = run_command("photos_sync", "--full")[1]
        assert (done["outcome"], done["renditions"]["healed"], done["renditions"]["damaged"]) == ("success", 0, 1)
        status, found = run_command("photos_status")
        assert (status, found["problems"], found["renditions"]["failed"]) == (1, ["small_pictures"], 1)
        assert run_command("photos_verify")[1]["differences"][0]["object_key"] == lost


def test_what_was_never_here_is_not_told_as_lost(commands: Edge) -> None:
    photos = list_menu(commands)
    never = commands.ho.rendition_sets[photos[0]]["renditions"][0]["object_key"]
    commands.ho.on_image = lambda key: Response(404) if key == never else None
    commands.sync()
    assert run_command("photos_status")[1]["state"] == "well"
    status, found = run_command("photos_verify")
    assert (status, found["equal"], found["renditions_waiting"]) == (0, True, 1)


def test_a_repair_names_what_it_healed(commands: Edge, capsys: pytest.CaptureFixture[str]) -> None:
    photos = list_menu(commands)
    commands.sync()
    photo, rendition = commands.ho.photos[photos[0]]["object_key"], shown_keys(commands, photos[1])[0]
    for key in (photo, rendition):
        harm(commands, key, "rotten")
    status, found = run_command("photos_verify", "--repair")
    assert (status, found["equal"]) == (0, True)
    assert (found["repaired"]["healed"], found["repaired"]["renditions"]["healed"]) == (1, 1)
    assert {(one["object_key"], one["product_name"]) for one in found["healed"]} == {(photo, "dish 0"), (rendition, "dish 1")}
    for key in (photo, rendition):
        harm(commands, key, "lost")
    call_command("photos_verify", "--repair", "--quiet")
    said = capsys.readouterr().out
    assert "Repair: 1 photo and 1 small picture healed." in said
    assert "dish 1: its small picture is missing" in said
    assert "Small pictures: 1 healed, 0 still lost or damaged." in said
