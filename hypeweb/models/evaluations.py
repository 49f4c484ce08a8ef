"""Runs of the automated metrics."""

from django.db import models

from hypeweb.models.jobs import Job
from hypeweb.models.samples import Sample, SampleSet


class Evaluation(Job):
    """One run of the metrics on a real and a generated set under one extractor."""

    real_set = models.ForeignKey(
        SampleSet, on_delete=models.PROTECT, related_name="evaluations_as_real"
    )
    sample_set = models.ForeignKey(
        SampleSet, on_delete=models.PROTECT, related_name="evaluations"
    )
    extractor = models.CharField(max_length=200)
    provenance = models.JSONField(default=dict, blank=True)
    details = models.JSONField(
        default=dict,
        blank=True,
        help_text="what stands behind single numbers: FID at several numbers of images",
    )

    class Meta(Job.Meta):
        ordering = ["-created_at", "-pk"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["real_set", "sample_set", "extractor"],
                name="evaluation_unique",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sample_set} against {self.real_set} ({self.extractor})"


class MetricResult(models.Model):
    """One number of an evaluation."""

    evaluation = models.ForeignKey(
        Evaluation, on_delete=models.CASCADE, related_name="results"
    )
    name = models.CharField(max_length=60)
    value = models.FloatField()
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["evaluation", "name"], name="metric_result_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.evaluation}"


class MetricWarning(models.Model):
    """One doubt the metrics package raised about an evaluation."""

    evaluation = models.ForeignKey(
        Evaluation, on_delete=models.CASCADE, related_name="warnings"
    )
    code = models.CharField(max_length=60)
    message = models.TextField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.code


class NearestReal(models.Model):
    """What an evaluation found of one generated image, and the real one next to it."""

    evaluation = models.ForeignKey(
        Evaluation, on_delete=models.CASCADE, related_name="nearest"
    )
    sample = models.ForeignKey(
        Sample, on_delete=models.CASCADE, related_name="nearest_real"
    )
    real_sample = models.ForeignKey(
        Sample, on_delete=models.CASCADE, related_name="nearest_of"
    )
    distance = models.FloatField()
    # Inside the real manifold, as precision counts it; unknown with too few images.
    is_inside = models.BooleanField(null=True)
    # Farther from the real image than that one is from any other real one.
    is_authentic = models.BooleanField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["evaluation", "sample"], name="nearest_real_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(distance__gte=0), name="nearest_real_distance"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sample}: {self.real_sample}"


class LabelCount(models.Model):
    """How many images of a set the network of an extractor takes for one class."""

    sample_set = models.ForeignKey(
        SampleSet, on_delete=models.CASCADE, related_name="label_counts"
    )
    extractor = models.CharField(max_length=200)
    label = models.PositiveIntegerField()
    n = models.PositiveIntegerField()

    class Meta:
        ordering = ["label"]
        constraints = [
            models.UniqueConstraint(
                fields=["sample_set", "extractor", "label"], name="label_count_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} in {self.sample_set}: {self.n}"
