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
from etalase.head_office.images.validate import Upload, read_upload
from etalase.head_office.messages import lazy_text, text
from etalase.head_office.models import Photo
from etalase.protocol import MAX_FILENAME_CHARS


class PhotoForm(forms.ModelForm):
    """A photo with its file, which is validated before anything is saved."""

    upload = forms.FileField(required=False, label=lazy_text("file"), help_text=lazy_text("file_help"))

    class Meta:
        model = Photo
        fields = ("is_primary", "sort_order")

    def clean(self) -> dict[str, Any] | None:
        """Validates the file; a reason for refusal is shown beside the field."""
        cleaned = super().clean()
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
            megabytes = f"{ingest.limits().max_bytes / 1_000_000:.3g}"
            self.add_error("upload", text(f"picture_{error.code}", **error.values, megabytes=megabytes))
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
