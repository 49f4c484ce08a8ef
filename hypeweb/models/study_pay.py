"""What a study pays its evaluators, and how much it may cost."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

NOT_NEGATIVE = [MinValueValidator(Decimal(0))]


class PaySettings(models.Model):
    """The terms of pay; all zero where people take part for nothing."""

    class Currency(models.TextChoices):
        USD = "USD", "US dollar"
        EUR = "EUR", "euro"
        GBP = "GBP", "pound sterling"
        CHF = "CHF", "Swiss franc"

    currency = models.CharField(max_length=3, choices=Currency, default=Currency.USD)
    pay_base = models.DecimalField(
        "for taking part",
        max_digits=8,
        decimal_places=2,
        default=Decimal(0),
        validators=NOT_NEGATIVE,
    )
    pay_per_correct = models.DecimalField(
        "for each correct answer",
        max_digits=8,
        decimal_places=3,
        default=Decimal(0),
        validators=NOT_NEGATIVE,
    )
    pay_hourly_minimum = models.DecimalField(
        "an hour pays at least",
        max_digits=8,
        decimal_places=2,
        default=Decimal(0),
        validators=NOT_NEGATIVE,
    )
    budget = models.DecimalField(
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        validators=NOT_NEGATIVE,
        help_text="What the whole study may cost. Needed when it pays.",
    )

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    pay_base__gte=0, pay_per_correct__gte=0, pay_hourly_minimum__gte=0
                ),
                name="study_pay_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(budget__isnull=True) | Q(budget__gte=0),
                name="study_budget_not_negative",
            ),
        ]

    @property
    def is_paid(self) -> bool:
        return bool(self.pay_base or self.pay_per_correct or self.pay_hourly_minimum)
