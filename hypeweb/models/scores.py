"""What the judgments of an arm say."""

from django.db import models
from django.db.models import Q

from hypeweb.models.sessions import Session
from hypeweb.models.studies import Arm


class Score(models.Model):
    """One number on one arm, with its interval, from one population."""

    class Kind(models.TextChoices):
        HYPE_INF = "hype_inf", "HYPE_inf"
        FAKES_ERROR = "fakes_error", "fakes error"
        REALS_ERROR = "reals_error", "reals error"
        HYPE_TIME = "hype_time", "HYPE_time"

    arm = models.ForeignKey(Arm, on_delete=models.CASCADE, related_name="scores")
    population = models.CharField(max_length=9, choices=Session.Population)
    kind = models.CharField(max_length=11, choices=Kind)
    value = models.FloatField()
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    n_evaluators = models.PositiveIntegerField()
    n_judgments = models.PositiveIntegerField()
    note = models.TextField(blank=True)
    method = models.CharField(max_length=255)
    judgments_hash = models.CharField(max_length=64)
    computed_at = models.DateTimeField()

    class Meta:
        ordering = ["arm__position", "kind"]
        constraints = [
            models.UniqueConstraint(
                fields=["arm", "population", "kind"], name="score_unique"
            ),
            models.CheckConstraint(
                condition=Q(low__isnull=True, high__isnull=True)
                | Q(low__lte=models.F("high")),
                name="score_interval_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.arm}"
