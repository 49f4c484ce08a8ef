"""Imports: from uploads, or what is at an address, to a filled sample set."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import ProtectedError, Q
from django.utils import timezone

from hypeweb.models import Evaluation, SampleImport, SampleSet, Upload
from hypeweb.services import archives, images, jobs, manifests, samples, uploads
from hypeweb.services.entries import Archive, Entry
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.jobs import LeaseLostError


@dataclass(frozen=True)
class Origin:
    """Where the images of a new set are: exactly one of these is given."""

    files: Sequence["UploadedFile[bytes]"] = ()
    uploads: Sequence[Upload] = ()
    source: str = ""


def create(
    *, sample_set: SampleSet, origin: Origin, size: int | None, now: datetime
) -> SampleSet:
    """Store a set that a worker is to fill, or nothing."""
    if origin.source:
        return create_from_source(
            sample_set=sample_set, source=origin.source, size=size
        )
    if not origin.files:
        return create_from_uploads(
            sample_set=sample_set, files=origin.uploads, size=size
        )
    with transaction.atomic():
        files = [
            uploads.receive_file(owner=sample_set.owner, file=file, now=now)
            for file in origin.files
        ]
        return create_from_uploads(sample_set=sample_set, files=files, size=size)


def create_from_uploads(
    *, sample_set: SampleSet, files: Sequence[Upload], size: int | None
) -> SampleSet:
    """Store a set that a worker is to fill from complete uploads."""
    if not files:
        raise DomainError("A sample set needs at least one file; choose some.")
    for file in files:
        uploads.check(name=file.name, size_bytes=file.size_bytes)
        uploads.require_complete(file)
    with transaction.atomic():
        job = _create(sample_set, source="", size=size)
        free = Upload.objects.filter(
            pk__in=[file.pk for file in files], sample_import__isnull=True
        )
        if free.update(sample_import=job) != len(files):
            raise ConflictError(
                "Some of these files already belong to a sample set; upload them again."
            )
    return sample_set


def create_from_source(
    *, sample_set: SampleSet, source: str, size: int | None
) -> SampleSet:
    """Store a set that a worker is to fill from a folder or bucket it may read."""
    _check_root(source)
    with transaction.atomic():
        _create(sample_set, source=source, size=size)
    return sample_set


def run_import(job_id: int) -> None:
    """Do an import; called by the worker, safe to call twice."""
    job = jobs.claim(SampleImport, job_id, now=timezone.now())
    if job is None:
        return
    with jobs.attempt(job), _opened(job) as archive:
        _import(job, archive)
    job.refresh_from_db(fields=["state"])
    if job.state == SampleImport.State.DONE:
        uploads.discard(job.uploads.all())


def retry(sample_set: SampleSet, *, size: int | None) -> SampleImport:
    """Let a failed import run again from what it had, perhaps to another size."""
    _check_size(size)
    job = SampleImport.objects.filter(sample_set=sample_set).first()
    if job is None:
        raise ConflictError(
            f"“{sample_set}” was not imported, so there is no import to run again."
        )
    if job.state != SampleImport.State.FAILED:
        raise ConflictError("Only a failed import can be run again.")
    if not job.source and not job.uploads.exists():
        raise ConflictError(
            "The uploaded files are no longer kept; add the set again under the same "
            "name."
        )
    with transaction.atomic():
        if jobs.requeue(SampleImport, job.pk):
            SampleImport.objects.filter(pk=job.pk).update(size=size)
    return job


def import_directly(*, sample_set: SampleSet, source: str, size: int | None) -> None:
    """Import from a source this process can read, without an upload or a worker."""
    with transaction.atomic():
        _create(sample_set, source="", size=size)
    job = jobs.claim(SampleImport, sample_set.job.pk, now=timezone.now())
    if job is None:
        raise ConflictError(f"{sample_set} is already being imported.")
    with jobs.attempt(job):
        _import(job, archives.open_archive(source))
    job.refresh_from_db()
    if job.state == SampleImport.State.FAILED:
        sample_set.delete()
        raise DomainError(job.error)


def delete_sample_set(sample_set: SampleSet) -> None:
    """Remove a set that nothing uses, with its numbers; its images may be shared."""
    if samples.is_used(sample_set):
        raise ConflictError(
            f"“{sample_set}” is used by a study, so it can no longer be deleted."
        )
    numbers = Evaluation.objects.filter(
        Q(sample_set=sample_set) | Q(real_set=sample_set)
    )
    try:
        with transaction.atomic():
            uploads.discard(Upload.objects.filter(sample_import__sample_set=sample_set))
            numbers.delete()
            samples.clear(sample_set)
            sample_set.delete()
    except ProtectedError as error:
        raise ConflictError(
            f"“{sample_set}” was named for a study of a generator's samples, so it "
            "stays with them."
        ) from error


def _create(sample_set: SampleSet, *, source: str, size: int | None) -> SampleImport:
    _check_size(size)
    samples.create_sample_set(sample_set)
    return SampleImport.objects.create(sample_set=sample_set, source=source, size=size)


def _check_size(size: int | None) -> None:
    if size is not None and not 0 < size <= samples.MAX_SIDE:
        raise DomainError(
            f"The size must be between 1 and {samples.MAX_SIDE}, got {size}."
        )


def _check_root(source: str) -> None:
    """Refuse what is not below a folder or bucket that the site's admin has named."""
    roots = settings.IMPORT_ROOTS
    if not any(_is_below(source, root) for root in roots):
        named = ", ".join(roots) or "none"
        raise DomainError(
            f"The source must be below one of the places this site may read ({named}), "
            f"got {source}; ask the site's admin to add it to IMPORT_ROOTS."
        )


