"""Sample sets: from what a researcher brings to frozen, comparable images."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import get_random_string

from hypeweb.models import Sample, SampleImport, SampleSet, SkippedFile
from hypeweb.services import archives, images, jobs, projects
from hypeweb.services.archives import Archive
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.images import Encoded, Source, UnusableImageError

MAX_SIDE = 4096
MAX_SIZES_NAMED = 4


@dataclass(frozen=True)
class Kept:
    """One usable image of an archive, stored."""

    name: str
    content_hash: str
    size_bytes: int
    source: Source


@dataclass(frozen=True)
class Gathered:
    """What an archive came to: encoded images and the files left out."""

    kept: list[Kept]
    skipped: list[tuple[str, str]]  # source name, reason
    width: int
    height: int


def create_sample_set(
    *, sample_set: SampleSet, archive_key: str, size: int | None
) -> SampleSet:
    """Store a set whose images are still to be imported from a stored archive.

    Without a project it goes to its owner's own.
    """
    if size is not None and not 0 < size <= MAX_SIDE:
        raise DomainError(f"The size must be between 1 and {MAX_SIDE}, got {size}.")
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
            SampleSet.objects.filter(
                project=sample_set.project,
                name=sample_set.name,
                job__state=SampleImport.State.FAILED,
            ).delete()
            sample_set.save(force_insert=True)
            SampleImport.objects.create(
                sample_set=sample_set, archive_key=archive_key, size=size
            )
    except IntegrityError as error:
        raise ConflictError(
            f"“{sample_set.project}” already has a sample set named "
            f"“{sample_set.name}”; choose another name."
        ) from error
    return sample_set


def create_from_upload(
    *, sample_set: SampleSet, upload: "UploadedFile[bytes]", size: int | None
) -> SampleSet:
    """Store a set with its uploaded archive, or neither."""
    key = _store_upload(upload)
    try:
        return create_sample_set(sample_set=sample_set, archive_key=key, size=size)
    except DomainError:
        default_storage.delete(key)
        raise


def _store_upload(upload: "UploadedFile[bytes]") -> str:
    suffix = (
        "".join(
            part
            for part in (".tar.gz", ".tgz", ".zip", ".tar", ".npz", ".npy")
            if (upload.name or "").lower().endswith(part)
        )
        or ".zip"
    )
    return default_storage.save(f"uploads/{get_random_string(32)}{suffix}", upload)


def run_import(job_id: int) -> None:
    """Import a stored archive; called by the worker, safe to call twice."""
    job = jobs.claim(SampleImport, job_id, now=timezone.now())
    if job is None:
        return
    try:
        with jobs.attempt(job):
            if not job.archive_key:
                raise DomainError("The import was interrupted; run it again.")
            with archives.local_copy(job.archive_key) as path:
                _import(job, str(path))
    finally:
        job.refresh_from_db(fields=["state"])
        if not job.is_active:  # else another worker has taken it over
            _drop_archive(job)


def import_directly(*, sample_set: SampleSet, source: str, size: int | None) -> None:
    """Import from a source this process can read, without an upload or a worker."""
    create_sample_set(sample_set=sample_set, archive_key="", size=size)
    job = jobs.claim(SampleImport, sample_set.job.pk, now=timezone.now())
    if job is None:
        raise ConflictError(f"{sample_set} is already being imported.")
    with jobs.attempt(job):
        _import(job, source)
    job.refresh_from_db()
    if job.state == SampleImport.State.FAILED:
        sample_set.delete()
        raise DomainError(job.error)


def gather(
    archive: Archive, *, size: int | None, progress: Callable[[int, int], None]
) -> Gathered:
    """Store every usable image of an archive under its hash; list the others."""
    kept: list[Kept] = []
    skipped: list[tuple[str, str]] = []
    sizes: set[tuple[int, int]] = set()
    for number, entry in enumerate(archive.entries):
        progress(number, archive.n_entries)
        try:
            image, source = entry.read()
            encoded = images.encode(image, size=size)
        except UnusableImageError as error:
            skipped.append((_storable(entry.name), _storable(str(error))))
            continue
        sizes.add((encoded.width, encoded.height))
        if len(sizes) <= MAX_SIZES_NAMED:
            _store(encoded)
        kept.append(
            Kept(
                name=_storable(entry.name),
                content_hash=encoded.content_hash,
                size_bytes=len(encoded.png),
                source=source,
            )
        )
    if not kept:
        raise DomainError(_no_image(skipped))
    if len(sizes) > 1:
        raise DomainError(_different_sizes(sizes))
    ((width, height),) = sizes
    return Gathered(kept, skipped, width, height)


def content_hash(sample_hashes: Iterable[str]) -> str:
    """Return the hash of a set: of its images' hashes, whatever their order."""
    return hashlib.sha256("\n".join(sorted(sample_hashes)).encode()).hexdigest()


