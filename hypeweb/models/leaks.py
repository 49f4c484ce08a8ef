"""The audit of what could tell real from generated besides the images' content."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from hypeweb.models.jobs import Job
from hypeweb.models.studies import Arm, Study


class LeakAudit(Job):
    """The job that audits a study once, and what its owner made of the result."""

    class Verdict(models.TextChoices):
        CLEAR = "clear", "no leak"
        LEAK = "leak", "leak"
        TOO_FEW = "too_few", "too few images"

    study = models.OneToOneField(
        Study, on_delete=models.CASCADE, related_name="leak_audit"
    )
    verdict = models.CharField(max_length=7, choices=Verdict, blank=True)
    sentence = models.TextField(blank=True)
    override_reason = models.TextField(blank=True)
    overridden_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    overridden_at = models.DateTimeField(null=True, blank=True)

    class Meta(Job.Meta):
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(state="done")
                | Q(verdict__in=["clear", "leak", "too_few"]),
                name="leak_audit_done_has_verdict",
            ),
            models.CheckConstraint(
                condition=Q(override_reason="", overridden_at__isnull=True)
                | (~Q(override_reason="") & Q(overridden_at__isnull=False)),
                name="leak_audit_override_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"leak audit of {self.study}"

    @property
    def is_overridden(self) -> bool:
        return self.overridden_at is not None

    @property
    def found_leak(self) -> bool:
        return self.verdict == self.Verdict.LEAK

    @property
    def holds_back(self) -> bool:
        """Whether the study may not open for it."""
        passed = self.verdict in {self.Verdict.CLEAR, self.Verdict.TOO_FEW}
        return not passed and not self.is_overridden

    @property
    def can_be_overridden(self) -> bool:
        return self.holds_back and not self.is_active


class LeakContrast(models.Model):
    """How well the images of one side are told from those of the other."""

    class Kind(models.TextChoices):
        ARM = "arm", "an arm's images and the real ones"
        QUALIFICATION = "qualification", "the two kinds of a qualification"
        GOLD = "gold", "the two kinds of attention checks"
        MIXED = "mixed", "the scored images and the attention checks among them"

    audit = models.ForeignKey(
        LeakAudit, on_delete=models.CASCADE, related_name="contrasts"
    )
    kind = models.CharField(max_length=13, choices=Kind, default=Kind.ARM)
    arm = models.ForeignKey(
        Arm, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    n_first = models.PositiveIntegerField(help_text="real ones, or scored ones")
    n_second = models.PositiveIntegerField(help_text="generated, or attention checks")
    is_leak = models.BooleanField()
    auc = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    auc_with_hidden = models.FloatField(
        help_text="with what nobody can see on the site as well"
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["audit", "arm"], name="leak_contrast_arm_unique"
            ),
            models.UniqueConstraint(
                fields=["audit", "kind"],
                condition=Q(arm__isnull=True),
                name="leak_contrast_kind_unique",
            ),
            models.CheckConstraint(
                condition=Q(kind="arm", arm__isnull=False)
                | Q(kind__in=["qualification", "gold", "mixed"], arm__isnull=True),
                name="leak_contrast_arm_fits_its_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"leak audit of {self.arm or self.get_kind_display()}"


class TraceAudit(models.Model):
    """How well one measure alone tells the two sides of a contrast apart."""

    contrast = models.ForeignKey(
        LeakContrast, on_delete=models.CASCADE, related_name="traces"
    )
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=80)
    is_visible = models.BooleanField(help_text="counts for the verdict")
    auc = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    edges = models.JSONField(help_text="borders of the histogram's bins")
    first_counts = models.JSONField()
    second_counts = models.JSONField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["contrast", "position"], name="trace_audit_position_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.name
