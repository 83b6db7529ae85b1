"""Defines every setting of head office, on one screen. :func:`head_office_settings` returns them."""

from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from etalase.settings import bandwidth
from etalase.settings.reading import Settings, parse_settings
from etalase.settings.values import CaFile, CommaList, Hours, HttpUrl, OptionalToken, PostgresUrl, TimeZone

MIB = 1024 * 1024
MAX_BUCKET_CHARS = 63
BucketName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]


def _bandwidth(text: str) -> str:
    """Returns the text of a rate or timetable. Raises ValueError with its wrong part."""
    if text:
        bandwidth.parse_bandwidth(text)
    return text


StoreBandwidth = Annotated[str, AfterValidator(_bandwidth)]


class HeadOfficeSettings(Settings):
    """The settings of head office: its object store, its limits of photos, and its web server."""

    DATABASE_URL: PostgresUrl
    SECRET_KEY: Annotated[SecretStr, Field(min_length=32)]
    ALLOWED_HOSTS: CommaList
    # https://HOST behind a proxy with TLS
    CSRF_TRUSTED_ORIGINS: CommaList = []
    # The number of your own proxies: this many entries of X-Forwarded-For are trusted, from its end
    PROXY_COUNT: Annotated[int, Field(ge=0, le=9)] = 0
    # Behind a proxy with TLS: the time for which browsers use https only. 0: no such header
    HSTS_SECONDS: Annotated[int, Field(ge=0)] = 0
    # Cookies over https only; empty: if CSRF_TRUSTED_ORIGINS has an https address, or HSTS_SECONDS is set
    SECURE_COOKIES: bool | None = None
    TIME_ZONE: TimeZone = "Asia/Jakarta"
    LOG_LEVEL: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"

    S3_ENDPOINT: HttpUrl
    S3_ACCESS_KEY: str
    S3_SECRET_KEY: SecretStr
    S3_BUCKET: BucketName = "product-images"
    # The private bucket of the uploads and of old versions of photos; empty: {S3_BUCKET}-masters
    MASTERS_BUCKET: BucketName | None = None
    S3_REGION: str = "us-east-1"
    # add: the statements of others in the bucket's policy stay. replace: the policy is the guide's alone
    S3_POLICY: Literal["add", "replace"] = "add"
    # The address for edges: the beginning of every image_url.
    S3_PUBLIC_URL: HttpUrl
    # The certificate of your own authority, for the object store, besides those that this machine trusts
    CA_FILE: CaFile | None = None

    # The limits of an upload
    MAX_PHOTO_BYTES: Annotated[int, Field(ge=1024)] = 64 * MIB
    # Phones make pictures of 200 megapixels; browsers show at most 536.
    MAX_PIXELS: Annotated[int, Field(ge=1024)] = 250_000_000
    # The limits of a photo, in pixels of its long side and in bytes: a larger upload is made smaller before it goes out
    PHOTO_MAX_PIXELS: Annotated[int, Field(ge=640, le=16_383)] = 2048
    PHOTO_MAX_BYTES: Annotated[int, Field(ge=20_000)] = 600_000
    # Old versions of a photo can be restored for so long
    KEEP_VERSIONS_DAYS: Annotated[int, Field(ge=1, le=36_500)] = 90

    # An edge that was away for longer gets the full set
    TOMBSTONE_DAYS: Annotated[int, Field(ge=1, le=36_500)] = 180
    # The size of a request from any client, held in memory so that strangers cannot fill the disk; and of a form, with all its
    # files, from a person with the permission to change photos
    MAX_REQUEST_BYTES: Annotated[int, Field(ge=1024)] = 64 * 1024
    MAX_FORM_BYTES: Annotated[int, Field(ge=1024)] = 256 * MIB

    # What a machine gets that joins by a code; empty: it keeps its own. The time zone of the stores, the timetable of their
    # bandwidth (06:00,512k 23:00,off), and off-peak where their nightly run waits for its widest step
    STORE_TIME_ZONE: TimeZone | None = None
    STORE_BANDWIDTH: StoreBandwidth = ""
    STORE_FULL_RUN: Literal["", "any-time", "off-peak"] = ""

    # Files, also with *, whose last lines `support-bundle` takes, besides those of systemd's journal
    LOG_FILES: CommaList = []
    # The metrics for Prometheus at /metrics: with a token for its holders, without one for clients on this machine. Off
    # without either setting, since a proxy that adds no header makes its clients look like this machine.
    METRICS: bool | None = None
    METRICS_TOKEN: OptionalToken = SecretStr("")

    # Addresses of Apprise for messages about incidents, separated by spaces: mailtos://…, tgram://…, slack://…, json://…
    ALARM_URLS: SecretStr = SecretStr("")
    # No messages then, by TIME_ZONE: what happened is in one message afterwards. As in 22:00-06:00
    ALARM_QUIET: Hours = None
    ALARM_LANGUAGE: Literal["en", "id"] = "en"

    # Accept the guide's well-known passwords, on loopback only
    DEMO: bool = False

    SECRET_NAMES: ClassVar = ("S3_ACCESS_KEY", "S3_SECRET_KEY", "METRICS_TOKEN", "ALARM_URLS")
    DEMO_ADDRESS_NAMES: ClassVar = ("S3_ENDPOINT", "S3_PUBLIC_URL")

    @model_validator(mode="after")
    def _check_buckets(self) -> Self:
        if self.masters_bucket == self.S3_BUCKET:
            raise ValueError("ETALASE_MASTERS_BUCKET is the public bucket, ETALASE_S3_BUCKET: uploads need a private one.")
        if len(self.masters_bucket) > MAX_BUCKET_CHARS:
            raise ValueError(f"ETALASE_MASTERS_BUCKET is missing: «{self.masters_bucket}» is too long for a bucket.")
        return self

    @model_validator(mode="after")
    def _off_peak_needs_a_timetable(self) -> Self:
        if self.STORE_FULL_RUN == "off-peak" and not bandwidth.parse_bandwidth(self.STORE_BANDWIDTH or "off").is_timetable:
            raise ValueError("ETALASE_STORE_FULL_RUN needs a timetable with a wider step in ETALASE_STORE_BANDWIDTH.")
        return self

    @property
    def masters_bucket(self) -> str:
        """Returns the name of the private bucket."""
        return self.MASTERS_BUCKET or f"{self.S3_BUCKET}-masters"

    @property
    def alarm_urls(self) -> list[str]:
        """Returns the addresses for messages about incidents."""
        return self.ALARM_URLS.get_secret_value().split()

    @property
    def has_metrics(self) -> bool:
        """Returns whether ``/metrics`` is there: a token alone switches it on."""
        return bool(self.METRICS_TOKEN.get_secret_value()) if self.METRICS is None else self.METRICS

    @property
    def cookies_are_secure(self) -> bool:
        """Returns whether cookies are sent over https only."""
        if self.SECURE_COOKIES is not None:
            return self.SECURE_COOKIES
        return self.HSTS_SECONDS > 0 or any(origin.startswith("https://") for origin in self.CSRF_TRUSTED_ORIGINS)


@cache
def head_office_settings() -> HeadOfficeSettings:
    """Returns head office's settings from Django's ``ETALASE_HEAD_OFFICE``. Raises :class:`SettingsError`."""
    from django.conf import settings

    given: Any = getattr(settings, "ETALASE_HEAD_OFFICE", {})
    return given if isinstance(given, HeadOfficeSettings) else parse_settings(HeadOfficeSettings, given)
