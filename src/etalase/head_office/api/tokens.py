"""Issues tokens (``/api/v1/token/`` and ``…/refresh/``): SimpleJWT, with single-use refresh tokens and revocable accounts."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.contrib.auth.signals import user_logged_in
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.utils import datetime_from_epoch, get_md5_hash_password
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from etalase.head_office.api import openapi
from etalase.head_office.models import Account, TokenFamily

logger = logging.getLogger("etalase.head_office")

FAMILY_CLAIM = "family"
# Longer tokens do not fit into the head of a feed request; SimpleJWT's are less than half as long.
MAX_TOKEN_CHARS = 4096
# SimpleJWT's own texts, which clients may compare.
INVALID, SPENT = "Token is invalid", "Token is blacklisted"

# Claims that are stored or looked up in the database, with their form in every token of this server.
_FORMS = {
    api_settings.USER_ID_CLAIM: re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    api_settings.JTI_CLAIM: re.compile(r"[0-9a-f]{32}"),
    FAMILY_CLAIM: re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
}


def _is_valid_claim(name: str, value: object) -> bool:
    if name in {"exp", "iat"}:
        return type(value) is int
    return name not in _FORMS or (isinstance(value, str) and _FORMS[name].fullmatch(value) is not None)


@contextmanager
def _as_token_error() -> Iterator[None]:
    """Raises :class:`TokenError` for any error of the parser, which hostile tokens provoke."""
    try:
        yield
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError, OSError) as error:
        raise TokenError(INVALID) from error


def _check_claims(payload: Mapping[str, object]) -> None:
    if not all(_is_valid_claim(name, value) for name, value in payload.items()):
        raise TokenError(INVALID)


class AccessToken(tokens.AccessToken):
    """SimpleJWT's token with validated claims."""

    def __init__(self, token: Any = None, verify: bool = True) -> None:
        with _as_token_error():
            super().__init__(token, verify)
        _check_claims(self.payload)


class RefreshToken(tokens.RefreshToken):
    """SimpleJWT's token with validated claims."""

    access_token_class = AccessToken

    def __init__(self, token: Any = None, verify: bool = True) -> None:
        with _as_token_error():
            super().__init__(token, verify)
        _check_claims(self.payload)


class TokenQuestion(TokenObtainPairSerializer):
    """A user name and a password."""

    token_class = RefreshToken

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Bounded: the password is hashed, and the throttle stores the name.
        self.fields["username"] = serializers.CharField(write_only=True, max_length=150)
        self.fields["password"] = serializers.CharField(write_only=True, max_length=256, trim_whitespace=False)

    @classmethod
    def get_token(cls, user: Any) -> tokens.Token:
        """Returns the first refresh token of a new family."""
        token = super().get_token(user)
        family = TokenFamily.objects.create(account=user, jti=token["jti"], expires_at=datetime_from_epoch(token["exp"]))
        token[FAMILY_CLAIM] = str(family.id)
        return token

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        """Returns the tokens. Sends the login signal, which SimpleJWT does not, so that the throttle forgets the failures."""
        token_pair = super().validate(attrs)
        user_logged_in.send(sender=Account, request=self.context["request"], user=self.user)
        return token_pair


class RefreshQuestion(serializers.Serializer[dict[str, Any]]):
    """A refresh token, which this request spends; the response has the next one."""

    refresh = serializers.CharField(max_length=MAX_TOKEN_CHARS)

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        """Returns new tokens. Refuses an inactive account, a token from before a password change, and a spent token."""
        token = RefreshToken(attrs["refresh"])
        account = Account.objects.filter(id=token.get(api_settings.USER_ID_CLAIM), is_active=True).first()
        if account is None or token.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(account.password):
            raise AuthenticationFailed("No active account found for the given token.", "no_active_account")
        family, fresh = _family(token), RefreshToken.for_user(account)
        fresh[FAMILY_CLAIM] = str(family)
        # One statement, so that of two parallel requests with the same token the second finds it spent.
        changes = {"jti": fresh["jti"], "expires_at": datetime_from_epoch(fresh["exp"])}
        if not TokenFamily.objects.filter(id=family, account=account, jti=token["jti"]).update(**changes):
            _revoke(account, family)
        return {"access": str(fresh.access_token), "refresh": str(fresh)}


def _family(token: tokens.Token) -> UUID:
    if FAMILY_CLAIM not in token:  # from a version without families
        raise TokenError(SPENT)
    return UUID(token[FAMILY_CLAIM])


def _revoke(account: Account, family: UUID) -> None:
    """Revokes the family of a spent token: either a response was lost, or a second party has the token."""
    if TokenFamily.objects.filter(id=family, account=account).delete()[0]:
        logger.warning("a refresh token was used twice; its token family is revoked", extra={"account": account.username})
    raise TokenError(SPENT)


class Token(TokenObtainPairView):
    """Returns an access token for 60 minutes and a refresh token for 30 days."""

    serializer_class = TokenQuestion

    def get_serializer_context(self) -> dict[str, Any]:
        """Returns the context with Django's request, on which the throttle sets its marks for the middleware."""
        return {**super().get_serializer_context(), "request": self.request._request}  # noqa: SLF001 - no other way

    @extend_schema(responses=openapi.login)
    def post(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Returns an access token for 60 minutes and a refresh token for 30 days."""
        return super().post(request, *args, **kwargs)


class TokenRefresh(TokenRefreshView):
    """Returns new tokens for a refresh token, which is spent."""

    serializer_class = RefreshQuestion

    @extend_schema(responses=openapi.refresh)
    def post(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Returns new tokens for a refresh token, which is spent. A spent token revokes all tokens of its login."""
        return super().post(request, *args, **kwargs)
