"""The steps that look at quality and diversity apart."""

import numpy as np
from numpy.typing import NDArray

from metrics.distance_steps import as_points
from metrics.extrapolation import inception_score_infinity
from metrics.inception_score import inception_score, inception_score_two_samples
from metrics.interval_methods import Interval, bootstrap_interval, proportion_interval
from metrics.intervals import (
    density_interval,
    inception_score_infinity_interval,
    inception_score_interval,
    label_entropy_intervals,
)
from metrics.metric_names import wanted_names
from metrics.prd import precision_recall_curve
from metrics.precision_recall import precision_recall_density_coverage
from metrics.step import Results, Step, Task

_LABELS_SHOWN = 50
_CURVE_POINTS_KEPT = 101


def _inception_score(task: Task) -> Results:
    logits = task.logits()
    n_splits = min(task.conventions.score_splits, len(logits))
    split_size = _split_size(task, len(logits), n_splits)
    order = _score_order(task)
    score = inception_score(
        logits,
        n_splits=n_splits,
        split_size=split_size,
        order=order,
        ddof=task.conventions.score_ddof,
    )
    found = Results(
        {
            "inception_score_mean": score.mean,
            "inception_score_std": score.std,
            "label_entropy_marginal": score.label_entropy_marginal,
            "label_entropy_conditional": score.label_entropy_conditional,
        }
    )
    top = np.argsort(-score.label_distribution, kind="stable")[:_LABELS_SHOWN]
    found.details["label_distribution"] = {
        "classes": top.tolist(),
        "probabilities": score.label_distribution[top].tolist(),
    }
    if task.real.logits is not None:
        found.details["inception_score_with_real_marginal"] = (
            inception_score_two_samples(logits, task.real.logits)
        )
    if task.has_intervals:
        marginal, conditional = label_entropy_intervals(logits)
        found.intervals = {
            "inception_score_mean": inception_score_interval(
                logits, n_splits=n_splits, split_size=split_size, order=order
            ),
            "label_entropy_marginal": marginal,
            "label_entropy_conditional": conditional,
        }
    return found


def _split_size(task: Task, n_images: int, n_splits: int) -> int | None:
    rule = task.conventions.score_split_rule
    if rule == "ceil":
        return -(-n_images // n_splits)
    if rule == "size":
        return min(task.conventions.score_split_size, n_images)
    return None


def _score_order(task: Task) -> NDArray[np.intp]:
    order = task.fake.file_order()
    if task.conventions.score_order == "shuffled":
        random = np.random.RandomState(task.conventions.score_shuffle_seed)
        return order[random.permutation(len(order))]
    return order


def _inception_score_infinity(task: Task) -> Results:
    logits = task.logits()
    line = inception_score_infinity(logits, rng=task.rng(3))
    found = Results({"inception_score_infinity": line.value})
    found.details["inception_score_by_size"] = as_points(line)
    if task.has_intervals:
        found.intervals["inception_score_infinity"] = inception_score_infinity_interval(
            line, logits
        )
    return found


def _precision_recall(task: Task) -> Results:
    real, fake = task.real.neighbour_features, task.fake.neighbour_features
    if real is None or fake is None:
        raise TypeError("the step needs features of neighbours")
    wanted = set(wanted_names(task.options.metrics))
    k_precision = task.conventions.precision_neighbours
    k_density = task.conventions.density_neighbours
    has_precision = min(len(real), len(fake)) > k_precision
    has_density = len(real) > k_density
    # A pair that nobody wants, or that the images are too few for, takes the other's
    # number of neighbours: it asks for no image more, and is then left out.
    if not (has_precision and wanted & {"precision", "recall"}):
        has_precision, k_precision = False, min(k_density, len(fake) - 1)
    if not (has_density and wanted & {"density", "coverage"}):
        has_density, k_density = False, k_precision
    if not has_precision and not has_density:
        return Results()
    manifold = precision_recall_density_coverage(
        real,
        fake,
        k_precision=k_precision,
        k_density=k_density,
        boundary=task.conventions.boundary,
    )
    found = Results()
    if has_precision:
        found.metrics |= {"precision": manifold.precision, "recall": manifold.recall}
        found.manifold = manifold
    if has_density:
        found.metrics |= {"density": manifold.density, "coverage": manifold.coverage}
    if task.has_intervals:
        intervals = {
            "precision": proportion_interval(manifold.fake_is_inside),
            "recall": proportion_interval(manifold.real_is_inside),
            "density": density_interval(manifold),
            "coverage": proportion_interval(manifold.real_is_covered),
        }
        found.intervals = {name: intervals[name] for name in found.metrics}
    return found


def _precision_recall_curve(task: Task) -> Results:
    curve = precision_recall_curve(
        *task.features(), rng=task.rng(4), n_replicates=task.n_replicates
    )
    found = Results({"prd_f8": curve.f8, "prd_f1_8": curve.f1_8})
    kept = np.linspace(0, len(curve.precision) - 1, _CURVE_POINTS_KEPT).astype(int)
    found.details["prd_curve"] = {
        "precision": curve.precision[kept].tolist(),
        "recall": curve.recall[kept].tolist(),
    }
    if task.n_replicates:
        found.intervals = {
            "prd_f8": _clipped(bootstrap_interval(curve.f8, curve.f8_replicates)),
            "prd_f1_8": _clipped(bootstrap_interval(curve.f1_8, curve.f1_8_replicates)),
        }
    return found


def _clipped(interval: Interval) -> Interval:
    """Return an interval of a share, which lies within 0 to 1."""
    return max(interval[0], 0.0), min(interval[1], 1.0)


DISTRIBUTION_STEPS = (
    Step(
        "inception score",
        (
            "inception_score_mean",
            "inception_score_std",
            "label_entropy_marginal",
            "label_entropy_conditional",
        ),
        "logits",
        _inception_score,
    ),
    Step(
        "inception score infinity",
        ("inception_score_infinity",),
        "logits",
        _inception_score_infinity,
    ),
    Step(
        "precision and recall",
        ("precision", "recall", "density", "coverage"),
        "neighbours",
        _precision_recall,
    ),
    Step("prd", ("prd_f8", "prd_f1_8"), "features", _precision_recall_curve),
)
