"""Defines the error tree, and the policy of each reason for which a photo can fail.

    EtalaseError
    ├── SettingsError              settings are missing or malformed; names each one         exit 2
    ├── UsageError                 a command cannot do the work of its arguments             exit 2
    ├── StoreMismatch              this database belongs to another store                    exit 2
    ├── NotAdopted                 another program filled this edge; a person has to adopt it exit 2
    ├── HeadOfficeError                                                                      exit 4
    │   ├── HeadOfficeAway         no response, 5xx, 429: waiting can help
    │   ├── HeadOfficeUntrusted    a certificate, a clock, TLS on one side only: a setting has to change
    │   ├── HeadOfficeRefused      401, 403, 404: an account or a setting has to change
    │   └── FeedRefused            the response is not a valid feed page for this store
    │       └── NotHeadOffice      a web page: a login page of the network, a proxy's page
    ├── ObjectStoreError                                                                     exit 4
    │   ├── ObjectStoreAway        no response, 5xx: waiting can help
    │   ├── ObjectStoreDenied      the key or the policy does not allow it
    │   ├── ObjectStoreMisconfigured  a clock, region, address or certificate: a setting has to change
    │   ├── ObjectStoreFull        no room; reading still works
    │   ├── ObjectRefused          the store refuses this object and accepts others
    │   ├── ObjectMissing          no object under this key
    │   └── ObjectChanged          the object is not the one that the condition named
    ├── SpoolFull                  no room on the edge's own disk                            exit 4
    ├── DatabaseAway               no response from PostgreSQL                               exit 4
    │   └── DatabaseRefused        it responds and refuses: read-only, full, no right, older tables
    │       ├── DatabaseBusy       a statement waited too long, or lost to another session
    │       └── RowRefused         a rule of the customer's own refuses this row: a constraint, a trigger, a column
    │           └── RowWaits       it waits for another session, or for a slow trigger
    ├── AlarmNotSent               a service did not take a message to people                exit 4
    ├── LockHeld                   another run of this store is in progress                  exit 75
    ├── LockLost                   the lock went with its connection; the run must end       exit 4
    ├── TransferFailed             one HTTP exchange failed; its caller knows the purpose
    ├── PhotoError                 one photo failed, with its Reason; the others continue     exit 1
    └── PictureRefused             head office does not accept this file as a photo

A library's errors become one of these once, in the module that owns the library: pycurl in ``edge.sync.download.transport`` and
``objectstore.requests``, psycopg in ``postgres``, Pillow in ``head_office.images``. A subclass that never leaves its package
(``devstack.process.StackError``) is defined there.
"""

from collections.abc import Container
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Self

from etalase.redaction import redacted


class ReasonClass(StrEnum):
    """The meaning of a reason for the next attempt; the words are part of ``--json``."""

    TRANSIENT = "transient"  # waiting can help
    PERMANENT = "permanent"  # a person has to act
    WRONG_DATA = "wrong_data"  # the bytes are not those that head office promised
    PARKED = "parked"  # the photo waits for its product


class Side(StrEnum):
    """The place of a failure's cause."""

    STORAGE = "storage"  # this edge's object store or disk
    EDGE = "edge"  # this edge's settings, code or plan
    LINK = "link"
    HEAD_OFFICE = "head_office"


@dataclass(frozen=True, slots=True)
class Policy:
    """The consequences of a reason.

    ``statuses`` are the HTTP statuses of head office's bucket that have this reason. ``of_one_photo`` names the member that
    replaces this one where the edge's bucket proves to accept other objects.
    """

    kind: ReasonClass
    side: Side
    _: KW_ONLY
    statuses: Container[int] = ()
    # A retry within the same run would fail again.
    is_final: bool = False
    # Each run retries, without a growing pause: that costs others nothing, and the photo arrives once there is room.
    is_due_each_run: bool = False
    # No further photo can be stored: the run stops its downloads.
    is_full: bool = False
    # The edge's bucket may refuse every object, not only this one.
    concerns_bucket: bool = False
    of_one_photo: str = ""
    # Head office may have changed the photo since it listed it: a second request for its list can help.
    may_be_stale: bool = False
    # The fault is in head office's list, not in its object.
    is_of_list: bool = False

    @property
    def is_retried_in_run(self) -> bool:
        """Returns whether the run itself retries the transfer."""
        return self.kind is not ReasonClass.PERMANENT and not self.is_final

    @property
    def is_parked(self) -> bool:
        """Returns whether the photo waits for its product, which is not a failure."""
        return self.kind is ReasonClass.PARKED

    @property
    def needs_a_person(self) -> bool:
        """Returns whether waiting does not help."""
        return self.is_full or self.kind in {ReasonClass.PERMANENT, ReasonClass.WRONG_DATA}


