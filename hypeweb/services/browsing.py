"""Looking at a set's images: pages by position, nearest real ones, small copies."""

import io
from dataclasses import dataclass

from django.core.files.storage import default_storage
from django.core.paginator import Page, Paginator
from django.utils.functional import cached_property
from PIL import Image

from hypeweb.models import Evaluation, NearestReal, Sample, SampleSet
from hypeweb.services import evaluations, preparation, samples
from hypeweb.services.validation import Share

PER_PAGE = 120
THUMBNAIL_SIDE = 160
# Of the classes that occur, those that are named.
MAX_LABELS = 20


class Grid(Paginator):  # type: ignore[type-arg]
    """A set's images in pages, found by position, so that late pages cost no more."""

    def __init__(self, sample_set: SampleSet) -> None:
        super().__init__(sample_set.samples.all(), PER_PAGE)
        self.sample_set = sample_set

    @cached_property
    def count(self) -> int:
        return self.sample_set.n_samples

    def page(self, number: int | str) -> Page[Sample]:
        valid = self.validate_number(number)
        start = (valid - 1) * PER_PAGE
        end = min(start + PER_PAGE, self.count)
        found = self.sample_set.samples.filter(position__gte=start, position__lt=end)
        return Page(found, valid, self)


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


def grid_page(sample_set: SampleSet, number: str | None) -> Page[Sample]:
    """Return a page of images: the first where no number is given, at most the last."""
    return Grid(sample_set).get_page(number)


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


def pairs(page: Page[Sample], run: Evaluation) -> list[Pair]:
    """Return the images of a page, each with what an evaluation found nearest to it."""
    found = evaluations.nearest_real(run, sample_ids=[sample.pk for sample in page])
    return [Pair(sample, found.get(sample.pk)) for sample in page]


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
