"""The edge as a WSGI application, for `etalase edge serve`, gunicorn or any other server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etalase.settings.django_edge")
application = get_wsgi_application()
