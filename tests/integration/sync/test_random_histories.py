"""Checks random histories: changes at head office, faults of images and of the store, kills at any effect (I1, I2, I3)."""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain, repeat
from typing import Any

import psycopg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.integration.sync.conftest import Edge
from tests.integration.sync.effects import replayed
from tests.integration.sync.steps import forget_everything
from tests.simulator import JPEG, PNG, Response, picture

from etalase.edge.sync.services import Services
from etalase.errors import ObjectStoreAway, Reason
from etalase.objectstore.model import Body

HOURS_BETWEEN_RUNS = 25.0  # the bound on removals counts those of 24 hours


class Fate(Enum):
    """The fate of one request."""

    DONE = "done"
    REFUSED = "refused"
    MISSING = "missing"  # an image
    OTHER_BYTES = "other bytes"  # an image
    RESPONSE_LOST = "response lost"  # a put


@dataclass(frozen=True)
class Listed:
    """One photo that head office lists."""

    product: str
    key: str
    text: str
    is_primary: bool
    sort_order: int

    @property
    def body(self) -> bytes:
        """Returns the bytes, different for each text and type."""
        return picture(self.text, 300, magic=PNG if self.key.endswith(".png") else JPEG)


Menu = dict[str, Listed]


@dataclass(frozen=True)
class Step:
    """One run: of which menu and scope, with which faults, and the effect before which it is killed."""

    menu: Menu
    full: bool
    images: list[Fate] = field(default_factory=list)
    store: list[Fate] = field(default_factory=list)
    killed_before: int | None = None


@st.composite
def menus(draw: st.DrawFn) -> Menu:
    """Draws a menu that follows the guide: one content for one key, at most one primary photo for one product.

    Two menus drawn in a row share photos, keys and bytes, so that between them photos change, move, swap and vanish.
    """
    menu: Menu = {}
    text_at: dict[str, str] = {}
    has_primary: set[str] = set()
    for photo in draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=4)):
        product = draw(st.sampled_from(["sate", "soto"]))
        slot = draw(st.sampled_from(["primary.jpg", "primary.jpg", "primary.png", "side.jpg", ""]))
        key = f"products/{product}/{slot}" if slot else f"products/{photo}.jpg"
        text = text_at.setdefault(key, draw(st.sampled_from([f"{product} 1", f"{product} 2", f"{product} 3", "any product"])))
        is_primary = draw(st.booleans()) and product not in has_primary
        has_primary |= {product} if is_primary else set()
        menu[photo] = Listed(product, key, text, is_primary, draw(st.integers(0, 1)))
    return menu


image_fates = st.lists(st.sampled_from([Fate.DONE, Fate.REFUSED, Fate.MISSING, Fate.OTHER_BYTES]), max_size=6)
store_fates = st.lists(st.sampled_from([Fate.DONE, Fate.REFUSED, Fate.RESPONSE_LOST]), max_size=8)


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    """Draws runs over few menus, so that head office often returns to an earlier one."""
    menu = st.sampled_from(draw(st.lists(menus(), min_size=2, max_size=3)))
    step = st.builds(Step, menu, st.booleans(), image_fates, store_fates, st.none() | st.integers(0, 40))
    return draw(st.lists(step, min_size=2, max_size=4))


