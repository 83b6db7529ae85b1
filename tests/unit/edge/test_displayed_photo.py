"""Checks which photo a POS shows (invariant I5) and which products it hides."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etalase.edge.displayed_photo import Namesake, place, replaced

Photo = tuple[UUID, bool, bool | None, int | None]

photos = st.lists(
    st.tuples(st.uuids(), st.booleans(), st.booleans() | st.none(), st.integers(-2, 2) | st.none()),
    min_size=1,
    unique_by=lambda photo: photo[0],
)


def placed(photo: Photo) -> tuple[bool, bool, int, UUID]:
    """Returns the position of the photo."""
    id_, damaged, is_primary, sort_order = photo
    return place(id_, damaged=damaged, is_primary=is_primary, sort_order=sort_order)


@given(photos)
def test_exactly_one_photo_is_displayed_and_a_whole_one_if_there_is_one(some: list[Photo]) -> None:
    shown = min(some, key=placed)
    assert sum(placed(photo) == placed(shown) for photo in some) == 1
    whole = [photo for photo in some if not photo[1]]
    among = whole or some
    assert shown in among
    if any(photo[2] for photo in among):
        assert shown[2]


def test_the_database_orders_ids_as_python_does() -> None:
    first, second = UUID("00000000-0000-4000-8000-0000000000ff"), UUID("10000000-0000-4000-8000-000000000000")
    assert placed((first, False, None, None)) < placed((second, False, False, 0))


# Products with a new id

OLD, NEW, THIRD = UUID(int=1), UUID(int=2), UUID(int=3)


def product(id_: UUID, sku: str = "05018970", name: str = "SATE", *, listed: bool = True, photo: bool = True) -> Namesake:
    """Adds a product; by default it is listed and has a photo."""
    return Namesake(id_, sku, name, listed, photo)


@pytest.mark.parametrize(
    ("products", "left_out"),
    [
        ([], set()),
        ([product(OLD)], set()),
        ([product(OLD, listed=False)], set()),
        ([product(OLD, listed=False), product(NEW)], {OLD}),
        ([product(OLD, listed=False, photo=False), product(NEW)], {OLD}),
        ([product(OLD, listed=False, name="SATE AYAM"), product(NEW)], {OLD}),
        ([product(OLD, "05018970 ", listed=False), product(NEW)], {OLD}),
        ([product(OLD, listed=False), product(NEW, photo=False)], set()),
        ([product(OLD, listed=False), product(NEW, listed=False)], set()),
        ([product(OLD), product(NEW)], set()),
        ([product(OLD, "", listed=False), product(NEW, "")], set()),
        ([product(OLD, " ", listed=False), product(NEW, " ")], set()),
        ([product(OLD, "1", listed=False), product(NEW, "2")], set()),
        ([product(OLD, listed=False), product(NEW, listed=False), product(THIRD)], {OLD, NEW}),
        # One SKU for two dishes on purpose: only the dish with the same name replaces it.
        ([product(OLD, name="TEH", listed=False), product(NEW), product(THIRD, name="KOPI")], set()),
        ([product(OLD, listed=False), product(NEW), product(THIRD, name="KOPI")], {OLD}),
        ([product(OLD, listed=False), product(NEW, photo=False), product(THIRD, name="KOPI")], set()),
    ],
)
def test_the_old_row_of_a_product_with_a_new_id_is_hidden(products: list[Namesake], left_out: set[UUID]) -> None:
    assert replaced(products) == left_out
    assert replaced(reversed(products)) == left_out


namesakes = st.lists(
    st.builds(Namesake, st.uuids(), st.sampled_from(["", "1", "2"]), st.sampled_from("ab"), st.booleans(), st.booleans()),
    unique_by=lambda product: product.id,
)


@given(namesakes)
def test_listed_products_are_shown_and_every_sku_stays_on_the_screen(products: list[Namesake]) -> None:
    left_out = replaced(products)
    shown = [one for one in products if one.id not in left_out]
    assert {one.id for one in products if one.is_listed} <= {one.id for one in shown}
    for one in products:
        if one.id in left_out:
            assert any(other.sku == one.sku and other.is_listed and other.has_whole_photo for other in shown)
