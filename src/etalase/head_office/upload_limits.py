"""How much a request may bring, which is asked before any of it is read: a stranger fills no disk."""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.core.handlers.wsgi import WSGIRequest
from django.db import Error, close_old_connections
from django.urls import reverse

from etalase.settings.head_office import configured


def body_limit(environ: dict[str, Any]) -> int:
    """The most bytes that a request with this head may bring: more than MAX_REQUEST_BYTES for the admin's forms only.

    The API needs no more. A form of anybody who is logged in as staff may have thousands of fields; that of somebody who may
    add or change photos, their files, too.
    """
    smallest = configured().MAX_REQUEST_BYTES
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
            return max(smallest, configured().MAX_FORM_BYTES)
    except Error:  # without the database nothing can be uploaded anyway
        return smallest
    return max(smallest, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
