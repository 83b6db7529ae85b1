"""What the edge serves: the POS, whether it is well, and how its photos are."""

from django.urls import include, path

from etalase.edge.status.page import status_page

urlpatterns = [path("status", status_page, name="etalase_status"), path("", include("etalase.edge.pos.urls"))]
