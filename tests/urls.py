"""Maps the addresses of both halves, which share none."""

from django.urls import include, path

urlpatterns = [path("", include("etalase.edge.urls")), path("", include("etalase.head_office.urls"))]
handler400 = "etalase.head_office.middleware.bad_request"
handler404 = "etalase.head_office.middleware.not_found"
handler500 = "etalase.head_office.middleware.server_error"
