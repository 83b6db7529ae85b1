"""The POS is one of several things in this project."""

from django.urls import include, path

urlpatterns = [path("", include("etalase.edge.urls"))]
