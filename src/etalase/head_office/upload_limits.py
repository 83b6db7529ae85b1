"""Decides the size limit of a request body from the head, before the body is read, so that strangers fill no disk."""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.core.handlers.wsgi import WSGIRequest
from django.db import Error, close_old_connections
from django.urls import reverse

from etalase.settings.head_office import head_office_settings


def body_limit(environ: dict[str, Any]) -> int:
    """Returns the largest body, in bytes, of a request with this head: MAX_REQUEST_BYTES, more for forms of the admin only.

    A form of logged-in staff may have thousands of fields; a form of staff who may add or change photos also has files.
    """
    smallest = head_office_settings().MAX_REQUEST_BYTES
    request = WSGIRequest(environ)
    if not request.path.startswith(reverse("admin:index")) or settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return smallest
    close_old_connections()
    try:
        store = import_module(settings.SESSION_ENGINE).SessionStore
        request.session = store(request.COOKIES[settings.SESSION_COOKIE_NAME])
        user = auth.get_user(request)
        if not (user.is_active and getattr(user, "is_staff", False)):
            return smallest
        if user.has_perm("head_office.add_photo") or user.has_perm("head_office.change_photo"):
            return max(smallest, head_office_settings().MAX_FORM_BYTES)
    except Error:  # without the database nothing can be uploaded anyway
        return smallest
    return max(smallest, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
