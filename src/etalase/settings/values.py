"""Defines the kinds of values that settings have, each with its check."""

import difflib
import re
import ssl
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, SecretStr


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


_DURATION = re.compile(r"(\d+)\s*([smhd])")
_SECONDS_IN = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not (match := _DURATION.fullmatch(value.strip())):
        raise ValueError("is not a duration: write a number and s, m, h or d, as in 24h")
    return timedelta(seconds=int(match[1]) * _SECONDS_IN[match[2]])


def _hours(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        begins, ends = (time.fromisoformat(part) for part in value.strip().split("-"))
    except ValueError:
        raise ValueError("has not two times of the day, as in 22:00-06:00") from None
    return begins, ends


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    _ = parts.port  # raises ValueError if it is not a port
    plain = value.isascii() and value.isprintable() and " " not in value
    if not plain or parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is not an address of the form http://HOST:PORT or https://HOST")
    if parts.username is not None:
        raise ValueError("has a user name; accounts have settings of their own")
    return value.rstrip("/")


# The tz database has them in its file «backward», which Debian packs apart.
_OLD_NAMES = {
    "Asia/Batavia": "Asia/Jakarta",
    "Asia/Ujung_Pandang": "Asia/Makassar",
    "Asia/Saigon": "Asia/Ho_Chi_Minh",
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Rangoon": "Asia/Yangon",
    "Singapore": "Asia/Singapore",
    "Hongkong": "Asia/Hong_Kong",
    "Japan": "Asia/Tokyo",
}


def _time_zone(value: str) -> str:
    if value not in available_timezones():
        if value in _OLD_NAMES:
            raise ValueError(f"is an old name of {_OLD_NAMES[value]} that this machine lacks: write {_OLD_NAMES[value]}")
        near = difflib.get_close_matches(value, available_timezones(), n=1)
        raise ValueError("is not a time zone" + (f"; did you mean {near[0]}?" if near else ", as in Asia/Jakarta"))
    return value


def _ca_file(value: Path) -> Path:
    try:
        ssl.create_default_context(cafile=str(value))
        found = b"-----BEGIN CERTIFICATE-----" in value.read_bytes()
    except ssl.SSLError as error:
        raise ValueError(f"has no certificate that can be read ({error.reason or error})") from error
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from error
    if not found:
        raise ValueError("has no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
    return value


CommaList = Annotated[list[str], BeforeValidator(_split)]
# From the first time of the day until the second one; the night is allowed
Hours = Annotated[tuple[time, time] | None, BeforeValidator(_hours)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
# A file of certificates in PEM form, trusted besides this machine's own
CaFile = Annotated[Path, AfterValidator(_ca_file)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]


def _postgresql(value: SecretStr) -> SecretStr:
    form = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError(f"is not an address of the form {form}")
    try:
        parts = urlsplit(value.get_secret_value())
        _ = parts.port
    except ValueError:  # the text of the error would show a part of the password
        raise ValueError(
            f"is not an address of the form {form}; write / ? # @ : % in the password as %2F %3F %23 %40 %3A %25"
        ) from None
    if not parts.path.strip("/") and "service=" not in parts.query:
        raise ValueError(f"names no database: {form}")
    return value


PostgresUrl = Annotated[SecretStr, AfterValidator(_postgresql)]


def _broker(value: SecretStr) -> SecretStr:
    try:
        # Several sentinels are separated by «;».
        parts = [urlsplit(address) for address in value.get_secret_value().split(";")]
        _ = [part.port for part in parts]  # raises ValueError if it is not a port
        known = all(part.scheme in {"redis", "rediss", "redis+socket", "sentinel"} for part in parts)
    except ValueError:
        known = False
    if not known:
        raise ValueError("is not an address of the form redis://:PASSWORD@HOST:PORT/DATABASE, or rediss:// with TLS")
    return value


BrokerUrl = Annotated[SecretStr, AfterValidator(_broker)]


MIN_TOKEN_CHARS = 16


def _optional_token(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text and not (len(text) >= MIN_TOKEN_CHARS and text.isascii() and text.isprintable() and " " not in text):
        raise ValueError(f"has {len(text)} characters: expected are {MIN_TOKEN_CHARS} or more, in ASCII and without spaces")
    return value


# A token that a client sends in a header (RFC 6750); empty: none
OptionalToken = Annotated[SecretStr, AfterValidator(_optional_token)]