def n_duplicates(sample_set: SampleSet) -> int:
    """Return how many images of a set repeat an earlier one of it."""
    distinct = sample_set.samples.values("content_hash").distinct().count()
    return sample_set.n_samples - distinct


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


def delete_sample_set(sample_set: SampleSet) -> None:
    """Remove a set that nothing uses; its files stay, they may be shared."""
    if (
        sample_set.is_frozen
        or sample_set.arms.exists()
        or (sample_set.studies_as_real.exists())
    ):
        raise ConflictError(
            f"“{sample_set}” is used by a study, so it can no longer be deleted."
        )
    job = SampleImport.objects.filter(sample_set=sample_set).first()
    sample_set.delete()
    if job is not None:
        _drop_archive(job)


def _drop_archive(job: SampleImport) -> None:
    """Delete the uploaded archive, which nobody needs any more."""
    if job.archive_key:
        default_storage.delete(job.archive_key)


def _import(job: SampleImport, source: str) -> None:
    archive = archives.open_archive(source)
    gathered = gather(archive, size=job.size, progress=_progress_of(job))
    _fill(job, gathered, now=timezone.now())


def _progress_of(job: SampleImport) -> Callable[[int, int], None]:
    every = 50

    def progress(n_done: int, n_total: int) -> None:
        if n_done % every == 0:
            jobs.report_progress(
                job,
                stage="reading images",
                n_done=n_done,
                n_total=n_total,
                now=timezone.now(),
            )

    return progress


@transaction.atomic
def _fill(job: SampleImport, gathered: Gathered, *, now: datetime) -> None:
    sample_set = job.sample_set
    Sample.objects.bulk_create(
        (
            Sample(
                sample_set=sample_set,
                position=position,
                source_name=kept.name,
                content_hash=kept.content_hash,
                size_bytes=kept.size_bytes,
                source_bytes=kept.source.size_bytes,
                source_width=kept.source.width,
                source_height=kept.source.height,
                source_format=kept.source.format,
            )
            for position, kept in enumerate(gathered.kept)
        ),
        batch_size=1000,
    )
    SkippedFile.objects.bulk_create(
        SkippedFile(sample_set=sample_set, name=name, reason=reason)
        for name, reason in gathered.skipped
    )
    sample_set.width, sample_set.height = gathered.width, gathered.height
    sample_set.n_samples = len(gathered.kept)
    sample_set.content_hash = content_hash(kept.content_hash for kept in gathered.kept)
    sample_set.save()
    jobs.finish(job, now=now)


def _storable(text: str) -> str:
    """Return a file's name as every database takes it."""
    valid = text.encode("utf-8", "replace").decode()
    return valid.replace("\0", "\N{REPLACEMENT CHARACTER}")[:255]


def _store(encoded: Encoded) -> None:
    store_png(Sample(content_hash=encoded.content_hash).storage_key, encoded.png)


def store_png(key: str, png: bytes) -> None:
    """Store bytes under a key made of their hash, over a half-written file too."""
    if default_storage.exists(key):
        if default_storage.size(key) == len(png):
            return
        default_storage.delete(key)
    default_storage.save(key, ContentFile(png))


def _no_image(skipped: list[tuple[str, str]]) -> str:
    if not skipped:
        return "The archive holds no file; put the images into it and try again."
    name, reason = skipped[0]
    return (
        f"The archive holds no usable image: {len(skipped)} files were skipped, the "
        f"first is {name}, which {reason}. Put PNG, JPEG or WebP images into it."
    )


def _different_sizes(sizes: set[tuple[int, int]]) -> str:
    named = ", ".join(
        f"{width} x {height}" for width, height in sorted(sizes)[:MAX_SIZES_NAMED]
    )
    more = len(sizes) - MAX_SIZES_NAMED
    tail = f" and {more} more" if more > 0 else ""
    return (
        f"The images have {len(sizes)} different sizes ({named}{tail}), so their size "
        "could give them away. Fill in “Resize to” to bring all to one size."
    )