def _is_below(source: str, root: str) -> bool:
    if source.startswith("s3://") or root.startswith("s3://"):
        base = root.rstrip("/") + "/"
        parts = PurePosixPath(urlsplit(source).path).parts
        return ".." not in parts and f"{source.rstrip('/')}/".startswith(base)
    path = Path(source)
    return path.is_absolute() and path.resolve().is_relative_to(Path(root).resolve())


@contextmanager
def _opened(job: SampleImport) -> Iterator[Archive]:
    """Lend what an import reads from: its address, or local copies of its uploads."""
    if job.source:
        _check_root(job.source)  # again: roots and links may have changed
        yield archives.open_archive(job.source)
        return
    files = list(job.uploads.all())
    if not files:
        raise DomainError("The import was interrupted; run it again.")
    with ExitStack() as stack:
        yield _joined([_open_upload(stack, file) for file in files])


def _open_upload(stack: ExitStack, file: Upload) -> Archive:
    path = stack.enter_context(uploads.local_copy(file))
    if PurePosixPath(file.name).suffix.lower() in images.SUFFIXES:
        return Archive(1, iter([Entry(file.name, path)]))
    return archives.open_archive(str(path))


def _joined(parts: Sequence[Archive]) -> Archive:
    if len(parts) == 1:
        return parts[0]
    entries = chain.from_iterable(part.entries for part in parts)
    return Archive(sum(part.n_entries for part in parts), entries)


def _import(job: SampleImport, archive: Archive) -> None:
    sample_set = job.sample_set
    try:
        samples.fill(
            sample_set=sample_set,
            entries=archive.entries,
            size=job.size,
            hold=_progress_of(job, archive.n_entries),
            finish=lambda: _finish(job, archive),
        )
    except LeaseLostError:
        raise
    except BaseException:
        with transaction.atomic():
            jobs.renew(job, now=timezone.now())
            samples.clear(sample_set)
        raise


def _finish(job: SampleImport, archive: Archive) -> None:
    if archive.manifest is not None:
        manifests.restore(job.sample_set, archive.manifest)
    jobs.finish(job, now=timezone.now())


def _progress_of(job: SampleImport, n_total: int) -> Callable[[int], None]:
    def progress(n_done: int) -> None:
        jobs.report_progress(
            job,
            stage="reading images",
            n_done=n_done,
            n_total=n_total,
            now=timezone.now(),
        )

    return progress
