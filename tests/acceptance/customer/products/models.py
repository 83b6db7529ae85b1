import uuid

from django.db import models


class Product(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    sku = models.CharField(max_length=50)
    name = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=12, decimal_places=2, default=0)

    class Meta:
        db_table = "product"


class ProductPhoto(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="photos", db_index=False)
    object_key = models.CharField(max_length=500, null=True, blank=True)
    filename = models.CharField(max_length=255, null=True, blank=True)
    size = models.IntegerField(null=True, blank=True)
    content_type = models.CharField(max_length=100, null=True, blank=True)
    checksum = models.CharField(max_length=32, null=True, blank=True)
    version = models.IntegerField(default=1)
    is_primary = models.BooleanField(default=False)
    sort_order = models.IntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "product_photo"
        indexes = [
            models.Index(fields=["product"], name="idx_product_photo_product"),
            models.Index(fields=["product", "is_primary"], name="idx_product_photo_primary"),
        ]
