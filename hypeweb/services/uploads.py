"""Uploads that survive a cut: parts in order, each an object in the file storage.

Parts are stored by the web process as they come, so neither it nor a bucket ever holds
a file that is half there, any web process can take the next part, and nothing has to be
put together before a worker reads it.
"""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Sum

from hypeweb.models import Upload, UploadPart
from hypeweb.models.jobs import Job
from hypeweb.services import images, tokens
from hypeweb.services.errors import ConflictError, DomainError

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".npz", ".npy", ".parquet")
SUFFIXES = (*ARCHIVE_SUFFIXES, *sorted(images.SUFFIXES))
GENERATOR_SUFFIX = ".onnx"
ANY_SUFFIXES = (*SUFFIXES, GENERATOR_SUFFIX)
PART_BYTES = 8 * 2**20
LONGEST_NAME = 60


def begin(
    *, owner: User, name: str, size_bytes: int, fingerprint: str, now: datetime
) -> Upload:
    """Return a new upload, or the unfinished one of the same file to go on with."""
    check(name=name, size_bytes=size_bytes, suffixes=ANY_SUFFIXES)
    waiting = Upload.objects.filter(
        owner=owner, fingerprint=fingerprint, sample_import__isnull=True
    ).exclude(fingerprint="")
    found = waiting.first()
    if found is not None and found.size_bytes == size_bytes:
        return found
    _check_quota(owner, size_bytes)
    try:
        with transaction.atomic():
            return Upload.objects.create(
                token=tokens.make(),
                owner=owner,
                name=name[-255:],
                size_bytes=size_bytes,
                fingerprint=fingerprint,
                touched_at=now,
            )
    except IntegrityError:  # begun in another tab a moment ago, or of another size
        found = waiting.filter(size_bytes=size_bytes).first()
        if found is None:
            raise ConflictError(
                f"Another file is being uploaded as “{fingerprint}”; finish or discard "
                "that one first."
            ) from None
        return found


def receive(
    *, upload: Upload, offset: int, data: bytes, sha256: str, now: datetime
) -> Upload:
    """Store the next part of an upload; the same part again changes nothing."""
    digest = hashlib.sha256(data).hexdigest()
    if sha256 and sha256 != digest:
        raise DomainError("The part arrived damaged; send it again.")
    if not 0 < len(data) <= PART_BYTES:
        raise DomainError(f"A part must have 1 to {PART_BYTES} bytes, got {len(data)}.")
    if upload.parts.filter(offset=offset, sha256=digest, size_bytes=len(data)).exists():
        return upload
    if offset != upload.received_bytes:
        raise ConflictError(
            f"The next part of {upload} must start at byte {upload.received_bytes}, "
            f"got {offset}; go on from there."
        )
    if offset + len(data) > upload.size_bytes:
        raise DomainError(
            f"{upload} was announced with {upload.size_bytes} bytes, and this part "
            f"would make it {offset + len(data)}; start a new upload."
        )
    _append(
        upload, UploadPart(offset=offset, size_bytes=len(data), sha256=digest), data
    )
    Upload.objects.filter(pk=upload.pk).update(touched_at=now)
    upload.refresh_from_db()
    return upload


def receive_file(*, owner: User, file: "UploadedFile[bytes]", now: datetime) -> Upload:
    """Store a file that came in one request."""
    upload = begin(
        owner=owner,
        name=file.name or "",
        size_bytes=file.size or 0,
        fingerprint="",
        now=now,
    )
    try:
        for data in file.chunks(PART_BYTES):
            receive(
                upload=upload,
                offset=upload.received_bytes,
                data=data,
                sha256="",
                now=now,
            )
    except BaseException:
        discard(Upload.objects.filter(pk=upload.pk))
        raise
    return upload


def hold(upload: Upload) -> Upload:
    """Lock an upload that has arrived and is still free, for who takes it over."""
    held = Upload.objects.select_for_update().filter(pk=upload.pk).first()
    if held is None or held.sample_import_id is not None:
        raise ConflictError(f"{upload} was taken over already; upload it again.")
    require_complete(held)
    return held


