"""Requests some shown objects without a key, as tills do: a policy may deny to all what another statement allows."""

import zlib
from collections.abc import Collection
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Final

from etalase.edge.command_names import as_typed
from etalase.errors import ObjectStoreDenied, ObjectStoreError
from etalase.objectstore.bucket_policy import denials
from etalase.objectstore.client import ObjectStore
from etalase.protocol import KEY_PREFIX
from etalase.renditions import PUBLIC_PREFIXES

# The objects of each prefix that one look requests; each look requests others.
SAMPLE: Final = 2


class NotPublic(ObjectStoreDenied):
    """The bucket's policy is missing: the access key may read photos, a till may not. A run puts it back."""


class ReadDenied(ObjectStoreDenied):
    """The policy, or a proxy, denies to read what is shown, and no run can put that right."""


class PublicSample:
    """Chooses whole, shown objects: some of each prefix, and one that each Deny of the policy may be about."""

    def __init__(self, bucket: ObjectStore, *, seed: int) -> None:
        self._bucket, self._seed = bucket, seed
        self._chosen: dict[str, list[tuple[int, str]]] = {prefix: [] for prefix in PUBLIC_PREFIXES}
        self._denied: dict[str, str | None] = {}
        with suppress(ObjectStoreError):  # a key without the right to read the policy
            self._denied = dict.fromkeys(denials(bucket.policy() or b"", bucket.bucket, PUBLIC_PREFIXES))

    def add(self, key: str) -> None:
        """Offers a whole object that tills show."""
        prefix = next((one for one in PUBLIC_PREFIXES if key.startswith(one)), KEY_PREFIX)
        place = zlib.crc32(key.encode(), self._seed)
        chosen = self._chosen[prefix]
        if len(chosen) < SAMPLE or place < chosen[-1][0]:
            self._chosen[prefix] = sorted([*chosen, (place, key)])[:SAMPLE]
        if None in self._denied.values():
            resource = f"arn:aws:s3:::{self._bucket.bucket}/{key}"
            self._denied.update({one: key for one in self._denied if self._denied[one] is None and fnmatchcase(resource, one)})

    def check(self) -> None:
        """Reads the chosen objects. Raises :class:`NotPublic` or :class:`ReadDenied` where the store refuses one."""
        for key in dict.fromkeys([*filter(None, self._denied.values()), *self._keys()]):
            if not self._bucket.is_public(key):
                raise self._refused(key)

    def _keys(self) -> Collection[str]:
        return [key for chosen in self._chosen.values() for _, key in chosen]

    def _refused(self, key: str) -> ObjectStoreDenied:
        change = self._bucket.policy_change()
        if not self._denied and change is not None and change.is_needed:
            return NotPublic(
                "The photo store does not let the tills read photos: its policy was removed.",
                hint=as_typed("`etalase edge sync` puts it back."),
            )
        by = f"its policy denies {', '.join(self._denied)}" if self._denied else "its policy, or a proxy before it, denies it"
        return ReadDenied(
            f"The photo store does not let the tills read «{key}»: {by}.",
            hint=as_typed("No sync changes that: `etalase edge doctor` says what to remove."),
        )
