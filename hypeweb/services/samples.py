"""Sample sets: from what a researcher brings to frozen, comparable images."""

import hashlib
import time
from collections.abc import Callable, Iterable
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from hypeweb.models import Sample, SampleImport, SampleSet, SkippedFile, Upload
from hypeweb.services import projects, uploads, validation
from hypeweb.services.entries import Entry
from hypeweb.services.errors import ChangedMeanwhileError, ConflictError, DomainError
from hypeweb.services.preparation import prepare
from hypeweb.services.processing import Kept, Skipped

MAX_SIDE = 4096
# More sizes than this are not looked for: the set is refused anyway.
MAX_SIZES = 20
MAX_SIZES_NAMED = 4
# Rows are written when there are so many, or when the last are so old.
BATCH_ROWS = 500
BATCH_SECONDS = 2.0


def create_sample_set(sample_set: SampleSet) -> SampleSet:
    """Store a set that has no images yet; whoever makes them calls `fill`.

    Without a project it goes to its owner's own.
    """
    if not hasattr(sample_set, "project"):
        sample_set.project = projects.personal_project(sample_set.owner)
    try:
        sample_set.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise DomainError(f"The {field} cannot be used: {messages[0]}") from error
    try:
        with transaction.atomic():
            # A set whose import failed holds nothing and must not block its name.
            failed = SampleSet.objects.filter(
                project=sample_set.project,
                name=sample_set.name,
                job__state=SampleImport.State.FAILED,
            )
            uploads.discard(Upload.objects.filter(sample_import__sample_set__in=failed))
            failed.delete()
            sample_set.save(force_insert=True)
    except IntegrityError as error:
        raise ConflictError(
            f"“{sample_set.project}” already has a sample set named "
            f"“{sample_set.name}”; choose another name."
        ) from error
    return sample_set


def fill(
    *,
    sample_set: SampleSet,
    entries: Iterable[Entry],
    size: int | None,
    hold: Callable[[int], None],
    finish: Callable[[], None],
) -> None:
    """Store every usable image of the entries as the set's samples, all or none.

    Rows are written as images arrive, so memory stays flat; the set counts as empty
    until the last. `hold` is called with the number of entries seen in each
    transaction that writes, and must raise where the caller's job is no longer its
    own; `finish` in the last one.
    """
    with transaction.atomic():
        hold(0)
        clear(sample_set)
    filling = _Filling(sample_set, hold)
    for outcome in prepare(entries, size=size):
        filling.add(outcome)
    if not filling.n_kept:
        raise DomainError(_no_image(filling.n_skipped, filling.first_skipped))
    if len(filling.sizes) > 1:
        raise DomainError(_different_sizes(filling.sizes))
    with transaction.atomic():
        filling.write()
        ((width, height),) = filling.sizes
        complete(sample_set, width=width, height=height)
        finish()


def complete(sample_set: SampleSet, *, width: int, height: int) -> None:
    """Describe a set whose last image has just been written; it is ready from then."""
    hashes = sample_set.samples.order_by().values_list("content_hash", flat=True)
    sample_set.width, sample_set.height = width, height
    sample_set.n_samples = sample_set.samples.count()
    sample_set.content_hash = content_hash(hashes.iterator())
    sample_set.n_duplicates = validation.count_duplicates(sample_set)
    sample_set.save(
        update_fields=["width", "height", "n_samples", "content_hash", "n_duplicates"]
    )
    validation.summarise(sample_set)


def clear(sample_set: SampleSet) -> None:
    """Remove what an import that did not end has written, a bit at a time."""
    for rows in (sample_set.samples, sample_set.skipped_files):
        while found := list(rows.order_by("pk").values_list("pk", flat=True)[:1000]):
            rows.filter(pk__in=found).delete()


def content_hash(sample_hashes: Iterable[str]) -> str:
    """Return the hash of a set: of its images' hashes, whatever their order."""
    return hashlib.sha256("\n".join(sorted(sample_hashes)).encode()).hexdigest()


def read_png(sample: Sample) -> bytes:
    """Return the stored bytes of a sample."""
    with default_storage.open(sample.storage_key) as file:
        data: bytes = file.read()
    return data


def freeze(sample_sets: Iterable[SampleSet], *, now: datetime) -> None:
    """Forbid changes to sets that a study now depends on."""
    SampleSet.objects.filter(
        pk__in=[sample_set.pk for sample_set in sample_sets], frozen_at__isnull=True
    ).update(frozen_at=now)