def require_complete(upload: Upload) -> None:
    """Refuse a file of which some is still missing."""
    if not upload.is_complete:
        raise ConflictError(
            f"Of {upload} only {upload.received_bytes} of {upload.size_bytes} bytes "
            "have arrived; choose it again to upload the rest."
        )


def discard_one(upload: Upload) -> None:
    """Delete an upload that no sample set has taken over."""
    if upload.sample_import_id is not None:
        raise ConflictError(
            f"{upload} belongs to a sample set already; delete the set instead."
        )
    discard(Upload.objects.filter(pk=upload.pk))


def discard(uploads: QuerySet[Upload]) -> None:
    """Delete uploads and their bytes."""
    parts = UploadPart.objects.filter(upload__in=uploads)
    keys = list(parts.values_list("storage_key", flat=True))
    uploads.delete()

    def delete() -> None:
        for key in keys:
            default_storage.delete(key)

    transaction.on_commit(delete)


def sweep(*, now: datetime) -> None:
    """Delete what nobody has imported for long, and the files of failed imports."""
    old = now - timedelta(hours=settings.UPLOAD_KEEP_HOURS)
    stale = Upload.objects.filter(touched_at__lt=old)
    unused = stale.filter(sample_import__isnull=True)
    failed = stale.filter(sample_import__state=Job.State.FAILED)
    if found := list((unused | failed).values_list("pk", flat=True)):
        discard(Upload.objects.filter(pk__in=found))


@contextmanager
def local_copy(upload: Upload) -> Iterator[Path]:
    """Lend an upload as a local file."""
    with TemporaryDirectory() as folder:
        # Names are counted in bytes by folders, in characters by the database.
        path = Path(folder) / PurePosixPath(upload.name).name[-LONGEST_NAME:]
        with path.open("wb") as file:
            _join(upload, file)
        yield path


def _join(upload: Upload, file: IO[bytes]) -> None:
    for part in upload.parts.all():
        with default_storage.open(part.storage_key) as stored:
            shutil.copyfileobj(stored, file)


def _append(upload: Upload, part: UploadPart, data: bytes) -> None:
    """Store bytes and count them; of two that send the same part, one wins."""
    key = f"uploads/{upload.token}-{part.offset:015d}-{tokens.make()[:8]}"
    part.upload = upload
    part.storage_key = default_storage.save(key, ContentFile(data))
    with transaction.atomic():
        counted = Upload.objects.filter(
            pk=upload.pk, received_bytes=part.offset, sample_import__isnull=True
        ).update(received_bytes=part.offset + len(data))
        if counted:
            part.save(force_insert=True)
    if not counted:
        default_storage.delete(part.storage_key)
        raise ConflictError(
            f"Another part of {upload} arrived at the same time; ask how far it is, "
            "and go on from there."
        )


def check(*, name: str, size_bytes: int, suffixes: tuple[str, ...] = SUFFIXES) -> None:
    """Refuse a file by what is known before it is sent."""
    if not name.lower().endswith(suffixes):
        named = ("one of " if len(suffixes) > 1 else "") + ", ".join(suffixes)
        raise DomainError(f"The file must end in {named}; got {name or 'none'}.")
    if size_bytes < 1:
        raise DomainError("The file is empty; choose another.")
    if name.lower().endswith(GENERATOR_SUFFIX):
        largest, advice = settings.GENERATOR_MAX_BYTES, "make it smaller"
    else:
        largest, advice = settings.MAX_UPLOAD_BYTES, "split it"
    if size_bytes > largest:
        raise DomainError(
            f"The file has {size_bytes} bytes, and this site takes at most "
            f"{largest}; {advice} or ask the site's admin."
        )


def _check_quota(owner: User, size_bytes: int) -> None:
    held = Upload.objects.filter(owner=owner).aggregate(n=Sum("size_bytes"))["n"] or 0
    if held + size_bytes > settings.UPLOAD_QUOTA_BYTES:
        raise ConflictError(
            f"Your uploads that wait for an import take {held} bytes, and with this "
            f"file they would exceed the {settings.UPLOAD_QUOTA_BYTES} this site "
            "keeps for one person; finish or discard some first."
        )
