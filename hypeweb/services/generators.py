"""Generators: from an uploaded ONNX file to one that can be sampled."""

import hashlib
import io
import math
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import Count, ProtectedError, QuerySet
from django.utils import timezone
from numpy.typing import NDArray
from PIL import Image

from hypeweb.models import Generator, Upload
from hypeweb.sandbox.process import (
    GeneratorFaultError,
    Limits,
    Model,
    OnnxProcess,
    open_onnx,
)
from hypeweb.science.latents import class_labels, draw_latents, uniform_counts
from hypeweb.science.outputs import (
    Layout,
    OutputError,
    ValueRange,
    check_variety,
    to_images,
)
from hypeweb.services import jobs, samples, tokens, uploads
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.feeds import Feed, feed_of

# The probe needs two images to see a difference, the preview shows no more than these.
MIN_PROBED, MAX_SHOWN = 2, 16
PREVIEW_SIDE = 160
HASH_CHUNK = 2**20


@dataclass(frozen=True)
class Stated:
    """What a file does not say of itself."""

    z_shape: str
    n_classes: int | None
    value_range: str
    layout: str


@dataclass(frozen=True)
class Probed:
    """What the first batches of a generator showed."""

    images: NDArray[np.uint8]
    image_ms: float


def create_generator(*, generator: Generator, file: "File[bytes]") -> Generator:
    """Store a generator with its file, or neither."""
    uploads.check(
        name=file.name or "",
        size_bytes=file.size,
        suffixes=(uploads.GENERATOR_SUFFIX,),
    )
    _check_stated(generator)
    generator.size_bytes = file.size
    generator.file_key = default_storage.save(
        f"generators/{tokens.make()}{uploads.GENERATOR_SUFFIX}", file
    )
    try:
        with transaction.atomic():
            generator.save(force_insert=True)
    except IntegrityError as error:
        default_storage.delete(generator.file_key)
        raise ConflictError(
            f"There is already a generator named “{generator.name}”; choose another "
            "name."
        ) from error
    return generator


@transaction.atomic
def create_from_upload(*, generator: Generator, upload: Upload) -> Generator:
    """Store a generator with the file of a complete upload, which it takes over."""
    held = uploads.hold(upload)
    with uploads.local_copy(held) as path, path.open("rb") as file:
        created = create_generator(generator=generator, file=File(file, name=held.name))
    uploads.discard(Upload.objects.filter(pk=held.pk))
    return created


def with_counts(generators: QuerySet[Generator]) -> QuerySet[Generator]:
    """Return generators with n_sets, the number of sample sets made of each."""
    return generators.annotate(n_sets=Count("samplings__runs"))


def run_inspection(generator_id: int) -> None:
    """Read and try a generator; called by the worker, safe to call twice."""
    job = jobs.claim(Generator, generator_id, now=timezone.now())
    if job is None:
        return
    with jobs.attempt(job):
        _inspect(job)


@transaction.atomic
def retry(generator: Generator, *, stated: Stated) -> None:
    """Let a failed inspection run again, with what is now stated of the file."""
    changed = asdict(stated)
    for name, value in changed.items():
        setattr(generator, name, value)
    _check_stated(generator)
    if not jobs.requeue(Generator, generator.pk):
        raise ConflictError("Only a generator that failed can be tried again.")
    Generator.objects.filter(pk=generator.pk).update(**changed)


def delete_generator(generator: Generator) -> None:
    """Remove a generator of which no sample set is left, and its file."""
    keys = [generator.file_key, generator.preview_key]
    try:
        with transaction.atomic():
            generator.samplings.filter(runs__isnull=True).delete()
            generator.delete()
    except ProtectedError as error:
        raise ConflictError(
            f"Sample sets were made with “{generator}”, so it stays; they could not be "
            "made again without it."
        ) from error
    for key in filter(None, keys):
        default_storage.delete(key)


def read_preview(generator: Generator) -> bytes:
    """Return the PNG of a generator's first images."""
    with default_storage.open(generator.preview_key) as file:
        data: bytes = file.read()
    return data


@contextmanager
def opened(generator: Generator) -> Iterator[tuple[OnnxProcess, Feed, str]]:
    """Lend a generator in its process, how it is fed, and the file's SHA-256."""
    with _local_copy(generator.file_key) as path:
        sha256 = _sha256_of(path)
        try:
            with open_onnx(path, limits=_limits()) as process:
                feed = feed_of(
                    process.model,
                    z_dims=generator.z_dims,
                    n_classes=generator.n_classes,
                )
                yield process, feed, sha256
        except GeneratorFaultError as error:
            raise DomainError(str(error)) from error


