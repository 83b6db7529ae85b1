"""Defines the admin's form of a photo with its file, and the photos of a product."""

# mypy: disable-error-code="type-arg"
# Django's form classes are generic in their stubs only.

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.forms.models import BaseInlineFormSet

from etalase.errors import PictureRefused
from etalase.head_office import ingest, versions
from etalase.head_office.images import refusals
from etalase.head_office.images.validate import Upload, read_upload
from etalase.head_office.messages import lazy_text, text
from etalase.head_office.models import Photo
from etalase.protocol import MAX_FILENAME_CHARS


def _percent(key: str) -> forms.IntegerField:
    return forms.IntegerField(
        required=False, min_value=0, max_value=100, label=lazy_text(key), help_text=lazy_text("focal_help")
    )


def _shares(left: int | None, top: int | None) -> tuple[float | None, float | None]:
    """Returns the focal point as shares; None is the centre, of one direction or of both."""
    if left is None and top is None:
        return None, None
    return (50 if left is None else left) / 100, (50 if top is None else top) / 100


class PhotoForm(forms.ModelForm):
    """A photo with its file, which is validated before anything is saved."""

    upload = forms.FileField(
        required=False,
        allow_empty_file=True,  # refused like other files, with its name
        label=lazy_text("file"),
        help_text=lazy_text("file_help"),
        error_messages={"invalid": lazy_text("file_missing")},
    )
    focal_left = _percent("focal_left")
    focal_top = _percent("focal_top")

    class Meta:
        model = Photo
        fields = ("is_primary", "sort_order")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, share in (("focal_left", self.instance.focal_x), ("focal_top", self.instance.focal_y)):
            self.initial[name] = None if share is None else round(share * 100)

    @property
    def has_new_focal_point(self) -> bool:
        """Returns whether a person has changed the focal point."""
        return not {"focal_left", "focal_top"}.isdisjoint(self.changed_data)

    def clean(self) -> dict[str, Any] | None:
        """Validates the file; a reason for refusal is shown beside the field."""
        cleaned = super().clean()
        if self.has_new_focal_point:
            self.instance.focal_x, self.instance.focal_y = _shares(
                self.cleaned_data.get("focal_left"), self.cleaned_data.get("focal_top")
            )
        upload: UploadedFile | None = self.cleaned_data.get("upload")
        self.given, self.picture = None, None
        if upload is None:
            if self.instance._state.adding:  # noqa: SLF001 - Django's documented way to ask
                self.add_error("upload", text("file_missing"))
            return cleaned
        try:
            # One byte more than the limit is enough for the refusal.
            self.given = read_upload(upload.read(ingest.limits().max_bytes + 1), ingest.limits())
            if not self._is_present(self.given):
                self.picture = ingest.make_picture(self.given)
        except PictureRefused as error:
            self.add_error("upload", refusals.for_admin(error, upload.name or "photo"))
        self.filename = (upload.name or "photo")[-MAX_FILENAME_CHARS:]
        return cleaned

    def _is_present(self, upload: Upload) -> bool:
        photo = Photo.objects.filter(pk=self.instance.pk).first()
        return photo is not None and versions.is_present(versions.known_uploads([photo])[photo.id], upload)

    def validate_constraints(self) -> None:
        """Checks nothing: a new primary photo demotes the old one, and the database enforces the constraint."""


class PhotoFormSet(BaseInlineFormSet):
    """The photos of a product, at most one of them primary."""

    def clean(self) -> None:
        """Refuses two primary photos; otherwise the later one would win silently."""
        super().clean()
        rows = [form.cleaned_data for form in self.forms if getattr(form, "cleaned_data", None) and form.has_changed()]
        if sum(bool(row.get("is_primary")) and not row.get("DELETE") for row in rows) > 1:
            raise ValidationError(text("one_primary"))
