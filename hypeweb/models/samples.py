"""Sample sets and their images."""

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models

from hypeweb.models.projects import Project


class SampleSet(models.Model):
    """Images with one origin; frozen once a study that uses it has opened."""

    class Origin(models.TextChoices):
        REAL = "real", "real"
        GENERATED = "generated", "generated"

    name = models.CharField(max_length=120)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="sample_sets"
    )
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="sample_sets", editable=False
    )
    origin = models.CharField(max_length=9, choices=Origin)
    dataset = models.CharField(max_length=120, blank=True)
    model_name = models.CharField("model", max_length=120, blank=True)
    step = models.PositiveBigIntegerField("checkpoint step", null=True, blank=True)
    truncation = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0.0)]
    )
    sampling_seed = models.BigIntegerField(null=True, blank=True)
    licence = models.CharField(max_length=120, blank=True)
    notes = models.TextField(blank=True)
    width = models.PositiveIntegerField(default=0, editable=False)
    height = models.PositiveIntegerField(default=0, editable=False)
    n_samples = models.PositiveIntegerField(default=0, editable=False)
    n_duplicates = models.PositiveIntegerField(default=0, editable=False)
    content_hash = models.CharField(max_length=64, blank=True, editable=False)
    revision = models.PositiveIntegerField(default=0, editable=False)
    frozen_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"], name="sample_set_name_unique_in_project"
            ),
            models.CheckConstraint(
                condition=models.Q(origin__in=["real", "generated"]),
                name="sample_set_origin_known",
            ),
            models.CheckConstraint(
                condition=models.Q(truncation__isnull=True)
                | models.Q(truncation__gt=0),
                name="sample_set_truncation_positive",
                violation_error_message="The truncation must be above 0.",
            ),
            models.CheckConstraint(
                condition=models.Q(n_samples=0, content_hash="")
                | models.Q(n_samples__gt=0, width__gt=0, height__gt=0)
                & ~models.Q(content_hash=""),
                name="sample_set_empty_or_complete",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_ready(self) -> bool:
        return self.n_samples > 0

    @property
    def is_coming(self) -> bool:
        """Return whether a worker still imports or samples its images."""
        makers = (getattr(self, name, None) for name in ("job", "sampling_run"))
        return any(maker.is_active for maker in makers if maker)

    @property
    def is_frozen(self) -> bool:
        return self.frozen_at is not None


# Where an image lies in the storage, for the hash of its bytes.
SAMPLE_KEY = "samples/{0:.2}/{0}.png"


class Sample(models.Model):
    """One image: re-encoded, stored under the hash of its bytes."""

    sample_set = models.ForeignKey(
        SampleSet, on_delete=models.CASCADE, related_name="samples"
    )
    position = models.PositiveIntegerField()
    source_name = models.CharField(max_length=255)
    content_hash = models.CharField(max_length=64)
    size_bytes = models.PositiveIntegerField()
    # Of the file it came from; 0 and nothing in rows from before these were kept.
    source_bytes = models.PositiveBigIntegerField(default=0)
    source_width = models.PositiveIntegerField(default=0)
    source_height = models.PositiveIntegerField(default=0)
    source_format = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["sample_set", "position"], name="sample_position_unique"
            ),
        ]
        indexes = [
            models.Index(
                fields=["content_hash", "sample_set"], name="sample_content_hash"
            ),
            models.Index(
                fields=["sample_set", "content_hash"], name="sample_set_content_hash"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sample_set_id}/{self.position}"

    @property
    def storage_key(self) -> str:
        return SAMPLE_KEY.format(self.content_hash)
