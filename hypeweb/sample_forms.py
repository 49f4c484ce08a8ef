"""What people send about sample sets and their files, checked once."""

import json
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from hypeweb import access
from hypeweb.models import SampleSet, Upload
from hypeweb.services import samples, uploads
from hypeweb.services.errors import DomainError, NotFoundError
from hypeweb.services.imports import Origin

METADATA = (
    "dataset",
    "model_name",
    "step",
    "truncation",
    "sampling_seed",
    "licence",
    "notes",
)
NOTES = {"notes": forms.Textarea(attrs={"rows": 3})}


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:  # noqa: ANN401
        return [super(FilesField, self).clean(file, initial) for file in data or []]


class SampleSetForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new set: described, and where its images are."""

    origin = forms.ChoiceField(
        choices=SampleSet.Origin.choices,
        widget=forms.RadioSelect,
        initial=SampleSet.Origin.REAL,
    )
    archive = FilesField(
        label="Images",
        required=False,
        widget=FilesInput(attrs={"accept": ",".join(uploads.SUFFIXES)}),
        help_text="Choose or drop a .zip, .tar, .npz or .parquet file, or several "
        "images. All are decoded and stored as RGB PNG without metadata. An upload "
        "that is cut off goes on when the same files are chosen again.",
    )
    uploads = forms.CharField(required=False, widget=forms.HiddenInput)
    source = forms.CharField(
        label="Or a folder or bucket",
        required=False,
        max_length=1000,
    )
    size = forms.IntegerField(
        label="Resize to",
        required=False,
        min_value=1,
        max_value=samples.MAX_SIDE,
        help_text="Side in pixels. Leave empty if all images already have one size; "
        "else each is cropped to a centred square and resized.",
    )

    class Meta:
        model = SampleSet
        fields = ["name", "origin", "archive", "uploads", "source", "size", *METADATA]
        widgets = NOTES

    def __init__(
        self,
        owner: User,
        data: QueryDict | None = None,
        files: MultiValueDict[str, "UploadedFile[bytes]"] | None = None,
        *,
        origin: str = "",
    ) -> None:
        super().__init__(data, files)
        if origin in SampleSet.Origin:
            self.initial["origin"] = origin
        self.instance.owner = owner
        self.owner = owner
        if settings.IMPORT_ROOTS:
            self.fields[
                "source"
            ].help_text = (
                f"Read by the worker, below {' or '.join(settings.IMPORT_ROOTS)}."
            )
        else:
            del self.fields["source"]
            self.fields["archive"].required = True

    def clean_archive(self) -> "list[UploadedFile[bytes]]":
        files: list[UploadedFile[bytes]] = self.cleaned_data["archive"]
        for file in files:
            try:
                uploads.check(name=file.name or "", size_bytes=file.size or 0)
            except DomainError as error:
                raise forms.ValidationError(str(error)) from error
        return files

    def clean_uploads(self) -> list[Upload]:
        tokens = self.cleaned_data["uploads"].split()
        try:
            return [access.upload(self.owner, token) for token in tokens]
        except NotFoundError:
            gone = "The uploaded files are no longer kept; choose them again."
            self.add_error("archive", gone)  # shown beside the choice of files
            return []

    def images(self) -> Origin:
        """Return where the images of a valid form are."""
        return Origin(
            files=self.cleaned_data["archive"],
            uploads=self.cleaned_data["uploads"],
            source=self.cleaned_data.get("source", ""),
        )

    def clean(self) -> dict[str, Any] | None:
        given = [
            name
            for name in ("archive", "uploads", "source")
            if self.cleaned_data.get(name)
        ]
        if not self.errors and len(given) != 1:
            raise forms.ValidationError(
                {
                    "archive": "Choose files."
                    if not given
                    else "Choose files, or name a folder or bucket, but not both."
                }
            )
        return self.cleaned_data


class MetadataForm(forms.ModelForm):  # type: ignore[type-arg]
    """What is known of a set, and the state of it that the form was filled in from."""

    revision = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = SampleSet
        fields = ["name", *METADATA]
        widgets = NOTES

    def __init__(self, data: QueryDict | None = None, *, instance: SampleSet) -> None:
        initial = {"revision": instance.revision}
        super().__init__(data, instance=instance, initial=initial)

    def accept(self, revision: int) -> None:
        """Let the form be sent once more, over what somebody else saved."""
        sent = QueryDict(mutable=True)
        for name in self.data:
            sent[name] = self.data[name]
        sent["revision"] = str(revision)
        self.data = sent


class RetryForm(forms.Form):
    """How a failed import is to be tried again."""

    size = forms.IntegerField(
        label="Resize to",
        required=False,
        min_value=1,
        max_value=samples.MAX_SIDE,
        help_text="Side in pixels; each image is cropped to a centred square.",
    )


class UploadForm(forms.Form):
    """The announcement of an upload, as JSON."""

    name = forms.CharField(max_length=255)
    size_bytes = forms.IntegerField(min_value=0)
    fingerprint = forms.CharField(max_length=255, required=False)


class PartForm(forms.Form):
    """Where a part belongs, in the address that it is put to."""

    offset = forms.IntegerField(min_value=0)
    sha256 = forms.RegexField("^[0-9a-f]{64}$", required=False)


def checked(form: forms.Form) -> dict[str, Any]:
    """Return a form's values, or raise its first error as a sentence."""
    if not form.is_valid():
        name, messages = next(iter(form.errors.items()))
        raise DomainError(f"The {name} cannot be used: {messages[0]}")
    return form.cleaned_data


def parse_json(body: bytes) -> dict[str, Any]:
    """Return the object that a request's body holds."""
    try:
        found = json.loads(body)
    except ValueError as error:
        raise DomainError(f"The request must hold JSON ({error}).") from error
    if not isinstance(found, dict):
        raise DomainError(f"The request must hold a JSON object, got {found!r:.40}.")
    return found
