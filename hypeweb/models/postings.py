"""What a study has posted at a service, and the codes its people bring back."""

from django.db import models
from django.db.models import Q

from hypeweb.models.pools import Pool
from hypeweb.models.sessions import Session


class Posting(models.Model):
    """One HIT, or one study at Prolific, through which a pool's people come."""

    class State(models.TextChoices):
        REQUESTED = "requested", "being posted"
        OPEN = "open", "open"
        PAUSED = "paused", "paused"
        ENDED = "ended", "ended"

    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="postings")
    reference = models.UUIDField(
        unique=True, editable=False, help_text="by which the service knows it again"
    )
    external_id = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.REQUESTED)
    n_places = models.PositiveIntegerField()
    reward_cents = models.PositiveIntegerField()
    place_cents = models.PositiveIntegerField(
        default=0, editable=False, help_text="reward and fee of one place"
    )
    n_promised = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="places that the service may pay or has paid, in no payment here",
    )
    n_strangers = models.PositiveIntegerField(
        default=0, editable=False, help_text="of these, submissions without a session"
    )
    extended_at = models.DateTimeField(
        null=True, editable=False, help_text="when more places were asked for last"
    )
    is_settled = models.BooleanField(
        default=False,
        editable=False,
        help_text="it has ended, and nothing of it waits for a decision",
    )
    minutes = models.PositiveIntegerField(help_text="how long it is said to take")
    hours_open = models.PositiveIntegerField()
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    synced_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["external_id"],
                condition=~Q(external_id=""),
                name="posting_external_id_unique",
            ),
            models.CheckConstraint(
                condition=Q(n_places__gt=0) & Q(minutes__gt=0) & Q(hours_open__gt=0),
                name="posting_of_something",
            ),
            models.CheckConstraint(
                condition=Q(state="requested") | ~Q(external_id=""),
                name="posting_open_has_external_id",
            ),
        ]

    def __str__(self) -> str:
        return self.external_id or f"posting {self.pk}"

    @property
    def promised_cents(self) -> int:
        return self.n_promised * self.place_cents

    @property
    def stranger_cents(self) -> int:
        return self.n_strangers * self.place_cents


class OutcomeCode(models.Model):
    """A code that Prolific has been told of, and what it then does with a submission.

    Prolific has one code for everybody of an outcome. It is random, shown only to who
    came to that outcome, and a submission counts only with a session that did.
    """

    class Outcome(models.TextChoices):
        COMPLETED = "completed", "completed"
        SCREENED_OUT = "screened_out", "did not qualify"
        LEFT = "left", "left early"

    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="codes")
    outcome = models.CharField(max_length=12, choices=Outcome)
    code = models.CharField(max_length=32, unique=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["pool", "outcome"], name="outcome_code_once_per_outcome"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} in {self.pool}"


class CompletionCode(models.Model):
    """One session's own proof that it ended: random, and taken once."""

    session = models.OneToOneField(
        Session, on_delete=models.CASCADE, related_name="completion_code"
    )
    code = models.CharField(max_length=16, unique=True, editable=False)
    issued_at = models.DateTimeField()
    redeemed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"completion code of session {self.session_id}"


class WorkerLabel(models.Model):
    """A qualification type of the site's own at Mechanical Turk.

    It marks there who took part in a study or passed its qualification, so that
    others, or only they, are offered the next one.
    """

    class Meaning(models.TextChoices):
        TOOK_PART = "took_part", "took part"
        PASSED = "passed", "passed the qualification"

    service = models.CharField(max_length=13)
    meaning = models.CharField(max_length=9, choices=Meaning)
    subject = models.CharField(
        max_length=64, help_text="the study's group, or the qualification's images"
    )
    external_id = models.CharField(max_length=64)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "meaning", "subject"], name="worker_label_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_meaning_display()}: {self.external_id}"


class ServiceEvent(models.Model):
    """One message of a service that was taken: a second copy changes nothing."""

    service = models.CharField(max_length=13)
    event_id = models.CharField(max_length=128)
    received_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "event_id"], name="service_event_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service} {self.event_id}"