class Reason(StrEnum):
    """The reason for a photo's failure, with its policy. The words are part of ``--json`` and the log."""

    policy: Policy
    _value_: str

    def __new__(cls, code: str, policy: Policy) -> Self:
        """Makes a member that equals its code."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.policy = policy
        return member

    TIMEOUT = "timeout", Policy(ReasonClass.TRANSIENT, Side.LINK, statuses={408})
    CONNECTION_FAILED = "connection_failed", Policy(ReasonClass.TRANSIENT, Side.LINK)
    SERVER_ERROR = "server_error", Policy(ReasonClass.TRANSIENT, Side.HEAD_OFFICE, statuses=range(500, 600))
    THROTTLED = "throttled", Policy(ReasonClass.TRANSIENT, Side.HEAD_OFFICE, statuses={429})
    STORE_AWAY = (
        "store_away",
        Policy(ReasonClass.TRANSIENT, Side.STORAGE, is_due_each_run=True, concerns_bucket=True, of_one_photo="STORE_ERROR"),
    )
    STORE_FULL = (
        "store_full",
        Policy(ReasonClass.TRANSIENT, Side.STORAGE, is_due_each_run=True, concerns_bucket=True, is_full=True),
    )
    STORE_CONFLICT = "store_conflict", Policy(ReasonClass.TRANSIENT, Side.STORAGE)
    STORE_ERROR = "store_error", Policy(ReasonClass.TRANSIENT, Side.STORAGE)
    SPOOL_FULL = "spool_full", Policy(ReasonClass.TRANSIENT, Side.STORAGE, is_final=True, is_due_each_run=True, is_full=True)
    # An attempt costs a few statements and no byte, so that the photo arrives in the next run once the rule has changed.
    ROW_REFUSED = "row_refused", Policy(ReasonClass.PERMANENT, Side.EDGE, is_due_each_run=True)
    # A lock of another session, or a slow trigger: it costs the run its time, and no other photo.
    ROW_WAITS = "row_waits", Policy(ReasonClass.TRANSIENT, Side.EDGE, is_due_each_run=True)
    # Due each run, so that the photo arrives in the next one once a person has disowned the row.
    KEY_IS_OWN = "key_is_own", Policy(ReasonClass.PERMANENT, Side.EDGE, is_due_each_run=True)
    WAITS_FOR_SIBLING = "waits_for_sibling", Policy(ReasonClass.TRANSIENT, Side.EDGE)
    UNFORESEEN = "unforeseen", Policy(ReasonClass.TRANSIENT, Side.EDGE)

    ORIGIN_REFUSED = "origin_refused", Policy(ReasonClass.PERMANENT, Side.EDGE)
    REDIRECT_REFUSED = "redirect_refused", Policy(ReasonClass.PERMANENT, Side.HEAD_OFFICE, statuses={*range(300, 400)} - {304})
    ENCODING_REFUSED = "encoding_refused", Policy(ReasonClass.PERMANENT, Side.HEAD_OFFICE)
    FORBIDDEN = "forbidden", Policy(ReasonClass.PERMANENT, Side.HEAD_OFFICE, statuses={403}, may_be_stale=True)
    NOT_FOUND = "not_found", Policy(ReasonClass.PERMANENT, Side.HEAD_OFFICE, statuses={404, 410}, may_be_stale=True)
    # Any other status: 304 too, since no request is conditional.
    HTTP_ERROR = "http_error", Policy(ReasonClass.PERMANENT, Side.HEAD_OFFICE)
    STORE_DENIED = (
        "store_denied",
        Policy(ReasonClass.PERMANENT, Side.STORAGE, concerns_bucket=True, of_one_photo="STORE_REFUSED"),
    )
    STORE_REFUSED = "store_refused", Policy(ReasonClass.PERMANENT, Side.STORAGE)
    BAD_KEY = "bad_key", Policy(ReasonClass.PERMANENT, Side.HEAD_OFFICE, is_of_list=True)
    BAD_FIELD = "bad_field", Policy(ReasonClass.PERMANENT, Side.HEAD_OFFICE, is_of_list=True)
    TOO_LARGE = "too_large", Policy(ReasonClass.PERMANENT, Side.HEAD_OFFICE, is_of_list=True)
    KEY_CONFLICT = "key_conflict", Policy(ReasonClass.PERMANENT, Side.HEAD_OFFICE, is_of_list=True)

    SIZE_MISMATCH = "size_mismatch", Policy(ReasonClass.WRONG_DATA, Side.HEAD_OFFICE, may_be_stale=True)
    CHECKSUM_MISMATCH = "checksum_mismatch", Policy(ReasonClass.WRONG_DATA, Side.HEAD_OFFICE, may_be_stale=True)
    CHECKSUM_MISSING = (
        "checksum_missing",
        Policy(ReasonClass.WRONG_DATA, Side.HEAD_OFFICE, may_be_stale=True, is_of_list=True),
    )
    TYPE_MISMATCH = "type_mismatch", Policy(ReasonClass.WRONG_DATA, Side.HEAD_OFFICE, may_be_stale=True)
    HO_CONTRADICTS_ITSELF = (
        "ho_contradicts_itself",
        Policy(ReasonClass.WRONG_DATA, Side.HEAD_OFFICE, may_be_stale=True, is_final=True, is_of_list=True),
    )

    PRODUCT_MISSING = "product_missing", Policy(ReasonClass.PARKED, Side.HEAD_OFFICE, is_due_each_run=True)

    @classmethod
    def of_status(cls, status: int) -> Self:
        """Returns the reason for which a transfer with this HTTP status failed."""
        return next((reason for reason in cls if status in reason.policy.statuses), cls.HTTP_ERROR)


PARKED = frozenset(reason for reason in Reason if reason.policy.is_parked)


class EtalaseError(Exception):
    """An error with a ``hint``: the advice for a person. Its texts never contain a known secret."""

    exit_status = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = redacted(message)
        self.hint = redacted(hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class SettingsError(EtalaseError):
    """Settings are missing, malformed or unsafe. ``problems`` has a line for each, which begins with its name."""

    exit_status = 2

    def __init__(self, problems: list[str], *, hint: str = "") -> None:
        super().__init__("Etalase does not start with these settings:\n" + "\n".join(f"  {p}" for p in problems), hint=hint)
        self.problems = [redacted(problem) for problem in problems]


class UsageError(EtalaseError):
    """A command cannot do the work of its arguments; nothing was changed."""

    exit_status = 2


class StoreMismatch(EtalaseError):
    """This database holds another store's photos (invariant I6)."""

    exit_status = 2


