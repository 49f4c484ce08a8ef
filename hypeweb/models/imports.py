"""How images come into a sample set, and what was found on the way."""

from django.db import models

from hypeweb.models.jobs import Job
from hypeweb.models.samples import SampleSet


class SampleImport(Job):
    """The job that turns uploads, or what is at an address, into a sample set."""

    sample_set = models.OneToOneField(
        SampleSet, on_delete=models.CASCADE, related_name="job"
    )
    source = models.CharField(
        max_length=1000,
        blank=True,
        help_text="folder, file or s3:// address; empty where files were uploaded",
    )
    size = models.PositiveIntegerField(
        null=True, blank=True, help_text="crop to a square and resize to this side"
    )

    class Meta(Job.Meta):
        pass

    def __str__(self) -> str:
        return f"import of {self.sample_set}"


class SkippedFile(models.Model):
    """A file of the source that is not in the set, and why."""

    sample_set = models.ForeignKey(
        SampleSet, on_delete=models.CASCADE, related_name="skipped_files"
    )
    name = models.CharField(max_length=255)
    reason = models.CharField(max_length=255)
    detail = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name


class SourceCount(models.Model):
    """How many files of a source had one format or size, or one reason to skip them."""

    class Facet(models.TextChoices):
        FORMAT = "format", "format"
        SIZE = "size", "size"
        SKIPPED = "skipped", "skipped"

    sample_set = models.ForeignKey(
        SampleSet, on_delete=models.CASCADE, related_name="source_counts"
    )
    facet = models.CharField(max_length=7, choices=Facet)
    position = models.PositiveIntegerField()
    value = models.CharField(max_length=255)
    n = models.PositiveIntegerField()

    class Meta:
        ordering = ["facet", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["sample_set", "facet", "value"], name="source_count_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.n} of {self.facet} {self.value}"


class SetOverlap(models.Model):
    """How many images a set shares with another of the same project; kept both ways."""

    sample_set = models.ForeignKey(
        SampleSet, on_delete=models.CASCADE, related_name="overlaps"
    )
    other = models.ForeignKey(
        SampleSet, on_delete=models.CASCADE, related_name="overlapped_by"
    )
    n_shared = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sample_set", "other"], name="set_overlap_unique"
            ),
            models.CheckConstraint(
                condition=~models.Q(sample_set=models.F("other")),
                name="set_overlap_of_two",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.n_shared} images of {self.sample_set} in {self.other}"
