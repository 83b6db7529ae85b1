"""Requests and judges single objects for ``status``, in bounded number: photos and renditions by the same rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from etalase.edge.integrity import Damage, Described, damage, is_suspicion, was_put_since
from etalase.edge.sync.bucket_audit import Objects, judge_read
from etalase.objectstore.client import ObjectStore
from etalase.objectstore.model import ObjectInfo, ObjectRead

# A bad disk makes single objects unreadable; where so many are, the store does not work, or each request takes its time.
MAX_UNREADABLE: Final = 5
MAX_READS: Final = 20_000

# Objects that were read, by key, size and ETag: an equal ETag means equal bytes (RFC 9110, section 8.8.1).
Reads = dict[ObjectInfo, ObjectRead]


@dataclass(slots=True)
class Looks:
    """The looks of one comparison. ``left`` bounds its HEADs and its reads of marked objects.

    ``compared_at`` is when a run last compared everything: objects put since then get a HEAD, since a listing has no type.
    """

    bucket: ObjectStore
    compared_at: datetime | None
    reads: Reads
    left: int
    objects: Objects = field(init=False)

    def __post_init__(self) -> None:
        self.objects = Objects(self.bucket, MAX_UNREADABLE)

    def is_doubtful(self, row: Described, listed: ObjectInfo | None) -> bool:
        """Returns whether the listing does not prove that the object of ``row`` is as promised."""
        if listed is None or was_put_since(self.compared_at, listed):
            return True
        return damage(row.size, row.checksum, row.content_type, listed) is not None

    def there(self, key: str, listed: Mapping[str, ObjectInfo]) -> ObjectInfo | Damage:
        """Returns the object now; beyond the bound, as it was listed."""
        return self.objects.head(key) if self._may_look() else listed.get(key) or Damage.MISSING

    def judge(self, row: Described, there: ObjectInfo | Damage, *, marked: Damage | None) -> tuple[Damage | None, str | None]:
        """Returns the damage of a row's object, and its ETag; reads the object if the ETag does not prove its bytes.

        ``marked`` is the damage that an earlier look found: a bad disk changes neither the listing nor the ETag.
        """
        if isinstance(there, Damage):
            return there, None
        kind = damage(row.size, row.checksum, row.content_type, there)
        if kind is not None and not is_suspicion(kind, row.size, there):
            return kind, there.etag
        if marked is not None:
            if not self._may_look():
                return marked, None
            kind, found = judge_read(row, self.objects.read(row.object_key))
        elif kind is not None:
            kind, found = judge_read(row, self._read_once(there))
        else:
            return None, there.etag
        return kind, found.etag

    def _may_look(self) -> bool:
        if self.left <= 0 or self.objects.unreadable_left <= 0:
            return False
        self.left -= 1
        return True

    def _read_once(self, there: ObjectInfo) -> ObjectRead | Damage:
        """Returns the object as it was read under this ETag, with its type of now."""
        if there.etag and (known := self.reads.get(there)) is not None:
            return replace(known, content_type=there.content_type or known.content_type)
        read = self.objects.read(there.key)
        if isinstance(read, ObjectRead):
            if len(self.reads) >= MAX_READS:
                self.reads.clear()
            self.reads[there] = read
        return read
