"""What a study asks of its evaluators: a qualification, attention, quality."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

AT_LEAST_ONE = [MinValueValidator(1)]
PERCENT = [MaxValueValidator(100)]


class QualificationSettings(models.Model):
    """An untimed task that an evaluator must pass first; the numbers are the paper's.

    How often one may try, and how long a pass holds, the paper leaves open.
    """

    asks_qualification = models.BooleanField("ask for a qualification", default=False)
    qualification_n_real = models.PositiveIntegerField(
        "real images", default=50, validators=AT_LEAST_ONE
    )
    qualification_n_fake = models.PositiveIntegerField(
        "generated images", default=50, validators=AT_LEAST_ONE
    )
    qualification_reals_percent = models.PositiveIntegerField(
        "pass mark on real images, %", default=65, validators=PERCENT
    )
    qualification_fakes_percent = models.PositiveIntegerField(
        "pass mark on generated images, %", default=65, validators=PERCENT
    )
    qualification_max_attempts = models.PositiveIntegerField(
        "attempts", default=2, validators=AT_LEAST_ONE
    )
    qualification_valid_days = models.PositiveIntegerField(
        "a pass holds for, days", default=90, validators=AT_LEAST_ONE
    )
    qualification_feedback = models.BooleanField(
        "feedback after each answer of the qualification", default=True
    )

    class Meta:
        abstract = True

    @property
    def qualification_n_trials(self) -> int:
        return self.qualification_n_real + self.qualification_n_fake


class QualityFlag(models.TextChoices):
    """What may be doubtful of a session, as `science/quality.py` finds it."""

    GOLD = "gold", "missed too many attention checks"
    FAST = "fast", "answered too quickly"
    SAME_ANSWER = "same_answer", "gave one answer too often in a row"
    CRITERION = "criterion", "leaned too far to one answer"
    CHANCE = "chance", "was not above chance"
    FLOOR = "floor", "stayed at the shortest exposure"
    CEILING = "ceiling", "stayed at the longest exposure"


def default_exclusions() -> list[str]:
    """Return the rules that say something of the person, not of the images."""
    return [QualityFlag.GOLD, QualityFlag.FAST, QualityFlag.SAME_ANSWER]


class QualitySettings(models.Model):
    """Rules on whose judgments are doubtful, fixed before the study opens."""

    gold_percent = models.PositiveIntegerField(
        "attention checks, % of the images",
        default=0,
        validators=[MaxValueValidator(50)],
        help_text="Images that are easy to tell, mixed in and never scored.",
    )
    gold_pass_percent = models.PositiveIntegerField(
        "attention checks to recognise, %", default=75, validators=PERCENT
    )
    fast_ms = models.PositiveIntegerField(
        "an answer is too quick below, ms", default=150, validators=AT_LEAST_ONE
    )
    fast_percent = models.PositiveIntegerField(
        "too quick answers allowed, %", default=10, validators=PERCENT
    )
    longest_run = models.PositiveIntegerField(
        "equal answers in a row that are too many",
        default=25,
        validators=[MinValueValidator(2)],
    )
    largest_criterion = models.FloatField(
        "largest criterion, standard deviations",
        default=1.0,
        validators=[MinValueValidator(0.01)],
    )
    chance_percent = models.PositiveIntegerField(
        "level of the test against chance, %", default=5, validators=PERCENT
    )
    limit_percent = models.PositiveIntegerField(
        "trials at a limit of the staircase allowed, %", default=50, validators=PERCENT
    )
    exclusions = models.JSONField(
        "sessions left out", default=default_exclusions, blank=True
    )

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    gold_percent__lte=50,
                    gold_pass_percent__lte=100,
                    fast_ms__gt=0,
                    fast_percent__lte=100,
                    longest_run__gt=1,
                    largest_criterion__gt=0,
                    chance_percent__lte=100,
                    limit_percent__lte=100,
                ),
                name="study_quality_rules_possible",
            ),
        ]
