"""Checks the plan of a run, before any effect (invariants I1, I2, I3 and I5)."""

from collections.abc import Mapping, Sequence
from itertools import chain
from uuid import UUID

import pytest
from hypothesis import given
from tests.unit.strategies import MAX_PHOTO_BYTES, body_of, changed, feeds, md5, named, photo, row_of

from etalase.edge.sync.plan.model import Found, Kind, Plan, Row, Step, urgency
from etalase.edge.sync.plan.plan import normalised, one_primary, plan
from etalase.errors import Reason
from etalase.protocol import Photo


def plan_for(photos: Sequence[Photo], rows: Sequence[Row] = (), *, orphans: Mapping[str, str] | None = None) -> Plan:
    """Returns the plan, with every product known."""
    return plan(
        photos,
        rows,
        known_products={one.product_id for one in photos},
        max_photo_bytes=MAX_PHOTO_BYTES,
        orphans=orphans or {},
    )


def steps_of(result: Plan) -> list[Step]:
    """Returns all steps in order."""
    return list(chain.from_iterable(product.steps for product in result.products))


def actions_of(result: Plan) -> list[tuple[Kind, UUID]]:
    """Returns the kind and the photo of each step, in order."""
    return [(step.kind, step.photo.id) for step in steps_of(result)]


def is_empty(result: Plan) -> bool:
    """Returns whether the plan is empty."""
    return not result.products and not result.failed and not result.parked


# One photo


def test_a_new_photo_is_downloaded_to_a_free_key() -> None:
    (step,) = steps_of(plan_for([photo("a")]))
    assert (step.kind, step.replaces, step.overwrites_live_key, step.row_key) == (Kind.FETCH, None, False, None)


def test_an_unchanged_photo_is_skipped() -> None:
    result = plan_for([photo("a")], [row_of(photo("a"))])
    assert is_empty(result)
    assert result.unchanged == [named("a")]


def test_a_photo_with_changed_bytes_is_downloaded_and_replaces_the_old_object() -> None:
    old, new = photo("a", body="old"), photo("a", body="new", version=2)
    (step,) = steps_of(plan_for([new], [row_of(old)]))
    assert (step.kind, step.replaces, step.overwrites_live_key) == (Kind.FETCH, old.checksum, True)
    assert not step.heals


@pytest.mark.parametrize(
    "fields",
    [
        {"version": 2},
        {"filename": "other.jpg"},
        {"filename": None},
        {"sort_order": 9},
        {"is_primary": True},
    ],
)
def test_a_change_of_the_row_only_costs_no_download(fields: dict[str, object]) -> None:
    result = plan_for([changed(photo("a"), **fields)], [row_of(photo("a"))])
    assert actions_of(result) == [(Kind.ROW, named("a"))]
    assert [product.bytes_to_fetch for product in result.products] == [0]


def test_the_same_bytes_with_a_new_version_are_not_downloaded_again() -> None:
    assert actions_of(plan_for([photo("a", version=7)], [row_of(photo("a"))])) == [(Kind.ROW, named("a"))]


def test_a_newer_timestamp_alone_is_not_a_change() -> None:
    assert is_empty(plan_for([photo("a", minute=5)], [row_of(photo("a"))]))


def test_a_checksum_in_capitals_is_the_same_checksum() -> None:
    shouted = changed(photo("a"), checksum=(photo("a").checksum or "").upper())
    assert is_empty(plan_for([shouted], [row_of(photo("a"))]))


def test_nulls_become_the_guides_defaults() -> None:
    bare = photo("a", version=None, sort_order=None)
    assert (normalised(bare).version, normalised(bare).sort_order) == (1, 0)
    assert is_empty(plan_for([bare], [row_of(photo("a"))]))


def test_a_photo_without_its_product_is_parked() -> None:
    result = plan([photo("a")], [], known_products=set(), max_photo_bytes=MAX_PHOTO_BYTES)
    assert [one.id for one in result.parked] == [named("a")]
    assert not result.products


