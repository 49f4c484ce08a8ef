"""What only people and metrics together say, and who outside may read it."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from hypeweb.models.scores import Exclusions
from hypeweb.models.sessions import Session
from hypeweb.models.studies import Study


class Agreement(models.Model):
    """Whether one population and the metrics order a study's arms alike."""

    study = models.ForeignKey(
        Study, on_delete=models.CASCADE, related_name="agreements"
    )
    population = models.CharField(max_length=9, choices=Session.Population)
    exclusions = models.CharField(
        max_length=7, choices=Exclusions, default=Exclusions.NONE
    )
    result = models.JSONField(
        help_text="rank correlations by metric, as services/agreement.py writes and "
        "reads them"
    )
    computed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["study", "population", "exclusions"], name="agreement_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"agreement of {self.population} and metrics on {self.study}"


class ReportLink(models.Model):
    """A secret address under which anybody may read a study's report for a time."""

    study = models.ForeignKey(
        Study, on_delete=models.CASCADE, related_name="report_links"
    )
    token = models.CharField(max_length=43, unique=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")),
                name="report_link_expires_after_creation",
            ),
        ]

    def __str__(self) -> str:
        return f"link to the report of {self.study}"

    def is_valid(self, *, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at
