from django.urls import include, path

urlpatterns = [path("", include("etalase.edge.urls"))]
