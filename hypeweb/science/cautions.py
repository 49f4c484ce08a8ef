"""What a reader must know beside a score: too few people, one-sided answers, limits."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hypeweb.science.answers import EvaluatorAnswers, class_counts
from hypeweb.science.estimates import Caution

FEW_EVALUATORS = 10
FEW_JUDGMENTS = 20
UNBALANCED = 0.1


def number_cautions(n_evaluators: int) -> tuple[Caution, ...]:
    """Return what to say about the number of evaluators.

    Parameters
    ----------
    n_evaluators : int
        Evaluators with at least one judgment.

    Returns
    -------
    tuple of Caution
        Empty from ten evaluators on.
    """
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
                "itself uncertain.",
            ),
        )
    return ()


def answer_cautions(evaluators: Sequence[EvaluatorAnswers]) -> tuple[Caution, ...]:
    """Return what to say about the answers of an arm.

    Parameters
    ----------
    evaluators : sequence of EvaluatorAnswers
        The arm's evaluators, each with at least one judgment.

    Returns
    -------
    tuple of Caution
        One per matter: a class never shown or shown too often, no or only wrong
        answers, evaluators with few judgments, evaluators who always said the same.
    """
    counts = class_counts(evaluators)
    if not len(counts):
        return ()
    n_each = counts[:, 1] + counts[:, 3]
    said_real = counts[:, 0] + counts[:, 3] - counts[:, 2]
    constant = (said_real == 0) | (said_real == n_each)
    n_constant = int(np.count_nonzero(constant & (n_each > 1)))
    found = [*_class_cautions(counts.sum(axis=0)), *length_cautions(n_each)]
    if n_constant:
        found.append(
            Caution(
                "one-answer",
                f"{n_constant} of {len(counts)} evaluators gave the same answer to "
                "every image.",
            )
        )
    return tuple(found)


def length_cautions(n_judgments: NDArray[np.floating]) -> tuple[Caution, ...]:
    """Return what to say about evaluators who judged little.

    Parameters
    ----------
    n_judgments : ndarray of shape (n_evaluators,), float
        Judgments of every evaluator.

    Returns
    -------
    tuple of Caution
        Empty where everybody made twenty judgments.
    """
    n_short = int(np.count_nonzero(n_judgments < FEW_JUDGMENTS))
    if not n_short:
        return ()
    return (
        Caution(
            "short-sessions",
            f"{n_short} of {n_judgments.size} evaluators made fewer than "
            f"{FEW_JUDGMENTS} judgments.",
        ),
    )


def limit_cautions(
    *, n_evaluators: int, n_at_floor: int, n_at_ceiling: int
) -> tuple[Caution, ...]:
    """Return what to say about evaluators whose exposure stayed on a limit.

    Parameters
    ----------
    n_evaluators : int
        Evaluators with at least one trial.
    n_at_floor, n_at_ceiling : int
        Those with a block on the shortest and on the longest exposure.

    Returns
    -------
    tuple of Caution
        Empty where no limit was reached.
    """
    found = []
    if n_at_floor:
        found.append(
            Caution(
                "at-floor",
                f"{n_at_floor} of {n_evaluators} evaluators sat at the shortest "
                "exposure: their true values may be lower.",
            )
        )
    if n_at_ceiling:
        found.append(
            Caution(
                "at-ceiling",
                f"{n_at_ceiling} of {n_evaluators} evaluators sat at the longest "
                "exposure: their true values may be higher, or they guessed.",
            )
        )
    return tuple(found)


def _class_cautions(
    sums: NDArray[np.float64],
) -> tuple[Caution, ...]:
    wrong, judged = sums[[0, 2]], sums[[1, 3]]
    found = []
    for n_judged, name in zip(judged, ("generated", "real"), strict=True):
        if n_judged == 0:
            found.append(
                Caution(
                    "class-missing",
                    f"No {name} image was judged: the total is the error of the other "
                    "class alone.",
                )
            )
    share = judged[1] / judged.sum()
    if not found and abs(share - 0.5) > UNBALANCED:
        found.append(
            Caution(
                "unbalanced",
                f"{share:.0%} of the judged images were real: the total weighs both "
                "classes equally and is not the share of wrong answers.",
            )
        )
    if wrong.sum() in {0, judged.sum()}:
        every = "wrong" if wrong.sum() else "correct"
        found.append(
            Caution(
                "no-spread",
                f"Every answer was {every}: the interval counts judgments only and "
                "says nothing about differences between people.",
            )
        )
    return tuple(found)
