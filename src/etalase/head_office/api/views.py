"""Defines the views of ``/api/v1/sync/...``, which check request and account, and return a page of the feed."""

import re
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from etalase.head_office import feed
from etalase.head_office.accounts import stores_page
from etalase.head_office.api import openapi, openapi_report
from etalase.head_office.api.readable import account_of, readable_store, valid
from etalase.head_office.api.reports import as_fields, report_with_page
from etalase.head_office.api.requests import FeedQuestion, StoresQuestion
from etalase.head_office.api.responses import json_response
from etalase.head_office.feed_bucket import PublicBucket
from etalase.head_office.fleet.receive import take_report
from etalase.head_office.metrics.requests import count_feed_photos
from etalase.report import Report
from etalase.settings.head_office import head_office_settings

# A query has strings only. Other strings are left to the validation, which names them in its error.
NUMBER = re.compile(r"[0-9]{1,18}")


def photo_page(store: feed.StoreIdentity, page: feed.PageRequest, report: Report | None = None) -> dict[str, Any]:
    """Returns a page of the photo feed, and counts its photos; with the answer to the store's ``report``."""
    settings = head_office_settings()
    bucket = PublicBucket(public_url=settings.S3_PUBLIC_URL, name=settings.S3_BUCKET)
    photos = feed.photo_page(store, page, bucket, count=count_feed_photos)
    return photos if report is None else photos | as_fields(take_report(store.id, report))


class ProductPhotos(APIView):
    """The photos of a store, all or changed since a time."""

    @extend_schema(request=openapi_report.PhotosQuestion, responses=openapi_report.photos, parameters=[openapi.prefer])
    def post(self, request: Request) -> HttpResponse:
        """Returns a page of the store's photos, and takes the report in the request, if there is one."""
        question = valid(FeedQuestion(data=request.data))
        page = question.page(prefer=request.headers.get("Prefer", ""))
        store = readable_store(request, question)
        report = report_with_page(account_of(request), store.id, request.data, offset=page.offset)
        return json_response(photo_page(store, page, report))


class Products(APIView):
    """The products that a store sells, all or changed since a time."""

    @extend_schema(request=FeedQuestion, responses=openapi.products)
    def post(self, request: Request) -> HttpResponse:
        """Returns a page of the store's products."""
        question = valid(FeedQuestion(data=request.data))
        return json_response(feed.product_page(readable_store(request, question), question.page()))


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
        question = valid(StoresQuestion(data=data))
        wanted = question.validated_data
        return json_response(
            stores_page(account_of(request), limit=wanted["limit"], offset=wanted["offset"], company_id=wanted["company_id"])
        )
