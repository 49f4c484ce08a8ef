"""Figures of a report, drawn by the worker."""

from django.db import models

from hypeweb.models.scores import Exclusions
from hypeweb.models.sessions import Session
from hypeweb.models.studies import Study


class StudyFigure(models.Model):
    """One figure of one population's report; its files are named by its content."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="figures")
    population = models.CharField(max_length=9, choices=Session.Population)
    exclusions = models.CharField(
        max_length=7, choices=Exclusions, default=Exclusions.NONE
    )
    kind = models.CharField(max_length=60)
    position = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    alt = models.TextField(help_text="what the figure shows, in words and numbers")
    width_pt = models.PositiveIntegerField(default=252)
    height_pt = models.PositiveIntegerField(default=173)
    content_hash = models.CharField(max_length=64)
    drawn_at = models.DateTimeField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "population", "exclusions", "kind"],
                name="study_figure_unique",
            ),
            models.CheckConstraint(
                condition=~models.Q(alt=""), name="study_figure_has_alt"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} of {self.study}"

    def storage_key(self, suffix: str) -> str:
        return f"figures/{self.content_hash[:2]}/{self.content_hash}.{suffix}"
