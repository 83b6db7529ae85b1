"""Defines every setting of the edge, on one screen. :func:`edge_settings` returns them."""

import os
import zlib
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from etalase.settings import bandwidth
from etalase.settings.reading import Settings, parse_settings
from etalase.settings.values import BrokerUrl, CaFile, CommaList, Duration, HttpUrl, OptionalToken, PostgresUrl, TimeZone

MIB = 1024 * 1024
MOST_WORKERS = 64

BandwidthValue = Annotated[
    bandwidth.Bandwidth,
    BeforeValidator(lambda value: value if isinstance(value, bandwidth.Bandwidth) else bandwidth.parse_bandwidth(str(value))),
]


def _workers(value: object) -> int | None:
    """Returns a number of workers, None for ``auto``. Raises ValueError for anything else."""
    text = str(value).strip().lower()
    if value is None or text == "auto":
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_WORKERS:
        raise ValueError(f"is neither auto nor a number from 1 to {MOST_WORKERS}")
    return int(text)


Workers = Annotated[int | None, BeforeValidator(_workers)]


class EdgeSettings(Settings):
    """The settings of sync and POS: standalone from the environment, in a Django project from ``ETALASE``."""

    # Head office
    HO_URL: HttpUrl
    HO_USERNAME: Annotated[str, AfterValidator(str.strip)]
    HO_PASSWORD: SecretStr
    COMPANY_ID: UUID
    STORE_ID: UUID
    # The allowed origins of photos: HOST, HOST:PORT or SCHEME://HOST:PORT; empty: the host of HO_URL, any port.
    IMAGE_ORIGINS: CommaList = []
    # FROM=TO, for an HO that names its bucket by a host that only HO knows: http://minio:9000=http://10.1.2.3:9000
    IMAGE_URL_REWRITE: Annotated[str, Field(pattern=r"^$|^https?://[^=\s]+=https?://[^=\s]+$")] = ""

    # The edge's own object store
    S3_ENDPOINT: HttpUrl
    S3_ACCESS_KEY: str
    S3_SECRET_KEY: SecretStr
    S3_BUCKET: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = "product-images"
    S3_REGION: str = "us-east-1"
    # add: the statements of others in the bucket's policy stay. replace: the policy is the guide's alone
    S3_POLICY: Literal["add", "replace"] = "add"
    # The address for POS browsers; S3_ENDPOINT is often a name inside the edge only.
    S3_PUBLIC_URL: HttpUrl

    # The certificate of your own authority, for HO, its bucket and the edge's bucket, besides those that this machine trusts
    CA_FILE: CaFile | None = None

    # The sync
    # Parallel transfers; auto, None here: 10, and up to 64 where a link makes them wait for round trips
    WORKERS: Workers = None
    PAGE_LIMIT: Annotated[int, Field(ge=1, le=1000)] = 500
    MAX_PHOTO_BYTES: Annotated[int, Field(ge=1024, le=2**31 - 1)] = 64 * MIB
    MAX_BYTES_IN_FLIGHT: Annotated[int, Field(ge=MIB)] = 32 * MIB
    CONNECT_TIMEOUT_SECONDS: Annotated[float, Field(gt=0, le=300)] = 10
    # A transfer below MIN_BYTES_PER_SECOND for IDLE_TIMEOUT_SECONDS is aborted; HO_TIMEOUT_SECONDS is for a whole page.
    IDLE_TIMEOUT_SECONDS: Annotated[int, Field(ge=1, le=3600)] = 30
    MIN_BYTES_PER_SECOND: Annotated[int, Field(ge=1)] = 1024
    HO_TIMEOUT_SECONDS: Annotated[float, Field(gt=0, le=3600)] = 120
    TRIES: Annotated[int, Field(ge=1, le=10)] = 3
    # For all workers together, in bytes a second: 512k, or a timetable in TIME_ZONE: 06:00,512k 23:00,off
    BANDWIDTH: BandwidthValue = bandwidth.Bandwidth()
    # off-peak: the nightly run waits for the widest step of that timetable.
    FULL_RUN: Literal["any-time", "off-peak"] = "any-time"
    # The folder of unfinished downloads from 64 KiB up, so that they resume after a break; beyond SPOOL_MAX_BYTES the oldest
    # are dropped. Unlike /tmp, /var/tmp outlives a restart; the spool refuses a folder of another user.
    SPOOL_DIR: Annotated[Path, Field(default_factory=lambda: Path(f"/var/tmp/etalase-{os.geteuid()}"))]  # noqa: S108
    SPOOL_MAX_BYTES: Annotated[int, Field(ge=MIB)] = 512 * MIB
    # A run ends in order after this time; the next run continues its work.
    MAX_RUN_SECONDS: Annotated[int, Field(ge=1)] = 6 * 3600
    # Full runs read and hash each object once in this number of days, a share each time; 0: never.
    DEEP_VERIFY_DAYS: Annotated[int, Field(ge=0, le=366)] = 7
    RECLAIM_GRACE: Duration = timedelta(hours=24)
    # Small pictures for the tiles: HO's where it offers them, else made here (auto); HO's alone; made here alone; none
    RENDITIONS: Literal["auto", "head-office", "edge", "off"] = "auto"
    # The store's own minute of the hour; empty: computed from STORE_ID, so that not all stores send requests at minute 0.
    SCHEDULE_OFFSET_MINUTES: Annotated[int, Field(ge=0, le=59)] | None = None

    # The contact for a store whose photos are missing: shown with a bad status, to anybody in the store's network
    SUPPORT_CONTACT: Annotated[str, Field(max_length=200)] = ""
    # Whether the status page has a button that enqueues one ordinary sync, at most one in five minutes
    STATUS_ACTIONS: bool = True

    # Whether people at head office may order syncs and decide on held removals here; refusals are reported to them
    ACCEPT_ORDERS: bool = False

    # Files, also with *, whose last lines `support-bundle` takes, besides those of systemd's journal
    LOG_FILES: CommaList = []
    # The metrics for Prometheus at /metrics: with a token for its holders, without one for clients on this machine. Off
    # without either setting, since a proxy that adds no header makes its clients look like this machine.
    METRICS: bool | None = None
    METRICS_TOKEN: OptionalToken = SecretStr("")

    # Names of the fields of ETALASE_PRODUCT_MODEL, in a Django project with a product model of its own
    PRODUCT_NAME_FIELD: str = "name"
    PRODUCT_SKU_FIELD: str = "sku"
    # A text, also through a foreign key: category__name. Empty: no categories, but those of head office in our own table
    PRODUCT_CATEGORY_FIELD: str = ""

    # Accept the guide's well-known passwords, on loopback only
    DEMO: bool = False

    SECRET_NAMES: ClassVar = ("HO_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY", "METRICS_TOKEN")
    DEMO_ADDRESS_NAMES: ClassVar = ("HO_URL", "S3_ENDPOINT")

    @field_validator("FULL_RUN")
    @classmethod
    def _off_peak_needs_a_timetable(cls, value: str, info: ValidationInfo) -> str:
        limit = info.data.get("BANDWIDTH")
        if value == "off-peak" and isinstance(limit, bandwidth.Bandwidth) and not limit.is_timetable:
            raise ValueError("needs a timetable with a wider step in ETALASE_BANDWIDTH, as in 06:00,512k 23:00,off")
        return value

    @property
    def most_workers(self) -> int:
        """Returns the largest number of parallel transfers."""
        return self.WORKERS or MOST_WORKERS

    @property
    def takes_listed_renditions(self) -> bool:
        """Returns whether the edge fetches the renditions that head office offers."""
        return self.RENDITIONS in {"auto", "head-office"}

    @property
    def has_metrics(self) -> bool:
        """Returns whether ``/metrics`` is there: a token alone switches it on."""
        return bool(self.METRICS_TOKEN.get_secret_value()) if self.METRICS is None else self.METRICS

    @property
    def schedule_offset_minutes(self) -> int:
        """Returns the minute of the hour at which this store's scheduled runs begin."""
        if self.SCHEDULE_OFFSET_MINUTES is not None:
            return self.SCHEDULE_OFFSET_MINUTES
        return zlib.crc32(self.STORE_ID.bytes) % 60


class EdgeServerSettings(Settings):
    """The settings of the standalone edge only; a Django project has its own settings for these."""

    DATABASE_URL: PostgresUrl
    BROKER_URL: BrokerUrl
    SECRET_KEY: Annotated[SecretStr, Field(min_length=32)]
    ALLOWED_HOSTS: CommaList
    CORS_ORIGINS: CommaList = []
    # The number of your own proxies before the POS; 0: clients connect directly
    PROXY_COUNT: Annotated[int, Field(ge=0, le=9)] = 0
    # Behind a proxy with TLS: the time for which browsers use https only. 0: no such header
    HSTS_SECONDS: Annotated[int, Field(ge=0)] = 0
    TIME_ZONE: TimeZone = "Asia/Jakarta"
    LOG_LEVEL: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"


@cache
def edge_settings() -> EdgeSettings:
    """Returns the edge's settings from Django's ``ETALASE``. Raises :class:`SettingsError` with each fault."""
    from django.conf import settings

    given: Any = getattr(settings, "ETALASE", {})
    return given if isinstance(given, EdgeSettings) else parse_settings(EdgeSettings, given, prefix="ETALASE ")
