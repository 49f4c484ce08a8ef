"""Count what imports found before it was stored: a 0 would say there is nothing."""

from django.db import migrations
from django.db.models import Count

MAX_SIZES_COUNTED = 12


def count_early_sets(apps, schema_editor):
    SampleSet = apps.get_model("hypeweb", "SampleSet")
    early = SampleSet.objects.filter(n_samples__gt=0, source_counts__isnull=True)
    for sample_set in list(early.order_by("pk")):
        samples = sample_set.samples.order_by()
        counted = samples.aggregate(
            n=Count("pk"), distinct=Count("content_hash", distinct=True)
        )
        SampleSet.objects.filter(pk=sample_set.pk).update(
            n_duplicates=counted["n"] - counted["distinct"]
        )
        _count_sources(apps, sample_set)
        _count_overlaps(apps, sample_set)


def _count_sources(apps, sample_set):
    samples = sample_set.samples.order_by()
    formats = samples.values_list("source_format").annotate(n=Count("pk"))
    sizes = samples.values_list("source_width", "source_height").annotate(n=Count("pk"))
    skipped = sample_set.skipped_files.order_by().values_list("reason")
    found = {
        "format": [(name or "unknown", n) for name, n in formats],
        # 0 stands for a size that was not kept.
        "size": [
            (f"{width} x {height}" if width else "unknown", n)
            for width, height, n in sizes[: MAX_SIZES_COUNTED + 1]
        ],
        "skipped": list(skipped.annotate(n=Count("pk"))),
    }
    if len(found["size"]) > MAX_SIZES_COUNTED:
        del found["size"]
    SourceCount = apps.get_model("hypeweb", "SourceCount")
    SourceCount.objects.bulk_create(
        SourceCount(sample_set=sample_set, facet=facet, position=i, value=value, n=n)
        for facet, counts in found.items()
        for i, (value, n) in enumerate(sorted(counts, key=lambda one: (-one[1], one[0])))
    )


def _count_overlaps(apps, sample_set):
    Sample = apps.get_model("hypeweb", "Sample")
    SetOverlap = apps.get_model("hypeweb", "SetOverlap")
    shared = (
        Sample.objects.filter(
            sample_set__project=sample_set.project_id,
            sample_set__n_samples__gt=0,
            content_hash__in=sample_set.samples.order_by().values("content_hash"),
        )
        .exclude(sample_set=sample_set)
        .order_by()
        .values("sample_set")
        .annotate(n=Count("content_hash", distinct=True))
    )
    for row in list(shared):
        other, n = row["sample_set"], row["n"]
        for one, two in ((sample_set.pk, other), (other, sample_set.pk)):
            SetOverlap.objects.update_or_create(
                sample_set_id=one, other_id=two, defaults={"n_shared": n}
            )


class Migration(migrations.Migration):
    dependencies = [
        ("hypeweb", "0050_generator_classes_limited"),
    ]

    operations = [
        migrations.RunPython(count_early_sets, migrations.RunPython.noop),
    ]
