"""Which images may be shown for what, so that no image is ever shown twice.

A study's scored images and its material (of a qualification, of gold trials) share no
content. Generated material that an arm also holds is left out. Where real material
and the study's real set overlap, the common images are divided by their own hash, the
same way in every study: a pass may be older than the study that accepts it.
"""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from hypeweb.models import Material, Sample, SampleSet, Study

# Hashes are uniform in hexadecimal, so these are three images in sixteen.
KEPT_BACK = Q(content_hash__lt="3")


@dataclass(frozen=True)
class ImagePool:
    """The images of one set that may be shown for one purpose."""

    sample_set: SampleSet
    samples: QuerySet[Sample]


def scored_pool(study: Study, sample_set: SampleSet) -> ImagePool:
    """Return the images of a study's set that may be shown and scored."""
    if sample_set.origin != SampleSet.Origin.REAL:
        return ImagePool(sample_set, sample_set.samples.all())
    material = Sample.objects.filter(
        sample_set__materials__study=study, sample_set__origin=SampleSet.Origin.REAL
    )
    samples = sample_set.samples.filter(~(KEPT_BACK & _also_in(material)))
    return ImagePool(sample_set, samples)


def material_pool(study: Study, sample_set: SampleSet) -> ImagePool:
    """Return the images of one set of a study's material that are never scored."""
    arms = Sample.objects.filter(sample_set__arms__study=study)
    real = Sample.objects.filter(sample_set=study.real_set_id)
    samples = sample_set.samples.filter(~_also_in(arms) & (KEPT_BACK | ~_also_in(real)))
    return ImagePool(sample_set, samples)


def material_sets(study: Study, *, use: str, origin: str) -> list[SampleSet]:
    """Return the sets that one use of material draws from."""
    found = Material.objects.filter(study=study, use=use, sample_set__origin=origin)
    return [material.sample_set for material in found.select_related("sample_set")]


def _also_in(samples: QuerySet[Sample]) -> Q:
    """Return the condition that the same image is among some samples."""
    same = samples.order_by().filter(content_hash=OuterRef("content_hash"))
    return Q(Exists(same))
