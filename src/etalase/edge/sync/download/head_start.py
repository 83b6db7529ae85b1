"""Downloads photos or renditions of an empty edge while head office's list is still pulled and planned (ADR 0037).

An empty edge wants almost all that head office lists. Nothing is published ahead of the plan: bytes that the plan does not ask
for are dropped.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

from etalase.edge.sync.download.images import SPOOL_FROM_BYTES
from etalase.edge.sync.download.proof import Promised
from etalase.errors import PhotoError, ReasonClass
from etalase.objectstore.model import Body

P = TypeVar("P", bound=Promised)

# As much as a link of 30 Mbit/s carries in the two seconds between the first page and the plan.
MAX_BYTES: Final = 8 * 1024 * 1024


class _Bytes(NamedTuple):
    """The values that a download depends on; photos that share an object are downloaded once."""

    url: str
    size: int
    checksum: str

    @classmethod
    def of(cls, promised: Promised) -> "_Bytes":
        return cls(promised.image_url, promised.size or 0, (promised.checksum or "").lower())


@dataclass(slots=True)
class HeadStart(Generic[P]):
    """Downloads that begin before a worker asks for them: ahead of the plan ``max_bytes`` in all, and planned ones.

    Large photos, which may be resumed from the spool, do not begin early. After a failure that can mean that head office's
    bucket is away, none does: the plan has a circuit breaker.
    """

    download: Callable[[P], Body]
    max_bytes: int = MAX_BYTES
    _begun: dict[_Bytes, Future[Body | None]] = field(default_factory=dict)
    _has_failed: bool = False

    def begin(self, wanted: Iterable[P], workers: Executor) -> None:
        """Begins downloads in this order, up to the bound."""
        for promised in wanted:
            self.max_bytes -= promised.size or 0
            if self.max_bytes < 0:
                return
            self.begin_planned(promised, workers)

    def begin_planned(self, promised: P, workers: Executor) -> None:
        """Begins the download of a small object."""
        wanted = _Bytes.of(promised)
        if wanted.size < SPOOL_FROM_BYTES and wanted not in self._begun:
            self._begun[wanted] = workers.submit(self._download_early, promised)

    def fetch(self, promised: P) -> Body:
        """Returns the object's bytes; waits for their download if that has begun. Raises :class:`PhotoError`."""
        begun = self._begun.pop(_Bytes.of(promised), None)
        early = None if begun is None else begun.result()
        return self.download(promised) if early is None else early

    def drop_unused(self) -> int:
        """Drops the downloads that the plan did not ask for. Returns their number."""
        unused = len(self._begun)
        self._begun.clear()
        return unused

    def _download_early(self, promised: P) -> Body | None:
        if self._has_failed:
            return None
        try:
            return self.download(promised)
        except PhotoError as error:
            self._has_failed |= error.reason.policy.kind is ReasonClass.TRANSIENT
            raise
