from django.urls import path

from products.views import product_image

urlpatterns = [path("api/products/<uuid:product_id>/image", product_image)]
