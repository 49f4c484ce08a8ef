"""What only people and metrics together say."""

from django.db import models

from hypeweb.models.sessions import Session
from hypeweb.models.studies import Study


class Agreement(models.Model):
    """Whether one population and the metrics order a study's arms alike."""

    study = models.ForeignKey(
        Study, on_delete=models.CASCADE, related_name="agreements"
    )
    population = models.CharField(max_length=9, choices=Session.Population)
    result = models.JSONField(
        help_text="rank correlations by metric, as services/agreement.py writes and "
        "reads them"
    )
    computed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["study", "population"], name="agreement_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"agreement of {self.population} and metrics on {self.study}"
