"""Say why two evaluations cannot be compared, or that they can.

The first question about two numbers of the same name is what was done differently.
The provenance of both answers it: network, weights, resize, conventions, counts.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from metrics.errors import MetricsError

Weight = Literal["incomparable", "shifts", "note"]

# How a difference in the provenance bears on the numbers, and what to say of it.
_RULES: tuple[tuple[str, Weight, str], ...] = (
    ("extractor", "incomparable", "another network sees other things"),
    ("layer", "incomparable", "another layer has another scale"),
    ("weights_sha256", "incomparable", "other weights are another network"),
    (
        "neighbour_extractor",
        "incomparable",
        "precision, recall, density and coverage come from another network",
    ),
    (
        "neighbour_weights_sha256",
        "incomparable",
        "precision, recall, density and coverage come from other weights",
    ),
    ("resize", "incomparable", "the network saw other pixels"),
    (
        "content_hash.real",
        "incomparable",
        "the real images differ, and every distance is to them",
    ),
    ("conventions.pixel_range", "incomparable", "the network's input range differs"),
    ("conventions.score_split_rule", "shifts", "the Inception Score splits differ"),
    ("conventions.score_splits", "shifts", "the Inception Score splits differ"),
    ("conventions.score_split_size", "shifts", "the Inception Score splits differ"),
    ("conventions.score_order", "shifts", "the Inception Score splits differ"),
    (
        "conventions.score_ddof",
        "shifts",
        "the deviation of the Inception Score is divided otherwise",
    ),
    ("conventions.kernel_subsets", "shifts", "the KID subsets differ"),
    ("conventions.kernel_subset_size", "shifts", "the KID subsets differ"),
    (
        "conventions.precision_neighbours",
        "incomparable",
        "precision and recall depend on k",
    ),
    (
        "conventions.density_neighbours",
        "incomparable",
        "density and coverage depend on k",
    ),
    ("conventions.boundary", "shifts", "ties at the edge of a ball count otherwise"),
    (
        "counts.fake",
        "incomparable",
        "FID, Inception Score and recall are biased by the number of generated images",
    ),
    (
        "counts.real",
        "incomparable",
        "FID and precision are biased by the number of real images",
    ),
    ("precision", "shifts", "bfloat16 moves the metrics"),
    ("seed", "note", "subsets and resamples were drawn otherwise"),
    ("device", "note", "sums are rounded otherwise"),
    ("versions.torch", "note", "sums may be rounded otherwise"),
    ("versions.pillow", "note", "JPEG files may decode otherwise"),
)

_OTHER_KIND = (
    "one was given as images, features or statistics and the other in another of these "
    "forms, so this cannot tell whether the images are the same"
)


@dataclass(frozen=True)
class Difference:
    """One thing that two evaluations did differently.

    Attributes
    ----------
    what : str
        Where it stands in the provenance, with dots between the levels.
    first, second : object
        What either evaluation says there.
    weight : {"incomparable", "shifts", "note"}
        Whether the numbers must not be compared, are shifted, or hardly change.
    reason : str
        Why.
    """

    what: str
    first: object
    second: object
    weight: Weight
    reason: str


def explain(
    first: Mapping[str, Any], second: Mapping[str, Any]
) -> tuple[Difference, ...]:
    """Return what two evaluations did differently, the gravest first.

    Parameters
    ----------
    first, second : mapping of str to object
        Evaluations as JSON.

    Returns
    -------
    tuple of Difference
        Empty where nothing that matters differs.
    """
    found = []
    for what, weight, reason in _RULES:
        left, right = (_entry(side["provenance"], what) for side in (first, second))
        if left == right:
            continue
        if what.startswith("content_hash.") and _kind(left) != _kind(right):
            found.append(Difference(what, left, right, "shifts", _OTHER_KIND))
        else:
            found.append(Difference(what, left, right, weight, reason))
    order = ("incomparable", "shifts", "note")
    return tuple(sorted(found, key=lambda difference: order.index(difference.weight)))


def explain_text(differences: Sequence[Difference]) -> str:
    """Return differences as lines for a terminal.

    Parameters
    ----------
    differences : sequence of Difference
        What `explain` found.

    Returns
    -------
    str
        A verdict and one line per difference, each ending in a newline.
    """
    if not differences:
        return "comparable: nothing that matters differs\n"
    grave = sum(difference.weight == "incomparable" for difference in differences)
    verdict = (
        f"not comparable: {grave} difference{'s' * (grave > 1)} forbid it"
        if grave
        else "comparable with care"
    )
    lines = [
        f"  {difference.weight}: {difference.what} is {_shown(difference.first)} and "
        f"{_shown(difference.second)}; {difference.reason}"
        for difference in differences
    ]
    return "\n".join([verdict, *lines]) + "\n"


def read_evaluation(path: Path) -> dict[str, Any]:
    """Return an evaluation that the command wrote.

    Parameters
    ----------
    path : Path
        What ``--json`` named.

    Returns
    -------
    dict of str to object
        With ``metrics`` and ``provenance`` at the least.

    Raises
    ------
    MetricsError
        If the file is missing or something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MetricsError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        found = None
    if not isinstance(found, dict) or not {"metrics", "provenance"} <= set(found):
        raise MetricsError(f"{path} is not an evaluation written with --json")
    return found


def _entry(provenance: Mapping[str, Any], what: str) -> object:
    found: Any = provenance
    for part in what.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _kind(content_hash: object) -> str | None:
    """Return what a hash is of: ``features``, ``statistics``, else images."""
    if content_hash is None:
        return None
    return str(content_hash).rpartition(":")[0] or "images"


def _shown(value: object) -> str:
    text = "unknown" if value is None else str(value)
    return text if len(text) <= 16 else f"{text[:8]}..."  # noqa: PLR2004 - a hash
