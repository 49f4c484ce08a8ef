"""Studies, their arms, their further images and their masks."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from hypeweb.models.projects import Project
from hypeweb.models.samples import SampleSet
from hypeweb.models.study_pay import PaySettings
from hypeweb.models.study_settings import (
    AT_LEAST_ONE,
    PERCENT,
    QualificationSettings,
    QualitySettings,
)
from hypeweb.models.study_words import StudyWords

# Made for each timed study; a trial shows no mask twice.
N_MASKS = 24
LONGEST_LOOK_S = 600
# So long after an image has disappeared by its time limit its answer still counts.
ANSWER_S = 10


class Study(StudyWords, PaySettings, QualificationSettings, QualitySettings):
    """One real set, one or more arms, one protocol; frozen when it opens."""

    class Protocol(models.TextChoices):
        HYPE_INF = "hype_inf", "HYPE_inf (untimed)"
        HYPE_TIME = "hype_time", "HYPE_time (timed)"

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        OPEN = "open", "open"
        PAUSED = "paused", "paused"
        CLOSED = "closed", "closed"

    class Rendering(models.TextChoices):
        PIXELATED = "pixelated", "sharp pixels"
        AUTO = "auto", "smooth"

    class Design(models.TextChoices):
        BETWEEN = "between", "between subjects: each evaluator judges one arm"
        WITHIN = "within", "within subjects: each evaluator judges every arm"

    class SweepAxis(models.TextChoices):
        NONE = "", "none: the arms are compared with each other"
        STEP = "step", "checkpoint step"
        TRUNCATION = "truncation", "truncation"

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=140, unique=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="studies"
    )
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="studies", editable=False
    )
    real_set = models.ForeignKey(
        SampleSet, on_delete=models.PROTECT, related_name="studies_as_real"
    )
    sample_sets: "models.ManyToManyField[SampleSet, Arm]" = models.ManyToManyField(
        SampleSet, through="Arm", related_name="studies"
    )
    sweep_axis = models.CharField(
        "sweep over",
        max_length=10,
        choices=SweepAxis,
        blank=True,
        default=SweepAxis.NONE,
        help_text="The arms are ordered and named by it, and the report draws curves.",
    )
    design = models.CharField(
        "who judges what",
        max_length=7,
        choices=Design,
        default=Design.BETWEEN,
        help_text="Within subjects, fewer evaluators tell arms apart, each of them "
        "longer; the order of the arms is balanced over them.",
    )
    protocol = models.CharField(
        max_length=9, choices=Protocol, default=Protocol.HYPE_INF
    )
    state = models.CharField(max_length=6, choices=State, default=State.DRAFT)
    repeat_group = models.SlugField(
        "group of studies",
        max_length=60,
        blank=True,
        help_text="Who took part in a study of the project with this word does not "
        "take part in another. Empty: the study stands alone.",
    )
    evaluators_per_arm = models.PositiveIntegerField(
        default=30, validators=AT_LEAST_ONE
    )
    extractor = models.CharField(max_length=200, default="inception-v3-fid")
    seed = models.PositiveBigIntegerField(editable=False)

    # HYPE_inf
    n_real = models.PositiveIntegerField(
        "real images", default=50, validators=AT_LEAST_ONE
    )
    n_fake = models.PositiveIntegerField(
        "generated images", default=50, validators=AT_LEAST_ONE
    )

    time_limit_s = models.PositiveIntegerField(
        "time to look at each image, s",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_LOOK_S)],
        help_text="Empty: as long as they like. After it the image disappears and the "
        "answer is asked for; one that comes more than "
        f"{ANSWER_S} s later is kept, not scored, and repeated with another image.",
    )

    # HYPE_time; half of the images of a block are real.
    preset = models.CharField(max_length=40, default="hype-2019")
    n_blocks = models.PositiveIntegerField("blocks", default=3, validators=AT_LEAST_ONE)
    images_per_block = models.PositiveIntegerField(
        default=150, validators=[MinValueValidator(2)]
    )
    start_ms = models.PositiveIntegerField(
        "first exposure of a block, ms", default=500, validators=AT_LEAST_ONE
    )
    min_ms = models.PositiveIntegerField(
        "shortest exposure, ms", default=100, validators=AT_LEAST_ONE
    )
    max_ms = models.PositiveIntegerField(
        "longest exposure, ms", default=1000, validators=AT_LEAST_ONE
    )
    step_down_ms = models.PositiveIntegerField(
        "step to shorter, ms", default=30, validators=AT_LEAST_ONE
    )
    step_up_ms = models.PositiveIntegerField(
        "step to longer, ms", default=10, validators=AT_LEAST_ONE
    )
    n_correct_to_descend = models.PositiveIntegerField(
        "correct in a row for a shorter one", default=3, validators=AT_LEAST_ONE
    )
    n_wrong_to_ascend = models.PositiveIntegerField(
        "wrong in a row for a longer one", default=1, validators=AT_LEAST_ONE
    )
    countdown_ms = models.PositiveIntegerField(
        "each digit of the countdown, ms", default=500
    )
    n_masks = models.PositiveIntegerField(
        "masks after each image", default=4, validators=[MaxValueValidator(N_MASKS)]
    )
    mask_ms = models.PositiveIntegerField("each mask, ms", default=30)
    min_valid_percent = models.PositiveIntegerField(
        "exposures of a block that must succeed, %",
        default=50,
        validators=PERCENT,
        help_text="A session with fewer in one of its blocks is kept and not scored.",
    )

    # What a HYPE_time study asks of a screen, and how long a session may take.
    min_width_px = models.PositiveIntegerField("smallest window width, px", default=600)
    min_height_px = models.PositiveIntegerField(
        "smallest window height, px", default=500
    )
    min_refresh_hz = models.PositiveIntegerField("slowest refresh rate, Hz", default=50)
    needs_keyboard = models.BooleanField("ask for a keyboard", default=True)
    idle_limit_min = models.PositiveIntegerField(
        "longest pause, minutes", default=60, validators=AT_LEAST_ONE
    )
    duration_limit_min = models.PositiveIntegerField(
        "longest session, minutes", default=240, validators=AT_LEAST_ONE
    )

    watch_sequentially = models.BooleanField(
        "watch while it runs",
        default=False,
        help_text="Say on the study's page when its arms are apart, in a way that "
        "allows looking at any time and stopping then.",
    )
    feedback = models.BooleanField("feedback after each answer", default=True)
    image_rendering = models.CharField(
        max_length=9, choices=Rendering, default=Rendering.PIXELATED
    )
    response_bytes = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="every image response is padded to this length",
    )
    revision = models.PositiveIntegerField(
        default=1,
        editable=False,
        help_text="counts the changes of a draft, so that no editor undoes another's",
    )
    frozen_settings = models.JSONField(
        null=True, editable=False, help_text="the settings as they were at opening"
    )
    settings_hash = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    opened_at = models.DateTimeField(null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name_plural = "studies"
        constraints = [
            *StudyWords.Meta.constraints,
            *PaySettings.Meta.constraints,
            *QualitySettings.Meta.constraints,
            models.CheckConstraint(
                condition=Q(protocol__in=["hype_inf", "hype_time"]),
                name="study_protocol_known",
            ),
            models.CheckConstraint(
                condition=Q(design__in=["between", "within"]),
                name="study_design_known",
            ),
            models.CheckConstraint(
                condition=Q(sweep_axis__in=["", "step", "truncation"]),
                name="study_sweep_axis_known",
            ),
            models.CheckConstraint(
                condition=Q(state="draft", opened_at__isnull=True)
                | Q(
                    state__in=["open", "paused"],
                    opened_at__isnull=False,
                    closed_at__isnull=True,
                )
                | Q(state="closed", opened_at__isnull=False, closed_at__isnull=False),
                name="study_state_matches_dates",
            ),
            models.CheckConstraint(
                condition=Q(min_ms__gt=0)
                & Q(min_ms__lte=F("start_ms"))
                & Q(start_ms__lte=F("max_ms")),
                name="study_exposures_in_order",
                violation_error_message=(
                    "The exposures must be in order: shortest, start, longest."
                ),
            ),
            models.CheckConstraint(
                condition=Q(
                    step_down_ms__gt=0,
                    step_up_ms__gt=0,
                    n_correct_to_descend__gt=0,
                    n_wrong_to_ascend__gt=0,
                    n_real__gt=0,
                    n_fake__gt=0,
                    n_blocks__gt=0,
                    images_per_block__gt=1,
                ),
                name="study_counts_positive",
            ),
            models.CheckConstraint(
                condition=Q(time_limit_s__isnull=True)
                | Q(time_limit_s__gt=0, time_limit_s__lte=LONGEST_LOOK_S),
                name="study_time_limit_possible",
            ),
            models.CheckConstraint(
                condition=Q(n_masks__lte=N_MASKS), name="study_masks_suffice"
            ),
            models.CheckConstraint(
                condition=Q(min_valid_percent__lte=100), name="study_valid_possible"
            ),
            models.CheckConstraint(
                condition=Q(
                    qualification_n_real__gt=0,
                    qualification_n_fake__gt=0,
                    qualification_reals_percent__lte=100,
                    qualification_fakes_percent__lte=100,
                    qualification_max_attempts__gt=0,
                    qualification_valid_days__gt=0,
                ),
                name="study_qualification_possible",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_draft(self) -> bool:
        return self.state == self.State.DRAFT

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN

    @property
    def is_closed(self) -> bool:
        return self.state == self.State.CLOSED

    @property
    def is_sweep(self) -> bool:
        return self.sweep_axis != self.SweepAxis.NONE

    @property
    def is_running(self) -> bool:
        """Whether sessions may still begin, now or after a pause."""
        return self.state in {self.State.OPEN, self.State.PAUSED}

    @property
    def is_timed(self) -> bool:
        return self.protocol == self.Protocol.HYPE_TIME

    @property
    def is_within(self) -> bool:
        return self.design == self.Design.WITHIN

    @property
    def n_trials(self) -> int:
        """How many scored images of one arm an evaluator judges, real ones included."""
        if self.is_timed:
            return self.n_blocks * self.images_per_block
        return self.n_real + self.n_fake

    @property
    def block_size(self) -> int:
        """How many scored images a block holds; an untimed study has one block."""
        return self.images_per_block if self.is_timed else self.n_trials

    @property
    def look_limit_s(self) -> int | None:
        """How long an image of the task may be looked at; exposures have their own."""
        return None if self.is_timed else self.time_limit_s

    @property
    def n_gold_per_block(self) -> int:
        """How many gold images a block holds beside its own: half of them real."""
        if not self.gold_percent:
            return 0
        return 2 * max(1, round(self.block_size * self.gold_percent / 200))

    @property
    def n_gold(self) -> int:
        """How many gold images an evaluator sees among those of one arm."""
        return self.n_gold_per_block * (self.n_blocks if self.is_timed else 1)


class Arm(models.Model):
    """One generated sample set inside a study."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="arms")
    sample_set = models.ForeignKey(
        SampleSet, on_delete=models.PROTECT, related_name="arms"
    )
    label = models.CharField(max_length=120)
    position = models.PositiveIntegerField()
    axis_value = models.FloatField(
        null=True,
        blank=True,
        editable=False,
        help_text="where a sweep's arm lies on its axis; no truncation is at infinity",
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "sample_set"], name="arm_sample_set_unique"
            ),
            models.UniqueConstraint(
                fields=["study", "axis_value"], name="arm_axis_value_unique"
            ),
            models.UniqueConstraint(
                fields=["study", "position"], name="arm_position_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.label


class Material(models.Model):
    """A sample set whose images a study shows beside those that are scored.

    Its origin is the truth of its images. None of them is ever scored in the study.
    """

    class Use(models.TextChoices):
        QUALIFICATION = "qualification", "qualification"
        GOLD = "gold", "gold trials"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="materials")
    sample_set = models.ForeignKey(
        SampleSet, on_delete=models.PROTECT, related_name="materials"
    )
    use = models.CharField(max_length=13, choices=Use)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "sample_set", "use"], name="material_unique"
            ),
            models.CheckConstraint(
                condition=Q(use__in=["qualification", "gold"]),
                name="material_use_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sample_set} as {self.get_use_display()}"


class Mask(models.Model):
    """One scrambled image shown after the exposures of a HYPE_time study."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="masks")
    position = models.PositiveIntegerField()
    token = models.CharField(max_length=43, unique=True)
    storage_key = models.CharField(max_length=255)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "position"], name="mask_position_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"mask {self.position}"
