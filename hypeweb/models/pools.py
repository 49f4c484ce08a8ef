"""Where a study's evaluators come from."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from hypeweb.models.studies import Study


class Pool(models.Model):
    """People whom one study reaches in one way; it may be changed while it is open."""

    class Kind(models.TextChoices):
        LINK = "link", "open link"
        INVITATIONS = "invitations", "personal invitations"
        MTURK = "mturk", "Amazon Mechanical Turk"
        MTURK_SANDBOX = "mturk_sandbox", "Mechanical Turk sandbox"
        PROLIFIC = "prolific", "Prolific"

    class Group(models.TextChoices):
        CROWD = "crowd", "crowd"
        EXPERTS = "experts", "experts"

    class State(models.TextChoices):
        OPEN = "open", "open"
        PAUSED = "paused", "paused"
        CLOSED = "closed", "closed"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="pools")
    kind = models.CharField(max_length=13, choices=Kind, default=Kind.LINK)
    name = models.CharField(max_length=120, default="Open link")
    group = models.CharField(
        max_length=7,
        choices=Group,
        default=Group.CROWD,
        help_text="The report tells experts from the crowd.",
    )
    quota = models.PositiveIntegerField(
        "at most",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Usable sessions from this pool; empty is as many as the study asks.",
    )
    min_percent_approved = models.PositiveIntegerField(
        "approved work of a worker, at least, %",
        default=95,
        validators=[MaxValueValidator(100)],
        help_text="On Mechanical Turk; 0 asks nothing.",
    )
    min_n_approved = models.PositiveIntegerField(
        "approved assignments of a worker, at least",
        default=100,
        help_text="On Mechanical Turk; 0 asks nothing.",
    )
    countries = models.CharField(
        max_length=120,
        blank=True,
        validators=[
            RegexValidator(
                r"^[A-Z]{2}( [A-Z]{2})*$",
                "Write two capital letters for each country, as in “US GB”.",
            )
        ],
        help_text="On Mechanical Turk; codes such as US GB; empty is everywhere.",
    )
    needs_pass = models.BooleanField(
        "only who passed the qualification before",
        default=False,
        help_text="On Mechanical Turk, for studies that ask for a qualification.",
    )
    token = models.CharField(
        max_length=43,
        unique=True,
        editable=False,
        help_text="in the address through which its people join",
    )
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "name"],
                name="pool_name_unique",
                violation_error_message="The study has a pool of this name.",
            ),
            models.CheckConstraint(
                condition=Q(quota__isnull=True) | Q(quota__gt=0),
                name="pool_quota_positive",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "paused", "closed"]),
                name="pool_state_known",
            ),
            models.CheckConstraint(
                condition=Q(group__in=["crowd", "experts"]), name="pool_group_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN
