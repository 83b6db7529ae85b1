"""Simulates a bucket on a rotting disk: the listing stays the same. A healthy disk cannot be made to do that."""

from collections.abc import Callable
from typing import Any

from etalase.edge.status.collect import look
from etalase.edge.status.looks import Reads
from etalase.edge.status.snapshot import Comparison
from etalase.edge.sync.services import Services
from etalase.errors import ObjectStoreAway
from etalase.objectstore.model import ObjectRead
from etalase.own_bucket import own_bucket
from etalase.settings.edge import EdgeSettings


class Rotting:
    """The real bucket, whose object under ``key`` has other bytes or is unreadable until the next put."""

    def __init__(self, key: str, *, unreadable: bool = False) -> None:
        self.key, self.unreadable = key, unreadable
        self.mended = False

    def over(self, bucket: Any) -> Any:
        """Returns ``bucket`` on the rotting disk."""
        return _Bucket(self, bucket)

    def look(self, settings: EdgeSettings, reads: Reads | None = None) -> Comparison:
        """Compares this bucket with the rows, as ``status`` does."""
        return look(settings, reads, open_bucket=lambda *args, **options: self.over(own_bucket(*args, **options)))

    @property
    def inject(self) -> Callable[[Services], None]:
        """Returns a function that puts the bucket of a run on the rotting disk."""

        def inject_disk(services: Services) -> None:
            services.bucket = self.over(services.bucket)

        return inject_disk


class _Bucket:
    def __init__(self, disk: Rotting, real: Any) -> None:
        self._disk, self._real = disk, real

    def read_through(self, key: str) -> ObjectRead:
        if key == self._disk.key and not self._disk.mended:
            if self._disk.unreadable:
                raise ObjectStoreAway("HTTP 503 SlowDownRead")
            read: ObjectRead = self._real.read_through(key)
            return ObjectRead("0" * 32, read.content_type)
        whole: ObjectRead = self._real.read_through(key)
        return whole

    def put(self, key: str, *args: Any, **kwargs: Any) -> str:
        etag = str(self._real.put(key, *args, **kwargs))
        self._disk.mended = self._disk.mended or key == self._disk.key
        return etag

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)
