"""The steps that compare two sides by distances."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from metrics.extrapolation import Extrapolation, frechet_distance_infinity
from metrics.feature_distance import (
    mean_cosine_distance,
    mean_euclidean_distance,
    mean_feature_distance,
    nearest_real,
)
from metrics.frechet import (
    frechet_distance,
    frechet_distance_of_features,
    frechet_distance_univariate,
    frechet_distance_univariate_of_moments,
)
from metrics.influence import frechet_influence
from metrics.interval_methods import (
    bootstrap_interval,
    mean_interval,
    median_interval,
    proportion_interval,
)
from metrics.intervals import (
    frechet_infinity_interval,
    frechet_interval,
    frechet_univariate_interval,
    kernel_distance_interval,
    mean_feature_distance_interval,
    pair_mean_interval,
)
from metrics.kernel_distance import (
    cmmd,
    cmmd_replicates,
    kernel_distance_of_subsets,
    kernel_inception_distance,
)
from metrics.pixel_distance import pixel_distance
from metrics.step import Results, Step, Task

_EXAMPLES_SHOWN = 8


def _fid(task: Task) -> Results:
    if task.has_moments_only:
        here, there = task.real.moments(), task.fake.moments()
        value = frechet_distance(here.mean, here.cov, there.mean, there.cov)
        return Results({"fid": value})
    return Results({"fid": frechet_distance_of_features(*task.features())})


def _fid_and_infinity(task: Task) -> Results:
    """Return FID and FID_infinity, whose intervals share the images' influence."""
    found = _fid(task)
    if task.has_moments_only:
        return found
    influence = frechet_influence(*task.features()) if task.has_intervals else None
    if influence is not None:
        found.intervals["fid"] = frechet_interval(found.metrics["fid"], influence)
    try:
        line = frechet_distance_infinity(*task.features(), rng=task.rng(1))
    except ValueError:  # too few images for a line; FID itself stands
        return found
    found.metrics["fid_infinity"] = line.value
    found.details["fid_by_size"] = as_points(line)
    if influence is not None:
        found.intervals["fid_infinity"] = frechet_infinity_interval(line, influence)
    return found


def _univariate(task: Task) -> Results:
    if task.has_moments_only:
        distances = frechet_distance_univariate_of_moments(*_spreads(task))
        return Results({"frechet_univariate_mean": float(distances.mean())})
    distances = frechet_distance_univariate(*task.features())
    found = Results({"frechet_univariate_mean": float(distances.mean())})
    if task.has_intervals:
        found.intervals["frechet_univariate_mean"] = frechet_univariate_interval(
            *task.features()
        )
    return found


def _spreads(task: Task) -> Iterator[NDArray[np.float64]]:
    """Yield mean and standard deviation of the features, of either side in turn."""
    for side in (task.real, task.fake):
        moments = side.moments()
        yield moments.mean
        yield np.sqrt(np.diag(moments.cov).clip(min=0))


def _kid(task: Task) -> Results:
    real, fake = task.features()
    conventions = task.conventions
    size = min(len(real), len(fake), conventions.kernel_subset_size)
    kernel = kernel_inception_distance(
        fake,
        real,
        n_subsets=conventions.kernel_subsets,
        subset_size=size,
        rng=task.rng(2),
        n_replicates=task.n_replicates,
    )
    if conventions.kernel_seed is not None:
        values = _subsets_in_file_order(task, conventions.kernel_seed, size)
        kernel = replace(kernel, mean=float(values.mean()), std=float(values.std()))
    found = Results({"kid_mean": kernel.mean})
    if size < max(len(real), len(fake)):  # else every subset is the same whole set
        found.metrics["kid_std"] = kernel.std
    found.details["kid_unbiased"] = kernel.unbiased
    if task.n_replicates:
        found.intervals["kid_mean"] = kernel_distance_interval(
            kernel, n_subsets=conventions.kernel_subsets
        )
    return found


def _subsets_in_file_order(task: Task, seed: int, size: int) -> NDArray[np.float64]:
    """Return KID of the subsets that numpy's RandomState draws from the files."""
    real, fake = task.features()
    random = np.random.RandomState(seed)
    orders = task.fake.file_order(), task.real.file_order()
    chosen: tuple[list[NDArray[np.intp]], ...] = ([], [])
    for _ in range(task.conventions.kernel_subsets):
        for order, subsets in zip(orders, chosen, strict=True):
            subsets.append(order[random.choice(len(order), size, replace=False)])
    return kernel_distance_of_subsets(
        fake, real, np.array(chosen[0]), np.array(chosen[1])
    )


