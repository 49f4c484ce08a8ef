"""How often a study has shown each image."""

from django.db import models

from hypeweb.models.samples import SampleSet
from hypeweb.models.studies import Study


class ShownCounts(models.Model):
    """How often the images of a set were given to the people of one population.

    It repeats what the trials say, so that a start need not count them: they grow with
    the study. Where there is no row, the trials are counted and one is made.
    """

    study = models.ForeignKey(
        Study, on_delete=models.CASCADE, related_name="shown_counts"
    )
    population = models.CharField(max_length=9)
    sample_set = models.ForeignKey(
        SampleSet, on_delete=models.CASCADE, related_name="shown_counts"
    )
    counts = models.BinaryField(
        help_text="two bytes for each image by position, the low one first"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["study", "population", "sample_set"],
                name="shown_counts_once_per_set",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sample_set} in {self.study} ({self.population})"
