"""Looking at a set's images: pages by position, nearest real ones, small copies."""

import io
from dataclasses import dataclass

from django.core.files.storage import default_storage
from PIL import Image

from hypeweb.models import Evaluation, NearestReal, Sample, SampleSet
from hypeweb.services import evaluations, preparation, samples
from hypeweb.services.validation import Share

PER_PAGE = 120
THUMBNAIL_SIDE = 160
# A longer number is no page of any set.
MAX_DIGITS = 9
# Of the classes that occur, those that are named.
MAX_LABELS = 20


@dataclass(frozen=True)
class GridPage:
    """Some of a set's images, found by position, so that late pages cost no more."""

    samples: tuple[Sample, ...]
    number: int
    n_pages: int

    @property
    def previous_number(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next_number(self) -> int | None:
        return self.number + 1 if self.number < self.n_pages else None


@dataclass(frozen=True)
class Shown:
    """One image with its neighbours in the set."""

    sample: Sample
    previous: Sample | None
    next: Sample | None
    page_number: int
    nearest: NearestReal | None


@dataclass(frozen=True)
class Pair:
    """One generated image and the real one nearest to it."""

    sample: Sample
    nearest: NearestReal | None


@dataclass(frozen=True)
class Labels:
    """Which classes the network of an extractor sees in a set, the commonest first."""

    extractor: str
    n_classes: int
    shares: tuple[Share, ...]


def grid_page(sample_set: SampleSet, number: str | None) -> GridPage:
    """Return a page of images; a number that is none, or too large, is the nearest."""
    n_pages = max(1, -(-sample_set.n_samples // PER_PAGE))
    is_number = number and number.isdecimal() and len(number) <= MAX_DIGITS
    wanted = int(number) if number and is_number else 1
    page = min(max(wanted, 1), n_pages)
    start = (page - 1) * PER_PAGE
    if not sample_set.is_ready:
        return GridPage((), 1, 1)
    found = sample_set.samples.filter(
        position__gte=start, position__lt=start + PER_PAGE
    )
    return GridPage(tuple(found), page, n_pages)


def show(sample: Sample) -> Shown:
    """Return an image with what lies beside it."""
    here = sample.position
    beside = {
        found.position: found
        for found in sample.sample_set.samples.filter(position__in=(here - 1, here + 1))
    }
    run = evaluations.latest_of(sample.sample_set)
    nearest = (
        evaluations.nearest_real(run, sample_ids=[sample.pk]).get(sample.pk)
        if run
        else None
    )
    return Shown(
        sample,
        previous=beside.get(here - 1),
        next=beside.get(here + 1),
        page_number=here // PER_PAGE + 1,
        nearest=nearest,
    )


def pairs(page: GridPage, run: Evaluation) -> list[Pair]:
    """Return the images of a page, each with what an evaluation found nearest to it."""
    ids = [sample.pk for sample in page.samples]
    found = evaluations.nearest_real(run, sample_ids=ids)
    return [Pair(sample, found.get(sample.pk)) for sample in page.samples]


def labels_of(sample_set: SampleSet) -> Labels | None:
    """Return which classes occur in a set; None where no evaluation looked."""
    counts = evaluations.label_counts(sample_set)
    if not counts:
        return None
    total = sum(count.n for count in counts)
    common = sorted(counts, key=lambda count: (-count.n, count.label))
    named = [(f"class {count.label}", count.n) for count in common[:MAX_LABELS]]
    rest = sum(count.n for count in common[MAX_LABELS:])
    if rest:
        named.append((f"{len(common) - MAX_LABELS} more", rest))
    shares = tuple(Share(name, n, 100 * n / total) for name, n in named)
    return Labels(counts[0].extractor, len(counts), shares)


def has_thumbnails(sample_set: SampleSet) -> bool:
    """Say whether a set's images are so large that the grid shows small copies."""
    return max(sample_set.width, sample_set.height) > THUMBNAIL_SIDE


def read_thumbnail(sample: Sample) -> bytes:
    """Return a small WebP copy of an image, made when first asked for."""
    digest = sample.content_hash
    key = f"thumbnails/{digest[:2]}/{digest}.webp"
    if default_storage.exists(key):
        with default_storage.open(key) as file:
            data: bytes = file.read()
        if data:
            return data
    with Image.open(io.BytesIO(samples.read_png(sample))) as image:
        image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=80)
    preparation.store_png(key, buffer.getvalue())
    return buffer.getvalue()
