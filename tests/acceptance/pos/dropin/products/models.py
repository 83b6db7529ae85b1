"""Products with other column names than ours, an integer instead of a text SKU, and nullable columns."""

import uuid

from django.db import models


class Kind(models.Model):
    """A kind of article."""

    id = models.BigAutoField(primary_key=True)
    label = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.label


class Product(models.Model):
    """An article."""

    uid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.CharField(max_length=80, null=True)  # noqa: DJ001 - somebody else's model
    article_number = models.IntegerField(null=True)
    kind = models.ForeignKey(Kind, on_delete=models.SET_NULL, null=True)

    def __str__(self) -> str:
        return self.title or ""
