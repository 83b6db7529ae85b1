"""Makes, lists and revokes invitations of stores, and revokes the accounts of a store."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from etalase.head_office import audit
from etalase.head_office.audit import Audited, Person
from etalase.head_office.invitation_models import Invitation
from etalase.head_office.models import Account, Store, TokenFamily
from etalase.joining import CODE_DAYS, RETRY_SECONDS, new_code


class InvitationState(StrEnum):
    """The state of an invitation. The words are part of ``--json``."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class MadeInvitation:
    """A new invitation with its code, which is shown once."""

    store: Store
    code: str
    expires_at: datetime
    # Whether an active account of the store exists already.
    has_account: bool


def keyed_hash(text: str) -> str:
    """Returns the hash of a code or nonce under head office's secret key: a copy of the database alone does not reveal it."""
    return str(salted_hmac("etalase.joining", text, algorithm="sha256").hexdigest())


def state_of(invitation: Invitation, now: datetime) -> InvitationState:
    """Returns the state at ``now``. Pure."""
    if invitation.used_at is not None:
        return InvitationState.USED
    if invitation.revoked_at is not None:
        return InvitationState.REVOKED
    return InvitationState.OPEN if now < invitation.expires_at else InvitationState.EXPIRED


@transaction.atomic
def invite(stores: Iterable[Store], *, by: Person) -> list[MadeInvitation]:
    """Makes an invitation of each store, which revokes an older one of the same store."""
    chosen = list({store.id: store for store in stores}.values())
    # In the order of their ids, so that two commands at once wait for each other instead of a deadlock.
    rows = Store.objects.select_for_update(no_key=True).filter(id__in=[store.id for store in chosen])
    there = set(rows.order_by("id").values_list("id", flat=True))
    chosen = [store for store in chosen if store.id in there]
    now = timezone.now()
    _usable(chosen, now).update(revoked_at=now)
    with_account = set(_accounts(chosen).values_list("store_id", flat=True))
    expires_at = now + timedelta(days=CODE_DAYS)
    made = [MadeInvitation(store, new_code(), expires_at, store.id in with_account) for store in chosen]
    Invitation.objects.bulk_create(
        Invitation(store=one.store, code_hash=keyed_hash(one.code), invited_by=by.username[:150], expires_at=expires_at)
        for one in made
    )
    audit.note(by, Audited.INVITED, chosen, expires_at=expires_at.isoformat())
    return made


@transaction.atomic
def revoke_invitations(stores: Collection[Store], *, by: Person) -> list[Store]:
    """Revokes the open invitations of the stores, and the hour in which a used code may be repeated. Returns their stores."""
    now = timezone.now()
    usable = _usable(stores, now)
    ids = set(usable.select_for_update(of=("self",)).values_list("store_id", flat=True))
    usable.update(revoked_at=now)
    ended = [store for store in stores if store.id in ids]
    audit.note(by, Audited.INVITATION_REVOKED, ended)
    return ended


@transaction.atomic
def revoke_accounts(stores: Collection[Store], *, by: Person) -> dict[Store, list[str]]:
    """Ends accounts, tokens and invitations of the stores, from the next request on. Returns the names of ended accounts."""
    revoke_invitations(stores, by=by)
    names: dict[Store, list[str]] = {store: [] for store in stores}
    for account in _accounts(stores).select_for_update(of=("self",)).select_related("store").order_by("username"):
        end_account(account)
        if account.store is not None:
            names[account.store].append(account.username)
    for store, ended in names.items():
        audit.note(by, Audited.ACCOUNTS_REVOKED, [store], accounts=ended)
    return names


def end_account(account: Account) -> None:
    """Deactivates an account and deletes its tokens; both take hold at the next request."""
    account.is_active = False
    account.save(update_fields=["is_active"])
    TokenFamily.objects.filter(account=account).delete()


def latest_invitations(stores: QuerySet[Store]) -> list[Invitation]:
    """Returns the newest invitation of each of the stores, by company and code."""
    newest = Invitation.objects.filter(store__in=stores).order_by("store_id", "-created_at").distinct("store_id")
    return list(
        Invitation.objects.filter(id__in=newest.values("id"))
        .select_related("store__company", "account")
        .order_by("store__company__name", "store__code")
    )


def _usable(stores: Collection[Store], now: datetime) -> QuerySet[Invitation]:
    """Returns invitations whose code a machine can still use, for the first time or once more, and expired ones."""
    repeated = Q(used_at__gt=now - timedelta(seconds=RETRY_SECONDS))
    return Invitation.objects.filter(Q(used_at__isnull=True) | repeated, store__in=stores, revoked_at__isnull=True)


def _accounts(stores: Collection[Store]) -> QuerySet[Account]:
    return Account.objects.filter(store__in=stores, is_active=True, is_staff=False)
