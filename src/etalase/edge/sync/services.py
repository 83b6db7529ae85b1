"""The services that a run uses: head office, bucket, tables, lock, clock, workers. Tests fake only these."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import ParamSpec, Protocol, TypeVar

from django.utils.timezone import get_default_timezone

from etalase.edge.clock import Clock
from etalase.edge.database import cursor, database_name
from etalase.edge.sync import storage
from etalase.edge.sync.download.bandwidth_limiter import Limiter
from etalase.edge.sync.download.concurrency import START, Lanes
from etalase.edge.sync.download.exchange import Deadlines
from etalase.edge.sync.download.images import Images
from etalase.edge.sync.download.origins import ImageOrigins
from etalase.edge.sync.download.partial import Spool
from etalase.edge.sync.download.proof import Promised
from etalase.edge.sync.download.transport import Transport
from etalase.edge.sync.feed import pull
from etalase.edge.sync.feed.client import HeadOffice
from etalase.edge.sync.feed.session import Session
from etalase.edge.sync.lock import RunLock
from etalase.edge.sync.patience import Patience
from etalase.edge.sync.reporter import Reporter
from etalase.edge.sync.scratch import SLICE_PHOTOS
from etalase.edge.sync.storage.photo_rules import PhotoRules
from etalase.edge.sync.storage.products import ProductTable
from etalase.errors import DatabaseAway, SettingsError
from etalase.objectstore.model import Body, ObjectInfo, ObjectRead
from etalase.own_bucket import own_bucket
from etalase.protocol import Photo
from etalase.settings.edge import EdgeSettings
from etalase.settings.logging import log_fields

P = ParamSpec("P")
T = TypeVar("T")


class PhotoSource(Protocol):
    """The source of photos. Raises :class:`PhotoError`."""

    @property
    def bytes_received(self) -> int: ...
    @property
    def transfers_at_once(self) -> int: ...
    def fetch(self, photo: Photo) -> Body: ...
    def fetch_once(self, promised: Promised, *, max_wait_seconds: int) -> Body: ...
    def done(self, photo: Photo) -> None: ...
    def keep(self, photo: Photo, body: Body) -> None: ...


class PublishBucket(Protocol):
    """The edge's object store as a worker uses it; see :class:`etalase.objectstore.client.ObjectStore`."""

    def put(self, key: str, body: Body, *, content_type: str, cache_control: str = ..., if_match: str | None = None) -> str: ...
    def head(self, key: str) -> ObjectInfo | None: ...
    def get(self, key: str) -> bytes: ...
    def read_through(self, key: str) -> ObjectRead: ...


class Bucket(PublishBucket, Protocol):
    """The edge's object store as the whole run uses it."""

    ends_at: float

    def ensure_bucket(self) -> bool: ...
    def is_public(self, key: str) -> bool: ...
    def prove_writable(self, size_bytes: int) -> None: ...
    def risks(self) -> Sequence[str]: ...
    def list(self, prefix: str) -> Iterator[ObjectInfo]: ...
    def delete(self, keys: Sequence[str]) -> None: ...


class DryRunWrites(Exception):
    """A step of a dry run tried to write to the bucket: a fault of the engine."""