def test_a_photo_with_a_bad_field_fails_alone() -> None:
    result = plan_for([photo("a", checksum=None), photo("b")])
    assert [(one.id, error.reason) for one, error in result.failed] == [(named("a"), Reason.CHECKSUM_MISSING)]
    assert actions_of(result) == [(Kind.FETCH, named("b"))]


# Objects in the bucket


@pytest.mark.parametrize("found", [None, md5(b"rot"), "d41d8cd98f00b204e9800998ecf8427e-2"])
def test_a_damaged_or_lost_object_is_downloaded_again(found: str | None) -> None:
    (step,) = steps_of(plan_for([photo("a")], [row_of(photo("a")).with_object(Found(found))]))
    assert (step.kind, step.replaces, step.heals) == (Kind.FETCH, found, True)


def test_a_damaged_object_is_repaired_from_another_object_with_the_same_bytes() -> None:
    a, b = photo("a", body="same"), photo("b", body="same")
    (step,) = steps_of(plan_for([a, b], [row_of(a).with_object(Found(None)), row_of(b)]))
    assert (step.kind, step.photo.id, step.copy_from) == (Kind.COPY, named("a"), b.object_key)


def test_an_object_without_a_row_is_adopted_without_a_download() -> None:
    a = photo("a")
    assert actions_of(plan_for([a], orphans={a.object_key or "": a.checksum or ""})) == [(Kind.ROW, named("a"))]


def test_an_object_without_a_row_and_with_other_bytes_is_replaced() -> None:
    a = photo("a")
    (step,) = steps_of(plan_for([a], orphans={a.object_key or "": md5(b"other")}))
    assert (step.kind, step.replaces) == (Kind.FETCH, md5(b"other"))


# Keys that move (hazards 16, 19 and 55)


def test_the_same_bytes_under_another_key_are_copied_without_a_download() -> None:
    old, new = photo("a", key="products/p/primary.jpg"), photo("a", key="products/p/a.jpg")
    (step,) = steps_of(plan_for([new], [row_of(old)]))
    assert (step.kind, step.copy_from, step.row_key) == (Kind.COPY, old.object_key, old.object_key)
    assert [product.bytes_to_fetch for product in plan_for([new], [row_of(old)]).products] == [0]


def test_two_photos_that_swap_keys_are_both_held_in_memory_before_the_puts() -> None:
    a, b = photo("a", key="products/p/1.jpg"), photo("b", key="products/p/2.jpg")
    swapped = [changed(a, object_key=b.object_key), changed(b, object_key=a.object_key)]
    result = plan_for(swapped, [row_of(a), row_of(b)])
    assert [kind for kind, _ in actions_of(result)] == [Kind.COPY, Kind.COPY]
    assert result.products[0].entangled
    assert not result.failed


def test_the_old_primary_leaves_its_key_before_the_new_primary_takes_it() -> None:
    a = photo("a", key="products/p/primary.jpg", is_primary=True)
    b = photo("b", key="products/p/b.jpg")
    handed_over = [
        changed(b, object_key=a.object_key, is_primary=True),
        changed(a, object_key="products/p/a.jpg", is_primary=False),
    ]
    result = plan_for(handed_over, [row_of(a), row_of(b)])
    assert actions_of(result) == [(Kind.COPY, named("a")), (Kind.COPY, named("b"))]


def test_a_chain_of_moves_starts_at_its_free_end() -> None:
    one, two, three = (photo(name, key=f"products/p/{name}.jpg") for name in "abc")
    moved = [
        changed(one, object_key=two.object_key),
        changed(two, object_key=three.object_key),
        changed(three, object_key="products/p/free.jpg"),
    ]
    order = [id_ for _, id_ in actions_of(plan_for(moved, [row_of(one), row_of(two), row_of(three)]))]
    assert order == [named("c"), named("b"), named("a")]


def test_a_jpeg_that_becomes_a_webp_leaves_its_old_key() -> None:
    old = photo("a", key="products/p/primary.jpg")
    new = photo("a", key="products/p/primary.webp", content_type="image/webp")
    (step,) = steps_of(plan_for([new], [row_of(old)]))
    assert (step.kind, step.row_key, step.overwrites_live_key) == (Kind.FETCH, old.object_key, False)


