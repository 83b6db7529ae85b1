"""Watches the POS all the time while photos change, switch their primary, move their keys and fail."""

import hashlib
import json
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.acceptance.conftest import OPENER, Edge
from tests.pictures import renditions
from tests.simulator import JPEG, PNG, Response, Simulator, picture

PRODUCTS, ROUNDS = 25, 8


@dataclass
class Watcher:
    """Reads every URL of the POS again and again. ``promised`` are all MD5s ever listed for each product's photos."""

    pos: str
    promised: dict[str, set[str]] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    images: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self.stop.is_set():
            self.look()

    def look(self) -> None:
        products = _json(f"{self.pos}/api/products/?limit=1000")["products"]
        for product in products:
            if product["name"] in self.shown and not product["has_photo"]:
                self.broken.append(f"{product['name']} lost its photo")
            for photo in product["photos"]:
                self.check(product["name"], photo["image_url"])
                self.shown.add(product["name"])

    def check(self, name: str, url: str) -> None:
        try:
            with OPENER.open(url, timeout=60) as response:
                body = response.read()
        except OSError as error:
            self.broken.append(f"{name}: {url}: {error}")
            return
        self.images += 1
        if hashlib.md5(body).hexdigest() not in self.promised[name]:
            self.broken.append(f"{name}: {url} gave bytes that were never promised for it")


@pytest.mark.long
def test_no_screen_shows_a_broken_image_during_changes_and_faults(edge: Edge, ho: Simulator) -> None:
    chance = random.Random(7)
    watcher = Watcher(edge.serve())
    photos: dict[str, list[str]] = {}

    def put(name: str, seed: object, *, magic: bytes = JPEG, **fields: Any) -> str:
        body = picture(seed, chance.randrange(2_000, 60_000), magic=magic)
        watcher.promised.setdefault(name, set()).add(hashlib.md5(body).hexdigest())
        return ho.put(name, body, **fields)

    for number in range(PRODUCTS):
        name = f"Dish {number}"
        photos[name] = [put(name, (name, 0)), put(name, (name, 1), primary=False, sort_order=1)]
    edge.json("sync")
    looking = threading.Thread(target=watcher.watch)
    looking.start()
    try:
        for turn in range(ROUNDS):
            for name in chance.sample(sorted(photos), 10):
                _change(ho, put, name, photos[name], turn, chance)
            failing = {key for key in ho.bodies if chance.random() < 0.15}
            ho.on_image = _failing(failing, chance)
            done = edge.run("sync", *(["--full"] if turn % 3 == 2 else []))
            assert done.returncode in {0, 1}, done.stderr
        ho.on_image = None
        edge.json("sync", exit_status=edge.run("sync").returncode)
        report = edge.json("sync", "--full")
    finally:
        watcher.stop.set()
        looking.join()
    watcher.look()
    assert watcher.broken == []
    assert watcher.images > 300
    assert (report["outcome"], report["failed"]) == ("success", 0)
    listed = {(p["id"], p["object_key"], p["checksum"], p["is_primary"]) for p in ho.photos.values()}
    assert {
        (str(i), *rest) for i, *rest in edge.sql("SELECT id, object_key, checksum, is_primary FROM product_photo")
    } == listed


