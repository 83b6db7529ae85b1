"""Companies, stores and accounts: creates them, and decides which stores an account may read."""

import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet

from etalase.errors import UsageError
from etalase.head_office.imports.sku import plain
from etalase.head_office.models import Account, Company, Store
from etalase.head_office.permissions import OfficeRole, own_rows
from etalase.protocol import format_time, printable
from etalase.settings.head_office import head_office_settings
from etalase.settings.reading import PUBLISHED_SECRETS


def stores_of(account: Account) -> QuerySet[Store]:
    """Returns the stores that the account may read: by its present row, not by its token (hazard 48)."""
    if account.is_staff:
        return own_rows(Store.objects.all(), account)
    return Store.objects.none() if account.store_id is None else Store.objects.filter(id=account.store_id)


def stores_page(account: Account, *, limit: int, offset: int, company_id: UUID | None) -> dict[str, Any]:
    """Returns a page of the stores that the account may read, after the position ``offset``, in the envelope of the feeds."""
    allowed = stores_of(account)
    if company_id is not None:
        allowed = allowed.filter(company_id=company_id)
    columns = ("position", "id", "code", "name", "company_id", "company__name")
    rows = list(allowed.filter(position__gt=offset).order_by("position").values_list(*columns)[: limit + 1])
    next_offset = rows[limit - 1][0] if len(rows) > limit else None
    with connection.cursor() as cursor:
        cursor.execute("SELECT head_office_clock()")
        (now,) = cursor.fetchone()
    return {
        "stores": [
            {"id": id_, "code": code, "name": name, "company_id": company, "company_name": company_name}
            for _, id_, code, name, company, company_name in rows[:limit]
        ],
        "sync_timestamp": format_time(now),
        "total": allowed.count(),
        "has_more": next_offset is not None,
        "next_offset": next_offset,
    }


def is_odd_code(code: str) -> bool:
    """Returns whether a menu file cannot contain ``code``: ``;`` separates codes there, and spaces around them are dropped."""
    return plain(code) != code or not code or ";" in code


def find_company(wanted: str | None) -> Company:
    """Returns the company of this id or name; for None the only one. Raises :class:`UsageError` with the possible names."""
    companies = list(Company.objects.all()[:20])
    names = ", ".join(f"«{printable(company.name)}» ({company.id})" for company in companies)
    if wanted is None:
        if len(companies) == 1:
            return companies[0]
        if not companies:
            raise UsageError("There is no company yet.", hint="Make one: etalase head-office create-company NAME")
        raise UsageError("There are several companies.", hint=f"Name one with --company: {names}")
    found = Company.objects.filter(name=wanted).first()
    if found is None:
        try:
            found = Company.objects.filter(id=UUID(wanted)).first()
        except ValueError:
            found = None
    if found is None:
        raise UsageError(f"There is no company «{printable(wanted)}».", hint=f"There are: {names or 'none yet'}.")
    return found


@transaction.atomic
def ensure_company(name: str, *, company_id: UUID | None = None) -> tuple[Company, bool]:
    """Returns the company of this name and whether it is new. Raises :class:`UsageError` if the id is another's."""
    name = name.strip()
    there = Company.objects.filter(name=name).first()
    if there is not None:
        if company_id is not None and there.id != company_id:
            raise UsageError(f"The company «{printable(name)}» already has the id {there.id}.")
        return there, False
    if company_id is not None and (other := Company.objects.filter(id=company_id).first()) is not None:
        raise UsageError(f"The id {company_id} belongs to the company «{printable(other.name)}».")
    company = Company(name=name, **({"id": company_id} if company_id else {}))
    _save(company)
    return company, True


