"""Throttles password guessing and bounds password hashing (hazards 52 and 57, ADR 0020)."""

import ipaddress
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Max
from django.http import HttpRequest
from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import APIException

from etalase.settings.head_office import head_office_settings

# An address with failures of this number of accounts is locked. A store with a wrong password counts once for all its
# attempts, so that other stores behind the same NAT can still log in.
ACCOUNTS_FAILED_AT_ONCE = 30

# For all processes together; the other half of the cores serves feeds.
HASHES_AT_ONCE = max(1, (os.cpu_count() or 1) // 2)
# Per process: one that hashes and one that waits. More would take threads from feed requests.
LOGINS_AT_ONCE = 2
WAIT_SECONDS, POLL_SECONDS = 1.0, 0.02
# The class of these advisory locks; unique in this database.
_HASHING = 0x65746C68
_logins = threading.BoundedSemaphore(LOGINS_AT_ONCE)

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052, section 2.1


class TooManyLogins(APIException):
    """The limit of parallel password checks is reached; this login was not checked and does not count as a failure."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "Head office is checking many passwords just now. Try again in a few seconds."

    def __init__(self) -> None:
        super().__init__()
        # Jitter: the clients must not all retry at once. DRF sends it as Retry-After.
        self.wait = 1 + secrets.randbelow(5)


class Argon2(Argon2PasswordHasher):
    """Argon2id as in OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one lane; 35 ms (PBKDF2: 330 ms)."""

    time_cost, memory_cost, parallelism = 2, 19 * 1024, 1


class BoundedLogin(ModelBackend):
    """Django's own backend with a bound on parallel hashing."""

    def authenticate(self, request: HttpRequest | None, *args: Any, **credentials: Any) -> Any:
        """Returns the account. Raises :class:`TooManyLogins`, or PermissionDenied, so that no other backend hashes again."""
        with hashing_slot():
            account = super().authenticate(request, *args, **credentials)
        if account is None:
            raise PermissionDenied
        return account


@contextmanager
def hashing_slot() -> Iterator[None]:
    """Holds one of :data:`HASHES_AT_ONCE` slots. Raises :class:`TooManyLogins`: at once if another login waits, else after 1 s.

    The slot is an advisory lock, so that it counts across all processes and ends with its transaction.
    """
    if not _logins.acquire(blocking=False):
        raise TooManyLogins
    try:
        until = time.monotonic() + WAIT_SECONDS
        while True:
            with transaction.atomic():
                if _lock_slot():
                    yield
                    return
            if time.monotonic() >= until:
                raise TooManyLogins
            time.sleep(POLL_SECONDS)
    finally:
        _logins.release()


def _lock_slot() -> bool:
    with connection.cursor() as cursor:
        for slot in range(HASHES_AT_ONCE):
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_HASHING, slot])
            if cursor.fetchone()[0]:
                return True
    return False


class Throttle(AxesDatabaseHandler):
    """Counts failures per account and address, as axes does, and also the failed accounts per address."""

    def is_locked(self, request: Any, credentials: Any = None) -> bool:
        """Returns whether this account is locked at this address, or the whole address is."""
        # Failures with a future time, from a clock that was ahead, must not lock anybody.
        AccessAttempt.objects.filter(attempt_time__gt=timezone.now() + get_cool_off(request)).delete()
        return bool(super().is_locked(request, credentials)) or address_locked_until(request) is not None


def address_locked_until(request: Any) -> datetime | None:
    """Returns the time until which the address is locked for all accounts, or None."""
    failed = AccessAttempt.objects.filter(ip_address=request.axes_ip_address, attempt_time__gte=get_cool_off_threshold(request))
    accounts = failed.values("username").annotate(last=Max("attempt_time")).order_by("-last").values_list("last", flat=True)
    decisive = list(accounts[ACCOUNTS_FAILED_AT_ONCE - 1 : ACCOUNTS_FAILED_AT_ONCE])
    return decisive[0] + get_cool_off(request) if decisive else None


def wait_seconds(request: Any, credentials: Any) -> int:
    """Returns the seconds until the next login of the caller is checked, at least 1."""
    pair = Throttle().get_user_attempts(request, credentials)[0].aggregate(last=Max("attempt_time"))["last"]
    ends = [pair + get_cool_off(request) if pair else None, address_locked_until(request)]
    left = max((end - timezone.now() for end in ends if end), default=timedelta(0))
    return max(1, round(left.total_seconds()))


def client_address(request: HttpRequest) -> str | None:
    """Returns the address by which a request is counted, or None for a Unix socket.

    Trusts the last ``ETALASE_PROXY_COUNT`` entries of ``X-Forwarded-For`` only.
    """
    proxies = head_office_settings().PROXY_COUNT
    hops = request.headers.get("X-Forwarded-For", "").split(",") if proxies else []
    address = hops[-proxies].strip() if len(hops) >= proxies > 0 else request.META.get("REMOTE_ADDR", "")
    return counted_address(address)


def counted_address(text: str) -> str | None:
    """Returns the address by which failures are counted, or None if ``text`` is not an address.

    An IPv4 address embedded in IPv6 counts as the IPv4 address. IPv6 addresses count by their /64, since a caller owns all of
    it (RFC 6177); link-local addresses count singly, since everybody on the link shares their /64.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if inner := address.ipv4_mapped or address.sixtofour:
        return str(inner)
    if address in _NAT64:
        return str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address.is_link_local or address.is_loopback:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False).network_address)