@dataclass
class TileWatcher:
    """Reads the tiles of the POS again and again. ``made_from`` has the MD5s of the photos of which each rendition was made."""

    pos: str
    made_from: dict[str, set[str]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    tiles: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        chance = random.Random(8)
        while not self.stop.wait(0.1):
            self.look(lambda: chance.random() < 0.1)

    def look(self, reads: Callable[[], bool]) -> None:
        for product in _json(f"{self.pos}/api/products/?limit=1000")["products"]:
            for rendition in product["renditions"]:
                self.tiles += 1
                key = "renditions/" + rendition["image_url"].partition("/renditions/")[2].partition("?")[0]
                if product["has_photo"]:
                    version = product["photos"][0]["image_url"].partition("?v=")[2]
                    if version not in {checksum[:8] for checksum in self.made_from[key]}:
                        self.broken.append(f"{product['name']} shows photo {version} with rendition {key}")
                if reads():
                    self.read(rendition["image_url"], key)

    def read(self, url: str, key: str) -> None:
        try:
            with OPENER.open(url, timeout=60) as response:
                if hashlib.md5(response.read()).hexdigest() not in key:
                    self.broken.append(f"{url} gave other bytes than its key names")
        except OSError as error:
            self.broken.append(f"{url}: {error}")


@pytest.mark.parametrize(
    ("dishes", "changes"), [(50, 100), pytest.param(150, 10_000, marks=[pytest.mark.long, pytest.mark.timeout(3600)])]
)
def test_no_tile_shows_a_rendition_of_another_photo(edge: Edge, ho: Simulator, dishes: int, changes: int) -> None:
    chance = random.Random(9)
    watcher = TileWatcher(edge.serve())
    photos: dict[str, str] = {}

    def put(name: str, number: int) -> None:
        body = picture((name, number))
        photos[name] = ho.put(name, body, photo=photos.get(name))
        for key in ho.put_renditions(photos[name], *renditions(number, 160, 320)):
            watcher.made_from.setdefault(key, set()).add(hashlib.md5(body).hexdigest())

    names = [f"Dish {number}" for number in range(dishes)]
    for number, name in enumerate(names):
        put(name, number)
    edge.json("sync")
    looking = threading.Thread(target=watcher.watch)
    looking.start()
    try:
        for first in range(dishes, dishes + changes, dishes):
            for number, name in enumerate(names, first):
                put(name, number)
            failing = {key for key in ho.bodies if chance.random() < 0.1}
            ho.on_image = lambda key, failing=failing: Response(404) if key in failing else None
            done = edge.run("sync")
            assert done.returncode in {0, 1}, done.stderr
        ho.on_image = None
        edge.run("sync")
    finally:
        watcher.stop.set()
        looking.join()
    assert edge.json("sync", "--full")["renditions"]["waiting"] == 0
    watcher.look(lambda: True)
    assert watcher.broken == []
    assert watcher.tiles > changes
    shown = _json(f"{watcher.pos}/api/products/?limit=1000")["products"]
    assert [len(product["renditions"]) for product in shown] == [2] * dishes


def _change(ho: Simulator, put: Callable[..., str], name: str, photos: list[str], turn: int, chance: random.Random) -> None:
    """Makes one random change at a head office that moves keys with the primary flag."""
    kind = chance.choice(["bytes", "primary", "swap", "type", "replace"])
    first, second = (ho.photos[photo] for photo in photos)
    seed = (name, turn, kind)
    if kind == "bytes":
        put(name, seed, photo=first["id"], key=first["object_key"], primary=first["is_primary"])
    elif kind == "primary":
        for photo in (first, second):
            _relist(ho, photo, is_primary=not photo["is_primary"])
    elif kind == "swap":
        one, two = first["object_key"], second["object_key"]
        ho.bodies[one], ho.bodies[two] = ho.bodies[two], ho.bodies[one]
        _relist(ho, first, object_key=two, is_primary=not first["is_primary"])
        _relist(ho, second, object_key=one, is_primary=not second["is_primary"])
    elif kind == "type":
        key = first["object_key"].rpartition(".")[0] + ".png"
        put(name, seed, photo=first["id"], key=key, primary=first["is_primary"], magic=PNG)
    else:
        ho.delete(photos[1])
        photos[1] = put(name, seed, primary=second["is_primary"], key=second["object_key"], sort_order=1)


def _relist(ho: Simulator, photo: dict[str, Any], **fields: object) -> None:
    ho.now += timedelta(seconds=1)
    photo.update(fields, updated_at=ho.now.isoformat())
    key, checksum = photo["object_key"], str(photo["checksum"])
    photo["image_url"] = f"{ho.url}/product-images/{key}?v={checksum[:8]}"


def _failing(keys: set[str], chance: random.Random) -> Callable[[str], Response | None]:
    return lambda key: _failure(key, chance) if key in keys else None


def _failure(key: str, chance: random.Random) -> Response:
    return chance.choice(
        [
            Response(503),
            Response(404, b"gone"),
            Response(200, b"<html>captive portal</html>"),
            Response(200, picture(key, 500), length=5_000),
            Response(200, picture((key, "other"), 2_000)),
        ]
    )


def _json(url: str) -> dict[str, Any]:
    with OPENER.open(url, timeout=60) as response:
        found: dict[str, Any] = json.loads(response.read())
        return found
