"""The addresses of both halves; they share none."""

from django.urls import include, path

urlpatterns = [path("", include("etalase.edge.urls")), path("", include("etalase.head_office.urls"))]
handler400 = "etalase.head_office.web.bad_request"
handler404 = "etalase.head_office.web.not_found"
handler500 = "etalase.head_office.web.server_error"
