"""What the judgments of an arm say."""

from django.db import models
from django.db.models import Q

from hypeweb.models.pools import Pool
from hypeweb.models.sessions import Session
from hypeweb.models.studies import Arm, Study


class Exclusions(models.TextChoices):
    """Whose judgments a number rests on."""

    NONE = "none", "everyone"
    APPLIED = "applied", "without the sessions that the study's rules leave out"


class Score(models.Model):
    """One number on one arm, with its interval, from one population."""

    class Kind(models.TextChoices):
        HYPE_INF = "hype_inf", "HYPE_inf"
        FAKES_ERROR = "fakes_error", "fakes error"
        REALS_ERROR = "reals_error", "reals error"
        HYPE_TIME = "hype_time", "HYPE_time"
        THRESHOLD_MS = "threshold_ms", "threshold at 75 % correct"
        DPRIME = "dprime", "d'"
        CRITERION = "criterion", "criterion"
        SAID_REAL = "said_real", "share of real answers"
        RESPONSE_MS = "response_ms", "response time"
        LEARNING_SLOPE = "learning_slope", "learning slope"
        BLOCK_CHANGE_MS = "block_change_ms", "change from first to last block"

    class Bound(models.TextChoices):
        BELOW = "below", "below the shortest exposure"
        ABOVE = "above", "above the longest exposure"

    arm = models.ForeignKey(Arm, on_delete=models.CASCADE, related_name="scores")
    population = models.CharField(max_length=9, choices=Session.Population)
    exclusions = models.CharField(
        max_length=7, choices=Exclusions, default=Exclusions.NONE
    )
    kind = models.CharField(max_length=20, choices=Kind)
    value = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    bound = models.CharField(max_length=5, choices=Bound, blank=True)
    statement = models.TextField(
        blank=True, help_text="the result in words, where a number would not do"
    )
    person_spread = models.FloatField(
        null=True,
        help_text="how much evaluators differ: standard deviation of error rates, or "
        "of log thresholds",
    )
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
                fields=["arm", "population", "exclusions", "kind"], name="score_unique"
            ),
            models.CheckConstraint(
                condition=Q(exclusions__in=["none", "applied"]),
                name="score_exclusions_known",
            ),
            models.CheckConstraint(
                condition=Q(low__isnull=True)
                | Q(high__isnull=True)
                | Q(low__lte=models.F("high")),
                name="score_interval_in_order",
            ),
            models.CheckConstraint(
                condition=Q(value__isnull=False) | ~Q(statement=""),
                name="score_value_or_statement",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.arm}"


class StudyComparison(models.Model):
    """A study's arms against each other, from one population."""

    study = models.ForeignKey(
        Study, on_delete=models.CASCADE, related_name="comparisons"
    )
    population = models.CharField(max_length=9, choices=Session.Population)
    exclusions = models.CharField(
        max_length=7, choices=Exclusions, default=Exclusions.NONE
    )
    result = models.JSONField(
        help_text="tests, pairs, ranking and the watch, as services/comparisons.py "
        "writes and reads them"
    )
    basis = models.JSONField(
        default=dict,
        help_text="the judgments and the software it was computed from and with, as "
        "services/scores.py writes it",
    )
    computed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["study", "population", "exclusions"],
                name="study_comparison_unique",
            ),
        ]

    def __str__(self) -> str:
        return f"comparison of the arms of {self.study} ({self.population})"


class GroupScores(models.Model):
    """What experts, or the crowd, say of a study's arms, where both took part."""

    study = models.ForeignKey(
        Study, on_delete=models.CASCADE, related_name="group_scores"
    )
    population = models.CharField(max_length=9, choices=Session.Population)
    exclusions = models.CharField(max_length=7, choices=Exclusions)
    group = models.CharField(max_length=7, choices=Pool.Group)
    result = models.JSONField(
        help_text="the numbers of each arm, as services/group_scores.py writes and "
        "reads them"
    )
    computed_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "group scores"
        ordering = ["group"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "population", "exclusions", "group"],
                name="group_scores_unique",
            ),
            models.CheckConstraint(
                condition=Q(group__in=["crowd", "experts"]),
                name="group_scores_group_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.study} as {self.get_group_display()} judge it"
