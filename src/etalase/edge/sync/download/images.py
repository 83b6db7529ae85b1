"""Downloads photos from head office's bucket and verifies them against the feed (hazards 27 to 34)."""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Final
from uuid import UUID

from etalase.edge.clock import Clock
from etalase.edge.sync.download.concurrency import Lanes
from etalase.edge.sync.download.exchange import Deadlines, Response
from etalase.edge.sync.download.origins import ImageOrigins
from etalase.edge.sync.download.partial import PartialPhoto, Spool
from etalase.edge.sync.download.proof import Promised, ResumeRefused, check_encoding, check_is_no_page, check_response, verified
from etalase.edge.sync.download.transport import Transport
from etalase.errors import PhotoError, Reason, TransferFailed
from etalase.objectstore.model import Body
from etalase.protocol import Photo
from etalase.retry import Again, Retries

MAX_RETRY_AFTER_SECONDS = 60.0
# For a smaller photo another download costs less than a partial file.
SPOOL_FROM_BYTES = 64 * 1024
PROGRESS_BYTES = 64 * 1024

_MD5: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(slots=True)
class Images:
    """Downloads photos, in several threads at once."""

    transport: Transport
    origins: ImageOrigins
    connect_timeout_seconds: float
    idle_timeout_seconds: int
    min_bytes_per_second: int
    tries: int
    clock: Clock
    spool: Spool
    lanes: Lanes
    # The received bytes of bodies; of a resumed photo only the rest.
    bytes_received: int = 0
    _counting: threading.Lock = field(default_factory=threading.Lock)
    _arrived: dict[UUID, PartialPhoto] = field(default_factory=dict)

    @property
    def transfers_at_once(self) -> int:
        """Returns the number of transfers that the link has room for now."""
        return self.lanes.open

    def fetch(self, photo: Photo) -> Body:
        """Returns the photo's bytes, proved by size, MD5 and type. A large one stays in the spool until :meth:`done`.

        Makes up to ``tries`` attempts, if the reason's policy allows. A cut after progress does not count as an attempt, and
        the next one requests the rest. Raises :class:`PhotoError` with the reason of the last attempt.
        """
        url = self.origins.resolve(photo.image_url)
        part = self.spool.part(photo) if (photo.size or 0) >= SPOOL_FROM_BYTES else None
        size_before = 0

        def attempt() -> Body:
            nonlocal size_before
            if part is None:
                return self._in_memory(url, photo)
            size_before = part.size
            try:
                return self._spooled(url, photo, part)
            finally:
                part.close()

        def again(error: Exception) -> Again | None:
            if (
                not isinstance(error, PhotoError)
                or not error.reason.policy.is_retried_in_run
                or self.transport.stopped.is_set()
            ):
                return None
            seconds = error.__cause__.retry_after_seconds if isinstance(error.__cause__, TransferFailed) else None
            # Without an ETag each attempt starts at the first byte, so that none makes progress.
            has_progressed = part is not None and part.etag is not None and part.size >= size_before + PROGRESS_BYTES
            return Again(min(seconds or 0, MAX_RETRY_AFTER_SECONDS), has_progressed)

        return Retries(self.tries, self.clock.sleep, self.clock.random).call(attempt, again)

    def fetch_once(self, promised: Promised, *, max_wait_seconds: int) -> Body:
        """Returns the bytes of a small object, proved as :meth:`fetch` does, by one attempt.

        Waits at most ``max_wait_seconds`` for a connection, and as long for bytes. Raises :class:`PhotoError`.
        """
        return self._in_memory(self.origins.resolve(promised.image_url), promised, max_wait_seconds=max_wait_seconds)

    def done(self, photo: Photo) -> None:
        """Drops the spooled bytes of a photo that is in the bucket."""
        if part := self._arrived.pop(photo.id, None):
            part.drop()

    def keep(self, photo: Photo, body: Body) -> None:
        """Keeps a large photo that the bucket refused in the spool for the next run."""
        if part := self._arrived.pop(photo.id, None):
            part.keep(body)

    def _in_memory(self, url: str, photo: Promised, *, max_wait_seconds: int | None = None) -> Body:
        pieces: list[bytes] = []

        def take(response: Response, piece: bytes) -> None:
            if not pieces:
                check_response(response, now=self.clock.now())
                check_encoding(response, piece)
                check_is_no_page(response, piece, photo.size or 0)
            pieces.append(piece)

        with self.lanes.one():
            response = self._exchange(url, photo, take, max_wait_seconds=max_wait_seconds)
        return verified(b"".join(pieces), photo, response.header(b"etag"))

    def _spooled(self, url: str, photo: Photo, part: PartialPhoto) -> Body:
        """Downloads through the spool, from the point of the last cut.

        MinIO and SeaweedFS ignore ``If-Range``. ``If-Match`` makes sure that the rest is of the same object; otherwise the
        response is 412 (RFC 9110, section 13.1.1).
        """
        resumed = part.size
        if resumed < (photo.size or 0):
            with self.lanes.one():
                resumed = self._receive(url, photo, part)
        try:
            body = verified(part.whole(), photo, part.etag)
        except PhotoError:
            part.drop()
            if not resumed:
                raise
            # The spooled part was damaged or of another object, which does not prove wrong data at head office.
            return self._spooled(url, photo, part)
        self._arrived[photo.id] = part
        return body

    def _receive(self, url: str, photo: Photo, part: PartialPhoto) -> int:
        """Downloads the rest of ``part``; returns the size of its spooled beginning."""
        size, had = photo.size or 0, part.size
        if part.etag is None:
            part.drop()
            had = 0
        fresh = True

        def take(response: Response, piece: bytes) -> None:
            nonlocal fresh, had
            if fresh:
                fresh = False
                check_response(response, now=self.clock.now(), resumed_at=had, size=size)
                if response.status == 200:
                    check_encoding(response, piece)
                    check_is_no_page(response, piece, size)
                    part.begin(response.header(b"etag") or None)
                    had = 0
            if part.size + len(piece) > size:
                raise PhotoError(Reason.SIZE_MISMATCH, f"longer than the {size} bytes promised")
            part.add(piece)

        condition = {"Range": f"bytes={had}-", "If-Match": part.etag or ""} if had else {}
        try:
            self._exchange(url, photo, take, headers=condition, resumed_at=had)
        except ResumeRefused:
            part.drop()
            return self._receive(url, photo, part)
        return had

    def _exchange(
        self,
        url: str,
        photo: Promised,
        take: Callable[[Response, bytes], None],
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        resumed_at: int = 0,
        max_wait_seconds: int | None = None,
    ) -> Response:
        size = photo.size or 0
        connect_seconds, idle_seconds = self.connect_timeout_seconds, self.idle_timeout_seconds
        if max_wait_seconds is not None:
            connect_seconds, idle_seconds = min(connect_seconds, max_wait_seconds), min(idle_seconds, max_wait_seconds)
        deadlines = Deadlines(
            connect_seconds=connect_seconds,
            idle_seconds=idle_seconds,
            min_bytes_per_second=self.min_bytes_per_second,
            total_seconds=connect_seconds + idle_seconds + size / self.min_bytes_per_second,
        )
        check = partial(check_response, now=self.clock.now(), resumed_at=resumed_at, size=size)
        received = 0

        def count(response: Response, piece: bytes) -> None:
            nonlocal received
            received += len(piece)
            take(response, piece)

        try:
            response = self.transport.exchange(
                url, deadlines=deadlines, max_bytes=size, headers={"Accept-Encoding": "identity", **headers}, sink=count
            )
            check(response)
            return response
        except TransferFailed as error:
            if error.status:
                check(Response(error.status, error.head))
                if error.reason is Reason.SIZE_MISMATCH:
                    check_encoding(Response(error.status, error.head), b"")
                    check_is_no_page(Response(error.status, error.head), b"", size)
            etag = Response(error.status, error.head).header(b"etag").strip('"')
            if error.reason is Reason.SIZE_MISMATCH and _MD5.fullmatch(etag) and etag != (photo.checksum or "").lower():
                detail = f"its object is longer, with MD5 {etag}, than its row says: {size} bytes with {photo.checksum}"
                raise PhotoError(Reason.HO_CONTRADICTS_ITSELF, f"HO's own data: {detail}") from error
            detail = f"longer than the {size} bytes promised" if error.reason is Reason.SIZE_MISMATCH else error.message
            raise PhotoError(error.reason, detail) from error
        finally:
            with self._counting:
                self.bytes_received += received
