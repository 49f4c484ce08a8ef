"""The names of the metrics, as they stand in every result."""

from typing import Literal

from metrics.errors import MetricsError

METRIC_NAMES = (
    "fid",
    "fid_infinity",
    "kid_mean",
    "kid_std",
    "inception_score_mean",
    "inception_score_std",
    "inception_score_infinity",
    "label_entropy_marginal",
    "label_entropy_conditional",
    "precision",
    "recall",
    "density",
    "coverage",
    "prd_f8",
    "prd_f1_8",
    "mean_feature_distance",
    "mean_euclidean_distance",
    "mean_cosine_distance",
    "nearest_real_distance_median",
    "pixel_distance",
    "frechet_univariate_mean",
    "cmmd",
    "authenticity",
)

# These may come from a network of their own.
NEIGHBOUR_METRICS = frozenset({"precision", "recall", "density", "coverage"})


def wanted_names(metrics: tuple[str, ...] | Literal["all"]) -> tuple[str, ...]:
    """Return the names of the metrics to compute.

    Parameters
    ----------
    metrics : tuple of str or "all"
        Names, or groups such as ``kid`` for ``kid_mean`` and ``kid_std``.

    Returns
    -------
    tuple of str
        Full names, in the order of `METRIC_NAMES`.

    Raises
    ------
    MetricsError
        If a name is unknown.
    """
    if metrics in ("all", ("all",)):
        return METRIC_NAMES
    found: set[str] = set()
    for name in metrics:
        named = [full for full in METRIC_NAMES if full == name] or [
            full for full in METRIC_NAMES if full.startswith(f"{name}_")
        ]
        if not named:
            raise MetricsError(
                f"there is no metric {name}; there are {', '.join(METRIC_NAMES)}"
            )
        found.update(named)
    return tuple(name for name in METRIC_NAMES if name in found)
