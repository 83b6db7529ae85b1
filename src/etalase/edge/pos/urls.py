"""Maps the URLs of the POS. The image URL ends without a slash as in the guide, and takes any text as id: errors are JSON."""

from django.urls import path

from etalase.edge.pos import health, page, views

app_name = "etalase_pos"
urlpatterns = [
    path("", page.menu_page, name="menu"),
    path("api/products/", views.products, name="products"),
    path("api/products/<path:product_id>/image", views.product_image, name="product_image"),
    path("healthz", health.healthz, name="healthz"),
]
