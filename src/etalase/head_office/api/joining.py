"""Lets a store's machine join: ``POST /api/v1/join/``, the one request without a login."""

from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from etalase.head_office.api import openapi_joining
from etalase.head_office.api.readable import valid
from etalase.head_office.api.requests import UuidText
from etalase.head_office.api.responses import json_response
from etalase.head_office.joining import throttle
from etalase.head_office.joining.invitations import keyed_hash
from etalase.head_office.joining.redeeming import CodeRefusal, JoinedStore, redeem
from etalase.head_office.login_throttle import client_address
from etalase.joining import CODE_DAYS, NONCE_FORM, JoinResponse, JoinSchedule, parse_code
from etalase.settings.head_office import head_office_settings

NOT_VALID = f"It is wrong, used, revoked or older than {CODE_DAYS} days."
OTHER_STORE = "It is for another store than the one that this machine serves, and stays unused."
TOO_MANY = "Too many wrong codes. Try again later."


class JoinQuestion(serializers.Serializer[dict[str, Any]]):
    """A code, and the machine that uses it."""

    code = serializers.CharField(max_length=64, help_text="As head office gave it; dashes, spaces and case do not matter.")
    nonce = serializers.RegexField(
        NONCE_FORM, help_text="Random, chosen by the machine: with the same one it may ask again within an hour."
    )
    store_id = UuidText(
        required=False, allow_null=True, default=None, help_text="The store that this machine serves already, if any."
    )

    def validate_code(self, text: str) -> str:
        """Returns the code without dashes. Refuses a typing error, which the check character finds."""
        try:
            return parse_code(text)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None


class Join(APIView):
    """The joining of a store's machine."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(request=JoinQuestion, responses=openapi_joining.responses, auth=[])
    def post(self, request: Request) -> HttpResponse:
        """Uses a one-time code: makes an account for the machine, and returns all that it needs of head office."""
        question = valid(JoinQuestion(data=request.data)).validated_data
        address = client_address(request._request) or ""  # noqa: SLF001 - no other way
        if (wait := throttle.locked_seconds(address)) is not None:
            return json_response({"detail": TOO_MANY}, status_code=429, headers={"Retry-After": str(wait)})
        joined = redeem(question["code"], question["nonce"], address=address, serves=question["store_id"])
        if joined is CodeRefusal.NOT_VALID:
            throttle.count_wrong(address, keyed_hash(question["code"]))
            return json_response({"detail": NOT_VALID}, status_code=403)
        if isinstance(joined, CodeRefusal):
            return json_response({"detail": OTHER_STORE}, status_code=409)
        return json_response(msgspec.to_builtins(_response(joined)))


def _response(joined: JoinedStore) -> JoinResponse:
    settings, store = head_office_settings(), joined.store
    photos = urlsplit(settings.S3_PUBLIC_URL)  # which may have a path
    bandwidth, full_run = settings.STORE_BANDWIDTH, settings.STORE_FULL_RUN
    return JoinResponse(
        company_id=str(store.company_id),
        store_id=str(store.id),
        store_code=store.code,
        store_name=store.name,
        username=joined.account.username,
        password=joined.password,
        image_origins=[f"{photos.scheme}://{photos.netloc}"],
        time_zone=settings.STORE_TIME_ZONE,
        schedule=JoinSchedule(bandwidth, full_run) if bandwidth or full_run else None,
    )
