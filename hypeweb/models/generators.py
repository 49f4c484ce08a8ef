"""Generators that researchers bring as ONNX, for the site's workers to sample."""

from django.conf import settings
from django.core.validators import (
    MaxValueValidator,
    MinValueValidator,
    RegexValidator,
)
from django.db import models
from django.db.models import Q

from hypeweb.models.jobs import Job
from hypeweb.models.projects import Project

# As many as the largest sets of labelled images have, and some.
MAX_CLASSES = 100_000


class Generator(Job):
    """One ONNX file; the job reads it, tries it on one batch, and says what it is."""

    class ValueRange(models.TextChoices):
        SIGNED = "signed", "-1 to 1"
        UNIT = "unit", "0 to 1"
        BYTE = "byte", "0 to 255"

    class Layout(models.TextChoices):
        NCHW = "nchw", "channels first (NCHW)"
        NHWC = "nhwc", "channels last (NHWC)"

    name = models.CharField(max_length=80)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="generators"
    )
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="generators", editable=False
    )
    model_name = models.CharField("model", max_length=120)
    step = models.PositiveBigIntegerField("checkpoint step", null=True, blank=True)
    dataset = models.CharField(max_length=120, blank=True)
    notes = models.TextField(blank=True)
    file_key = models.CharField(max_length=255, editable=False)
    size_bytes = models.PositiveBigIntegerField(editable=False)

    # As stated by who brings it.
    z_shape = models.CharField(
        "shape of z",
        max_length=60,
        validators=[RegexValidator(r"^[1-9]\d{0,6}(\s*,\s*[1-9]\d{0,6}){0,3}$")],
    )
    n_classes = models.PositiveIntegerField(
        "classes",
        null=True,
        blank=True,
        validators=[MinValueValidator(2), MaxValueValidator(MAX_CLASSES)],
    )
    value_range = models.CharField(
        "pixel values", max_length=6, choices=ValueRange, default=ValueRange.SIGNED
    )
    layout = models.CharField(max_length=4, choices=Layout, default=Layout.NCHW)

    # As found.
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    opset = models.PositiveIntegerField(default=0, editable=False)
    n_operators = models.PositiveIntegerField(default=0, editable=False)
    ports = models.JSONField(
        default=list,
        editable=False,
        help_text="inputs, then outputs: side, name, type and shape of each",
    )
    width = models.PositiveIntegerField(default=0, editable=False)
    height = models.PositiveIntegerField(default=0, editable=False)
    image_ms = models.FloatField(
        null=True, editable=False, help_text="time to make one image, on the probe"
    )
    preview_key = models.CharField(max_length=255, blank=True, editable=False)

    class Meta(Job.Meta):
        ordering = ["-created_at", "-pk"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["project", "name"], name="generator_name_unique_per_project"
            ),
            models.CheckConstraint(
                condition=Q(n_classes__isnull=True) | Q(n_classes__gt=1),
                name="generator_classes_several",
            ),
            models.CheckConstraint(
                condition=~Q(state="done")
                | (~Q(sha256="") & Q(width__gt=0, height__gt=0)),
                name="generator_done_is_described",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_ready(self) -> bool:
        return self.state == self.State.DONE

    @property
    def z_dims(self) -> tuple[int, ...]:
        return tuple(int(size) for size in self.z_shape.split(","))
