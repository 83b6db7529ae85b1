"""Addresses of the POS. The image's has no slash at its end in the guide's API, and takes any id, so that each gets JSON."""

from django.urls import path

from etalase.edge.pos import health, page, views

app_name = "etalase_pos"
urlpatterns = [
    path("", page.menu_page, name="menu"),
    path("api/products/", views.products, name="products"),
    path("api/products/<path:product_id>/image", views.product_image, name="product_image"),
    path("healthz", health.healthz, name="healthz"),
]