def as_images(generator: Generator, values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return a batch of output as 8-bit RGB images, as its owner stated the range."""
    return to_images(
        values,
        value_range=cast("ValueRange", generator.value_range),
        layout=cast("Layout", generator.layout),
    )


def _check_stated(generator: Generator) -> None:
    try:
        generator.full_clean(
            exclude=["file_key", "size_bytes"],
            validate_unique=False,
            validate_constraints=False,
        )
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise DomainError(f"The {field} cannot be used: {messages[0]}") from error


def _limits() -> Limits:
    return Limits(
        memory_bytes=settings.GENERATOR_MEMORY_BYTES,
        seconds=settings.GENERATOR_BATCH_SECONDS,
        n_threads=settings.GENERATOR_THREADS,
        use_cuda=settings.METRICS_DEVICE != "cpu",
    )


def _inspect(job: Generator) -> None:
    jobs.report_progress(
        job, stage="trying one batch", n_done=0, n_total=1, now=timezone.now()
    )
    with opened(job) as (process, feed, sha256):
        probed = _probe(job, process, feed)
        model = process.model
    height, width = probed.images.shape[1:3]
    preview = default_storage.save(
        f"generators/{tokens.make()}.png", ContentFile(_sheet(probed.images))
    )
    with transaction.atomic():
        Generator.objects.filter(pk=job.pk, lease=job.lease).update(
            sha256=sha256,
            opset=model.opset,
            n_operators=model.n_nodes,
            ports=_ports(model),
            width=width,
            height=height,
            image_ms=probed.image_ms,
            preview_key=preview,
        )
        jobs.finish(job, now=timezone.now())


def _probe(job: Generator, process: OnnxProcess, feed: Feed) -> Probed:
    """Run first batches; a DomainError says what is wrong with what came."""
    size = feed.batch_size
    n = size * math.ceil(MIN_PROBED / size)
    latents = draw_latents(seed=0, start=0, n=n, shape=job.z_dims, truncation=None)
    labels = None
    if job.n_classes:
        counts = uniform_counts(job.n_classes, n_classes=job.n_classes)
        labels = class_labels(counts, start=0, n=n)

    def run(start: int) -> NDArray[np.floating]:
        part = slice(start, start + size)
        inputs = feed.inputs(latents[part], None if labels is None else labels[part])
        return process.run(inputs, output=feed.output)

    began = time.perf_counter()
    batches = [run(start) for start in range(0, n, size)]
    seconds = time.perf_counter() - began
    if any(batch.shape[:1] != (size,) for batch in batches):
        raise DomainError(
            f"Of {size} latents it makes an output of shape {batches[0].shape}."
        )
    values = np.concatenate(batches)
    try:
        images = as_images(job, values)
        check_variety(values, value_range=cast("ValueRange", job.value_range))
    except OutputError as error:
        raise DomainError(
            f"What it makes cannot be used: {error}. Correct the stated range or "
            "layout, or export the generator anew."
        ) from error
    _check_size(images)
    if not np.array_equal(run(0), batches[0]):
        raise DomainError(
            "It makes other images of the same z each time, by an operator such as "
            "RandomNormal; export it with its noise fixed, so that a set can be made "
            "again."
        )
    return Probed(images, 1000 * seconds / n)


def _check_size(images: NDArray[np.uint8]) -> None:
    height, width = images.shape[1:3]
    is_wide = max(height, width) > samples.MAX_SIDE
    if is_wide or height * width > settings.MAX_IMAGE_PIXELS:
        raise DomainError(
            f"Its images have {width} x {height} pixels; at most {samples.MAX_SIDE} on "
            f"a side and {settings.MAX_IMAGE_PIXELS} in all are taken."
        )


def _ports(model: Model) -> list[dict[str, object]]:
    return [
        {"side": side, **asdict(port), "shape": list(port.shape)}
        for side, ports in (("input", model.inputs), ("output", model.outputs))
        for port in ports
    ]


def _sheet(images: NDArray[np.uint8]) -> bytes:
    """Return the first images in one row, each enlarged or reduced to one side."""
    shown = images[:MAX_SHOWN]
    height, width = shown.shape[1:3]
    scale = PREVIEW_SIDE / max(height, width)
    if scale >= 1:
        scale = math.floor(scale)  # whole multiples keep pixels sharp
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    n_columns = math.ceil(math.sqrt(len(shown)))
    n_rows = math.ceil(len(shown) / n_columns)
    sheet = Image.new("RGB", (size[0] * n_columns, size[1] * n_rows), "white")
    method = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS
    for number, pixels in enumerate(shown):
        image = Image.fromarray(pixels).resize(size, method)
        row, column = divmod(number, n_columns)
        sheet.paste(image, (column * size[0], row * size[1]))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _local_copy(key: str) -> Iterator[Path]:
    """Lend a stored file as a local one, wherever the storage is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"generator{uploads.GENERATOR_SUFFIX}"
        try:
            with default_storage.open(key) as stored, path.open("wb") as file:
                shutil.copyfileobj(stored, file)
        except FileNotFoundError as error:
            raise DomainError(
                "Its file is no longer stored; upload it again."
            ) from error
        yield path
