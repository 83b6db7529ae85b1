from django.db import models


class Banner(models.Model):
    """A banner of the store's own, made from a photo of the menu."""

    title = models.CharField(max_length=100)
    photo = models.ForeignKey("products.ProductPhoto", on_delete=models.CASCADE, null=True)
