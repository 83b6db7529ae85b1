"""``/api/v1/token/`` and ``/api/v1/token/refresh/``: SimpleJWT's, with an account that may end at any time."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer, TokenRefreshSerializer
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.utils import get_md5_hash_password
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from etalase.head_office.models import Account


class TokenQuestion(TokenObtainPairSerializer):
    """A user name and a password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Bounded: a hash is taken of the password, a row of the throttle is kept for the name.
        self.fields["username"] = serializers.CharField(write_only=True, max_length=150)
        self.fields["password"] = serializers.CharField(write_only=True, max_length=256, trim_whitespace=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        """The tokens. The success is announced, which SimpleJWT does not do: it makes the throttle forget the failures."""
        tokens = super().validate(attrs)
        user_logged_in.send(sender=Account, request=self.context["request"], user=self.user)
        return tokens


class RefreshQuestion(TokenRefreshSerializer):
    """A refresh token. It is spent by this; the answer holds the next one."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        """New tokens, unless the account is gone or its password was changed since."""
        refused = AuthenticationFailed(self.error_messages["no_active_account"], "no_active_account")
        payload = self.token_class(attrs["refresh"]).payload
        account = Account.objects.filter(id=str(payload.get(api_settings.USER_ID_CLAIM))).first()
        if account is None or payload.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(account.password):
            raise refused
        return super().validate(attrs)


class Token(TokenObtainPairView):
    """Log in: an access token for 60 minutes and a refresh token for 30 days."""

    serializer_class = TokenQuestion

    def get_serializer_context(self) -> dict[str, Any]:
        """Django's request, since the throttle marks the one that the middleware sees, not DRF's wrapping of it."""
        return {**super().get_serializer_context(), "request": self.request._request}  # noqa: SLF001 - no other way


class TokenRefresh(TokenRefreshView):
    """New tokens for a refresh token, which is spent by this."""

    serializer_class = RefreshQuestion