class NotAdopted(EtalaseError):
    """Another program has filled this edge, and nobody has adopted it yet; nothing was done."""

    exit_status = 2


class HeadOfficeError(EtalaseError):
    """Head office did not send the data that a run needs; no part of the refused response was used."""

    exit_status = 4


class HeadOfficeAway(HeadOfficeError):
    """No response from head office, or one that defers the request. ``retry_after_seconds`` is its own wish, or None.

    ``has_responded``: it responded (429, 5xx). ``has_failed``: it failed at this request (a 5xx that does not defer it).
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        retry_after_seconds: float | None = None,
        has_responded: bool = False,
        has_failed: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_seconds = retry_after_seconds
        self.has_responded = has_responded
        self.has_failed = has_failed


class HeadOfficeUntrusted(HeadOfficeError):
    """The connection contradicts the settings: its certificate, this server's clock, or TLS on one side only."""


class HeadOfficeRefused(HeadOfficeError):
    """Head office refuses, with this HTTP ``status``. ``is_elsewhere``: the server at its address is not a head office."""

    def __init__(self, message: str, *, hint: str = "", status: int, is_elsewhere: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.is_elsewhere = is_elsewhere


class FeedRefused(HeadOfficeError):
    """The response is not a valid feed page for this store (hazards 10 and 30)."""


class NotHeadOffice(FeedRefused):
    """The response is a web page: a login page of the network, a proxy's page, another website."""


class ObjectStoreError(EtalaseError):
    """A request to the object store failed. ``reason`` is the reason of a photo whose put failed with this error."""

    exit_status = 4
    reason = Reason.STORE_AWAY


class ObjectStoreAway(ObjectStoreError):
    """No response from the object store, or a server error."""


class ObjectStoreDenied(ObjectStoreError):
    """The access key lacks the permission."""

    reason = Reason.STORE_DENIED


class ObjectStoreMisconfigured(ObjectStoreError):
    """A setting or this server's clock prevents every request; waiting does not help."""


class ObjectStoreFull(ObjectStoreError):
    """The object store has no room; reading and deleting still work."""

    reason = Reason.STORE_FULL


class ObjectRefused(ObjectStoreError):
    """The object store, or a proxy before it, refuses this object, not others (hazard 78)."""

    reason = Reason.STORE_REFUSED


class ObjectMissing(ObjectStoreError):
    """There is no object under this key."""


class ObjectChanged(ObjectStoreError):
    """The object under this key is not the one that the condition named."""

    reason = Reason.STORE_CONFLICT


class SpoolFull(EtalaseError):
    """The edge's disk has no room for photos in flight."""

    exit_status = 4


class DatabaseAway(EtalaseError):
    """PostgreSQL does not respond."""

    exit_status = 4


class DatabaseRefused(DatabaseAway):
    """PostgreSQL responds and refuses: it is read-only or full, a right or a table is missing."""


class DatabaseBusy(DatabaseRefused):
    """A statement waited too long for another session or in a trigger, or lost to another session: a retry can succeed.

    ``lost``: a deadlock or a serialization failure, which ends at once.
    """

    def __init__(self, message: str, *, hint: str = "", state: str = "", detail: str = "") -> None:
        super().__init__(message, hint=hint)
        self.state, self.detail = state, redacted(detail)
        self.lost = state.startswith("40")


class RowRefused(DatabaseRefused):
    """A rule of the customer's own refuses a row, in a table that others may have changed (hazard 68).

    ``rule`` names the constraint, column, trigger or policy, as far as PostgreSQL does; ``detail`` has its own words.
    ``function`` is the trigger function that raised the error; ``table`` and ``constraint`` are the diagnostics' names.
    """

    def __init__(
        self,
        rule: str,
        detail: str,
        *,
        state: str = "",
        table: str = "",
        constraint: str = "",
        function: str = "",
        hint: str = "Change this rule of the table, or the data; the next run tries again.",
    ) -> None:
        super().__init__(f"The edge's database refuses a row{f' by {rule}' if rule else ''}: {detail}.", hint=hint)
        self.rule, self.detail = rule, redacted(detail)
        self.state, self.table, self.constraint, self.function = state, table, constraint, function


class RowWaits(RowRefused):
    """A row waits too long for another session, or for a slow trigger; other rows do not."""

    def __init__(self, busy: DatabaseBusy) -> None:
        hint = "Look for what blocks it (pg_locks, a slow trigger); the next run tries again."
        super().__init__("a lock or a slow trigger", busy.detail, state=busy.state, hint=hint)


class LockHeld(EtalaseError):
    """Another run of this store is in progress; this one ends at once."""

    exit_status = 75


class AlarmNotSent(EtalaseError):
    """A service that ETALASE_ALARM_URLS names did not take a message."""

    exit_status = 4


class LockLost(EtalaseError):
    """The run has lost its lock, so another run may have begun: no further commit is allowed."""

    exit_status = 4


class TransferFailed(EtalaseError):
    """One HTTP exchange ended without a whole response. ``status`` is that of ``head``, 0 without a head.

    ``retry_after_seconds`` is the server's own wish, or None. ``passes``: waiting can help.
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


class PhotoError(EtalaseError):
    """One photo failed. The others continue, and the retry list records this one."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = redacted(detail)


class PictureFault(StrEnum):
    """The kind of reason for which a file is not accepted as a photo. Head office has a text of each in both languages."""

    EMPTY = "empty"
    NO_PICTURE = "no_picture"
    NOT_SHOWN = "not_shown"  # a kind of JPEG that not every browser shows
    CUT_SHORT = "cut_short"
    UNDECODABLE = "undecodable"
    HEIC_UNSUPPORTED = "heic_unsupported"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_COMPLEX = "too_complex"


class PictureRefused(EtalaseError):
    """Head office does not accept this file as a photo; ``values`` are the numbers of the message, for translations."""

    def __init__(self, message: str, *, code: PictureFault, **values: int) -> None:
        super().__init__(message)
        self.code = code
        self.values = values
