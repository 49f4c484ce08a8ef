"""Files on their way from a browser or a script, part by part."""

from django.conf import settings
from django.db import models

from hypeweb.models.imports import SampleImport


class Upload(models.Model):
    """One file, of which the first received_bytes have arrived."""

    token = models.CharField(max_length=43, unique=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads"
    )
    name = models.CharField(max_length=255)
    size_bytes = models.PositiveBigIntegerField()
    received_bytes = models.PositiveBigIntegerField(default=0)
    # What the sender knows the file by; the same again goes on where it was cut off.
    fingerprint = models.CharField(max_length=255, blank=True)
    sample_import = models.ForeignKey(
        SampleImport,
        on_delete=models.SET_NULL,
        null=True,
        related_name="uploads",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "fingerprint"],
                condition=~models.Q(fingerprint="")
                & models.Q(sample_import__isnull=True),
                name="upload_fingerprint_unique_while_waiting",
            ),
            models.CheckConstraint(
                condition=models.Q(size_bytes__gt=0)
                & models.Q(received_bytes__lte=models.F("size_bytes")),
                name="upload_received_within_size",
            ),
            models.CheckConstraint(
                condition=models.Q(sample_import__isnull=True)
                | models.Q(received_bytes=models.F("size_bytes")),
                name="upload_complete_when_imported",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_complete(self) -> bool:
        return self.received_bytes == self.size_bytes


class UploadPart(models.Model):
    """Some bytes of an upload, an object of their own in the file storage."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="parts")
    offset = models.PositiveBigIntegerField()
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    storage_key = models.CharField(max_length=255)

    class Meta:
        ordering = ["offset"]
        constraints = [
            models.UniqueConstraint(
                fields=["upload", "offset"], name="upload_part_offset_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.upload} from {self.offset}"
