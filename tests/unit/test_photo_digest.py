"""Checks the digest of a store's photos: equal for equal photos, and only for them."""

import hashlib
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.strategies import changed, photo, row_of

from etalase.edge.sync.plan.plan import differs, normalised
from etalase.photo_digest import photos_digest
from etalase.protocol import Photo

# Texts that an encoding could confuse: its own separator and escapes, null and its name, empty, other alphabets.
texts = st.none() | st.text(alphabet="|\\\\N\0é日", max_size=4)
numbers = st.none() | st.integers(-1, 2)
COVERED = {
    "object_key": texts,
    "filename": texts,
    "size": numbers,
    "content_type": texts,
    "checksum": texts,
    "version": numbers,
    "is_primary": st.booleans(),
    "sort_order": numbers,
}
odd_fields = st.fixed_dictionaries(COVERED)


@given(odd_fields, odd_fields, st.sets(st.sampled_from([*COVERED]), max_size=2))
def test_digests_are_equal_if_and_only_if_the_covered_fields_are(
    fields: dict[str, Any], others: dict[str, Any], moved: set[str]
) -> None:
    one = changed(photo(), **fields)
    other = changed(one, **{name: others[name] for name in moved}, product_name="renamed", image_url="elsewhere")

    def covered(of: Photo) -> dict[str, Any]:
        return {
            **{name: getattr(of, name) for name in COVERED},
            "checksum": of.checksum and of.checksum.lower(),
            "version": 1 if of.version is None else of.version,
            "sort_order": of.sort_order or 0,
        }

    assert (photos_digest([one]) == photos_digest([other])) == (covered(one) == covered(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a|b", "c"), ("a", "b|c")), (("a\\", "|b"), ("a", "\\|b")), (("a\\", "b"), ("a\\|b", "")), ((None, "a"), ("\\N", "a"))],
)
def test_a_digest_depends_on_field_boundaries_and_nulls(one: tuple[str | None, str], other: tuple[str | None, str]) -> None:
    first, second = (photos_digest([changed(photo(), object_key=key, filename=name)]) for key, name in (one, other))
    assert first != second


@pytest.mark.parametrize("field", [*COVERED, "product_id"])
def test_a_row_has_the_digest_of_its_photo_until_they_differ(field: str) -> None:
    listed = photo(checksum="5CD6A73F49B355A6FD4347F5DD0A2338", version=None, sort_order=None)
    row = row_of(normalised(listed), updated_at=None)
    assert not differs(normalised(listed), row)
    assert photos_digest([row]) == photos_digest([listed])
    other = {"is_primary": True, "product_id": UUID(int=7)}.get(field, 7 if field in {"size", "version", "sort_order"} else "x")
    changed_row = row_of(normalised(listed), **{field: other})
    assert differs(normalised(listed), changed_row)
    assert photos_digest([changed_row]) != photos_digest([listed])


def test_a_digest_of_one_photo_differs_from_none_and_from_another() -> None:
    one, two = sorted((photo("a"), photo("b")), key=lambda p: p.id)
    assert len({photos_digest(photos) for photos in ([], [one], [two], [one, two])}) == 4
    assert photos_digest(iter([])) == hashlib.md5(b"").hexdigest()


def test_photos_out_of_order_have_no_digest() -> None:
    one, two = sorted((photo("a"), photo("b")), key=lambda p: p.id)
    for wrong in ([two, one], [one, one]):
        with pytest.raises(ValueError, match="out of order"):
            photos_digest(wrong)