@dataclass(slots=True)
class ReadOnlyBucket:
    """The bucket of a dry run. Each method that writes raises :class:`DryRunWrites`."""

    bucket: Bucket

    @property
    def ends_at(self) -> float:
        """Returns the time after which no request continues."""
        return self.bucket.ends_at

    @ends_at.setter
    def ends_at(self, moment: float) -> None:
        self.bucket.ends_at = moment

    def head(self, key: str) -> ObjectInfo | None:
        """Returns the metadata of the object, None if there is none."""
        return self.bucket.head(key)

    def get(self, key: str) -> bytes:
        """Returns the bytes of the object."""
        return self.bucket.get(key)

    def read_through(self, key: str) -> ObjectRead:
        """Reads and hashes the object."""
        return self.bucket.read_through(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yields the objects under ``prefix``."""
        return self.bucket.list(prefix)

    def is_public(self, key: str) -> bool:
        """Returns whether anybody may read the object."""
        return self.bucket.is_public(key)

    def risks(self) -> Sequence[str]:
        """Returns other accesses that the bucket allows to anybody."""
        return self.bucket.risks()

    def put(self, key: str, body: Body, *, content_type: str, cache_control: str = "", if_match: str | None = None) -> str:
        """Raises :class:`DryRunWrites`."""
        raise DryRunWrites

    def delete(self, keys: Sequence[str]) -> None:
        """Raises :class:`DryRunWrites`."""
        raise DryRunWrites

    def ensure_bucket(self) -> bool:
        """Raises :class:`DryRunWrites`."""
        raise DryRunWrites

    def prove_writable(self, size_bytes: int) -> None:
        """Raises :class:`DryRunWrites`."""
        raise DryRunWrites


@dataclass(slots=True)
class Services:
    """Everything outside the engine that a run uses. ``stopped`` is set to end transfers at once.

    ``early_workers`` download ahead of the plan, so that no put waits for such a download.

    ``time_is_up`` is True once the run has taken MAX_RUN_SECONDS. ``slice_photos`` is about the number of photos that are
    planned at once, and the number of renditions that are read at once.
    """

    settings: EdgeSettings
    head_office: pull.FeedPages
    images: PhotoSource
    bucket: Bucket
    store: storage.checkpoint.OwnStore
    products: ProductTable
    lock: RunLock
    clock: Clock
    workers: Executor
    early_workers: Executor
    spool: Spool
    limiter: Limiter
    reporter: Reporter
    stopped: threading.Event = field(default_factory=threading.Event)
    time_is_up: bool = False
    puts_end_seconds: float = 10.0
    slice_photos: int = SLICE_PHOTOS
    is_read_only: bool = False
    _rules: PhotoRules | None = None
    patience: Patience = field(init=False)

    def __post_init__(self) -> None:
        self.patience = Patience(self.clock)

    @property
    def rules(self) -> PhotoRules:
        """Returns the rules of ``product_photo`` beyond the guide's, read at the first use, or after :meth:`forget_rules`."""
        if self._rules is None:
            self._rules = storage.photo_rules.read()
        return self._rules

    def forget_rules(self) -> None:
        """Makes the next use read the rules again: the customer has changed them during the run."""
        self._rules = None

    @contextmanager
    def read_only(self) -> Iterator["Services"]:
        """Yields these services for a dry run: :meth:`write` does nothing; bucket and database refuse any other write."""
        with cursor() as db:
            db.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        try:
            yield replace(self, is_read_only=True, bucket=ReadOnlyBucket(self.bucket))
        finally:
            with suppress(DatabaseAway), cursor() as db:
                db.execute("RESET default_transaction_read_only")

    def write(self, change: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Makes a change in a step that a dry run shares; skips it in a dry run."""
        if not self.is_read_only:
            change(*args, **kwargs)

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Stops all transfers of the block after ``seconds``, and sets ``time_is_up``.

        Requests to the bucket have ``puts_end_seconds`` more, so that a put in flight can complete.
        """

        def end() -> None:
            self.time_is_up = True
            self.stopped.set()

        self.bucket.ends_at = self.clock.monotonic() + seconds + self.puts_end_seconds
        with self.clock.alarm(seconds, end):
            yield


class Workers(ThreadPoolExecutor):
    """A thread pool whose log lines have the fields of the run."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Submits ``fn`` in a copy of the caller's context."""
        context = copy_context()
        return super().submit(lambda: context.run(fn, *args, **kwargs))


@contextmanager
def real_services(settings: EdgeSettings, clock: Clock | None = None) -> Iterator[Services]:
    """Opens the services that ``settings`` describe. Raises :class:`SettingsError` for invalid ones."""
    clock, stopped = clock or Clock(), threading.Event()
    limiter = Limiter(settings.BANDWIDTH, get_default_timezone(), clock, stopped)
    paying = None if settings.BANDWIDTH.is_off else limiter
    try:
        origins = ImageOrigins.from_settings(settings.HO_URL, settings.IMAGE_ORIGINS, settings.IMAGE_URL_REWRITE)
    except ValueError as error:
        raise SettingsError([f"ETALASE_IMAGE_ORIGINS {error}."]) from error
    lanes = Lanes(settings.most_workers, START if settings.WORKERS is None else None)
    spool = Spool.of_store(settings.SPOOL_DIR, settings.STORE_ID, database_name(), clock)
    store = storage.checkpoint.OwnStore(settings.COMPANY_ID, settings.STORE_ID)
    session = Session(
        url=settings.HO_URL,
        username=settings.HO_USERNAME,
        password=settings.HO_PASSWORD.get_secret_value(),
        tries=settings.TRIES,
        deadlines=Deadlines(
            settings.CONNECT_TIMEOUT_SECONDS,
            settings.IDLE_TIMEOUT_SECONDS,
            settings.MIN_BYTES_PER_SECOND,
            settings.HO_TIMEOUT_SECONDS,
        ),
        transport=Transport(stopped=stopped, limiter=paying, ca_file=settings.CA_FILE, connected=lanes.connected),
        tokens=store,
        clock=clock,
    )
    reporter = Reporter(settings, clock, spool.folder)
    head_office = HeadOffice(
        session,
        settings.COMPANY_ID,
        settings.STORE_ID,
        settings.PAGE_LIMIT,
        takes_renditions=settings.takes_listed_renditions,
        reporter=reporter,
    )
    images = Images(
        transport=Transport(
            address_allowed=origins.address_allowed,
            stopped=stopped,
            limiter=paying,
            ca_file=settings.CA_FILE,
            setting="image_url",
            first_byte=lanes.first_byte,
            clock=clock,
        ),
        origins=origins,
        connect_timeout_seconds=settings.CONNECT_TIMEOUT_SECONDS,
        idle_timeout_seconds=settings.IDLE_TIMEOUT_SECONDS,
        min_bytes_per_second=settings.MIN_BYTES_PER_SECOND,
        tries=settings.TRIES,
        clock=clock,
        spool=spool,
        lanes=lanes,
    )
    products = ProductTable(name_field=settings.PRODUCT_NAME_FIELD, sku_field=settings.PRODUCT_SKU_FIELD)
    bucket = own_bucket(settings, sleep=clock.sleep, monotonic=clock.monotonic, random=clock.random)
    workers = Workers(settings.most_workers, thread_name_prefix="etalase-fetch")
    early_workers = Workers(settings.most_workers, thread_name_prefix="etalase-early")
    try:
        with log_fields(store_id=str(settings.STORE_ID)):
            yield Services(
                settings, head_office, images, bucket, store, products, RunLock(settings.STORE_ID, clock),
                clock, workers, early_workers, spool, limiter, reporter, stopped,
            )  # fmt: skip
    finally:
        stopped.set()
        for pool in (early_workers, workers):
            pool.shutdown(wait=True, cancel_futures=True)
