"""The warnings of an evaluation, from images, features and results together."""

import numpy as np

from metrics.diagnostics import (
    duplicates,
    few_images,
    frechet_bias,
    gamed_inception_score,
    outside_domain,
    overlap,
    unequal_counts,
)
from metrics.extrapolation import Extrapolation
from metrics.findings import Finding
from metrics.image_checks import check_images, skipped_images
from metrics.step import Results, Task

_SCORES = frozenset({"inception_score_mean", "inception_score_infinity"})
_DISTANCES = frozenset({"fid", "fid_infinity"})


def check(
    task: Task, results: Results, *, input_size: tuple[int, int] | None
) -> list[Finding]:
    """Return what limits the numbers of an evaluation.

    Parameters
    ----------
    task : Task
        The two sides.
    results : Results
        What was computed of them.
    input_size : tuple of int or None
        The network's (height, width); None where it takes any size.

    Returns
    -------
    list of Finding
        Without repetition, in a fixed order.
    """
    real, fake = task.real, task.fake
    findings = [
        *skipped_images(real.skipped, name="real", n_used=len(real)),
        *skipped_images(fake.skipped, name="generated", n_used=len(fake)),
    ]
    if len(real) and len(fake):
        findings += unequal_counts(len(real), len(fake))
        if _DISTANCES & set(results.metrics):
            findings += few_images(len(real), len(fake), n_columns=real.n_dimensions())
    findings += _bias(results)
    findings += check_images(real.facts, fake.facts, input_size=input_size)
    findings += _features(task)
    if _SCORES & set(results.metrics):
        findings += _score(task)
    return findings


def _bias(results: Results) -> list[Finding]:
    points = results.details.get("fid_by_size")
    if not isinstance(points, dict) or "fid" not in results.metrics:
        return []
    line = Extrapolation(
        value=points["value"],
        slope=points["slope"],
        sizes=np.array(points["sizes"]),
        scores=np.array(points["scores"]),
    )
    return frechet_bias(results.metrics["fid"], line)


def _features(task: Task) -> list[Finding]:
    """Return duplicates and overlap of sides without images, whose pixels decide."""
    real, fake = task.real, task.fake
    findings: list[Finding] = []
    for name, side in (("the real side", real), ("the generated side", fake)):
        if side.features is not None and not side.facts:
            findings += duplicates(side.features, name=name)
    known = real.features is not None and fake.features is not None
    if known and not (real.facts and fake.facts):
        findings += overlap(*task.features())
    return findings


def _score(task: Task) -> list[Finding]:
    real, fake = task.real, task.fake
    if real.logits is None or fake.logits is None:
        return []
    findings = outside_domain(real.logits)
    if real.features is None or fake.features is None:
        return findings
    return findings + gamed_inception_score(
        real=real.features,
        fake=fake.features,
        real_logits=real.logits,
        fake_logits=fake.logits,
    )
