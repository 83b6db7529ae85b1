"""Lists the URLs of the edge: the POS, its health and metrics, and the status of the photos."""

from django.urls import include, path

from etalase.edge.metrics.views import metrics
from etalase.edge.status.views import start_sync, status_json, status_page

urlpatterns = [
    path("metrics", metrics, name="etalase_metrics"),
    path("status", status_page, name="etalase_status"),
    path("status.json", status_json, name="etalase_status_json"),
    path("status/sync", start_sync, name="etalase_status_sync"),
    path("", include("etalase.edge.pos.urls")),
]
