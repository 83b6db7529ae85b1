"""Products under other names than ours, with a number where we have a text, and both of them nullable."""

import uuid

from django.db import models


class Product(models.Model):
    """An article."""

    uid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.CharField(max_length=80, null=True)  # noqa: DJ001 - somebody else's model
    article_number = models.IntegerField(null=True)

    def __str__(self) -> str:
        return self.title or ""