def test_two_photos_can_share_an_object_with_the_same_bytes() -> None:
    a, b = (photo(name, key="products/p/shared.jpg", body="same") for name in "ab")
    assert not plan_for([a, b]).failed
    assert actions_of(plan_for([a, b], [row_of(a)])) == [(Kind.ROW, named("b"))]
    assert is_empty(plan_for([a, b], [row_of(a), row_of(b)]))


def test_two_photos_with_different_bytes_under_one_key_conflict_and_the_owner_keeps_it() -> None:
    a, b = photo("a", key="products/p/x.jpg"), photo("b", key="products/p/x.jpg", minute=9)
    result = plan_for([b, a], [row_of(a)])
    assert result.unchanged == [named("a")]
    assert [(one.id, error.reason) for one, error in result.failed] == [(named("b"), Reason.KEY_CONFLICT)]


def test_of_two_new_photos_with_one_key_the_newest_gets_it() -> None:
    a, b = photo("a", key="products/p/x.jpg"), photo("b", key="products/p/x.jpg", minute=9)
    result = plan_for([a, b])
    assert actions_of(result) == [(Kind.FETCH, named("b"))]
    assert [one.id for one, _ in result.failed] == [named("a")]


def test_a_key_of_another_product_is_never_taken_over() -> None:
    theirs = photo("theirs", product="q", key="products/q/x.jpg")
    ours = photo("ours", product="p", key="products/q/x.jpg")
    for rows in ([row_of(theirs)], []):
        result = plan_for([theirs, ours] if not rows else [ours], rows)
        assert [error.reason for _, error in result.failed] == [Reason.KEY_CONFLICT]
        assert all(step.photo.object_key != ours.object_key or step.photo.id != ours.id for step in steps_of(result))


def test_products_planned_in_different_slices_do_not_share_a_contested_key() -> None:
    p, q = (photo(name, product=name, key="products/x.jpg") for name in "pq")
    first = plan([p], [], known_products={p.product_id}, max_photo_bytes=MAX_PHOTO_BYTES)
    second = plan([q], [], known_products={q.product_id}, max_photo_bytes=MAX_PHOTO_BYTES, claims=first.claims)
    assert [len(result.failed) for result in (first, second)] == [0, 1]


def test_products_share_an_object_with_the_same_bytes_and_the_first_one_uploads_it() -> None:
    a, b, c = (photo(name, product=name, key="products/x.jpg", body="same") for name in "abc")
    b = changed(b, checksum=(b.checksum or "").upper())
    result = plan_for([a, b, c])
    assert not result.failed
    assert actions_of(result) == [(Kind.FETCH, a.id), (Kind.COPY, b.id), (Kind.COPY, c.id)]
    assert {step.copy_from for step in steps_of(result)} == {None, "products/x.jpg"}
    assert not any(product.entangled or product.displaced for product in result.products)
    assert actions_of(plan_for([a, b, c], [row_of(a)])) == [(Kind.ROW, b.id), (Kind.ROW, c.id)]
    assert is_empty(plan_for([a, b, c], [row_of(one) for one in map(normalised, (a, b, c))]))


@pytest.mark.parametrize("in_other_slice", [False, True])
def test_a_shared_object_changes_for_all_of_its_products_at_once(in_other_slice: bool) -> None:
    old = [photo(name, product=name, key="products/x.jpg", body="old") for name in "ab"]
    new = [photo(name, product=name, key="products/x.jpg", body="new", minute=1) for name in "ab"]
    rows = [row_of(one) for one in old]
    if in_other_slice:
        result = plan(
            new[:1],
            rows,
            known_products={named("a")},
            max_photo_bytes=MAX_PHOTO_BYTES,
            elsewhere={new[1].id: new[1]},
        )
    else:
        result = plan_for(new, rows)
    assert not result.failed
    assert all(not product.displaced for product in result.products)
    assert {step.photo.checksum for step in steps_of(result)} == {new[0].checksum}


