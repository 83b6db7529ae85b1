"""Every setting of head office, on one screen. :func:`configured` gives them to the code that uses them."""

from functools import cache
from typing import Annotated, Any, ClassVar

from pydantic import Field, SecretStr

from etalase.settings.reading import Settings, read
from etalase.settings.values import CaFile, CommaList, HttpUrl, PostgresUrl, TimeZone

MIB = 1024 * 1024


class HeadOfficeSettings(Settings):
    """Head office: its object store, what it takes as a photo, and its web server."""

    DATABASE_URL: PostgresUrl
    SECRET_KEY: Annotated[SecretStr, Field(min_length=32)]
    ALLOWED_HOSTS: CommaList
    # https://HOST where a proxy with TLS stands in front of the admin
    CSRF_TRUSTED_ORIGINS: CommaList = []
    # How many proxies of ours stand in front: so many entries of X-Forwarded-For are believed, from its end
    PROXY_COUNT: Annotated[int, Field(ge=0, le=9)] = 0
    # With TLS in front: browsers use https only for so long. 0: not said
    HSTS_SECONDS: Annotated[int, Field(ge=0)] = 0
    # Cookies over https only; empty: where CSRF_TRUSTED_ORIGINS has an https address, or HSTS_SECONDS is set
    SECURE_COOKIES: bool | None = None
    TIME_ZONE: TimeZone = "Asia/Jakarta"
    LOG_LEVEL: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"

    S3_ENDPOINT: HttpUrl
    S3_ACCESS_KEY: str
    S3_SECRET_KEY: SecretStr
    S3_BUCKET: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = "product-images"
    S3_REGION: str = "us-east-1"
    # What an edge can reach: it becomes the beginning of every image_url.
    S3_PUBLIC_URL: HttpUrl
    # The certificate of your own authority, for the object store, besides those that this machine trusts
    CA_FILE: CaFile | None = None

    # What is taken as a photo
    MAX_PHOTO_BYTES: Annotated[int, Field(ge=1024)] = 64 * MIB
    # Phones take pictures of 200 megapixels; browsers show none of more than 536.
    MAX_PIXELS: Annotated[int, Field(ge=1024)] = 250_000_000

    # An edge that was away for longer gets the full set
    TOMBSTONE_DAYS: Annotated[int, Field(ge=1, le=36_500)] = 180
    # What a request may bring: of anybody, and a form of somebody who may change photos, with all its files
    # (anybody's lies in memory until it is here as a whole: strangers fill no disk)
    MAX_REQUEST_BYTES: Annotated[int, Field(ge=1024)] = 64 * 1024
    MAX_FORM_BYTES: Annotated[int, Field(ge=1024)] = 256 * MIB

    # Accept the guide's well-known passwords, on loopback only
    DEMO: bool = False

    SECRET_NAMES: ClassVar = ("S3_ACCESS_KEY", "S3_SECRET_KEY")
    DEMO_ADDRESS_NAMES: ClassVar = ("S3_ENDPOINT", "S3_PUBLIC_URL")

    @property
    def cookies_are_secure(self) -> bool:
        """Whether cookies travel over https only."""
        if self.SECURE_COOKIES is not None:
            return self.SECURE_COOKIES
        return self.HSTS_SECONDS > 0 or any(origin.startswith("https://") for origin in self.CSRF_TRUSTED_ORIGINS)


@cache
def configured() -> HeadOfficeSettings:
    """Head office's settings from Django's ``ETALASE_HEAD_OFFICE``. Raises :class:`SettingsError`."""
    from django.conf import settings

    given: Any = getattr(settings, "ETALASE_HEAD_OFFICE", {})
    return given if isinstance(given, HeadOfficeSettings) else read(HeadOfficeSettings, given)
