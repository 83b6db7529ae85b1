"""Defines head office's tables: companies, stores, products, sales, photos with their renditions, accounts, tokens.

``position``, ``created_at``, ``updated_at`` and ``changed_at`` belong to the database: triggers set them for every writer and
ignore given values (hazard 6, migrations 0002 and 0007).
"""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Now

from etalase.head_office import (  # noqa: F401 - Django looks for models here
    audit_models,
    feed_models,
    fleet_models,
    invitation_models,
    order_models,
    version_models,
)
from etalase.protocol import MAX_CATEGORY_CHARS, MAX_FILENAME_CHARS, MAX_INT32, MAX_KEY_CHARS
from etalase.renditions import MAX_RENDITION_BYTES


class Company(models.Model):
    """A chain of stores. No data of one company reaches another (invariant I6)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=255, unique=True)

    class Meta:
        verbose_name_plural = "companies"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Store(models.Model):
    """A retail outlet with an edge server of its own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    company = models.ForeignKey(Company, on_delete=models.PROTECT)
    code = models.CharField(max_length=50, help_text="Short and unique in the company, as in AVRIL-001.")
    name = models.CharField(max_length=255)
    # Both kinds of default: Python code omits the argument, and plain SQL the column.
    region = models.CharField(
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text="Groups stores on the page of the fleet, as in Jawa Barat.",
    )
    position = models.BigIntegerField(db_default=0, editable=False, unique=True)

    class Meta:
        ordering = ["code"]
        constraints = [models.UniqueConstraint(fields=["company", "code"], name="head_office_store_code")]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Product(models.Model):
    """A dish or an article of a company's menu."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    company = models.ForeignKey(Company, on_delete=models.PROTECT)
    sku = models.CharField("SKU", max_length=100)
    name = models.CharField(max_length=255)
    # Both kinds of default: Python code omits the argument, and plain SQL the column.
    category = models.CharField(
        max_length=MAX_CATEGORY_CHARS,
        blank=True,
        default="",
        db_default="",
        help_text="Groups the dishes on the till, as in Minuman. Empty: no category.",
    )
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    # Set by the trigger, too: the bound on renames within 24 hours counts no other change.
    renamed_at = models.DateTimeField(null=True, editable=False)
    stores: "models.ManyToManyField[Store, Assortment]" = models.ManyToManyField(Store, through="Assortment")

    class Meta:
        ordering = ["sku"]
        constraints = [models.UniqueConstraint(fields=["company", "sku"], name="head_office_product_sku")]
        indexes = [models.Index(fields=["updated_at"], name="head_office_product_changed")]

    def __str__(self) -> str:
        return f"{self.sku} {self.name}"


class Assortment(models.Model):
    """A sale: this store sells this product. Store and product of a row never change."""

    # Migration 0002 makes the foreign keys with ON DELETE CASCADE, so that a deletion by SQL leaves the right tombstones, too.
    store = models.ForeignKey(Store, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    product = models.ForeignKey(Product, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    position = models.BigIntegerField(db_default=0, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = "sale of a product in a store"
        verbose_name_plural = "which store sells what"
        constraints = [models.UniqueConstraint(fields=["store", "product"], name="head_office_assortment_once")]
        indexes = [
            models.Index(fields=["store", "updated_at"], name="head_office_assortment_changed"),
            # Tells the stores that sell a dish from the index alone (ADR 0041).
            models.Index(fields=["product", "store"], name="head_office_assortment_sellers"),
        ]

    def __str__(self) -> str:
        # Without a query: Django calls this for each row of a large deletion.
        if {"store", "product"} <= self._state.fields_cache.keys():
            return f"{self.product} · {self.store}"
        return f"{self.store_id} sells {self.product_id}"


class Photo(models.Model):
    """A photo of a product. Its object has the key ``object_key``, of which only the extension ever changes."""

    # Not editable: otherwise the admin's inline omits the hidden id and ignores changes of existing photos.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    product = models.ForeignKey(Product, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="photos")
    object_key = models.CharField(max_length=MAX_KEY_CHARS, unique=True, editable=False)
    filename = models.CharField(max_length=MAX_FILENAME_CHARS, editable=False)
    # The ``file`` of the import, below PHOTOS_DIR: with the SKU, the photo's identity in a menu file.
    source = models.CharField(max_length=1000, editable=False)
    size = models.PositiveIntegerField(editable=False)
    content_type = models.CharField(max_length=100, editable=False)
    checksum = models.CharField(max_length=32, editable=False)
    # Both kinds of default: Python code adds to a number, and plain SQL omits the column.
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)
    is_primary = models.BooleanField("primary", default=False, db_default=False)
    sort_order = models.IntegerField(default=0, db_default=0)
    # The point that renditions are cut around, as shares of the upright picture's width and height. Null: its centre.
    focal_x = models.FloatField(null=True, blank=True)
    focal_y = models.FloatField(null=True, blank=True)
    position = models.BigIntegerField(db_default=0, editable=False, unique=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-is_primary", "sort_order", "id"]
        constraints = [
            # Hazard 41. A partial unique index cannot be deferred: demote before you promote.
            models.UniqueConstraint(
                fields=["product"], condition=models.Q(is_primary=True), name="head_office_photo_one_primary"
            ),
            models.UniqueConstraint(fields=["product", "source"], name="head_office_photo_source"),
            models.CheckConstraint(
                condition=models.Q(checksum__regex=r"^[0-9a-f]{32}$") & models.Q(size__gt=0, size__lte=MAX_INT32),
                name="head_office_photo_sound",
            ),
            models.CheckConstraint(
                condition=models.Q(focal_x__isnull=True, focal_y__isnull=True)
                | models.Q(focal_x__isnull=False, focal_y__isnull=False, focal_x__range=(0, 1), focal_y__range=(0, 1)),
                name="head_office_photo_focal",
            ),
        ]
        indexes = [
            models.Index(fields=["product", "position"], include=["id"], name="head_office_photo_of_product"),
            models.Index(fields=["updated_at"], name="head_office_photo_changed"),
        ]

    def __str__(self) -> str:
        return self.filename


class PhotoRenditionSet(models.Model):
    """The renditions of a photo, and the work on them: a trigger makes one due for each new photo (migration 0007, ADR 0030).

    A set whose ``photo_checksum`` is not its photo's is not listed.
    """

    # The database cascades: Django would read the sets of each deleted photo first.
    photo = models.OneToOneField(
        Photo, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True, related_name="rendition_set"
    )
    # Empty until the first renditions are made.
    photo_checksum = models.CharField(max_length=32, default="", db_default="")
    recipe = models.PositiveSmallIntegerField(default=0, db_default=0)
    thumbhash = models.CharField(max_length=56, default="", db_default="")
    # Null: nothing is to do. In the future: the next attempt after ``problem``.
    due_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=500, default="", db_default="")
    # MD5 of the photo's line of the digest of renditions; empty without any. Then the renditions in JSON.
    # So the feed reads one row a photo, not one for each rendition. Written by triggers only, as the next three.
    line_digest = models.CharField(max_length=32, default="", db_default="", editable=False)
    listed = models.TextField(default="", db_default="", editable=False)
    # Counts the changes of the rows below.
    revision = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    changed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = "head_office_rendition_set"
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="head_office_rendition_due"),
            models.Index(fields=["changed_at"], name="head_office_rendition_changed"),
        ]

    def __str__(self) -> str:
        return str(self.photo_id)


class Rendition(models.Model):
    """A rendition of a photo. Its key follows from its fields (:class:`RenditionKey`), which never change."""

    # The unique constraint is its index.
    set = models.ForeignKey(
        PhotoRenditionSet, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, db_column="photo_id"
    )
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    size = models.PositiveIntegerField()
    content_type = models.CharField(max_length=10)
    checksum = models.CharField(max_length=32)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["set", "width"], name="head_office_rendition_width"),
            models.CheckConstraint(
                condition=models.Q(
                    width__range=(1, 9999),
                    height__range=(1, 9999),
                    size__range=(1, MAX_RENDITION_BYTES),
                    content_type__in=["image/jpeg", "image/webp"],
                    checksum__regex=r"^[0-9a-f]{32}$",
                ),
                name="head_office_rendition_sound",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.set_id} {self.width}"


class WorkerHeartbeat(models.Model):
    """The last sign of life of a process beside the web server."""

    role = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "head_office_heartbeat"

    def __str__(self) -> str:
        return self.role


class Account(AbstractUser):
    """A login: a store's, which may read that store only, or a person's at head office (staff).

    A person's groups and companies decide what the account may do and see (``permissions.py``).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    store = models.ForeignKey(
        Store, on_delete=models.SET_NULL, null=True, blank=True, help_text="The one store that this account may ask for."
    )
    companies = models.ManyToManyField(
        Company, blank=True, help_text="What a person at head office sees. Empty: nothing; an admin sees every company."
    )

    class Meta:
        ordering = ["username"]

    def __str__(self) -> str:
        return self.username


class TokenFamily(models.Model):
    """A login and the chain of its refresh tokens. Only the newest token is valid, for one use.

    The second use of a token revokes the family, since the token may have been stolen (RFC 9700, section 4.14.2).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    jti = models.CharField(max_length=32)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "head_office_token_family"

    def __str__(self) -> str:
        return str(self.id)
