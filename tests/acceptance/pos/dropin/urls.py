"""Serves the POS as one of several applications of this project."""

from django.urls import include, path

urlpatterns = [path("", include("etalase.edge.urls"))]
