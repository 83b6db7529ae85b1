"""Lists the URLs of the edge: the POS, its health, and the status of the photos."""

from django.urls import include, path

from etalase.edge.status.views import start_sync, status_page

urlpatterns = [
    path("status", status_page, name="etalase_status"),
    path("status/sync", start_sync, name="etalase_status_sync"),
    path("", include("etalase.edge.pos.urls")),
]
