"""Decides what a person at head office may do, by the account's groups, and which rows it may see, by its companies.

Every list, page, count and file of rows goes through :func:`own_rows` (invariant I6). A table that is not in
:data:`COMPANY_PATHS` is seen by those only who see every company.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Any, Final, TypeVar
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, QuerySet

from etalase.head_office.audit_models import AuditEntry
from etalase.head_office.fleet_models import Incident
from etalase.head_office.models import Account, Assortment, Company, Photo, Product, Store
from etalase.head_office.order_models import FleetOrder, StoreOrder

Row = TypeVar("Row", bound=Model)


class OfficeRole(StrEnum):
    """The groups of head office, by their names in the database (migration 0012)."""

    OPERATOR = "Operators"
    MENU_MANAGER = "Menu managers"
    AUDITOR = "Auditors"
    ADMIN = "Admins"


class Right(StrEnum):
    """What a page or request of fleet and desk asks for. The tables of the admin have Django's permissions."""

    SEE_STORES = "see_stores"  # the state of each store
    SEE_PHOTOS = "see_photos"  # a photo's stores, incidents, coverage
    ORDER_STORES = "order_stores"
    EDIT_MENU = "edit_menu"
    READ_AUDIT = "read_audit"


RIGHTS: Final[dict[OfficeRole, frozenset[Right]]] = {
    OfficeRole.OPERATOR: frozenset({Right.SEE_STORES, Right.SEE_PHOTOS, Right.ORDER_STORES}),
    OfficeRole.MENU_MANAGER: frozenset({Right.SEE_PHOTOS, Right.EDIT_MENU}),
    OfficeRole.AUDITOR: frozenset({Right.READ_AUDIT}),
    OfficeRole.ADMIN: frozenset(Right),
}
# From a row to its company. A trigger refuses a sale across companies.
COMPANY_PATHS: Final[dict[type[Model], str]] = {
    Company: "id",
    Store: "company",
    Product: "company",
    Photo: "product__company",
    Assortment: "store__company",
    Account: "store__company",
    AuditEntry: "company_id",
    FleetOrder: "company",
    StoreOrder: "order__company",
    Incident: "company",
}


def rights_of(groups: Collection[str], *, is_superuser: bool = False) -> frozenset[Right]:
    """Returns what the groups of these names may do together; groups of other names count for nothing."""
    if is_superuser:
        return frozenset(Right)
    return frozenset().union(*(RIGHTS[role] for role in OfficeRole if role.value in groups))


def may(account: Account | AnonymousUser, right: Right) -> bool:
    """Returns whether the account has the right now. Which rows it has it for, :func:`own_rows` decides."""
    if not isinstance(account, Account) or not (account.is_active and account.is_staff):
        return False
    return right in rights_of(_groups_of(account), is_superuser=account.is_superuser)


def sees_every_company(account: Account | AnonymousUser) -> bool:
    """Returns whether the account is an admin's: of the group, or a superuser's."""
    if not isinstance(account, Account) or not (account.is_active and account.is_staff):
        return False
    return account.is_superuser or OfficeRole.ADMIN.value in _groups_of(account)


def companies_of(account: Account | AnonymousUser) -> QuerySet[Company]:
    """Returns the companies whose rows the account may see; none for a store's account."""
    return own_rows(Company.objects.all(), account)


def own_rows(rows: QuerySet[Row], account: Account | AnonymousUser) -> QuerySet[Row]:
    """Returns those of ``rows`` that belong to the account's companies, without further queries for an admin."""
    if sees_every_company(account):
        return rows
    path = COMPANY_PATHS.get(rows.model)
    if path is None or not isinstance(account, Account) or not (account.is_active and account.is_staff):
        return rows.none()
    mine = Account.companies.through.objects.filter(account=account.pk).values("company_id")
    return rows.filter(**{f"{path}__in": mine})


def company_id_of(row: Model) -> UUID | None:
    """Returns the company of the row; None for a row of no company."""
    *steps, last = COMPANY_PATHS.get(type(row), "").split("__")
    at: Any = row
    for step in steps:
        at = getattr(at, step)
    found: UUID | None = getattr(at, last if last in {"id", "company_id"} else f"{last}_id", None) if last and at else None
    return found


def _groups_of(account: Account) -> frozenset[str]:
    # By all(), so that a view that asks more than once can prefetch them.
    return frozenset(group.name for group in account.groups.all())
