"""Writes the audit of what people do at head office: the only writer of its table."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Model
from django.http import HttpRequest

from etalase.command import user_name
from etalase.head_office.audit_models import AuditEntry
from etalase.head_office.login_throttle import client_address
from etalase.head_office.models import Account
from etalase.head_office.permissions import company_id_of
from etalase.protocol import printable
from etalase.redaction import redacted_values

MOST_CHARS = {"username": 150, "address": 60, "object_name": 300}


class Audited(StrEnum):
    """The actions that are audited. The words are part of the CSV."""

    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"
    SOLD_EVERYWHERE = "sold_everywhere"
    SOLD_NOWHERE = "sold_nowhere"
    MADE_PRIMARY = "made_primary"
    ORDERED = "ordered"
    ORDER_CANCELLED = "order_cancelled"
    INVITED = "invited"
    INVITATION_REVOKED = "invitation_revoked"
    JOINED = "joined"
    ACCOUNTS_REVOKED = "accounts_revoked"


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts, and from which address."""

    account_id: UUID | None
    username: str
    address: str = ""


def person_of(request: HttpRequest) -> Person:
    """Returns the person of a request with a login."""
    account = request.user
    account_id = account.pk if isinstance(account, Account) else None
    return Person(account_id, account.get_username(), client_address(request) or "")


def person_at_terminal() -> Person:
    """Returns the person who runs a command: the user of this machine, before sudo where that is known."""
    return Person(None, f"{os.environ.get('SUDO_USER') or user_name()} (command)")


def note(person: Person, action: Audited, rows: Iterable[Model], /, **details: Any) -> None:
    """Adds an entry for each of ``rows``, in the caller's transaction. Known secrets in ``details`` are hidden.

    The caller passes names of changed fields and numbers, never a password or token.
    """
    shown = redacted_values(details)
    AuditEntry.objects.bulk_create(
        AuditEntry(
            account_id=person.account_id,
            username=person.username[: MOST_CHARS["username"]],
            address=person.address[: MOST_CHARS["address"]],
            action=action.value,
            object_kind=row._meta.model_name or "",  # noqa: SLF001 - Django's documented way to a model's options
            object_id=str(row.pk),
            object_name=printable(str(row))[: MOST_CHARS["object_name"]],
            company_id=company_id_of(row),
            details=shown,
        )
        for row in rows
    )
