"""Defines the tables of what is kept for a while: versions of photos, and objects that await their deletion."""

from django.db import models
from django.db.models.functions import Now

from etalase.protocol import MAX_FILENAME_CHARS, MAX_KEY_CHARS


class PhotoVersion(models.Model):
    """A version of a photo: its bytes, and the upload from which they were made; both lie in the masters bucket.

    Triggers end a version, for every writer (migration 0008). Rows outlive their photo. A photo from before has no row: it is
    its own upload.
    """

    photo_id = models.UUIDField()
    product_id = models.UUIDField()
    version = models.PositiveIntegerField()
    object_key = models.CharField(max_length=MAX_KEY_CHARS)
    filename = models.CharField(max_length=MAX_FILENAME_CHARS)
    source = models.CharField(max_length=1000)
    size = models.PositiveIntegerField()
    content_type = models.CharField(max_length=100)
    checksum = models.CharField(max_length=32)
    upload_size = models.PositiveIntegerField()
    upload_checksum = models.CharField(max_length=32)
    # How the photo was made from the upload (etalase/head_office/images/recipe.py).
    recipe = models.CharField(max_length=50)
    # The user name of the person, if known.
    made_by = models.CharField(max_length=150, default="", db_default="")
    begins_at = models.DateTimeField(db_default=Now())
    # None: the present version.
    ends_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        db_table = "head_office_photo_version"
        constraints = [models.UniqueConstraint(fields=["photo_id", "version"], name="head_office_photo_version_once")]
        indexes = [models.Index(fields=["object_key"], name="head_office_photo_version_key")]

    def __str__(self) -> str:
        return f"{self.filename}, version {self.version}"


class ObsoleteObject(models.Model):
    """An object without further use, deleted from its bucket after ``due_at`` unless it is in use again by then."""

    key = models.CharField(max_length=MAX_KEY_CHARS, primary_key=True)
    due_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "head_office_obsolete_object"

    def __str__(self) -> str:
        return self.key
