"""HYPE_inf and HYPE_time of one arm, from the judgments of its evaluators."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hypeweb.science.bootstrap import (
    OVER_EVALUATORS,
    evaluator_sums,
    percentile_interval,
    require_level,
)
from hypeweb.science.estimates import Caution, Estimate, Interval

__all__ = [
    "Caution",
    "Estimate",
    "EvaluatorAnswers",
    "HypeInf",
    "HypeTime",
    "block_mode",
    "hype_inf",
    "hype_time",
]

FEW_EVALUATORS = 10


@dataclass(frozen=True, eq=False)
class EvaluatorAnswers:
    """The judgments of one evaluator on one arm, in the order given.

    Attributes
    ----------
    truth : ndarray of shape (n,), bool
        True where the image was real.
    said_real : ndarray of shape (n,), bool
        True where the answer was "real".

    Raises
    ------
    ValueError
        If the arrays are not boolean, one-dimensional and of one length.
    """

    truth: NDArray[np.bool_]
    said_real: NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("truth", "said_real"):
            array = getattr(self, name)
            if array.ndim != 1 or array.dtype != np.bool_:
                raise ValueError(
                    f"{name} must be a one-dimensional boolean array, got "
                    f"{array.ndim} dimensions of {array.dtype}."
                )
        if self.truth.size != self.said_real.size:
            raise ValueError(
                f"truth and said_real must have one length, got {self.truth.size} and "
                f"{self.said_real.size}."
            )


@dataclass(frozen=True)
class HypeInf:
    """HYPE_inf of one arm: how often people are wrong without a time limit.

    Attributes
    ----------
    total : Estimate
        Mean of `fakes_error` and `reals_error`; 0.5 is chance. The error of the one
        class that was judged where the other was not.
    fakes_error : Estimate
        Share of generated images taken for real.
    reals_error : Estimate
        Share of real images taken for generated.
    cautions : tuple of Caution
        What to mind when reading them.
    """

    total: Estimate
    fakes_error: Estimate
    reals_error: Estimate
    cautions: tuple[Caution, ...]


@dataclass(frozen=True)
class HypeTime:
    """HYPE_time of one arm as published: the exposure at which people tell.

    Attributes
    ----------
    score : Estimate
        Mean over evaluators of the mean over blocks of the modal exposure, in ms.
    evaluator_scores : tuple of float
        Score of every evaluator with at least one trial, in ms.
    n_at_floor, n_at_ceiling : int
        Evaluators with a block whose mode lies on the shortest and on the longest
        exposure: their scores are bounds, not values.
    cautions : tuple of Caution
        What to mind when reading them.
    """

    score: Estimate
    evaluator_scores: tuple[float, ...]
    n_at_floor: int
    n_at_ceiling: int
    cautions: tuple[Caution, ...]


def hype_inf(
    evaluators: Sequence[EvaluatorAnswers],
    *,
    rng: np.random.Generator,
    n_bootstrap: int = 10_000,
    level: float = 0.95,
) -> HypeInf:
    """Return HYPE_inf: total, fakes and reals error with intervals.

    Parameters
    ----------
    evaluators : sequence of EvaluatorAnswers
        One per evaluator of the arm; those without a judgment are left out.
    rng : numpy.random.Generator
        Source of randomness.
    n_bootstrap : int
        Number of resamples.
    level : float
        Coverage of the intervals.

    Returns
    -------
    HypeInf
        Proportions between 0 and 1; higher is more realistic, above 0.5 the generated
        images look more real than the real ones.

    Notes
    -----
    Fakes and reals error pool the judgments of all evaluators. The total is their mean,
    so that guessing scores 0.5 whatever the share of real images; with equal counts of
    both it is the share of wrong judgments, as published.

    References
    ----------
    .. [1] Zhou et al., "HYPE: A Benchmark for Human eYe Perceptual Evaluation of
       Generative Models", NeurIPS (2019).
    """
    require_level(level)
    counts = _class_counts(evaluators)
    counts = counts[counts[:, 1] + counts[:, 3] > 0]
    n_evaluators = counts.shape[0]
    n_judgments = counts[:, [1, 3, 1]].sum(axis=0).astype(int)
    n_judgments[2] += n_judgments[1]
    values = _errors(counts.sum(axis=0, keepdims=True))[0]
    replicates = (
        _errors(evaluator_sums(counts, n_bootstrap=n_bootstrap, rng=rng))
        if n_evaluators > 1
        else np.full((0, 3), np.nan)
    )
    fakes, reals, total = (
        _estimate(
            value=float(values[column]),
            replicates=replicates[:, column],
            n_evaluators=n_evaluators,
            n_judgments=int(n_judgments[column]),
            level=level,
        )
        for column in range(3)
    )
    return HypeInf(
        total=total,
        fakes_error=fakes,
        reals_error=reals,
        cautions=_number_cautions(n_evaluators),
    )


def block_mode(exposures_ms: Sequence[int]) -> float:
    """Return the modal exposure of a block, the mean of the modes where several tie.

    Parameters
    ----------
    exposures_ms : sequence of int, length n >= 1
        Planned exposures of the block's trials.

    Returns
    -------
    float
        Milliseconds.

    Raises
    ------
    ValueError
        If the block is empty.

    Notes
    -----
    The publication does not say what it did with ties. The mean of the tied exposures
    favours neither end.
    """
    if len(exposures_ms) == 0:
        raise ValueError("A block needs at least 1 trial for a mode, got 0.")
    levels, counts = np.unique(np.asarray(exposures_ms), return_counts=True)
    return float(levels[counts == counts.max()].mean())


def hype_time(
    block_exposures: Sequence[Sequence[Sequence[int]]],
    *,
    limits_ms: tuple[int, int],
    rng: np.random.Generator,
    n_bootstrap: int = 10_000,
    level: float = 0.95,
) -> HypeTime:
    """Return HYPE_time as published, with its interval and what the limits censored.

    Parameters
    ----------
    block_exposures : sequence over evaluators of sequences over blocks of ints
        Planned exposure of every answered trial, in ms. Empty blocks and evaluators
        without a trial are left out.
    limits_ms : tuple of two int
        The staircase's shortest and longest exposure.
    rng : numpy.random.Generator
        Source of randomness.
    n_bootstrap : int
        Number of resamples.
    level : float
        Coverage of the interval.

    Returns
    -------
    HypeTime
        Milliseconds; higher is more realistic.

    Notes
    -----
    The mode is a noisy estimator, and a mode on a limit only says "there or beyond":
    read it beside the fitted threshold.

    References
    ----------
    .. [1] Zhou et al., "HYPE: A Benchmark for Human eYe Perceptual Evaluation of
       Generative Models", NeurIPS (2019).
    """
    require_level(level)
    modes = [
        [block_mode(block) for block in blocks if len(block)]
        for blocks in block_exposures
    ]
    modes = [blocks for blocks in modes if blocks]
    scores = np.array([np.mean(blocks) for blocks in modes], dtype=np.float64)
    n_evaluators = scores.size
    replicates = (
        evaluator_sums(scores[:, None], n_bootstrap=n_bootstrap, rng=rng)[:, 0]
        / n_evaluators
        if n_evaluators > 1
        else np.empty(0)
    )
    score = _estimate(
        value=float(scores.mean()) if n_evaluators else float("nan"),
        replicates=replicates,
        n_evaluators=n_evaluators,
        n_judgments=sum(len(block) for blocks in block_exposures for block in blocks),
        level=level,
    )
    n_at_floor = sum(min(blocks) <= limits_ms[0] for blocks in modes)
    n_at_ceiling = sum(max(blocks) >= limits_ms[1] for blocks in modes)
    return HypeTime(
        score=score,
        evaluator_scores=tuple(float(value) for value in scores),
        n_at_floor=n_at_floor,
        n_at_ceiling=n_at_ceiling,
        cautions=_number_cautions(n_evaluators)
        + _limit_cautions(n_evaluators, n_at_floor, n_at_ceiling),
    )


def _class_counts(  # numpydoc ignore=PR01,RT01
    evaluators: Sequence[EvaluatorAnswers],
) -> NDArray[np.float64]:  # numpydoc ignore=PR01,RT01
    """Return wrong and all judgments on fakes, then on reals, one row per evaluator."""
    return np.array(
        [
            (
                np.count_nonzero(~answers.truth & answers.said_real),
                np.count_nonzero(~answers.truth),
                np.count_nonzero(answers.truth & ~answers.said_real),
                np.count_nonzero(answers.truth),
            )
            for answers in evaluators
        ],
        dtype=np.float64,
    ).reshape(-1, 4)


def _errors(  # numpydoc ignore=PR01,RT01
    sums: NDArray[np.float64],
) -> NDArray[np.float64]:  # numpydoc ignore=PR01,RT01
    """Return fakes, reals and total error of every row, NaN without judgments."""
    with np.errstate(invalid="ignore"):
        fakes, reals = sums[:, 0] / sums[:, 1], sums[:, 2] / sums[:, 3]
    total = (fakes + reals) / 2
    total = np.where(np.isnan(fakes), reals, np.where(np.isnan(reals), fakes, total))
    return np.stack([fakes, reals, total], axis=1)


def _estimate(  # numpydoc ignore=GL08
    *,
    value: float,
    replicates: NDArray[np.float64],
    n_evaluators: int,
    n_judgments: int,
    level: float,
) -> Estimate:
    if n_judgments == 0:
        interval = Interval(low=None, high=None, std_error=None, method="no judgments")
    elif n_evaluators < 2:  # noqa: PLR2004 a spread needs two
        interval = Interval(
            low=None, high=None, std_error=None, method="no interval: one evaluator"
        )
    else:
        interval = percentile_interval(replicates, level=level, method=OVER_EVALUATORS)
    return Estimate(
        value=value if n_judgments else None,
        low=interval.low,
        high=interval.high,
        n_evaluators=n_evaluators,
        n_judgments=n_judgments,
        method=interval.method,
        std_error=interval.std_error,
    )


def _number_cautions(n_evaluators: int) -> tuple[Caution, ...]:  # numpydoc ignore=GL08
    if n_evaluators == 0:
        return (Caution("no-evaluators", "Nobody has judged this arm yet."),)
    if n_evaluators == 1:
        return (
            Caution(
                "one-evaluator",
                "One evaluator judged this arm: how much people differ is unknown, so "
                "there is no interval.",
            ),
        )
    if n_evaluators < FEW_EVALUATORS:
        return (
            Caution(
                "few-evaluators",
                f"Only {n_evaluators} evaluators judged this arm: the interval is "
                "likely too narrow.",
            ),
        )
    return ()


def _limit_cautions(  # numpydoc ignore=GL08
    n_evaluators: int, n_at_floor: int, n_at_ceiling: int
) -> tuple[Caution, ...]:
    cautions = []
    if n_at_floor:
        cautions.append(
            Caution(
                "at-floor",
                f"{n_at_floor} of {n_evaluators} evaluators sat at the shortest "
                "exposure: their true values may be lower.",
            )
        )
    if n_at_ceiling:
        cautions.append(
            Caution(
                "at-ceiling",
                f"{n_at_ceiling} of {n_evaluators} evaluators sat at the longest "
                "exposure: their true values may be higher, or they guessed.",
            )
        )
    return tuple(cautions)
