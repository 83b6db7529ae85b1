"""Every error of ours.

    EtalaseError
    ├── SettingsError              settings missing or malformed; names each one            exit 2
    ├── UsageError                 a command was asked for something that cannot be         exit 2
    ├── StoreMismatch              this database belongs to another store                   exit 2
    ├── HeadOfficeError                                                                     exit 4
    │   ├── HeadOfficeAway         no answer, 5xx, 429: later it may work                   retryable
    │   ├── HeadOfficeUntrusted    a certificate, a clock, TLS or not: somebody has to set something
    │   ├── HeadOfficeRefused      401, 403, 404: somebody has to change something
    │   └── FeedRefused            an answer that is not a feed page of this store
    │       └── NotHeadOffice      a web page: a login page of the network, a proxy's
    ├── ObjectStoreError                                                                    exit 4
    │   ├── ObjectStoreAway        no answer, 5xx                                           retryable
    │   ├── ObjectStoreDenied      the key or the policy does not allow it
    │   ├── ObjectStoreMisconfigured  a clock, region, address or certificate: somebody has to set something
    │   ├── ObjectStoreFull        no room; what is there still can be read                 retryable
    │   ├── ObjectRefused          this object is not taken or given; others are
    │   ├── ObjectMissing          no object under this key
    │   └── ObjectChanged          the object is not the one the condition named
    ├── SpoolFull                  no room on the edge's own disk                           exit 4, retryable
    ├── DatabaseAway               no answer from PostgreSQL                                exit 4, retryable
    │   └── DatabaseRefused        it answers and refuses: read-only, full, no right, older tables
    ├── LockHeld                   another run of this store is under way                   exit 75
    ├── LockLost                   the lock went with its connection; the run must end      exit 4, retryable
    ├── TransferFailed             one HTTP exchange failed; its caller knows what for
    ├── PhotoError                 one photo failed, with its Reason; the others go on      exit 1
    └── PictureRefused             head office does not take this file as a photo

Library errors become one of these at the edge of the module that owns the library, once: pycurl in ``edge.sync.transport`` and
``objectstore``, psycopg in ``etalase.postgres``, Pillow in ``head_office.picture``.
"""

from enum import StrEnum
from typing import Any

from etalase.redaction import redacted


class ReasonClass(StrEnum):
    """What a reason means for the next try."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    WRONG_DATA = "wrong_data"
    PARKED = "parked"


class Reason(StrEnum):
    """Why a photo did not arrive. The words are part of ``--json`` and of ``product_photo_sync``'s log."""

    TIMEOUT = "timeout"
    CONNECTION_FAILED = "connection_failed"
    SERVER_ERROR = "server_error"
    THROTTLED = "throttled"
    STORE_AWAY = "store_away"
    STORE_FULL = "store_full"
    STORE_CONFLICT = "store_conflict"
    STORE_ERROR = "store_error"
    SPOOL_FULL = "spool_full"
    WAITS_FOR_SIBLING = "waits_for_sibling"
    UNFORESEEN = "unforeseen"

    ORIGIN_REFUSED = "origin_refused"
    REDIRECT_REFUSED = "redirect_refused"
    ENCODING_REFUSED = "encoding_refused"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    HTTP_ERROR = "http_error"
    STORE_DENIED = "store_denied"
    STORE_REFUSED = "store_refused"
    BAD_KEY = "bad_key"
    BAD_FIELD = "bad_field"
    TOO_LARGE = "too_large"
    KEY_CONFLICT = "key_conflict"

    SIZE_MISMATCH = "size_mismatch"
    CHECKSUM_MISMATCH = "checksum_mismatch"
    CHECKSUM_MISSING = "checksum_missing"
    TYPE_MISMATCH = "type_mismatch"
    HO_CONTRADICTS_ITSELF = "ho_contradicts_itself"

    PRODUCT_MISSING = "product_missing"

    @property
    def reason_class(self) -> ReasonClass:
        """Whether waiting can help, or somebody has to act, or the bytes were not what was promised."""
        return _CLASS_OF[self]

    @property
    def may_be_stale(self) -> bool:
        """Whether the photo's metadata may have been overtaken at head office, so that pulling it again can help."""
        return self.reason_class is ReasonClass.WRONG_DATA or self in {Reason.NOT_FOUND, Reason.FORBIDDEN}


_CLASS_OF: dict[Reason, ReasonClass] = {
    **dict.fromkeys(
        (
            Reason.TIMEOUT,
            Reason.CONNECTION_FAILED,
            Reason.SERVER_ERROR,
            Reason.THROTTLED,
            Reason.STORE_AWAY,
            Reason.STORE_FULL,
            Reason.STORE_CONFLICT,
            Reason.STORE_ERROR,
            Reason.SPOOL_FULL,
            Reason.WAITS_FOR_SIBLING,
            Reason.UNFORESEEN,
        ),
        ReasonClass.TRANSIENT,
    ),
    **dict.fromkeys(
        (
            Reason.ORIGIN_REFUSED,
            Reason.REDIRECT_REFUSED,
            Reason.ENCODING_REFUSED,
            Reason.FORBIDDEN,
            Reason.NOT_FOUND,
            Reason.HTTP_ERROR,
            Reason.STORE_DENIED,
            Reason.STORE_REFUSED,
            Reason.BAD_KEY,
            Reason.BAD_FIELD,
            Reason.TOO_LARGE,
            Reason.KEY_CONFLICT,
        ),
        ReasonClass.PERMANENT,
    ),
    **dict.fromkeys(
        (
            Reason.SIZE_MISMATCH,
            Reason.CHECKSUM_MISMATCH,
            Reason.CHECKSUM_MISSING,
            Reason.TYPE_MISMATCH,
            Reason.HO_CONTRADICTS_ITSELF,
        ),
        ReasonClass.WRONG_DATA,
    ),
    Reason.PRODUCT_MISSING: ReasonClass.PARKED,
}


