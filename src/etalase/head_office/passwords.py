"""The guide's passwords are known to everybody (hazard 49)."""

from typing import Any

from django.core.exceptions import ValidationError

from etalase.head_office.models import Account
from etalase.settings.shared import PUBLISHED_SECRETS


class PublishedPasswordValidator:
    """Refuses a password that stands in the guide."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError for such a password."""
        if password in PUBLISHED_SECRETS:
            raise ValidationError(self.get_help_text(), code="password_published")

    def get_help_text(self) -> str:
        """What the admin shows beside the field."""
        return "The password must not be one that stands in the public guide."


def admin_with_published_password() -> Account | None:
    """The guide's ``admin`` account, where it is active and still has a password of the guide."""
    admin = Account.objects.filter(username="admin", is_active=True).first()
    return admin if admin is not None and any(admin.check_password(known) for known in sorted(PUBLISHED_SECRETS)) else None
