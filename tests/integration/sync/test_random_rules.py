"""Checks runs under random rules of the customer's and random changes at head office (invariants I1 to I3, hazard 68)."""

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.integration.sync.conftest import Edge
from tests.integration.sync.customer_rules import BLOCKING, CHANGING, FORBIDDEN, NEEDS_A_VALUE, REFUSING, Rule, added
from tests.simulator import picture

DISHES, PHOTOS_EACH = 4, 2
ACTIONS = ("new bytes", "new name", "forbidden name", "forbidden bytes", "allowed again", "delete", "new dish", "banner")
STATE = ("etalase_sync_run", "etalase_checkpoint", "etalase_pending_photo", "etalase_removal", "etalase_doubt",
         "etalase_publish_intent", "etalase_reclaim", "product_photo", "product")  # fmt: skip

Action = tuple[str, int, int]
step = st.tuples(
    st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, DISHES - 1), st.integers(0, PHOTOS_EACH - 1)), max_size=5),
    st.booleans(),
)


def _subject(rule: Rule) -> str:
    """Returns what can only be there once: a table, or a column's type."""
    is_type = (
        "ALTER filename TYPE" in rule.add or "GENERATED" in rule.add
    )  # PostgreSQL changes no type below a generated column
    return "banner" if "promo_banner" in rule.add else "type" if is_type else rule.named


# One rule of each subject, so that they can be added together.
rules = st.lists(st.sampled_from([*REFUSING, *BLOCKING, CHANGING, NEEDS_A_VALUE]), max_size=4, unique_by=_subject)


@dataclass
class HeadOffice:
    """The dishes of head office, with the bytes that it has promised for each."""

    edge: Edge
    photos: dict[tuple[int, int], str] = field(default_factory=dict)
    count: int = 0
    promised: dict[str, set[str]] = field(default_factory=dict)

    def put(self, dish: int, number: int, *, name: str, order: int, body: bytes | None = None) -> None:
        """Lists a photo: new, or in another form."""
        self.count += 1
        known = self.photos.get((dish, number))
        wire = self.edge.ho.photos.get(known or "")
        bytes_ = body or (self.edge.ho.bodies[wire["object_key"]] if wire else picture(self.count))
        # An own key for each photo, so that only rules refuse.
        key = wire["object_key"] if wire else f"products/{dish}-{number}-{self.count}.jpg"
        self.photos[dish, number] = photo = self.edge.ho.put(
            f"dish {dish}", bytes_, photo=known, key=key, primary=number == 0, filename=name, sort_order=order
        )
        product = self.edge.ho.photos[photo]["product_id"]
        self.promised.setdefault(product, set()).add(hashlib.md5(bytes_).hexdigest())

    def do(self, action: str, dish: int, number: int) -> None:
        """Changes the list."""
        photo = self.photos.get((dish, number))
        self.count += 1
        usual = f"{dish}-{number}-{self.count}.jpg"
        forbidden = f"{FORBIDDEN}, nama yang panjang {self.count}"
        match action:
            case "delete":
                if photo is not None:
                    self.edge.ho.delete(self.photos.pop((dish, number)))
            case "banner":
                table = self.edge.query("SELECT to_regclass('promo_banner') AS name")[0]["name"]
                if table and photo in self.edge.rows():
                    self.edge.query("INSERT INTO promo_banner (photo_id) VALUES (%s)", photo)
            case "new bytes" | "new dish" | "allowed again":
                self.put(dish, number, name=usual, order=number, body=picture(self.count))
            case "new name":
                self.put(dish, number, name=usual, order=number)
            case "forbidden name":
                self.put(dish, number, name=forbidden, order=0)
            case _:
                self.put(dish, number, name=forbidden, order=0, body=picture(self.count, 40_000))


def check_screen(edge: Edge, office: HeadOffice) -> None:
    """Asserts that each row leads to whole bytes that head office promised for a photo of its product."""
    for row in edge.rows().values():
        assert edge.md5_at(row["object_key"]) in office.promised[str(row["product_id"])]


def check_others(edge: Edge, chosen: list[Rule]) -> None:
    """Asserts that a photo that breaks no rule is as head office lists it, and that only the others are on the retry list."""
    rows, reasons = edge.rows(), edge.reasons()
    assert set(reasons.values()) <= {"row_refused"}
    for photo, wire in edge.ho.photos.items():
        is_offending = str(wire["filename"]).startswith(FORBIDDEN) or wire["size"] > 0x7FFF
        siblings = [other for other in edge.ho.photos.values() if other["product_id"] == wire["product_id"]]
        of_offender = any(str(other["filename"]).startswith(FORBIDDEN) for other in siblings)
        # A photo that a rule keeps has its place in the order.
        of_offender |= any(
            str(row["product_id"]) == wire["product_id"] for id_, row in rows.items() if edge.removals().get(id_) == "held"
        )
        is_new_row = NEEDS_A_VALUE in chosen
        if photo in reasons:
            assert is_offending or of_offender or is_new_row, wire["filename"]
        else:
            assert rows[photo]["checksum"] == wire["checksum"]
            assert rows[photo]["object_key"] == wire["object_key"]
            assert rows[photo]["is_primary"] == wire["is_primary"]


@pytest.mark.long
def test_each_run_keeps_the_screen_right_under_random_rules_and_heals_once_they_are_gone(edge: Edge) -> None:
    @settings(max_examples=25, database=None, phases=[Phase.generate])
    @given(rules, st.lists(step, min_size=1, max_size=4))
    def check(chosen: list[Rule], steps: list[tuple[list[Action], bool]]) -> None:
        for table in STATE:
            edge.query(f"DELETE FROM {table}")
        edge.ho.photos.clear()
        edge.ho.deleted_ids.clear()
        office = HeadOffice(edge)
        for dish in range(DISHES):
            for number in range(PHOTOS_EACH):
                office.put(dish, number, name=f"{dish}-{number}.jpg", order=number)
        assert edge.sync().outcome == "success"
        with ExitStack() as there:
            there.enter_context(added(*chosen))
            for actions, full in steps:
                for action in actions:
                    office.do(*action)
                report = edge.sync(full=full)
                assert report.error is None
                assert report.outcome in {"success", "partial", "held"}
                check_screen(edge, office)
                check_others(edge, chosen)
                assert edge.count("etalase_publish_intent") == 0
        for full in (False, True):
            assert edge.sync(full=full).error is None
            check_screen(edge, office)
        assert edge.reasons() == {}
        if not edge.removals() or "held" not in edge.removals().values():
            edge.check_equals_head_office()

    check()