class EtalaseError(Exception):
    """An error of ours: what happened, and in ``hint`` what to do about it. Its texts never carry a known secret."""

    exit_status = 1
    retryable = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = redacted(message)
        self.hint = redacted(hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class SettingsError(EtalaseError):
    """Settings are missing, malformed or unsafe. ``problems`` has a line for each, beginning with its name."""

    exit_status = 2

    def __init__(self, problems: list[str], *, hint: str = "") -> None:
        super().__init__("Etalase does not start with these settings:\n" + "\n".join(f"  {p}" for p in problems), hint=hint)
        self.problems = [redacted(problem) for problem in problems]


class UsageError(EtalaseError):
    """A command was asked for something that cannot be done; nothing was changed."""

    exit_status = 2


class StoreMismatch(EtalaseError):
    """This database holds another store's photos (invariant I6)."""

    exit_status = 2


class HeadOfficeError(EtalaseError):
    """Head office did not give what a run needs; nothing of the refused answer was used."""

    exit_status = 4


class HeadOfficeAway(HeadOfficeError):
    """No answer from head office, or one that says "later". ``retry_after_seconds`` is its own wish, if it named one.

    ``has_answered``: it was reached (429, 5xx). ``has_failed``: it fails at what it was asked (a 5xx other than "later").
    """

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        retry_after_seconds: float | None = None,
        has_answered: bool = False,
        has_failed: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_seconds = retry_after_seconds
        self.has_answered = has_answered
        self.has_failed = has_failed


class HeadOfficeUntrusted(HeadOfficeError):
    """The connection is not what the settings promise: a certificate, this server's clock, or TLS where none is spoken."""


class HeadOfficeRefused(HeadOfficeError):
    """Head office understood and said no; or, where ``is_elsewhere``, what responds there is none. ``status`` is its HTTP
    status."""

    def __init__(self, message: str, *, hint: str = "", status: int, is_elsewhere: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.is_elsewhere = is_elsewhere


class FeedRefused(HeadOfficeError):
    """What came is not a page of this store's feed (hazards 10 and 30)."""


class NotHeadOffice(FeedRefused):
    """What responds is made for people: a login page of the network, a proxy's page, another website."""


class ObjectStoreError(EtalaseError):
    """The object store did not do what was asked."""

    exit_status = 4
    reason = Reason.STORE_AWAY


class ObjectStoreAway(ObjectStoreError):
    """No answer from the object store, or a server error."""

    retryable = True


class ObjectStoreDenied(ObjectStoreError):
    """The access key may not do this."""

    reason = Reason.STORE_DENIED


class ObjectStoreMisconfigured(ObjectStoreError):
    """A setting or this server's clock keeps the object store from being used; waiting does not mend it."""


class ObjectStoreFull(ObjectStoreError):
    """The object store has no room; reading and deleting go on."""

    retryable = True
    reason = Reason.STORE_FULL


class ObjectRefused(ObjectStoreError):
    """The object store, or a proxy before it, does not take or give this object; that says nothing of others (hazard 78)."""

    reason = Reason.STORE_REFUSED


class ObjectMissing(ObjectStoreError):
    """There is no object under this key."""


class ObjectChanged(ObjectStoreError):
    """The object under this key is not the one that the condition named."""

    reason = Reason.STORE_CONFLICT


class SpoolFull(EtalaseError):
    """There is no room on the edge's disk for photos on their way."""

    exit_status = 4
    retryable = True


class DatabaseAway(EtalaseError):
    """PostgreSQL does not answer."""

    exit_status = 4
    retryable = True


class DatabaseRefused(DatabaseAway):
    """PostgreSQL answers, and does not do it: it is read-only or full, a right or a table is missing."""


class LockHeld(EtalaseError):
    """Another run of this store is under way; this one ends at once."""

    exit_status = 75
    retryable = True


class LockLost(EtalaseError):
    """The run's lock is gone, so another run may have begun: nothing more may be committed."""

    exit_status = 4
    retryable = True


class TransferFailed(EtalaseError):
    """One HTTP exchange did not come to a whole answer; ``status`` is what its ``head`` said, 0 where none came.

    ``retry_after_seconds`` is the server's wish, if it named one. ``passes`` tells whether waiting can help.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str,
        *,
        status: int = 0,
        head: bytes = b"",
        retry_after_seconds: float | None = None,
        passes: bool = True,
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.passes = passes
        self.status = status
        self.head = head
        self.retry_after_seconds = retry_after_seconds
        self.retryable = reason.reason_class is ReasonClass.TRANSIENT


class PhotoError(EtalaseError):
    """One photo failed. The others go on, and this one goes to the retry list."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = redacted(detail)
        self.retryable = reason.reason_class is ReasonClass.TRANSIENT


class PictureRefused(EtalaseError):
    """Head office does not take this file as a photo; the message says why; ``code`` and ``values`` are for translations."""

    def __init__(self, message: str, *, code: str, **values: str | int) -> None:
        super().__init__(message)
        self.code = code
        self.values: dict[str, Any] = {"message": message, **values}
