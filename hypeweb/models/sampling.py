"""What a generator was asked for, and the sets that come of it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from hypeweb.models.generators import Generator
from hypeweb.models.jobs import Job
from hypeweb.models.samples import SampleSet
from hypeweb.models.studies import Study


class Sampling(models.Model):
    """One request: as many images from one seed under each of some truncations."""

    generator = models.ForeignKey(
        Generator, on_delete=models.PROTECT, related_name="samplings"
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="samplings"
    )
    n_samples = models.PositiveIntegerField()
    seed = models.PositiveBigIntegerField()
    class_counts = models.JSONField(
        null=True, help_text="images of each class; nothing where there are none"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    # The study to be drafted when all sets are there; nothing where none is wanted.
    study_name = models.CharField(max_length=120, blank=True)
    real_set = models.ForeignKey(
        SampleSet, null=True, on_delete=models.PROTECT, related_name="+"
    )
    protocol = models.CharField(max_length=9, choices=Study.Protocol, blank=True)
    extractor = models.CharField(max_length=200, blank=True)
    study = models.OneToOneField(
        Study, null=True, on_delete=models.SET_NULL, related_name="sampling"
    )
    study_error = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(study_name="", real_set__isnull=True)
                | (~Q(study_name="") & Q(real_set__isnull=False)),
                name="sampling_study_has_real_set",
            ),
            models.CheckConstraint(
                condition=Q(n_samples__gt=0), name="sampling_of_some_images"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.n_samples} images of {self.generator}"


class SamplingRun(Job):
    """The job that fills one sample set from a generator."""

    sampling = models.ForeignKey(
        Sampling, on_delete=models.CASCADE, related_name="runs"
    )
    sample_set = models.OneToOneField(
        SampleSet, on_delete=models.CASCADE, related_name="sampling_run"
    )
    position = models.PositiveIntegerField()
    truncation = models.FloatField(null=True)
    provenance = models.JSONField(
        default=dict,
        help_text="all that decides the pixels: file, latents, classes, runtime",
    )

    class Meta(Job.Meta):
        ordering = ["sampling", "position"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["sampling", "position"], name="sampling_run_position_unique"
            ),
            models.CheckConstraint(
                condition=Q(truncation__isnull=True) | Q(truncation__gt=0),
                name="sampling_run_truncation_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"sampling of {self.sample_set}"
