"""What happened in a running study that somebody wants to hear of, and who was told."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from hypeweb.models.studies import Study


class Subscription(models.Model):
    """An e-mail address or a webhook that hears of one study's milestones."""

    class Channel(models.TextChoices):
        EMAIL = "email", "e-mail"
        WEBHOOK = "webhook", "webhook"

    study = models.ForeignKey(
        Study, on_delete=models.CASCADE, related_name="subscriptions"
    )
    channel = models.CharField(max_length=7, choices=Channel)
    address = models.CharField(max_length=500)
    secret = models.CharField(
        max_length=43, editable=False, help_text="signs what a webhook is sent"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "channel", "address"], name="subscription_unique"
            ),
            models.CheckConstraint(
                condition=Q(channel__in=["email", "webhook"]),
                name="subscription_channel_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.address}"


class Milestone(models.Model):
    """Something a study reached, once."""

    class Kind(models.TextChoices):
        FIRST_SESSION = "first_session", "first session finished"
        HALF = "half", "half of the sessions finished"
        ALL = "all", "all sessions finished"
        BUDGET = "budget", "80 % of the budget spent"
        SOFT_LIMIT = "soft_limit", "spending above the limit to tell from"
        DECISION = "decision", "submissions about to be paid by their service"
        QUALITY = "quality", "quality alarm"

    study = models.ForeignKey(
        Study, on_delete=models.CASCADE, related_name="milestones"
    )
    kind = models.CharField(max_length=13, choices=Kind)
    sentence = models.TextField()
    reached_at = models.DateTimeField()

    class Meta:
        ordering = ["reached_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["study", "kind"], name="milestone_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.study}"


class Notice(models.Model):
    """One milestone on its way to one subscription, tried until it arrives."""

    milestone = models.ForeignKey(
        Milestone, on_delete=models.CASCADE, related_name="notices"
    )
    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="notices"
    )
    n_attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["milestone", "subscription"], name="notice_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.milestone} to {self.subscription}"