@transaction.atomic
def ensure_store(
    company: Company, *, code: str, name: str, region: str | None = None, store_id: UUID | None = None
) -> tuple[Store, bool]:
    """Returns the company's store of this code and whether it is new; gives an existing one the new name and region.

    Without ``region`` an existing store keeps its own. Raises :class:`UsageError` if the id is another store's.
    """
    there = Store.objects.filter(company=company, code=code).first()
    if there is not None:
        if store_id is not None and there.id != store_id:
            raise UsageError(f"The store {printable(code)} already has the id {there.id}.")
        wanted_region = there.region if region is None else region.strip()
        if (there.name, there.region) != (name, wanted_region):
            there.name, there.region = name, wanted_region
            _save(there)
        return there, False
    if is_odd_code(code):
        hint = "It has no «;», which separates codes in a menu file, and no invisible characters or odd spaces."
        raise UsageError(f"«{printable(code)}» cannot be the code of a store.", hint=hint)
    if twin := Store.objects.filter(company=company, code__iexact=code).first():
        raise UsageError(f"There is a store {printable(twin.code)} already, and a menu file ignores case.")
    if store_id is not None and (other := Store.objects.filter(id=store_id).first()) is not None:
        raise UsageError(f"The id {store_id} belongs to the store {printable(other.code)}.")
    given = {"id": store_id} if store_id else {}
    store = Store(company=company, code=code, name=name.strip(), region=(region or "").strip(), **given)
    _save(store)
    return store, True


def _save(row: Company | Store) -> None:
    """Saves the row. Raises :class:`UsageError` with the field of each invalid value."""
    try:
        row.full_clean()
    except ValidationError as error:
        problems = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in error.message_dict.items())
        raise UsageError(f"Nothing was changed. {printable(problems)}") from None
    row.save()


@dataclass(frozen=True, slots=True)
class MadeAccount:
    """An account, and its generated password, which is shown once and stored as a hash only."""

    account: Account
    created: bool
    generated_password: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """The place of an account: a store's, or a person's at head office, with groups and companies or as a superuser."""

    store: Store | None = None
    is_superuser: bool = False
    roles: tuple[OfficeRole, ...] = ()
    companies: tuple[Company, ...] = ()

    @property
    def is_staff(self) -> bool:
        """Returns whether the account is a person's at head office."""
        return self.is_superuser or bool(self.roles)


@transaction.atomic
def ensure_account(username: str, standing: Standing, *, password: str | None = None) -> MadeAccount:
    """Creates the account of this name, or gives an existing one with the same standing another password.

    Without ``password`` a new account gets a random one, and an existing account keeps its own. Raises :class:`UsageError`
    if the account has another standing or the password is too weak.
    """
    there = Account.objects.filter(username=username).first()
    if there is not None and (has := _standing_text(_standing_of(there))) != (wanted := _standing_text(standing)):
        hint = "Choose another name, or change the account on its page in the admin."
        raise UsageError(f"The account «{printable(username)}» is there already, and {has}, not {wanted}.", hint=hint)
    groups = _groups(standing.roles)
    account = there or Account(
        username=username, store=standing.store, is_staff=standing.is_staff, is_superuser=standing.is_superuser
    )
    generated = secrets.token_urlsafe(18) if there is None and password is None else None
    new = password or generated
    if new is not None and not (there and there.check_password(new)):
        try:
            account.full_clean(exclude=["password"])
            # A generated one is random; in the demo the guide's passwords work as printed.
            if generated is None and not (head_office_settings().DEMO and new in PUBLISHED_SECRETS):
                validate_password(new, account)
        except ValidationError as error:
            raise UsageError(f"The account «{printable(username)}»: {' '.join(error.messages)}") from None
        account.set_password(new)
        account.save()
    if there is None:
        account.groups.set(groups)
        account.companies.set(standing.companies)
    return MadeAccount(account, created=there is None, generated_password=generated)


def _groups(roles: tuple[OfficeRole, ...]) -> list[Group]:
    groups = list(Group.objects.filter(name__in=roles))
    if missing := set(roles) - {group.name for group in groups}:
        names = ", ".join(sorted(f"«{name}»" for name in missing))
        raise UsageError(f"The groups {names} are missing.", hint="Run: etalase head-office migrate")
    return groups


def _standing_of(account: Account) -> Standing:
    names = set(account.groups.values_list("name", flat=True)) if account.is_staff else set()
    roles = tuple(role for role in OfficeRole if role.value in names)
    return Standing(account.store, account.is_superuser, roles, tuple(account.companies.all()))


def _standing_text(standing: Standing) -> str:
    """Returns the standing in a few words, the same for the same standing."""
    if standing.is_superuser:
        return "an admin's"
    if not standing.is_staff:
        return f"bound to {standing.store or 'no store'}"
    companies = ", ".join(f"«{printable(company.name)}»" for company in sorted(standing.companies, key=lambda one: one.name))
    return f"in {', '.join(sorted(standing.roles))} for {companies or 'no company'}"
