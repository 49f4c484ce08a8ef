"""What an import found: formats, sizes, skipped files, duplicates, overlaps."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import Count, F, QuerySet

from hypeweb.models import Sample, SampleSet, SetOverlap, SkippedFile, SourceCount

# With more sizes than this, the shorter sides are counted by powers of two.
MAX_SIZES_COUNTED = 12
MAX_LISTED = 200
MAX_DUPLICATES_LISTED = 20


@dataclass(frozen=True)
class Share:
    """One bar of a histogram."""

    value: str
    n: int
    percent: float


@dataclass(frozen=True)
class Repeated:
    """One image that occurs more than once in a set."""

    first: Sample
    names: tuple[str, ...]
    n: int


@dataclass(frozen=True)
class Report:
    """What there is to know of an import."""

    n_kept: int
    n_skipped: int
    formats: tuple[Share, ...]
    sizes: tuple[Share, ...]
    reasons: tuple[Share, ...]
    skipped: tuple[SkippedFile, ...]
    repeated: tuple[Repeated, ...]
    overlaps: tuple[SetOverlap, ...]


def count_duplicates(sample_set: SampleSet) -> int:
    """Return how many images of a set repeat an earlier one of it."""
    counted = sample_set.samples.aggregate(
        n=Count("pk"), distinct=Count("content_hash", distinct=True)
    )
    return int(counted["n"] - counted["distinct"])


def summarise(sample_set: SampleSet) -> None:
    """Store the counts and overlaps of a set whose images have just been written."""
    sample_set.source_counts.all().delete()
    SourceCount.objects.bulk_create(
        SourceCount(sample_set=sample_set, facet=facet, position=i, value=value, n=n)
        for facet, counts in (
            (SourceCount.Facet.FORMAT, _formats(sample_set)),
            (SourceCount.Facet.SIZE, _sizes(sample_set)),
            (SourceCount.Facet.SKIPPED, _reasons(sample_set)),
        )
        for i, (value, n) in enumerate(counts)
    )
    _store_overlaps(sample_set)


def build_report(sample_set: SampleSet) -> Report:
    """Return what the set's report shows, in few queries whatever its size."""
    counts: dict[str, list[SourceCount]] = {}
    for row in sample_set.source_counts.all():
        counts.setdefault(row.facet, []).append(row)
    reasons = _shares(counts.get(SourceCount.Facet.SKIPPED, []))
    return Report(
        n_kept=sample_set.n_samples,
        n_skipped=sum(reason.n for reason in reasons),
        formats=_shares(counts.get(SourceCount.Facet.FORMAT, [])),
        sizes=_shares(counts.get(SourceCount.Facet.SIZE, [])),
        reasons=reasons,
        skipped=tuple(sample_set.skipped_files.all()[:MAX_LISTED]),
        repeated=_repeated(sample_set) if sample_set.n_duplicates else (),
        overlaps=tuple(overlaps(sample_set)),
    )


def skipped_rows(sample_set: SampleSet) -> Iterator[tuple[str, str, str]]:
    """Yield every file that was left out, under a line of headings."""
    yield ("file", "reason", "detail")
    rows = sample_set.skipped_files.values_list("name", "reason", "detail")
    for name, reason, detail in rows.iterator():
        yield (_harmless(name), reason, _harmless(detail))


def overlaps(sample_set: SampleSet) -> QuerySet[SetOverlap]:
    """Return which other sets of the same project share images with a set."""
    return sample_set.overlaps.select_related("other").order_by("-n_shared", "pk")


def _formats(sample_set: SampleSet) -> list[tuple[str, int]]:
    rows = sample_set.samples.order_by().values("source_format").annotate(n=Count("pk"))
    return sorted(
        ((row["source_format"] or "unknown", row["n"]) for row in rows),
        key=lambda pair: (-pair[1], pair[0]),
    )


def _sizes(sample_set: SampleSet) -> list[tuple[str, int]]:
    rows = list(
        sample_set.samples.order_by("source_width", "source_height")
        .values_list("source_width", "source_height")
        .annotate(n=Count("pk"))
    )
    if len(rows) <= MAX_SIZES_COUNTED:
        return [(f"{width} x {height}", n) for width, height, n in rows]
    bins: dict[int, int] = {}
    for width, height, n in rows:
        low = 1 << (max(1, min(width, height)).bit_length() - 1)
        bins[low] = bins.get(low, 0) + n
    return [
        (f"shorter side {low} to {2 * low - 1}", n) for low, n in sorted(bins.items())
    ]


def _reasons(sample_set: SampleSet) -> list[tuple[str, int]]:
    rows = sample_set.skipped_files.order_by().values("reason").annotate(n=Count("pk"))
    return sorted(
        ((row["reason"], row["n"]) for row in rows),
        key=lambda pair: (-pair[1], pair[0]),
    )


def _store_overlaps(sample_set: SampleSet) -> None:
    """Store, for both sides, how many images a set shares with its project's others."""
    sample_set.overlaps.all().delete()
    sample_set.overlapped_by.all().delete()
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
    rows = [(row["sample_set"], row["n"]) for row in shared]
    SetOverlap.objects.bulk_create(
        overlap
        for other, n in rows
        for overlap in (
            SetOverlap(sample_set=sample_set, other_id=other, n_shared=n),
            SetOverlap(sample_set_id=other, other=sample_set, n_shared=n),
        )
    )


def _repeated(sample_set: SampleSet) -> tuple[Repeated, ...]:
    """Return the images that occur most often, with the names of some of each."""
    often = (
        sample_set.samples.order_by()
        .values("content_hash")
        .annotate(n=Count("pk"))
        .filter(n__gt=1)
        .order_by(F("n").desc(), "content_hash")
    )
    counts = {row["content_hash"]: row["n"] for row in often[:MAX_DUPLICATES_LISTED]}
    found: dict[str, list[Sample]] = {}
    copies = sample_set.samples.filter(content_hash__in=counts)
    for sample in copies.order_by("position")[: 10 * MAX_DUPLICATES_LISTED]:
        found.setdefault(sample.content_hash, []).append(sample)
    return tuple(
        Repeated(
            first=found[digest][0],
            names=tuple(sample.source_name for sample in found[digest][:5]),
            n=n,
        )
        for digest, n in counts.items()
        if digest in found
    )


def _harmless(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _shares(rows: Iterable[SourceCount]) -> tuple[Share, ...]:
    counted = list(rows)
    total = sum(row.n for row in counted)
    return tuple(Share(row.value, row.n, 100 * row.n / total) for row in counted)