@dataclass
class Screen:
    """The view of a POS in a session of its own, and all bytes that head office ever promised, by product and by photo.

    By photo, because an object is there before its row: the row of a photo that moves to another product still has the old one.
    """

    edge: Edge
    session: psycopg.Connection[tuple[Any, ...]]
    promised: dict[str, set[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def promise(self) -> None:
        """Notes the bytes that head office lists now."""
        for wire in self.edge.ho.photos.values():
            for promised_to in (wire["product_id"], wire["id"]):
                self.promised.setdefault(promised_to, set()).add(wire["checksum"])

    def look(self, moment: str) -> None:
        """Notes each row whose URL does not give whole bytes that head office promised for its product (I1)."""
        found = {info.key: info.etag for info in self.edge.bucket.list("products/")}
        rows = self.session.execute("SELECT id::text, product_id::text, object_key FROM product_photo").fetchall()
        for photo, product, key in rows:
            if found.get(key) not in self.promised.get(product, set()) | self.promised.get(photo, set()):
                self.faults.append(f"{moment}: {key} gives {found.get(key)}, never promised for its product")

    def photos(self) -> dict[str, set[str]]:
        """Returns the photos of each product that has one."""
        shown: dict[str, set[str]] = {}
        for product, photo in self.session.execute("SELECT product_id::text, id::text FROM product_photo"):
            shown.setdefault(product, set()).add(photo)
        return shown


@dataclass
class FaultyBucket:
    """The real bucket, with drawn faults; a POS looks before and after each change of it."""

    real: Any
    screen: Screen
    fates: Iterator[Fate]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def put(self, key: str, body: Body, **options: Any) -> str:
        """Puts the object; raises the drawn fault instead, or after the put."""
        self.screen.look(f"before the put of {key}")
        fate = next(self.fates)
        if fate is Fate.REFUSED:
            raise ObjectStoreAway("no response")
        etag: str = self.real.put(key, body, **options)
        self.screen.look(f"after the put of {key}")
        if fate is Fate.RESPONSE_LOST:
            raise ObjectStoreAway("the response was lost")
        return etag

    def get(self, key: str) -> bytes:
        """Returns the bytes, or raises the drawn fault."""
        if next(self.fates) is Fate.REFUSED:
            raise ObjectStoreAway("no response")
        body: bytes = self.real.get(key)
        return body

    def delete(self, keys: Sequence[str]) -> None:
        """Deletes the objects."""
        self.real.delete(keys)
        self.screen.look(f"after the deletion of {keys}")


def list_menu(edge: Edge, menu: Menu) -> None:
    """Makes head office list the menu, and a dish that never changes: runs hold all removals of an empty list."""
    ho = edge.ho
    menu = menu | {"gado-gado": Listed("gado-gado", "products/gado-gado.jpg", "gado-gado", is_primary=True, sort_order=0)}
    wanted = {str(uuid.uuid5(uuid.NAMESPACE_URL, name)): listed for name, listed in menu.items()}
    for photo in [photo for photo in ho.photos if photo not in wanted]:
        ho.delete(photo)
    ho.deleted_ids = [photo for photo in ho.deleted_ids if photo not in wanted]
    for photo, listed in wanted.items():
        fields = (listed.product, listed.key, hashlib.md5(listed.body).hexdigest(), listed.is_primary, listed.sort_order)
        wire = ho.photos.get(photo)
        names = ("product_name", "object_key", "checksum", "is_primary", "sort_order")
        if wire is None or tuple(wire[name] for name in names) != fields:
            ho.put(
                listed.product,
                listed.body,
                photo=photo,
                key=listed.key,
                primary=listed.is_primary,
                sort_order=listed.sort_order,
            )


def image_response(fate: Fate) -> Response | None:
    """Returns head office's response instead of the image."""
    match fate:
        case Fate.REFUSED:
            return Response(503)
        case Fate.MISSING:
            return Response(404)
        case Fate.OTHER_BYTES:
            return Response(body=picture("other bytes", 300))
        case _:
            return None


def run_step(edge: Edge, screen: Screen, step: Step) -> list[str]:
    """Runs the step and checks what a POS sees (I1, I2). Returns the run's effects."""
    list_menu(edge, step.menu)
    screen.promise()
    images = chain(step.images, repeat(Fate.DONE))
    edge.ho.on_image = lambda _: image_response(next(images))
    before = screen.photos()

    def inject(services: Services) -> None:
        services.bucket = FaultyBucket(services.bucket, screen, chain(step.store, repeat(Fate.DONE)))

    effects, result = replayed(edge, full=step.full, killed_before=step.killed_before, inject=inject)

    assert result is None or result.error is None
    assert Reason.UNFORESEEN not in edge.reasons().values()
    screen.look("after the run")
    assert screen.faults == []
    listed, after = {wire["product_id"] for wire in edge.ho.photos.values()}, screen.photos()
    for product in (before.keys() & listed) - after.keys():
        # Two products may exchange their last photos, and one of these is not here yet (hazard 79).
        owed = {wire["id"] for wire in edge.ho.photos.values() if wire["product_id"] == product}
        assert owed & set().union(*after.values()), "a product lost its last photo"
    edge.hours_later += HOURS_BETWEEN_RUNS
    return effects.seen


@contextmanager
def new_edge(edge: Edge) -> Iterator[Screen]:
    """Yields the screen of an edge that has never run."""
    forget_everything(edge)
    edge.ho.photos.clear()
    edge.ho.bodies.clear()
    edge.ho.deleted_ids.clear()
    edge.settings |= {"TRIES": 1, "RECLAIM_GRACE": "0s"}
    with edge.other_connection() as session:
        yield Screen(edge, session)


def check_repair(edge: Edge, screen: Screen, menu: Menu, *, full: bool) -> None:
    """Asserts that two runs without faults make the edge equal to head office, and leave a third one no work (I3)."""
    for _ in range(2):
        run_step(edge, screen, Step(menu, full))
    edge.check_equals_head_office()
    assert edge.count("etalase_publish_intent") == edge.count("etalase_doubt") == edge.count("etalase_pending_photo") == 0
    before = edge.row_versions()
    effects = run_step(edge, screen, Step(menu, full=True))
    assert not [effect for effect in effects if effect.startswith(("put ", "fetch "))]
    assert edge.row_versions() == before
    assert edge.objects() == {row["object_key"] for row in edge.rows().values()}


A, B = "products/sate/a.jpg", "products/sate/b.jpg"


def dish(key: str, text: str) -> Listed:
    """Returns a photo of one dish."""
    return Listed("sate", key, text, is_primary=False, sort_order=0)


def test_a_key_is_not_taken_from_a_photo_that_could_not_move_away(edge: Edge) -> None:
    here, moved = {"a": dish(A, "1"), "b": dish(B, "2")}, {"a": dish("products/sate/away.jpg", "1"), "b": dish(A, "2")}
    with new_edge(edge) as screen:
        run_step(edge, screen, Step(here, full=True))
        # The run reads both bodies from the edge's bucket, and then the first put is refused.
        run_step(edge, screen, Step(moved, full=False, store=[Fate.DONE, Fate.DONE, Fate.REFUSED]))
        assert edge.bucket.get(A) == here["a"].body
        assert A in {row["object_key"] for row in edge.rows().values()}
        check_repair(edge, screen, moved, full=False)


def test_a_put_with_a_lost_response_is_noticed_although_head_office_returns_to_the_old_bytes(edge: Edge) -> None:
    old, new = {"a": dish(A, "old")}, {"a": dish(A, "new")}
    with new_edge(edge) as screen:
        run_step(edge, screen, Step(old, full=True))
        run_step(edge, screen, Step(new, full=False, store=[Fate.RESPONSE_LOST]))
        assert edge.bucket.get(A) == new["a"].body
        check_repair(edge, screen, old, full=False)


@pytest.mark.parametrize("examples", [6, pytest.param(150, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_under_any_history_the_pos_sees_promised_photos_and_two_runs_without_faults_repair_the_rest(
    edge: Edge, examples: int
) -> None:
    # A search for a shorter history takes minutes, more than a quick test has.
    @settings(max_examples=examples, database=None, phases=[Phase.generate, *([Phase.shrink] if examples > 100 else [])])
    @given(histories(), st.booleans())
    def check(history: list[Step], full: bool) -> None:
        with new_edge(edge) as screen:
            for step in history:
                run_step(edge, screen, step)
            check_repair(edge, screen, history[-1].menu, full=full)

    check()
