"""Defines the views of ``/api/v1/sync/...``, which check request and account, and return a page of the feed."""

import re
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from etalase.head_office import feed
from etalase.head_office.accounts import stores_of, stores_page
from etalase.head_office.api import openapi
from etalase.head_office.api.requests import FeedQuestion, StoresQuestion
from etalase.head_office.api.responses import NoSuchStore, json_response
from etalase.head_office.feed_renditions import PublicBucket
from etalase.head_office.metrics.requests import count_feed_photos
from etalase.head_office.models import Account, Store
from etalase.settings.head_office import head_office_settings

# A query has strings only. Other strings are left to the validation, which names them in its error.
NUMBER = re.compile(r"[0-9]{1,18}")


def photo_page(store: feed.StoreIdentity, page: feed.PageRequest) -> dict[str, Any]:
    """Returns a page of the photo feed, and counts its photos."""
    settings = head_office_settings()
    photos = feed.photo_page(store, page, PublicBucket(public_url=settings.S3_PUBLIC_URL, name=settings.S3_BUCKET))
    count_feed_photos(len(photos["photos"]))
    return photos


class ProductPhotos(APIView):
    """The photos of a store, all or changed since a time."""

    @extend_schema(request=FeedQuestion, responses=openapi.photos, parameters=[openapi.prefer])
    def post(self, request: Request) -> HttpResponse:
        """Returns a page of the store's photos."""
        question = _valid(FeedQuestion(data=request.data))
        page = question.page(prefer=request.headers.get("Prefer", ""))
        return json_response(photo_page(_store(request, question), page))


class Products(APIView):
    """The products that a store sells, all or changed since a time."""

    @extend_schema(request=FeedQuestion, responses=openapi.products)
    def post(self, request: Request) -> HttpResponse:
        """Returns a page of the store's products."""
        question = _valid(FeedQuestion(data=request.data))
        return json_response(feed.product_page(_store(request, question), question.page()))


class Stores(APIView):
    """The stores that the account may read."""

    @extend_schema(parameters=[StoresQuestion], responses=openapi.stores_by_query)
    def get(self, request: Request) -> HttpResponse:
        """Returns a page of the stores; parameters are in the query."""
        texts = request.query_params.dict()
        return self._answer(request, {name: int(text) if NUMBER.fullmatch(text) else text for name, text in texts.items()})

    @extend_schema(request=StoresQuestion, responses=openapi.stores)
    def post(self, request: Request) -> HttpResponse:
        """Returns a page of the stores; parameters are in the body."""
        return self._answer(request, request.data)

    @staticmethod
    def _answer(request: Request, data: Any) -> HttpResponse:
        question = _valid(StoresQuestion(data=data))
        wanted = question.validated_data
        return json_response(
            stores_page(_account(request), limit=wanted["limit"], offset=wanted["offset"], company_id=wanted["company_id"])
        )


def _account(request: Request) -> Account:
    account = request.user
    assert isinstance(account, Account)  # noqa: S101 - IsAuthenticated let nobody else pass; for the type checker
    return account


def _valid(question: Any) -> Any:
    question.is_valid(raise_exception=True)
    return question


def _store(request: Request, question: FeedQuestion) -> feed.StoreIdentity:
    """Returns the requested store if the account may read it now. Raises :class:`NoSuchStore`."""
    data = question.validated_data
    try:
        store = stores_of(_account(request)).get(id=data["store_id"], company_id=data["company_id"])
    except Store.DoesNotExist:
        raise NoSuchStore from None
    return feed.StoreIdentity(id=store.id, company_id=store.company_id, code=store.code, name=store.name)
