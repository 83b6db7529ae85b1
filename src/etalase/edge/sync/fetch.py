"""A photo's bytes from head office's bucket, proved to be what was promised (guide, step 2; hazards 27–34)."""

import hashlib
from dataclasses import dataclass
from typing import Final

from etalase.edge.sync.origins import ImageOrigins
from etalase.edge.sync.pace import Pace
from etalase.edge.sync.transport import Answer, Deadlines, Transport, retry_after_seconds
from etalase.errors import PhotoError, Reason, ReasonClass, TransferFailed
from etalase.protocol import MAGIC_BYTES, Photo, printable, sniff_type

MAX_RETRY_AFTER_SECONDS = 60.0

_REASON_OF_STATUS: Final = {
    403: Reason.FORBIDDEN,
    404: Reason.NOT_FOUND,
    408: Reason.TIMEOUT,
    410: Reason.NOT_FOUND,
    429: Reason.THROTTLED,
}


@dataclass(slots=True)
class Images:
    """Fetches photos; used from several threads at once."""

    transport: Transport
    origins: ImageOrigins
    connect_timeout_seconds: float
    idle_timeout_seconds: int
    min_bytes_per_second: int
    tries: int
    pace: Pace

    def fetch(self, photo: Photo) -> bytes:
        """The photo's bytes, of its size, with its MD5 and of its type.

        What passes and wrong data are tried ``tries`` times in all; what cannot change by itself once (pulpcore's rule: one
        predicate says what may be retried). Raises :class:`PhotoError` with the reason of the last try.
        """
        url = self.origins.resolve(photo.image_url)
        for attempt in range(1, self.tries + 1):
            try:
                return self._once(url, photo)
            except PhotoError as error:
                if attempt == self.tries or error.reason.reason_class is ReasonClass.PERMANENT:
                    raise
                wish = error.__cause__.retry_after_seconds if isinstance(error.__cause__, TransferFailed) else None
                self.pace.sleep(self.pace.backoff_seconds(attempt, at_least=min(wish or 0, MAX_RETRY_AFTER_SECONDS)))
        raise AssertionError("unreachable")

    def _once(self, url: str, photo: Photo) -> bytes:
        size = photo.size or 0
        body = bytearray()

        def take(answer: Answer, piece: bytes) -> None:
            if not body:
                _check_answer(answer, now=self.pace.now())
            body.extend(piece)

        deadlines = Deadlines(
            connect_seconds=self.connect_timeout_seconds,
            idle_seconds=self.idle_timeout_seconds,
            min_bytes_per_second=self.min_bytes_per_second,
            total_seconds=self.connect_timeout_seconds + self.idle_timeout_seconds + size / self.min_bytes_per_second,
        )
        try:
            answer = self.transport.exchange(
                url, deadlines=deadlines, max_bytes=size, headers={"Accept-Encoding": "identity"}, sink=take
            )
            _check_answer(answer, now=self.pace.now())
        except TransferFailed as error:
            if error.status:
                _check_answer(Answer(error.status, error.headers), now=self.pace.now())
            detail = f"longer than the {size} bytes promised" if error.reason is Reason.SIZE_MISMATCH else error.message
            raise PhotoError(error.reason, detail) from error
        return verified(bytes(body), photo)


def verified(body: bytes, photo: Photo) -> bytes:
    """``body``, if it is the photo that HO promised: size **and** MD5 **and** type. Raises :class:`PhotoError`."""
    if len(body) != photo.size:
        raise PhotoError(Reason.SIZE_MISMATCH, f"{len(body)} bytes came, {photo.size} were promised")
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    if digest != (photo.checksum or "").lower():
        raise PhotoError(Reason.CHECKSUM_MISMATCH, f"MD5 is {digest}, {photo.checksum} was promised")
    if (sniffed := sniff_type(body[:MAGIC_BYTES])) != photo.content_type:
        raise PhotoError(Reason.TYPE_MISMATCH, f"the bytes are {sniffed or 'no picture'}, {photo.content_type} was promised")
    return body


def _check_answer(answer: Answer, *, now: float) -> None:
    if answer.status == 200:
        encoding = answer.headers.get("content-encoding", "identity").lower()
        if encoding not in {"", "identity"}:
            raise PhotoError(Reason.ENCODING_REFUSED, f"Content-Encoding is {printable(encoding)}; only identity is asked for")
        return
    if 300 <= answer.status < 400:
        to = printable(answer.headers.get("location", "")[:200])
        raise PhotoError(Reason.REDIRECT_REFUSED, f"HTTP {answer.status} to «{to}»; redirects are not followed")
    reason = _REASON_OF_STATUS.get(answer.status) or (Reason.SERVER_ERROR if answer.status >= 500 else Reason.HTTP_ERROR)
    wish = retry_after_seconds(answer, now=now)
    detail = f"HTTP {answer.status}"
    raise PhotoError(reason, detail) from TransferFailed(reason, detail, retry_after_seconds=wish)
