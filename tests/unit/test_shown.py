"""Which photo a till shows (invariant I5)."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from etalase.edge.shown import place

Photo = tuple[UUID, bool, bool | None, int | None]

photos = st.lists(
    st.tuples(st.uuids(), st.booleans(), st.booleans() | st.none(), st.integers(-2, 2) | st.none()),
    min_size=1,
    unique_by=lambda photo: photo[0],
)


def placed(photo: Photo) -> tuple[bool, bool, int, UUID]:
    """Where the photo stands."""
    id_, damaged, is_primary, sort_order = photo
    return place(id_, damaged=damaged, is_primary=is_primary, sort_order=sort_order)


@given(photos)
def test_exactly_one_photo_is_shown_and_a_whole_one_wherever_there_is_one(some: list[Photo]) -> None:
    shown = min(some, key=placed)
    assert sum(placed(photo) == placed(shown) for photo in some) == 1
    whole = [photo for photo in some if not photo[1]]
    among = whole or some
    assert shown in among
    if any(photo[2] for photo in among):
        assert shown[2]


def test_a_database_orders_ids_as_python_does() -> None:
    first, second = UUID("00000000-0000-4000-8000-0000000000ff"), UUID("10000000-0000-4000-8000-000000000000")
    assert placed((first, False, None, None)) < placed((second, False, False, 0))
