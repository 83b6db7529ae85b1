"""The models that the guide imports as ``products.models``."""

import uuid

from django.db import models


class Product(models.Model):
    """The customer's own product, with its own column names."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.CharField(max_length=200)
    code = models.CharField(max_length=50)

    class Meta:
        app_label = "products"
        db_table = "product"

    def __str__(self) -> str:
        return self.title


class ProductPhoto(models.Model):
    """The customer's own model of the guide's table."""

    id = models.UUIDField(primary_key=True)
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    object_key = models.CharField(max_length=500, null=True)  # noqa: DJ001 - as the guide has it
    filename = models.CharField(max_length=255, null=True)  # noqa: DJ001
    size = models.IntegerField(null=True)
    content_type = models.CharField(max_length=100, null=True)  # noqa: DJ001
    checksum = models.CharField(max_length=32, null=True)  # noqa: DJ001
    version = models.IntegerField(default=1)
    is_primary = models.BooleanField(default=False)
    sort_order = models.IntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "products"
        db_table = "product_photo"

    def __str__(self) -> str:
        return self.object_key or ""
