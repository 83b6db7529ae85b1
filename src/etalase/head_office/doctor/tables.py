"""Checks of head office's tables: the feed of a store, tokens, rights to see other writers, and overdue purges."""

import secrets
from datetime import timedelta

from django.conf import settings as django_settings
from django.db import connection
from django.utils.timezone import now
from rest_framework_simplejwt.exceptions import TokenError

from etalase.doctor.check import Check, Fault, NotChecked
from etalase.head_office.api.tokens import AccessToken
from etalase.head_office.checks import writers_are_visible
from etalase.head_office.feed import PageRequest, StoreIdentity, photo_page
from etalase.head_office.feed_bucket import PublicBucket
from etalase.head_office.feed_models import AssortmentTombstone, PhotoTombstone
from etalase.head_office.models import Account, Store, TokenFamily
from etalase.head_office.passwords import admin_with_published_password
from etalase.settings.head_office import HeadOfficeSettings

READS = ("database_rights", "tables")
# A daily purge that missed two nights does not run.
PURGE_LATE = timedelta(days=2)
DISTINCT_CHARS = 8
# Comparing a password with a hash is slow by intent.
HASHING_SECONDS = 4.0


def checks(settings: HeadOfficeSettings) -> list[Check]:
    """Returns the checks, in the order in which they are shown."""
    return [
        Check("writers_visible", writers_visible, needs=("database",)),
        Check(
            "admin_password", lambda: admin_password(demo=settings.DEMO), needs=READS, seconds=HASHING_SECONDS,
            late="This machine is busy: a password takes a fraction of a second of a free processor. Look with top.",
        ),
        Check("token_key", token_key, needs=("settings",)),
        Check("stores", stores, needs=READS),
        Check("feed", lambda: feed(settings), needs=(*READS, "database_writable", "writers_visible", "stores")),
        Check("purge", lambda: purge_due(settings.TOMBSTONE_DAYS), needs=READS),
    ]  # fmt: skip


def writers_visible() -> str:
    """Checks that the role sees other writers, on which the feed's horizon relies."""
    for problem in writers_are_visible(None):
        raise Fault(str(problem.msg), hint=str(problem.hint))
    return "open transactions of all roles are seen"


def admin_password(*, demo: bool) -> str:
    """Checks that the admin's password is not the guide's, outside the demo."""
    if not demo and (account := admin_with_published_password()) is not None:
        raise Fault(
            f"The account «{account.username}» has a password from the public guide.",
            hint="Change it: etalase head-office create-account admin --admin --password-file FILE",
        )
    return "not checked in the demo" if demo else "not the guide's"


def token_key() -> str:
    """Checks the key that signs tokens: one that cannot be guessed, and that verifies its own tokens."""
    if weak_key(str(django_settings.SECRET_KEY)):
        raise Fault(
            "ETALASE_SECRET_KEY is easy to guess; a person with it can make tokens for every store.",
            hint="Generate one: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'. Stores log in anew.",
        )
    token = AccessToken()
    token["probe"] = secrets.token_hex(4)
    try:
        AccessToken(str(token), verify=True)
    except TokenError as error:
        raise Fault(f"A token that was just signed is not valid ({error}).", hint="Look at this server's clock.") from error
    return "signs and verifies"


def weak_key(key: str) -> bool:
    """Returns whether the key repeats few characters or has Django's mark of an insecure one. Pure."""
    return len(set(key)) < DISTINCT_CHARS or key.startswith("django-insecure-")


def stores() -> str:
    """Counts stores, and those without an account that could ask for their list."""
    known = Store.objects.count()
    if not known:
        raise NotChecked("there is no store yet")
    with_account = Account.objects.filter(is_active=True, store__isnull=False).values("store").distinct().count()
    if with_account == 0:
        raise Fault(
            f"None of {known} stores has an active account.",
            hint="Let their machines join: etalase head-office invite --all",
        )
    return f"{with_account} of {known} stores have an account"


def feed(settings: HeadOfficeSettings) -> str:
    """Reads the first photo of one store's feed, as its edge does."""
    store = Store.objects.order_by("id").first()
    if store is None:
        raise NotChecked("there is no store yet")
    identity = StoreIdentity(store.id, store.company_id, store.code, store.name)
    page = photo_page(identity, PageRequest(limit=1), PublicBucket(settings.S3_PUBLIC_URL, settings.S3_BUCKET))
    return f"{page['total']} photos for {store.code}"


def purge_due(tombstone_days: int) -> str:
    """Checks that the daily purge runs: nothing is much older than it allows."""
    late = now() - PURGE_LATE
    old = [model.objects.filter(changed_at__lt=late - timedelta(days=tombstone_days)) for model in _TOMBSTONES]
    count = sum(rows.count() for rows in old) + TokenFamily.objects.filter(expires_at__lt=late).count()
    if count:
        raise Fault(
            f"{count} tombstones and expired tokens should be gone by now: the daily purge does not run.",
            hint="Run it each day, by cron or a timer: etalase head-office purge-tombstones",
        )
    with connection.cursor() as cursor:
        cursor.execute("SELECT floor FROM head_office_feed_floor")
        (floor,) = cursor.fetchone()
    return f"deletions are known since {floor:%Y-%m-%d}"


_TOMBSTONES = (PhotoTombstone, AssortmentTombstone)
