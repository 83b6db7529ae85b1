"""Uses the code of an invitation: makes the account of the store's machine."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.text import slugify

from etalase.head_office import audit
from etalase.head_office.audit import Audited, Person
from etalase.head_office.invitation_models import Invitation
from etalase.head_office.joining.invitations import end_account, keyed_hash
from etalase.head_office.login_throttle import hashing_slot
from etalase.head_office.models import Account, Store
from etalase.joining import ALPHABET, RETRY_SECONDS

SUFFIX_CHARS = 6
MOST_CODE_CHARS = 60


class CodeUse(StrEnum):
    """The use that a machine can make of a code."""

    FIRST = "first"
    AGAIN = "again"
    NONE = "none"


class CodeRefusal(StrEnum):
    """The reason for which a code is not taken. NOT_VALID does not tell wrong, used, revoked and expired codes apart."""

    NOT_VALID = "not_valid"
    OTHER_STORE = "other_store"


@dataclass(frozen=True, slots=True)
class JoinedStore:
    """A store with the account that its machine has now."""

    store: Store
    account: Account
    password: str


def use_of(invitation: Invitation, nonce_hash: str, now: datetime) -> CodeUse:
    """Returns the use that the machine with this nonce can make of the code. Pure.

    A used code serves its own machine once more for an hour, since the response may have been lost.
    """
    if invitation.revoked_at is not None:
        return CodeUse.NONE
    if invitation.used_at is None:
        return CodeUse.FIRST if now < invitation.expires_at else CodeUse.NONE
    is_own = constant_time_compare(invitation.nonce_hash, nonce_hash)
    is_soon = now < invitation.used_at + timedelta(seconds=RETRY_SECONDS)
    return CodeUse.AGAIN if is_own and is_soon else CodeUse.NONE


def redeem(code: str, nonce: str, *, address: str, serves: UUID | None = None) -> JoinedStore | CodeRefusal:
    """Returns the store with a new account, or with a new password for the one that this machine got before.

    ``serves`` is the store that the machine serves already: the code of another store stays unused. Raises
    :class:`~etalase.head_office.login_throttle.TooManyLogins` while many passwords are hashed.
    """
    code_hash, nonce_hash = keyed_hash(code), keyed_hash(nonce)
    found = Invitation.objects.filter(code_hash=code_hash).first()
    # Before the slot: wrong codes hash no password.
    if found is None or use_of(found, nonce_hash, timezone.now()) is CodeUse.NONE:
        return CodeRefusal.NOT_VALID
    if serves is not None and found.store_id != serves:
        return CodeRefusal.OTHER_STORE
    with hashing_slot():  # a transaction
        return _redeem(found.id, nonce_hash, address)


def _redeem(invitation_id: UUID, nonce_hash: str, address: str) -> JoinedStore | CodeRefusal:
    rows = Invitation.objects.select_for_update(of=("self",)).select_related("store__company", "account")
    invitation = rows.filter(id=invitation_id).first()
    now = timezone.now()
    use = CodeUse.NONE if invitation is None else use_of(invitation, nonce_hash, now)
    if invitation is None or use is CodeUse.NONE:
        return CodeRefusal.NOT_VALID
    store, password = invitation.store, secrets.token_urlsafe(24)
    if use is CodeUse.AGAIN:
        account = invitation.account
        if account is None or not account.is_active or account.store_id != store.id:
            return CodeRefusal.NOT_VALID
        account.set_password(password)
        account.save(update_fields=["password"])
    else:
        account = _new_account(store, password)
        ended = _end_earlier(store)
        invitation.used_at, invitation.nonce_hash, invitation.account = now, nonce_hash, account
        invitation.save(update_fields=["used_at", "nonce_hash", "account"])
    by = Person(account.id, account.username, address)
    audit.note(by, Audited.JOINED, [store], again=use is CodeUse.AGAIN, **({"ended": ended} if use is CodeUse.FIRST else {}))
    return JoinedStore(store, account, password)


def _new_account(store: Store, password: str) -> Account:
    stem = slugify(store.code)[:MOST_CODE_CHARS] or "store"
    suffix = "".join(secrets.choice(ALPHABET) for _ in range(SUFFIX_CHARS)).lower()
    account = Account(username=f"{stem}-{suffix}", store=store)
    account.set_password(password)
    account.save(force_insert=True)
    return account


def _end_earlier(store: Store) -> list[str]:
    """Ends the accounts of machines that joined for this store before. Accounts that people made stay."""
    joined = Invitation.objects.filter(store=store, account__isnull=False).values("account_id")
    earlier = list(Account.objects.filter(id__in=joined, store=store, is_active=True, is_staff=False).order_by("username"))
    for account in earlier:
        end_account(account)
    return [account.username for account in earlier]
