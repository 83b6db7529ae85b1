"""Defines the URLs of head office: the API, the fleet's pages, the admin, the health check and the metrics."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from etalase.head_office.metrics.views import metrics
from etalase.head_office.middleware import health, nothing_here

urlpatterns = [
    path("api/v1/", include("etalase.head_office.api.urls")),
    # Django's «view on site», which no model here uses; it responds 500 to an invalid id.
    path("admin/r/<path:target>", nothing_here),
    path("admin/", admin.site.urls),
    path("fleet/", include("etalase.head_office.fleet_pages.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("healthz", health),
    path("metrics", metrics),
    path("", RedirectView.as_view(url="/admin/")),
]
handler400 = "etalase.head_office.middleware.bad_request"
handler403 = "etalase.head_office.middleware.forbidden"
handler404 = "etalase.head_office.middleware.not_found"
handler500 = "etalase.head_office.middleware.server_error"
