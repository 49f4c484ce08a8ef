"""What evaluators are owed and paid, and what may be spent at most."""

from django.db import models
from django.db.models import F, Q

from hypeweb.models.pools import Pool
from hypeweb.models.postings import Posting
from hypeweb.models.sessions import Session
from hypeweb.models.studies import Study


class Service(models.TextChoices):
    MANUAL = "manual", "by hand"
    MTURK = "mturk", "Amazon Mechanical Turk"
    MTURK_SANDBOX = "mturk_sandbox", "Mechanical Turk sandbox"
    PROLIFIC = "prolific", "Prolific"


class SpendLimit(models.Model):
    """What may be spent, fees included.

    The reward of every place is set aside when it is posted, any other payment before
    it is sent.
    """

    soft_cents = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="from here on somebody is told"
    )
    hard_cents = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="never more than this"
    )
    committed_cents = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="set aside or spent"
    )
    overspent_cents = models.PositiveBigIntegerField(
        default=0,
        editable=False,
        help_text="what a service pays by itself above the hard limit",
    )

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(hard_cents__isnull=True)
                | Q(committed_cents__lte=F("hard_cents") + F("overspent_cents")),
                name="%(class)s_never_above_hard_limit",
                violation_error_message=(
                    "The hard limit cannot be below what is already committed."
                ),
            ),
        ]

    @property
    def is_above_soft_limit(self) -> bool:
        return self.soft_cents is not None and self.committed_cents > self.soft_cents

    @property
    def left_cents(self) -> int | None:
        if self.hard_cents is None:
            return None
        return max(0, self.hard_cents - self.committed_cents)


class Budget(SpendLimit):
    """What a study may spend."""

    study = models.OneToOneField(
        Study, on_delete=models.CASCADE, related_name="spending"
    )

    is_automatic = models.BooleanField(
        "pay without asking",
        default=False,
        help_text="What is owed is sent at once; else somebody approves it first.",
    )

    class Meta(SpendLimit.Meta):
        pass

    def __str__(self) -> str:
        return f"budget of {self.study}"


class Account(SpendLimit):
    """What the site may spend at one service in one currency, over all studies."""

    service = models.CharField(max_length=13, choices=Service)
    currency = models.CharField(max_length=3, default="USD")

    class Meta(SpendLimit.Meta):
        constraints = [
            *SpendLimit.Meta.constraints,
            models.UniqueConstraint(
                fields=["service", "currency"], name="account_once_per_currency"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_service_display()}, {self.currency}"


class Payment(models.Model):
    """One amount owed to one evaluator for one reason, paid at most once."""

    class Reason(models.TextChoices):
        BASE = "base", "base"
        BONUS = "bonus", "bonus"
        EXTRA = "extra", "extra"

    class State(models.TextChoices):
        OWED = "owed", "owed"
        SENT = "sent", "sent, not yet confirmed"
        CONFIRMED = "confirmed", "confirmed"
        FAILED = "failed", "failed"

    session = models.ForeignKey(
        Session, on_delete=models.PROTECT, related_name="payments"
    )
    reason = models.CharField(max_length=5, choices=Reason)
    service = models.CharField(max_length=13, choices=Service)
    amount_cents = models.PositiveIntegerField()
    fee_cents = models.PositiveIntegerField(default=0)
    currency = models.CharField(max_length=3, default="USD")
    detail = models.CharField(max_length=255, help_text="what the evaluator reads")
    state = models.CharField(max_length=9, choices=State, default=State.OWED)
    reference = models.UUIDField(
        unique=True, editable=False, help_text="by which the service knows it again"
    )
    transfer_id = models.CharField(
        max_length=64, blank=True, editable=False, help_text="the service's own"
    )
    moved_at = models.DateTimeField(
        null=True, editable=False, help_text="when money may have moved last"
    )
    approved_at = models.DateTimeField(
        null=True, editable=False, help_text="by somebody, or at once"
    )
    next_attempt_at = models.DateTimeField(
        null=True, editable=False, help_text="before then nothing is tried"
    )
    n_attempts = models.PositiveIntegerField(default=0, editable=False)
    attempted_at = models.DateTimeField(null=True, editable=False)
    attempt = models.UUIDField(
        null=True, editable=False, help_text="whose result counts"
    )
    is_accepted = models.BooleanField(
        default=False,
        editable=False,
        help_text="the service has it for certain, and is never asked again",
    )
    is_promised = models.BooleanField(
        default=False,
        editable=False,
        help_text="its cost was set aside when its place was posted",
    )
    is_by_service = models.BooleanField(
        default=False,
        editable=False,
        help_text="the service paid it by itself; nobody here sent it",
    )
    confirmed_at = models.DateTimeField(null=True, editable=False)
    error = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "reason"], name="payment_once_per_reason"
            ),
            models.UniqueConstraint(
                # Prolific lists amounts alone: two equal ones under way are one to it.
                fields=["session", "amount_cents"],
                condition=Q(service="prolific", state="sent") & ~Q(reason="base"),
                name="payment_one_of_equal_bonuses_sent",
            ),
            models.CheckConstraint(
                condition=Q(amount_cents__gt=0), name="payment_of_something"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["owed", "failed"], confirmed_at__isnull=True)
                | Q(
                    state="sent",
                    attempted_at__isnull=False,
                    confirmed_at__isnull=True,
                )
                | Q(state="confirmed", confirmed_at__isnull=False),
                name="payment_state_matches_dates",
            ),
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(approved_at__isnull=False),
                name="payment_sent_was_approved",
            ),
        ]

    def __str__(self) -> str:
        return f"payment {self.pk} ({self.get_state_display()})"

    @property
    def cost_cents(self) -> int:
        return self.amount_cents + self.fee_cents


class Enrolment(models.Model):
    """A session's counterpart at a service: an assignment, or a submission.

    No worker's id is kept: the service tells it again for the counterpart's id.
    """

    session = models.OneToOneField(
        Session, on_delete=models.PROTECT, related_name="enrolment"
    )
    service = models.CharField(max_length=13, choices=Service)
    external_id = models.CharField(max_length=64)
    posting = models.ForeignKey(
        Posting,
        on_delete=models.PROTECT,
        null=True,
        related_name="enrolments",
        help_text="through which the evaluator came",
    )
    status = models.CharField(
        max_length=32, blank=True, help_text="as the service last said"
    )
    status_at = models.DateTimeField(
        null=True, help_text="when it was so; older news changes nothing"
    )
    labelled_at = models.DateTimeField(
        null=True, help_text="when the worker was marked as one who took part"
    )
    decides_at = models.DateTimeField(
        null=True, help_text="when the service pays it if nobody decides before"
    )
    rejection = models.CharField(
        max_length=300, blank=True, help_text="why the work was rejected; empty if not"
    )
    reinstated_at = models.DateTimeField(
        null=True, help_text="when a rejection was taken back"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["service", "external_id"], name="enrolment_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_service_display()} {self.external_id}"


class Reconciliation(models.Model):
    """A pool's ledger held against the service's own list, once."""

    pool = models.ForeignKey(
        Pool, on_delete=models.CASCADE, related_name="reconciliations"
    )
    made_at = models.DateTimeField()
    n_compared = models.PositiveIntegerField(default=0)
    differences = models.JSONField(
        default=list, help_text="each a payment, what is here and what is there"
    )
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-made_at", "-pk"]

    def __str__(self) -> str:
        return f"reconciliation of {self.pool} on {self.made_at:%Y-%m-%d}"
