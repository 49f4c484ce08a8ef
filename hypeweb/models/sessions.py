"""Evaluators, their sessions, qualifications, trials and judgments."""

import hashlib

from django.db import models
from django.db.models import Q

from hypeweb.models.pools import Pool
from hypeweb.models.samples import Sample
from hypeweb.models.studies import Arm, Study


class Truth(models.TextChoices):
    REAL = "real", "real"
    FAKE = "fake", "fake"


class Evaluator(models.Model):
    """One person, as one channel knows them, in all the studies they take.

    An outside worker's id and an e-mail address are kept only as a keyed hash.
    """

    class Channel(models.TextChoices):
        LINK = "link", "open link"
        INVITATION = "invitation", "personal invitation"
        MTURK = "mturk", "Amazon Mechanical Turk"
        PROLIFIC = "prolific", "Prolific"
        SIMULATED = "simulated", "simulated"
        PREVIEW = "preview", "researcher's preview"

    channel = models.CharField(max_length=10, choices=Channel)
    external_id_hash = models.CharField(max_length=64, blank=True)
    token = models.CharField(
        max_length=43, unique=True, editable=False, help_text="kept by the browser"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "external_id_hash"],
                condition=~Q(external_id_hash=""),
                name="evaluator_unique_in_channel",
            ),
        ]

    def __str__(self) -> str:
        return f"evaluator {self.pk} ({self.get_channel_display()})"


class Session(models.Model):
    """One evaluator's walk through a study."""

    class State(models.TextChoices):
        CONSENTED = "consented", "before a part"
        RUNNING = "running", "running"
        FINISHED = "finished", "finished"
        LEFT = "left", "left early"
        SCREENED_OUT = "screened_out", "did not qualify"
        NO_PLACE = "no_place", "no place was left"
        FEW_VALID = "few_valid", "too few exposures succeeded"

    class Population(models.TextChoices):
        PEOPLE = "people", "people"
        SIMULATED = "simulated", "simulated"
        PREVIEW = "preview", "preview"

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="sessions")
    pool = models.ForeignKey(
        Pool,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="sessions",
        help_text="through which the evaluator came; none in a preview",
    )
    arm = models.ForeignKey(
        Arm,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="sessions",
        help_text="the only one or, within subjects, the first; none before the "
        "evaluator has qualified",
    )
    sequence = models.PositiveIntegerField(
        null=True,
        blank=True,
        editable=False,
        help_text="within subjects, the row of the square that orders the arms",
    )
    evaluator = models.ForeignKey(
        Evaluator, on_delete=models.PROTECT, related_name="sessions"
    )
    token = models.CharField(max_length=43, unique=True, editable=False)
    qualification = models.ForeignKey(
        "Qualification",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="admitted_sessions",
        help_text="the pass that admits to the study, from here or from before",
    )
    state = models.CharField(max_length=12, choices=State, default=State.CONSENTED)
    population = models.CharField(max_length=9, choices=Population)
    seed = models.PositiveBigIntegerField(editable=False)
    consent_text = models.TextField()
    consented_at = models.DateTimeField()
    started_at = models.DateTimeField(
        null=True, blank=True, help_text="of the latest part: qualification or task"
    )
    last_seen_at = models.DateTimeField(help_text="of the latest answer or start")
    screen = models.JSONField(
        null=True, blank=True, help_text="what the screen check measured"
    )
    finished_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(
        null=True, blank=True, help_text="when what it earned was written down"
    )
    quality_flags = models.JSONField(
        null=True,
        blank=True,
        help_text="rules of the study that the judgments break; none before they were "
        "scored",
    )
    has_given_back = models.BooleanField(
        default=False,
        editable=False,
        help_text="left early, and the images not shown then are counted no longer",
    )

    class Meta:
        ordering = ["-consented_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "evaluator"], name="session_once_per_evaluator"
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        *("finished", "left", "screened_out"),
                        *("no_place", "few_valid"),
                    ],
                    finished_at__isnull=False,
                )
                | Q(state__in=["consented", "running"], finished_at__isnull=True),
                name="session_ended_has_date",
            ),
            models.CheckConstraint(
                condition=~Q(state="finished") | Q(arm__isnull=False),
                name="session_finished_has_arm",
            ),
            models.CheckConstraint(
                condition=Q(sequence__isnull=True) | Q(arm__isnull=False),
                name="session_in_sequence_has_arm",
            ),
            models.CheckConstraint(
                condition=Q(population="preview") | Q(pool__isnull=False),
                name="session_came_through_a_pool",
            ),
        ]

    def __str__(self) -> str:
        return f"session {self.pk} of {self.study}"

    @property
    def consent_version(self) -> str:
        """Name the wording that was agreed to."""
        return hashlib.sha256(self.consent_text.encode()).hexdigest()[:12]

    @property
    def has_ended(self) -> bool:
        return self.finished_at is not None

    @property
    def is_preview(self) -> bool:
        return self.population == self.Population.PREVIEW

    @property
    def is_simulated(self) -> bool:
        return self.population == self.Population.SIMULATED

    @property
    def is_qualifying(self) -> bool:
        """Whether the part at hand, or the next one, is the qualification."""
        return self.arm_id is None and self.qualification_id is None


