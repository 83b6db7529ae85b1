"""Checks the bound on removals (hazard 14, invariants I2 and I4)."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.strategies import named

from etalase.edge.sync.plan.removal_bound import Candidate, Cause, Decision, decide

PROVED = [Cause.DELETED_ID, Cause.SWEEP]
SUSPECT = [Cause.EMPTY_FEED, Cause.UNPROVED_FEED]


def last_photos(count: int, cause: Cause = Cause.DELETED_ID) -> list[Candidate]:
    """Returns candidates that are each the only photo of their product."""
    return [Candidate(named(f"photo {n}"), named(f"product {n}"), cause) for n in range(count)]


def decided(
    candidates: list[Candidate], *, others: dict[UUID, set[UUID]] | None = None, with_photo: int = 10, bared: int = 0
) -> Decision:
    """Returns the decision; ``others`` are photos besides the candidates."""
    photos_of: dict[UUID, set[UUID]] = {product: set(photos) for product, photos in (others or {}).items()}
    for candidate in candidates:
        photos_of.setdefault(candidate.product_id, set()).add(candidate.photo_id)
    return decide(candidates, photos_of, awaiting=(), products_with_a_photo=with_photo, bared_lately=bared)


@pytest.mark.parametrize(
    ("bare", "with_photo", "bared_lately", "applied"),
    [
        (1, 1, 0, True),
        (3, 3, 0, True),  # max(3, …): a small menu may lose three
        (4, 10, 0, False),
        (3, 10, 0, True),
        (20, 100, 0, True),
        (21, 100, 0, False),
        (1, 97, 3, True),
        (1, 7, 3, False),  # a few each hour
        (10, 90, 10, True),
        (11, 90, 10, False),
        (1, 80, 20, False),
        (1000, 1000, 0, False),
    ],
)
def test_at_most_three_or_a_fifth_of_the_products_lose_their_last_photo_within_a_day(
    bare: int, with_photo: int, bared_lately: int, applied: bool
) -> None:
    decision = decided(last_photos(bare), with_photo=with_photo, bared=bared_lately)
    assert len(decision.apply) == (bare if applied else 0)
    assert len(decision.hold) == (0 if applied else bare)
    assert len(decision.bare) == (bare if applied else 0)


@pytest.mark.parametrize("cause", PROVED)
def test_a_removal_with_a_remaining_sibling_is_unlimited(cause: Cause) -> None:
    candidates = [Candidate(named(f"photo {n}"), named(f"product {n}"), cause) for n in range(500)]
    others = {candidate.product_id: {named("stays")} for candidate in candidates}
    decision = decided(candidates, others=others, with_photo=500)
    assert len(decision.apply) == 500
    assert not decision.bare


def test_the_removal_of_all_photos_of_a_product_at_once_leaves_it_bare() -> None:
    candidates = [Candidate(named(name), named("p"), Cause.SWEEP) for name in "abc"]
    assert decided(candidates).bare == {named("p")}
    assert decided(candidates, bared=3).hold == candidates


@pytest.mark.parametrize("cause", SUSPECT)
def test_removals_from_an_empty_or_unproved_feed_are_always_held(cause: Cause) -> None:
    one = Candidate(named("a"), named("p"), cause)
    assert decided([one]).hold == [one]
    assert decided([one], others={named("p"): {named("stays")}}).hold == [one]


def test_the_last_photo_waits_until_its_successor_is_published() -> None:
    (gone,) = last_photos(1)
    decision = decide(
        [gone], {gone.product_id: {gone.photo_id}}, awaiting={gone.product_id}, products_with_a_photo=10, bared_lately=0
    )
    assert (decision.wait, decision.apply, decision.hold) == ([gone], [], [])


def test_a_photo_with_a_published_successor_is_removed() -> None:
    (gone,) = last_photos(1)
    assert decided([gone], others={gone.product_id: {named("new")}}).apply == [gone]


def test_too_many_bare_products_do_not_hold_photos_with_a_remaining_sibling() -> None:
    harmless = Candidate(named("spare"), named("rich"), Cause.DELETED_ID)
    decision = decided([*last_photos(9), harmless], others={named("rich"): {named("stays")}})
    assert decision.apply == [harmless]
    assert len(decision.hold) == 9


def test_nothing_to_remove_removes_nothing() -> None:
    assert decided([]) == Decision()


photos = st.tuples(st.integers(0, 6), st.integers(0, 3))
candidates_and_rest = st.tuples(st.dictionaries(photos, st.sampled_from(list(Cause))), st.sets(photos))


@given(candidates_and_rest, st.sets(st.integers(0, 6)), st.integers(0, 40), st.integers(0, 10))
def test_the_removal_bound_holds_for_any_removals_by_head_office(
    gone_and_rest: tuple[dict[tuple[int, int], Cause], set[tuple[int, int]]],
    awaiting_products: set[int],
    more_products: int,
    bared_lately: int,
) -> None:
    gone, rest = gone_and_rest
    photos_of: dict[UUID, set[UUID]] = {}
    for product, number in {*gone, *rest}:
        photos_of.setdefault(named(f"p{product}"), set()).add(named(f"p{product}/{number}"))
    candidates = [Candidate(named(f"p{p}/{n}"), named(f"p{p}"), cause) for (p, n), cause in gone.items()]
    awaiting = {named(f"p{product}") for product in awaiting_products}
    with_photo = len(photos_of) + more_products
    decision = decide(candidates, photos_of, awaiting=awaiting, products_with_a_photo=with_photo, bared_lately=bared_lately)

    sorted_out = [*decision.apply, *decision.hold, *decision.wait]
    assert sorted(sorted_out, key=str) == sorted(candidates, key=str)
    applied = {candidate.photo_id for candidate in decision.apply}
    bare = {product for product, ids in photos_of.items() if ids <= applied}
    assert bare == decision.bare
    assert not bare or bared_lately + len(bare) <= max(3, 0.2 * (with_photo + bared_lately))
    assert not any(candidate.cause.is_suspect for candidate in decision.apply)
    assert not bare & awaiting
