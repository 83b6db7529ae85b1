"""Finds the account and the store of a request."""

from typing import Any

from rest_framework.request import Request

from etalase.head_office import feed
from etalase.head_office.accounts import stores_of
from etalase.head_office.api.requests import StoreQuestion
from etalase.head_office.api.responses import NoSuchStore
from etalase.head_office.models import Account, Store


def account_of(request: Request) -> Account:
    """Returns the account of an authenticated request."""
    account = request.user
    assert isinstance(account, Account)  # noqa: S101 - IsAuthenticated refuses every other user; for the type checker
    return account


def valid(question: Any) -> Any:
    """Returns the question. Raises DRF's ValidationError with the fields at fault."""
    question.is_valid(raise_exception=True)
    return question


def readable_store(request: Request, question: StoreQuestion) -> feed.StoreIdentity:
    """Returns the requested store if the account may read it now. Raises :class:`NoSuchStore`."""
    data = question.validated_data
    try:
        store = stores_of(account_of(request)).get(id=data["store_id"], company_id=data["company_id"])
    except Store.DoesNotExist:
        raise NoSuchStore from None
    return feed.StoreIdentity(id=store.id, company_id=store.company_id, code=store.code, name=store.name)