def _cmmd(task: Task) -> Results:
    value = cmmd(*task.features())
    found = Results({"cmmd": value})
    if task.n_replicates:
        replicates = cmmd_replicates(
            *task.features(), n_replicates=task.n_replicates, rng=task.rng(5)
        )
        low, high = bootstrap_interval(value, replicates)
        found.intervals["cmmd"] = (max(low, 0.0), high)
    return found


def _mean_feature_distance(task: Task) -> Results:
    name = "mean_feature_distance"
    if task.has_moments_only:
        gap = task.real.moments().mean - task.fake.moments().mean
        return Results({name: float(np.linalg.norm(gap))})
    found = Results({name: mean_feature_distance(*task.features())})
    if task.has_intervals:
        found.intervals[name] = mean_feature_distance_interval(*task.features())
    return found


def _mean_euclidean_distance(task: Task) -> Results:
    mean = mean_euclidean_distance(*task.features())
    found = Results({"mean_euclidean_distance": mean.value})
    if task.has_intervals:
        found.intervals["mean_euclidean_distance"] = pair_mean_interval(mean)
    return found


def _mean_cosine_distance(task: Task) -> Results:
    mean = mean_cosine_distance(*task.features())
    found = Results({"mean_cosine_distance": mean.value})
    if task.has_intervals:
        found.intervals["mean_cosine_distance"] = pair_mean_interval(mean)
    return found


def _nearest_real(task: Task) -> Results:
    nearest = nearest_real(*task.features())
    found = Results(
        {
            "nearest_real_distance_median": nearest.median,
            "authenticity": nearest.authenticity,
        },
        nearest=nearest,
    )
    if task.has_intervals:
        found.intervals = {
            "nearest_real_distance_median": median_interval(nearest.distances),
            "authenticity": proportion_interval(nearest.is_authentic),
        }
    order = np.argsort(nearest.distances, kind="stable")
    found.details["nearest_real"] = {
        key: [
            {
                "fake": task.fake.place_of(row),
                "real": task.real.place_of(nearest.indices[row]),
                "distance": float(nearest.distances[row]),
            }
            for row in rows
        ]
        for key, rows in (
            ("nearest", order[:_EXAMPLES_SHOWN]),
            ("farthest", order[::-1][:_EXAMPLES_SHOWN]),
        )
    }
    return found


def _pixel_distance(task: Task) -> Results:
    real, fake = task.real.first_pixels(), task.fake.first_pixels()
    places = task.real.first_places(len(real)), task.fake.first_places(len(fake))
    # Images left out, by a limit or for damage, leave their partners without one.
    _, of_real, of_fake = np.intersect1d(*places, return_indices=True)
    if not len(of_real):
        raise ValueError("no image of one side has its partner on the other")
    pixel = pixel_distance(fake[of_fake], real[of_real])
    found = Results({"pixel_distance": pixel.value})
    found.details["pixel_pairs"] = len(of_real)
    if task.has_intervals and len(of_real) > 1:
        found.intervals["pixel_distance"] = mean_interval(pixel.of_pairs)
    return found


def as_points(line: Extrapolation) -> dict[str, object]:
    """Return an extrapolation as plain values.

    Parameters
    ----------
    line : Extrapolation
        A metric at several sizes.

    Returns
    -------
    dict of str to object
        ``sizes``, ``scores``, ``value`` and ``slope``.
    """
    return {
        "sizes": line.sizes.tolist(),
        "scores": line.scores.tolist(),
        "value": line.value,
        "slope": line.slope,
    }


DISTANCE_STEPS = (
    Step("fid", ("fid", "fid_infinity"), "moments", _fid_and_infinity),
    Step("univariate", ("frechet_univariate_mean",), "moments", _univariate),
    Step("kid", ("kid_mean", "kid_std"), "features", _kid),
    Step("cmmd", ("cmmd",), "features", _cmmd),
    Step(
        "mean feature distance",
        ("mean_feature_distance",),
        "moments",
        _mean_feature_distance,
    ),
    Step(
        "euclidean distance",
        ("mean_euclidean_distance",),
        "features",
        _mean_euclidean_distance,
    ),
    Step(
        "cosine distance", ("mean_cosine_distance",), "features", _mean_cosine_distance
    ),
    Step(
        "nearest real",
        ("nearest_real_distance_median", "authenticity"),
        "features",
        _nearest_real,
    ),
    Step("pixel distance", ("pixel_distance",), "pixels", _pixel_distance),
)
