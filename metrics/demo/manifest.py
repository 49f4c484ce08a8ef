"""The manifest of the demo's archives: what each holds and how it came about."""

import json
from dataclasses import asdict, dataclass

from metrics.demo.archives import DATA

MANIFEST = DATA / "manifest.json"


@dataclass(frozen=True)
class Entry:
    """One archive of the demo.

    Attributes
    ----------
    file : str
        Name beside the manifest.
    origin : str
        "real" or "generated".
    model : str
        The generator, or the data set if real.
    step : int or None
        Training steps of the checkpoint; None if real.
    truncation : float or None
        Limit of the latents' components; None if whole, or real.
    sampling_seed : int or None
        Seed of the latents; None if real.
    n_samples : int
        Images in the archive.
    sha256 : str
        Hash of the archive's bytes.
    """

    file: str
    origin: str
    model: str
    step: int | None
    truncation: float | None
    sampling_seed: int | None
    n_samples: int
    sha256: str


def write_manifest(entries: list[Entry]) -> None:
    """Write the manifest.

    Parameters
    ----------
    entries : list[Entry]
        One for each archive.
    """
    rows = [asdict(entry) for entry in entries]
    MANIFEST.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def read_manifest() -> list[Entry]:
    """Return the manifest.

    Returns
    -------
    list[Entry]
        One for each archive, the real digits first.
    """
    return [Entry(**row) for row in json.loads(MANIFEST.read_text(encoding="utf-8"))]