class Qualification(models.Model):
    """One attempt to qualify; a pass holds in every study that asks for the same."""

    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="qualifications"
    )
    attempt = models.PositiveIntegerField(help_text="from 1, within the session")
    material_hash = models.CharField(
        max_length=64, help_text="of the images, their numbers and the pass marks"
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    has_passed = models.BooleanField(null=True)
    is_forgiven = models.BooleanField(
        default=False, help_text="a researcher let the evaluator try again"
    )

    class Meta:
        ordering = ["session", "attempt"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "attempt"], name="qualification_attempt_unique"
            ),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, has_passed__isnull=True)
                | Q(finished_at__isnull=False, has_passed__isnull=False),
                name="qualification_finished_has_result",
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.attempt} of session {self.session_id}"


class Trial(models.Model):
    """One image for one evaluator; its truth never leaves before the answer."""

    class Purpose(models.TextChoices):
        SCORE = "score", "scored"
        GOLD = "gold", "attention check"
        QUALIFICATION = "qualification", "qualification"

    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="trials"
    )
    number = models.PositiveIntegerField(
        help_text="from 1; within a block in order of showing"
    )
    block = models.PositiveIntegerField(help_text="from 1; 0 in a qualification")
    purpose = models.CharField(
        max_length=13,
        choices=Purpose,
        default=Purpose.SCORE,
        help_text="only scored trials count; the evaluator never learns which",
    )
    qualification = models.ForeignKey(
        Qualification,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="trials",
    )
    arm = models.ForeignKey(
        Arm,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="trials",
        help_text="among whose images it is shown, real ones too; none in a "
        "qualification",
    )
    is_repeat = models.BooleanField(
        default=False, help_text="added because an exposure of the block failed"
    )
    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="trials")
    truth = models.CharField(max_length=4, choices=Truth)
    nonce = models.CharField(max_length=43, unique=True)
    image_token = models.CharField(max_length=43, unique=True)
    planned_ms = models.PositiveIntegerField(null=True, blank=True)
    n_shown = models.PositiveIntegerField(
        default=0,
        help_text="for how many showings the image was sent; a request repeated after "
        "a failed one is for the same",
    )
    showing = models.CharField(
        max_length=32,
        blank=True,
        editable=False,
        help_text="the latest of them, by a random name of the page's own",
    )
    issued_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["block", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "number"], name="trial_number_unique"
            ),
            models.UniqueConstraint(
                fields=["session", "sample"], name="trial_sample_once_per_session"
            ),
            models.CheckConstraint(
                condition=Q(truth__in=["real", "fake"]), name="trial_truth_known"
            ),
            models.CheckConstraint(
                condition=Q(planned_ms__isnull=True) | Q(issued_at__isnull=False),
                name="trial_planned_when_issued",
            ),
            models.CheckConstraint(
                condition=Q(
                    purpose="qualification",
                    block=0,
                    qualification__isnull=False,
                    arm__isnull=True,
                )
                | Q(
                    purpose__in=["score", "gold"],
                    block__gt=0,
                    qualification__isnull=True,
                    arm__isnull=False,
                ),
                name="trial_purpose_fits_its_part",
            ),
        ]

    def __str__(self) -> str:
        return f"trial {self.number} of session {self.session_id}"


class Judgment(models.Model):
    """The answer to a trial, with what the browser says was shown."""

    trial = models.OneToOneField(
        Trial, on_delete=models.CASCADE, related_name="judgment"
    )
    answer = models.CharField(max_length=4, choices=Truth)
    is_correct = models.BooleanField()
    rt_ms = models.FloatField(help_text="from the image's onset, by the browser")
    server_ms = models.FloatField(help_text="from issue to answer, by the server")
    shown_ms = models.FloatField(null=True, blank=True)
    target_frames = models.PositiveIntegerField(null=True, blank=True)
    shown_frames = models.PositiveIntegerField(null=True, blank=True)
    refresh_hz = models.FloatField(null=True, blank=True)
    n_long_gaps = models.PositiveIntegerField(null=True, blank=True)
    element_timing_ms = models.FloatField(null=True, blank=True)
    stamps_ms = models.JSONField(
        null=True, blank=True, help_text="onsets of masks and blank, from the image's"
    )
    exposure_flags = models.CharField(max_length=200, blank=True)
    is_void = models.BooleanField(
        default=False,
        help_text="the exposure failed, the answer came too late, or its image was "
        "never sent: kept, repeated, and left out of scores and staircase",
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["trial__block", "trial__number"]
        constraints = [
            models.CheckConstraint(
                condition=Q(answer__in=["real", "fake"]), name="judgment_answer_known"
            ),
            models.CheckConstraint(
                condition=Q(rt_ms__gte=0), name="judgment_rt_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.answer} on {self.trial}"
