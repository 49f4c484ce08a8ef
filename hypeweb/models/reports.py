"""What only people and metrics together say, and who outside may read it."""

from datetime import datetime
from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from hypeweb.models.jobs import Job
from hypeweb.models.scores import Exclusions
from hypeweb.models.sessions import Session
from hypeweb.models.studies import Study

WRITTEN_ONCE = "what was published is neither changed nor deleted"


class Agreement(models.Model):
    """Whether one population and the metrics order a study's arms alike."""

    study = models.ForeignKey(
        Study, on_delete=models.CASCADE, related_name="agreements"
    )
    population = models.CharField(max_length=9, choices=Session.Population)
    exclusions = models.CharField(
        max_length=7, choices=Exclusions, default=Exclusions.NONE
    )
    result = models.JSONField(
        help_text="rank correlations by metric, as services/agreement.py writes and "
        "reads them"
    )
    computed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["study", "population", "exclusions"], name="agreement_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"agreement of {self.population} and metrics on {self.study}"


class ImageFindings(models.Model):
    """Which images deceive one population, and which the metrics find odd."""

    study = models.ForeignKey(
        Study, on_delete=models.CASCADE, related_name="image_findings"
    )
    population = models.CharField(max_length=9, choices=Session.Population)
    exclusions = models.CharField(
        max_length=7, choices=Exclusions, default=Exclusions.NONE
    )
    result = models.JSONField(
        help_text="images and their rates, as services/image_findings.py writes and "
        "reads them"
    )
    computed_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "image findings"
        constraints = [
            models.UniqueConstraint(
                fields=["study", "population", "exclusions"],
                name="image_findings_unique",
            ),
        ]

    def __str__(self) -> str:
        return f"images of {self.study} ({self.population})"


class FrozenRows(models.QuerySet[Any]):
    """Rows that are written once: neither changed nor deleted."""

    def update(self, **_: object) -> NoReturn:
        raise TypeError(WRITTEN_ONCE)

    def bulk_update(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(WRITTEN_ONCE)

    def delete(self) -> NoReturn:
        raise TypeError(WRITTEN_ONCE)


class Frozen(models.Model):
    """A row that is written once."""

    objects = models.Manager.from_queryset(FrozenRows)()

    class Meta:
        abstract = True

    def save(self, *, using: str | None = None, **_: object) -> None:
        if not self._state.adding:
            raise TypeError(WRITTEN_ONCE)
        super().save(using=using, force_insert=True)

    def delete(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(WRITTEN_ONCE)


class ReportVersion(Frozen):
    """A report as it was published: numbered, whole, and never changed."""

    study = models.ForeignKey(
        Study, on_delete=models.PROTECT, related_name="report_versions"
    )
    number = models.PositiveIntegerField()
    population = models.CharField(max_length=9, choices=Session.Population)
    note = models.CharField(max_length=200, blank=True)
    document = models.TextField(
        help_text="JSON: what the page shows, and all it was computed from"
    )
    content_hash = models.CharField(
        max_length=64, help_text="SHA-256 of the document's bytes in UTF-8"
    )
    settings_hash = models.CharField(max_length=64)
    judgments_hash = models.CharField(max_length=64, blank=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    published_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "number"], name="report_version_unique"
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1), name="report_version_from_one"
            ),
            models.CheckConstraint(
                condition=~Q(document="") & ~Q(content_hash="") & ~Q(settings_hash=""),
                name="report_version_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of the report of {self.study}"


class VersionFile(Frozen):
    """A figure of a version, in one format, as it stood."""

    version = models.ForeignKey(
        ReportVersion, on_delete=models.PROTECT, related_name="files"
    )
    name = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "name"], name="version_file_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.version}"

    @property
    def storage_key(self) -> str:
        suffix = self.name.rpartition(".")[2]
        return f"versions/{self.sha256[:2]}/{self.sha256}.{suffix}"


class Retraction(Frozen):
    """Why a version should not be relied on; it stays readable beside it."""

    version = models.OneToOneField(
        ReportVersion, on_delete=models.PROTECT, related_name="retraction"
    )
    reason = models.TextField()
    retracted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    retracted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(reason=""), name="retraction_has_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"retraction of {self.version}"


class ReportPdf(Job):
    """A report as a PDF: of a version once, of the report as it is whenever asked."""

    study = models.ForeignKey(
        Study, on_delete=models.CASCADE, related_name="report_pdfs"
    )
    version = models.ForeignKey(
        ReportVersion, null=True, on_delete=models.PROTECT, related_name="pdfs"
    )
    population = models.CharField(max_length=9, choices=Session.Population)
    exclusions = models.CharField(max_length=7, choices=Exclusions)
    sha256 = models.CharField(max_length=64, blank=True)
    size_bytes = models.PositiveIntegerField(default=0)

    class Meta(Job.Meta):
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["study", "population", "exclusions"],
                condition=Q(version__isnull=True),
                name="report_pdf_unique",
            ),
            models.UniqueConstraint(
                fields=["version", "exclusions"],
                condition=Q(version__isnull=False),
                name="report_pdf_of_version_unique",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | ~Q(sha256=""), name="report_pdf_is_there"
            ),
        ]

    def __str__(self) -> str:
        return f"PDF of {self.version or self.study}"

    @property
    def storage_key(self) -> str:
        return f"versions/{self.sha256[:2]}/{self.sha256}.pdf"


class ReportLink(models.Model):
    """A secret address under which anybody may read a study's report.

    The report as it is now for a time, or a published version, for a time or for good.
    """

    study = models.ForeignKey(
        Study, on_delete=models.CASCADE, related_name="report_links"
    )
    version = models.ForeignKey(
        ReportVersion, null=True, on_delete=models.PROTECT, related_name="links"
    )
    token = models.CharField(max_length=43, unique=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")),
                name="report_link_expires_after_creation",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=False) | Q(version__isnull=False),
                name="report_link_ends_or_is_of_version",
            ),
        ]

    def __str__(self) -> str:
        return f"link to the report of {self.study}"

    def is_valid(self, *, now: datetime) -> bool:
        if self.revoked_at is not None:
            return False
        return self.expires_at is None or now < self.expires_at
