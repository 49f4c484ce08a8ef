"""The manifest of an exported sample set: what its zip says about itself."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from hypeweb.models import Sample, SampleSet
from hypeweb.services.errors import DomainError

NAME = "manifest.json"
FORMAT = "hypeweb sample set 1"
# 50,000 images take about 10 MB.
MAX_BYTES = 512 * 2**20
FIELDS = (
    "dataset",
    "model_name",
    "step",
    "truncation",
    "sampling_seed",
    "licence",
    "notes",
)


@dataclass(frozen=True)
class Listed:
    """One image as a manifest lists it."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a zip made by this site says of the set inside."""

    origin: str
    fields: dict[str, Any]  # of a SampleSet, by name
    images: dict[str, Listed]  # by file name inside the zip


def file_name(sample: Sample) -> str:
    """Return where an exported zip keeps a sample."""
    return f"images/{sample.position:06d}.png"


def write(sample_set: SampleSet, samples: Iterable[Sample]) -> Iterator[bytes]:
    """Yield the manifest of a set piece by piece, one image to a line."""
    head = {
        "format": FORMAT,
        "name": sample_set.name,
        "origin": sample_set.origin,
        **{name: getattr(sample_set, name) for name in FIELDS},
        "width": sample_set.width,
        "height": sample_set.height,
        "n_samples": sample_set.n_samples,
        "content_hash": sample_set.content_hash,
    }
    yield json.dumps(head, indent=1)[:-2].encode() + b',\n "images": ['
    separator = b"\n  "
    for sample in samples:
        line = {
            "file": file_name(sample),
            "sha256": sample.content_hash,
            "source_name": sample.source_name,
        }
        yield separator + json.dumps(line).encode()
        separator = b",\n  "
    yield b"\n ]\n}\n"


def read(data: bytes) -> Manifest | None:
    """Return a manifest of this site's making; None where it is another's file."""
    try:
        found = json.loads(data)
        if found.get("format") != FORMAT:
            return None
    except (ValueError, AttributeError, RecursionError):
        return None
    try:
        return Manifest(
            origin=SampleSet.Origin(found["origin"]).value,
            fields={name: found[name] for name in FIELDS},
            images={
                str(row["file"]): Listed(str(row["source_name"]), str(row["sha256"]))
                for row in found["images"]
            },
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DomainError(
            f"The archive's {NAME} is damaged ({error!r}); export the set again, or "
            f"delete {NAME} from the archive to import the images alone."
        ) from error


def restore(sample_set: SampleSet, manifest: Manifest) -> None:
    """Fill in what the set's owner left empty from the manifest it came with."""
    if manifest.origin != sample_set.origin:
        raise DomainError(
            f"The archive's {NAME} says that its images are {manifest.origin}, but "
            f"{sample_set.origin} was chosen; add the set again as {manifest.origin}."
        )
    sample_set.refresh_from_db()
    empty = [name for name in FIELDS if getattr(sample_set, name) in {None, ""}]
    for name in empty:
        setattr(sample_set, name, manifest.fields[name])
    try:
        sample_set.full_clean(validate_unique=False)
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        raise DomainError(
            f"The {name} in the archive's {NAME} cannot be used: {messages[0]}"
        ) from error
    sample_set.save(update_fields=empty)
