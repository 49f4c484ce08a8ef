"""What a study asks of its evaluators beside its images: the qualification."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

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
