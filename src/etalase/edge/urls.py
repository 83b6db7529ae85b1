"""What the edge serves: the POS, whether it is well, and how its photos are."""

from django.urls import include, path

from etalase.edge.status.views import ask_for_a_sync, status_page

urlpatterns = [
    path("status", status_page, name="etalase_status"),
    path("status/sync", ask_for_a_sync, name="etalase_status_sync"),
    path("", include("etalase.edge.pos.urls")),
]