def test_a_shared_object_does_not_change_for_one_of_its_products_alone() -> None:
    old = [photo(name, product=name, key="products/x.jpg", body="old") for name in "ab"]
    new = photo("a", product="a", key="products/x.jpg", body="new", minute=1)
    for rest in ([], [old[1]]):
        result = plan_for([new, *rest], [row_of(one) for one in old])
        assert [(one.id, error.reason) for one, error in result.failed] == [(new.id, Reason.KEY_CONFLICT)]
        assert not steps_of(result)


def test_the_bytes_decide_which_of_two_listed_sizes_is_wrong() -> None:
    a = photo("a", product="a", key="products/x.jpg", body="same")
    b = changed(photo("b", product="b", key="products/x.jpg", body="same"), size=(a.size or 0) + 1)
    assert plan_for([a, b]).failed == []
    ((failed, error),) = plan_for([a, b], [row_of(a)]).failed
    assert (failed.id, error.reason) == (b.id, Reason.HO_CONTRADICTS_ITSELF)
    assert str(a.size) in error.detail


def test_bytes_of_any_object_in_the_bucket_are_copied_without_a_download() -> None:
    new = photo("a")
    result = plan(
        [new],
        [],
        known_products={new.product_id},
        max_photo_bytes=MAX_PHOTO_BYTES,
        copies={new.checksum or "": "products/elsewhere.jpg"},
    )
    (step,) = steps_of(result)
    assert (step.kind, step.copy_from) == (Kind.COPY, "products/elsewhere.jpg")
    assert not result.products[0].entangled


def test_a_row_that_is_not_on_the_list_gives_its_key_up_to_the_listed_photo() -> None:
    gone, new = photo("gone", key="products/p/primary.jpg"), photo("new", key="products/p/primary.jpg")
    (product,) = plan_for([new], [row_of(gone)]).products
    assert product.displaced == ((named("gone"), "products/p/primary.jpg"),)


# The store's own rows


@pytest.mark.parametrize(("found", "is_refused"), [(photo("own").checksum, True), ("other bytes", False), (None, False)])
def test_a_listed_photo_takes_the_key_of_an_own_row_only_where_no_bytes_of_it_are_lost(
    found: str | None, is_refused: bool
) -> None:
    own, new = photo("own", key="products/p/primary.jpg"), photo("new", key="products/p/primary.jpg")
    row = row_of(own).with_object(Found(found))
    result = plan([new], [row], known_products={new.product_id}, max_photo_bytes=MAX_PHOTO_BYTES, own={own.id})
    assert [error.reason for _, error in result.failed] == [Reason.KEY_IS_OWN] * is_refused
    assert all(product.displaced == () for product in result.products)


def test_an_own_row_keeps_its_primary_flag_and_takes_none_from_a_listed_photo() -> None:
    own, listed = (
        photo("own", key="products/p/own.jpg", is_primary=True),
        photo("listed", key="products/p/l.jpg", is_primary=True),
    )
    rows = [row_of(own), row_of(listed)]
    assert is_empty(plan([listed], rows, known_products={listed.product_id}, max_photo_bytes=MAX_PHOTO_BYTES, own={own.id}))


def test_an_own_row_that_head_office_lists_is_planned_like_any_other() -> None:
    own, new = photo("own", key="products/p/old.jpg"), photo("own", key="products/p/new.jpg")
    result = plan([new], [row_of(own)], known_products={new.product_id}, max_photo_bytes=MAX_PHOTO_BYTES, own={own.id})
    assert [step.row_key for step in steps_of(result)] == ["products/p/old.jpg"]


def test_a_photo_that_moves_to_another_product_keeps_its_bytes() -> None:
    before, after = photo("a", product="p", key="products/x.jpg"), photo("a", product="q", key="products/x.jpg")
    assert actions_of(plan_for([after], [row_of(before)])) == [(Kind.ROW, named("a"))]


def test_a_photo_with_unchanged_bytes_costs_no_download_while_its_siblings_swap_keys() -> None:
    a, b, c = (photo(name) for name in "abc")
    swapped = [changed(a, object_key=b.object_key), changed(b, object_key=a.object_key), changed(c, sort_order=1)]
    steps = steps_of(plan_for(swapped, [row_of(one) for one in (a, b, c)]))
    assert {step.photo.id: step.kind for step in steps} == {a.id: Kind.COPY, b.id: Kind.COPY, c.id: Kind.ROW}


