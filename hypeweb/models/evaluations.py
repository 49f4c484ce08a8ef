"""Runs of the automated metrics."""

from django.db import models

from hypeweb.models.jobs import Job
from hypeweb.models.samples import SampleSet


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
