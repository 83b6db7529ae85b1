"""Guessing at passwords hurts nobody else: failures are counted, hashing is bounded (hazards 52 and 57, ADR 0020)."""

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

# An address at which so many different accounts failed is guessing at all of them, and gets no further try. One store with a
# wrong password counts once, however often it tries, so that those behind the same NAT are not touched by it.
ACCOUNTS_FAILED_AT_ONCE = 30

# In all processes together, so that the other half of the machine serves feeds.
HASHES_AT_ONCE = max(1, (os.cpu_count() or 1) // 2)
# In each process: one that hashes, one that waits for its turn. More would keep threads from feed requests.
LOGINS_AT_ONCE = 2
WAIT_SECONDS, POLL_SECONDS = 1.0, 0.02
# Any number that nobody else uses as the first of a pair of advisory locks in this database.
_HASHING = 0x65746C68
_logins = threading.BoundedSemaphore(LOGINS_AT_ONCE)

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052, section 2.1


class TooManyLogins(APIException):
    """As many passwords are being checked as may be at once; this one was not looked at, and counts as no failure."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "Head office is checking many passwords just now. Try again in a few seconds."

    def __init__(self) -> None:
        super().__init__()
        # Not all at once again. DRF makes a Retry-After of it.
        self.wait = 1 + secrets.randbelow(5)


class Argon2(Argon2PasswordHasher):
    """Argon2id as OWASP's Password Storage Cheat Sheet asks for: 19 MiB, two passes, one lane; 35 ms where PBKDF2 takes 330."""

    time_cost, memory_cost, parallelism = 2, 19 * 1024, 1


class BoundedLogin(ModelBackend):
    """Django's own backend; it hashes only in its turn."""

    def authenticate(self, request: HttpRequest | None, *args: Any, **credentials: Any) -> Any:
        """The account. Raises :class:`TooManyLogins`, or PermissionDenied, so that no other backend hashes once more."""
        with _turn():
            account = super().authenticate(request, *args, **credentials)
        if account is None:
            raise PermissionDenied
        return account


@contextmanager
def _turn() -> Iterator[None]:
    """One of :data:`HASHES_AT_ONCE` turns, or :class:`TooManyLogins`: at once where others wait already, else after a second.

    The lock is the database's, so that it holds for every process, whatever serves them, and goes with its transaction.
    """
    if not _logins.acquire(blocking=False):
        raise TooManyLogins
    try:
        until = time.monotonic() + WAIT_SECONDS
        while True:
            with transaction.atomic():
                if _is_my_turn():
                    yield
                    return
            if time.monotonic() >= until:
                raise TooManyLogins
            time.sleep(POLL_SECONDS)
    finally:
        _logins.release()


def _is_my_turn() -> bool:
    with connection.cursor() as cursor:
        for turn in range(HASHES_AT_ONCE):
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_HASHING, turn])
            if cursor.fetchone()[0]:
                return True
    return False


class Throttle(AxesDatabaseHandler):
    """Counts failures for account and address together, as axes does, and accounts that failed for each address."""

    def is_locked(self, request: Any, credentials: Any = None) -> bool:
        """Whether this account at this address, or this address altogether, has to wait."""
        # By a clock that was ahead once: nobody has to wait until then.
        AccessAttempt.objects.filter(attempt_time__gt=timezone.now() + get_cool_off(request)).delete()
        return bool(super().is_locked(request, credentials)) or guesses_until(request) is not None


def guesses_until(request: Any) -> datetime | None:
    """Until when this address has to wait, whatever the account; None: it need not."""
    failed = AccessAttempt.objects.filter(ip_address=request.axes_ip_address, attempt_time__gte=get_cool_off_threshold(request))
    accounts = failed.values("username").annotate(last=Max("attempt_time")).order_by("-last").values_list("last", flat=True)
    decisive = list(accounts[ACCOUNTS_FAILED_AT_ONCE - 1 : ACCOUNTS_FAILED_AT_ONCE])
    return decisive[0] + get_cool_off(request) if decisive else None


def wait_seconds(request: Any, credentials: Any) -> int:
    """How long the caller has to wait until its next try is looked at; at least a second."""
    pair = Throttle().get_user_attempts(request, credentials)[0].aggregate(last=Max("attempt_time"))["last"]
    ends = [pair + get_cool_off(request) if pair else None, guesses_until(request)]
    left = max((end - timezone.now() for end in ends if end), default=timedelta(0))
    return max(1, round(left.total_seconds()))


def counted_address(text: str) -> str | None:
    """The address that failures are counted for, or None where ``text`` is none.

    An IPv4 address in IPv6's clothes is that address. Of IPv6 it is the /64, which a caller has all of (RFC 6177); a link-local
    /64 is everybody's on the link.
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