# Primary photos (invariant I5)


def test_of_two_primary_photos_the_newest_wins_and_the_conflict_is_noticed() -> None:
    a, b = photo("a", is_primary=True, minute=1), photo("b", is_primary=True, minute=2)
    result = plan_for([a, b])
    assert [(step.photo.id, step.photo.is_primary) for step in steps_of(result)] == [(named("a"), False), (named("b"), True)]
    assert result.several_primaries == [named("p")]
    settled, _, _ = one_primary([a, b], [])
    assert is_empty(plan_for([a, b], [row_of(one) for one in settled]))


def test_a_primary_row_that_is_not_on_the_list_is_demoted_before_the_new_primary() -> None:
    old, new = photo("old", is_primary=True), photo("new", is_primary=True, minute=1)
    result = plan_for([new], [row_of(old)])
    assert actions_of(result) == [(Kind.ROW, named("old")), (Kind.FETCH, named("new"))]
    assert not result.several_primaries


def test_all_primary_rows_that_are_not_on_the_list_are_demoted() -> None:
    rows = [row_of(photo(name, is_primary=True)) for name in ("old", "older")]
    demoted = {
        step.photo.id for step in steps_of(plan_for([photo("new", is_primary=True, minute=1)], rows)) if step.row_is_primary
    }
    assert demoted == {named("old"), named("older")}


def test_a_listed_primary_yields_to_a_row_that_head_office_made_primary_later() -> None:
    newer = photo("newer", is_primary=True, minute=5)
    result = plan_for([photo("a", is_primary=True)], [row_of(newer)])
    assert [(step.photo.id, step.photo.is_primary) for step in steps_of(result)] == [(named("a"), False)]


def test_primary_photos_come_before_others_and_small_photos_before_large_ones() -> None:
    photos = [
        changed(photo("side", product="m"), size=1),
        changed(photo("large", product="l", is_primary=True), size=900),
        changed(photo("small", product="m", is_primary=True), size=10),
        changed(photo("large side", product="m"), size=1000),
    ]
    first_to_last = sorted(plan_for(photos).products, key=urgency)
    order = [step.photo.id for product in first_to_last for step in product.steps]
    assert order == [named("small"), named("large"), named("side"), named("large side")]


def test_an_entangled_product_holds_all_its_bytes_in_memory_and_any_other_its_largest_photo() -> None:
    a, b = photo("a", body="1"), photo("b", body="2")
    size = len(body_of("1"))
    assert plan_for([a, b]).products[0].bytes_in_hand == size
    swapped = [changed(a, object_key=b.object_key), changed(b, object_key=a.object_key)]
    assert plan_for(swapped, [row_of(a), row_of(b)]).products[0].bytes_in_hand == 2 * size


# Properties of every feed


@given(feeds(), feeds())
def test_no_put_overwrites_a_live_key_before_its_owner_has_moved(before: tuple[Photo, ...], after: tuple[Photo, ...]) -> None:
    rows = _settled(before)
    for product in plan_for(after, rows).products:
        moving = {step.photo.id: step for step in product.steps}
        placed: set[UUID] = set()
        for step in product.steps:
            owners = [row.id for row in rows if row.object_key == step.photo.object_key]
            late = [id_ for id_ in owners if id_ in moving and id_ not in placed and id_ != step.photo.id]
            # Only a ring of moves overwrites a live key, and then all bodies are in memory first.
            assert not late or step.kind is Kind.ROW or product.entangled
            placed.add(step.photo.id)


@given(feeds())
def test_the_plan_of_a_feed_that_is_already_here_is_empty(feed: tuple[Photo, ...]) -> None:
    assert is_empty(plan_for(feed, _settled(feed)))


def _settled(feed: tuple[Photo, ...]) -> list[Row]:
    """Returns the rows of an edge that equals the feed (invariant I3)."""
    of: dict[UUID, list[Photo]] = {}
    for one in feed:
        of.setdefault(one.product_id, []).append(normalised(one))
    return [row_of(one) for product in of.values() for one in one_primary(product, [])[0]]
