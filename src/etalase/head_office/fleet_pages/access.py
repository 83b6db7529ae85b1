"""Lets people at head office in: a login, a right for each page, and a policy without inline scripts and styles."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView, redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from etalase.head_office.fleet.overview import Reach, reach_of
from etalase.head_office.fleet_pages.words import FleetTexts, language
from etalase.head_office.models import Account
from etalase.head_office.permissions import Right, may
from etalase.settings.head_office import head_office_settings

Rest = ParamSpec("Rest")
Response = TypeVar("Response", bound=HttpResponseBase)
Page = Callable[Concatenate[HttpRequest, Reach, Rest], HttpResponse]


def fleet_page(right: Right) -> Callable[[Page[Rest]], Callable[Concatenate[HttpRequest, Rest], HttpResponse]]:
    """Wraps a page: asks for a login, refuses an account without ``right``, and gives the stores that the account sees."""

    def wrap(page: Page[Rest]) -> Callable[Concatenate[HttpRequest, Rest], HttpResponse]:
        @wraps(page)
        def allowed(request: HttpRequest, /, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
            account = request.user
            if not isinstance(account, Account):
                return with_policy(redirect_to_login(request.get_full_path(), reverse("fleet-login")))
            prefetch_related_objects([account], "groups")
            if not may(account, right):
                if right is Right.SEE_STORES and may(account, Right.SEE_PHOTOS):
                    return with_policy(redirect("fleet-photos"))
                raise PermissionDenied
            return with_policy(page(request, reach_of(account), *args, **kwargs))

        return allowed

    return wrap


def with_policy(response: Response) -> Response:
    """Returns the response with its policy: own scripts and styles, and the pictures of head office's bucket only."""
    bucket = urlsplit(head_office_settings().S3_PUBLIC_URL)
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        f"img-src 'self' data: {bucket.scheme}://{bucket.netloc}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def page_context(account: Any) -> dict[str, Any]:
    """Returns what every page of the fleet shows."""
    person = account if isinstance(account, Account) else None
    return {
        "text": FleetTexts(),
        "language": language(),
        "other_language": "en" if language() == "id" else "id",
        "sees_stores": person is not None and may(person, Right.SEE_STORES),
        "sees_photos": person is not None and may(person, Right.SEE_PHOTOS),
    }


class PersonForm(AuthenticationForm):
    """A login of a person at head office."""

    def confirm_login_allowed(self, user: Any) -> None:
        """Refuses a store's account."""
        super().confirm_login_allowed(user)
        if not user.is_staff:
            raise ValidationError(FleetTexts()["not_staff"], "not_staff")


class FleetLogin(LoginView):
    """The login page."""

    template_name = "etalase_fleet/login.html"
    authentication_form = PersonForm

    def get_default_redirect_url(self) -> str:
        """Returns the page of all stores."""
        return reverse("fleet")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds the texts."""
        return {**super().get_context_data(**kwargs), **page_context(None)}

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Adds the policy."""
        return with_policy(super().dispatch(request, *args, **kwargs))


class FleetLogout(LogoutView):
    """The end of a login."""

    def get_default_redirect_url(self) -> str:
        """Returns the login page."""
        return reverse("fleet-login")
