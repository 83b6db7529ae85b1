"""The customer's own POS view before Etalase's, as when the switch was forgotten."""

from django.urls import include, path

from config.urls import urlpatterns as _own

urlpatterns = [*_own, path("", include("etalase.edge.urls"))]
