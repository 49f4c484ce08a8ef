"""Features on disk, named by everything they depend on.

An entry is one npz file; its zip checksums tell damage. It is written beside its place
and moved there, so that a reader never sees half a file and two writers of the same
entry do no harm.
"""

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.array_files import DAMAGE
from metrics.errors import MetricsError
from metrics.extractors import Extractor
from metrics.features import FeatureSet, ImageFacts
from metrics.whole_files import write_whole

FOLDER_VARIABLE = "HYPEWEB_FEATURES"

# Raise when decoding, resizing or a network changes its numbers.
_VERSION = 1
_DAMAGE = (*DAMAGE, TypeError)
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


class FeatureCache:
    """A folder of features.

    Parameters
    ----------
    folder : Path
        Made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        if folder.exists() and not folder.is_dir():
            raise MetricsError(f"the cache {folder} must be a folder, got a file")
        self.folder = folder

    def load(
        self,
        extractor: Extractor,
        layers: frozenset[str],
        *,
        content_hash: str,
        image_hashes: Sequence[str],
    ) -> FeatureSet | None:
        """Return stored features in the order asked for.

        Parameters
        ----------
        extractor : Extractor
            The network that made them.
        layers : frozenset of str
            Layers that must be there.
        content_hash : str
            The source's hash.
        image_hashes : sequence of str
            One hash per image in the wanted order.

        Returns
        -------
        FeatureSet or None
            None where nothing usable is stored; a damaged file is deleted.
        """
        path = self._path(extractor, content_hash)
        try:
            opened = path.open("rb")
        except OSError:  # not there, or not ours to read
            return None
        try:
            with opened as file, np.load(file, allow_pickle=False) as stored:
                about = json.loads(stored["about"].tobytes())
                found = {
                    name: stored[f"layer_{name}"]
                    for name in about["layers"]
                    if name in layers
                }
                pixels = stored["pixels"] if "pixels" in stored.files else None
            facts = tuple(
                ImageFacts(**{**fact, "conversions": tuple(fact["conversions"])})
                for fact in about["facts"]
            )
            hashes, shift = about["image_hashes"], about.get("rounding_shift")
            if not all(len(rows) == len(facts) for rows in found.values()):
                raise ValueError("rows and facts disagree")
        except _DAMAGE:
            with contextlib.suppress(OSError):  # in a folder that is not ours to change
                path.unlink(missing_ok=True)
            return None
        # Entries once had no hashes where a source gave none: their order is unknown.
        if set(found) != layers or hashes is None:
            return None
        if list(image_hashes) == hashes:
            return FeatureSet(found, facts, pixels=pixels, rounding_shift=shift)
        stored_set = FeatureSet(found, facts, rounding_shift=shift)
        return _reordered(stored_set, hashes, image_hashes)

    def store(
        self,
        extractor: Extractor,
        features: FeatureSet,
        *,
        content_hash: str,
        image_hashes: Sequence[str],
    ) -> str | None:
        """Write features and return why that failed, if it did.

        Parameters
        ----------
        extractor : Extractor
            The network that made them.
        features : FeatureSet
            What to keep; sets with skipped images are not kept.
        content_hash : str
            The source's hash.
        image_hashes : sequence of str
            One hash per row.

        Returns
        -------
        str or None
            A sentence about a full or read-only folder; None when all is well. A
            result is worth more than its cache, so this is no error.
        """
        if features.skipped:
            return None
        about = {
            "layers": sorted(features.layers),
            "facts": [asdict(fact) for fact in features.facts],
            "image_hashes": list(image_hashes),
            "rounding_shift": features.rounding_shift,
        }
        arrays: dict[str, NDArray[Any]] = {
            f"layer_{name}": rows for name, rows in features.layers.items()
        }
        arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
        if features.pixels is not None:
            arrays["pixels"] = features.pixels
        path = self._path(extractor, content_hash)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
        except OSError as error:
            what = "is full" if error.errno in _NO_SPACE else "cannot be written"
            return (
                f"the cache {self.folder} {what} ({error.strerror}), so the features "
                "were not kept; free space there or name another with --cache"
            )
        return None

    def _path(self, extractor: Extractor, content_hash: str) -> Path:
        key = (
            _VERSION,
            content_hash,
            extractor.name,
            extractor.weights_sha256,
            extractor.settings,
        )
        digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        return self.folder / f"{digest}.npz"


def default_cache_folder() -> Path:
    """Return where features are kept unless the caller says otherwise.

    Returns
    -------
    Path
        The folder of ``HYPEWEB_FEATURES``, else ``~/.cache/hypeweb/features``.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    own = Path(os.environ.get(FOLDER_VARIABLE) or cache / "hypeweb" / "features")
    return own.expanduser()


def _reordered(
    features: FeatureSet, stored: Sequence[str], wanted: Sequence[str]
) -> FeatureSet | None:
    """Return the rows in the wanted order; equal images have equal rows."""
    rows = {image_hash: row for row, image_hash in enumerate(stored)}
    try:
        order = [rows[image_hash] for image_hash in wanted]
    except KeyError:
        return None
    return FeatureSet(
        {name: values[order] for name, values in features.layers.items()},
        tuple(features.facts[row] for row in order),
        rounding_shift=features.rounding_shift,
    )
