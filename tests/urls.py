"""The addresses of both halves; they share none."""

from django.urls import include, path

urlpatterns = [path("", include("etalase.edge.urls"))]
