"""What the edge serves: the POS, and whether it is well."""

from django.urls import include, path

urlpatterns = [path("", include("etalase.edge.pos.urls"))]