def edit_metadata(
    sample_set: SampleSet, *, fields: Iterable[str], revision: int
) -> None:
    """Store what was changed of a set's description since a revision of it.

    Refused where a study has frozen it, or somebody else changed it meanwhile.
    """
    values = {name: getattr(sample_set, name) for name in fields}
    free = SampleSet.objects.filter(pk=sample_set.pk, frozen_at__isnull=True)
    try:
        with transaction.atomic():
            changed = free.filter(revision=revision).update(
                **values, revision=revision + 1
            )
    except IntegrityError as error:
        raise ConflictError(
            f"“{sample_set.project}” already has a sample set named "
            f"“{sample_set.name}”; choose another name."
        ) from error
    if not changed and free.exists():
        raise ChangedMeanwhileError(
            "Somebody else changed this description since you opened it. What you "
            "entered is kept below: save once more to put it over theirs."
        )
    if not changed:
        raise ConflictError(
            "This set is frozen because a study uses it, so its description can no "
            "longer be changed."
        )


def is_used(sample_set: SampleSet) -> bool:
    """Say whether a study or an evaluation depends on a set."""
    return bool(
        sample_set.is_frozen
        or sample_set.arms.exists()
        or sample_set.studies_as_real.exists()
        or sample_set.materials.exists()
    )


class _Filling:
    """What has been written so far, and what waits to be."""

    def __init__(self, sample_set: SampleSet, hold: Callable[[int], None]) -> None:
        self.sample_set = sample_set
        self.hold = hold
        self.n_kept = 0
        self.n_skipped = 0
        self.sizes: set[tuple[int, int]] = set()
        self.first_skipped: Skipped | None = None
        self._samples: list[Sample] = []
        self._skipped: list[SkippedFile] = []
        self._written_at = time.monotonic()

    def add(self, outcome: Kept | Skipped) -> None:
        if isinstance(outcome, Skipped):
            self._skip(outcome)
        else:
            self._keep(outcome)
        n_waiting = len(self._samples) + len(self._skipped)
        age = time.monotonic() - self._written_at
        if n_waiting >= BATCH_ROWS or age > BATCH_SECONDS:
            self.write()

    def write(self) -> None:
        """Store the waiting rows together with how far the job is."""
        with transaction.atomic():
            self.hold(self.n_kept + self.n_skipped)
            Sample.objects.bulk_create(self._samples)
            SkippedFile.objects.bulk_create(self._skipped)
        self._samples, self._skipped = [], []
        self._written_at = time.monotonic()

    def _keep(self, kept: Kept) -> None:
        self.sizes.add((kept.width, kept.height))
        if len(self.sizes) > MAX_SIZES:
            raise DomainError(_different_sizes(self.sizes))
        self._samples.append(
            Sample(
                sample_set=self.sample_set,
                position=self.n_kept,
                source_name=kept.name,
                content_hash=kept.content_hash,
                size_bytes=kept.size_bytes,
                source_bytes=kept.source.size_bytes,
                source_width=kept.source.width,
                source_height=kept.source.height,
                source_format=kept.source.format,
            )
        )
        self.n_kept += 1

    def _skip(self, skipped: Skipped) -> None:
        self.first_skipped = self.first_skipped or skipped
        self._skipped.append(
            SkippedFile(
                sample_set=self.sample_set,
                name=skipped.name,
                reason=skipped.reason,
                detail=skipped.detail,
            )
        )
        self.n_skipped += 1


def _no_image(n_skipped: int, first: Skipped | None) -> str:
    if first is None:
        return "The archive holds no file; put the images into it and try again."
    return (
        f"The archive holds no usable image: {n_skipped} skipped, the first is "
        f"{first.name}, which {first.reason}. Put PNG, JPEG or WebP images "
        "into it."
    )


def _different_sizes(sizes: set[tuple[int, int]]) -> str:
    named = ", ".join(
        f"{width} x {height}" for width, height in sorted(sizes)[:MAX_SIZES_NAMED]
    )
    more = min(len(sizes), MAX_SIZES) - MAX_SIZES_NAMED
    tail = f" and {more} more" if more > 0 else ""
    number = len(sizes) if len(sizes) <= MAX_SIZES else f"more than {MAX_SIZES}"
    return (
        f"The images have {number} different sizes ({named}{tail}), so their size "
        "could give them away. Fill in “Resize to” to bring all to one size."
    )
