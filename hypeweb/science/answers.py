"""The judgments of evaluators on one arm, and the tables counted from them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class EvaluatorAnswers:
    """The judgments of one evaluator on one arm, in the order given.

    Attributes
    ----------
    truth : ndarray of shape (n,), bool
        True where the image was real.
    said_real : ndarray of shape (n,), bool
        True where the answer was "real".
    sample : ndarray of shape (n,), int64, optional
        Which image it was: the same number for the same image in the whole arm. Needed
        for intervals over images and for rates per image.
    rt_ms : ndarray of shape (n,), float64, optional
        Response times in milliseconds; NaN where unknown.
    block : ndarray of shape (n,), int64, optional
        Number of the block; without it all judgments are one block.
    planned_ms : ndarray of shape (n,), int64, optional
        Exposure the staircase planned; None without a time limit.
    shown_ms : ndarray of shape (n,), float64, optional
        Exposure actually shown; NaN where it was not measured.

    Raises
    ------
    ValueError
        If an array has the wrong type or length.
    """

    truth: NDArray[np.bool_]
    said_real: NDArray[np.bool_]
    sample: NDArray[np.int64] | None = None
    rt_ms: NDArray[np.float64] | None = None
    block: NDArray[np.int64] | None = None
    planned_ms: NDArray[np.int64] | None = None
    shown_ms: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("truth", "said_real"):
            array = getattr(self, name)
            if array.ndim != 1 or array.dtype != np.bool_:
                raise ValueError(
                    f"{name} must be a one-dimensional boolean array, got "
                    f"{array.ndim} dimensions of {array.dtype}."
                )
        for name in (field.name for field in fields(self)):
            array = getattr(self, name)
            if array is not None and array.shape != self.truth.shape:
                raise ValueError(
                    f"{name} must have the length of truth, {self.truth.size}, got "
                    f"shape {array.shape}."
                )

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Return where the answer differs from the truth.

        Returns
        -------
        ndarray of shape (n,), bool
            True for a wrong answer.
        """
        return np.asarray(self.truth != self.said_real)

    def block_exposures(self) -> list[list[int]]:
        """Return the planned exposures, block by block.

        Returns
        -------
        list of list of int
            Milliseconds; empty without `planned_ms`.
        """
        if self.planned_ms is None:
            return []
        block = np.zeros(self.truth.size, int) if self.block is None else self.block
        return [
            self.planned_ms[block == number].tolist() for number in np.unique(block)
        ]

    def exposures_shown(self) -> NDArray[np.float64]:
        """Return the exposures shown, or planned where they were not measured.

        Returns
        -------
        ndarray of shape (n,), float64
            Milliseconds; NaN without either.
        """
        planned = np.full(self.truth.size, np.nan)
        if self.planned_ms is not None:
            planned = self.planned_ms.astype(np.float64)
        if self.shown_ms is None:
            return planned
        return np.where(np.isfinite(self.shown_ms), self.shown_ms, planned)


def class_counts(evaluators: Sequence[EvaluatorAnswers]) -> NDArray[np.float64]:
    """Return how many judgments, and wrong ones, each evaluator made of each class.

    Parameters
    ----------
    evaluators : sequence of EvaluatorAnswers, length n
        The arm's evaluators.

    Returns
    -------
    ndarray of shape (n, 4), float64
        Wrong and all judgments of generated images, wrong and all of real images.
    """
    return np.array(
        [
            (
                np.count_nonzero(answers.wrong & ~answers.truth),
                np.count_nonzero(~answers.truth),
                np.count_nonzero(answers.wrong & answers.truth),
                np.count_nonzero(answers.truth),
            )
            for answers in evaluators
        ],
        dtype=np.float64,
    ).reshape(-1, 4)


@dataclass(frozen=True, eq=False)
class Cells:
    """The judgments of one class as a sparse table of evaluators by images.

    Attributes
    ----------
    evaluator, image : ndarray of shape (n_cells,), int64
        Row and column of every cell with a judgment.
    wrong, judged : ndarray of shape (n_cells,), float64
        Wrong and all judgments of the cell.
    n_evaluators, n_images : int
        Size of the table; evaluators without a judgment of the class have a row too.
    image_ids : ndarray of shape (n_images,), int64
        The arm's number of every image.
    """

    evaluator: NDArray[np.int64]
    image: NDArray[np.int64]
    wrong: NDArray[np.float64]
    judged: NDArray[np.float64]
    n_evaluators: int
    n_images: int
    image_ids: NDArray[np.int64]

    def table(self) -> NDArray[np.float64]:
        """Return the cells as a full table.

        Returns
        -------
        ndarray of shape (2, n_evaluators, n_images), float64
            Wrong, then all judgments; zero where an evaluator did not see an image.
        """
        full = np.zeros((2, self.n_evaluators, self.n_images))
        full[:, self.evaluator, self.image] = self.wrong, self.judged
        return full


def class_cells(evaluators: Sequence[EvaluatorAnswers], *, of_real: bool) -> Cells:
    """Return the judgments of one class of images, counted by evaluator and image.

    Parameters
    ----------
    evaluators : sequence of EvaluatorAnswers, length n
        The arm's evaluators, all with `sample`.
    of_real : bool
        The real images; else the generated ones.

    Returns
    -------
    Cells
        One cell for every evaluator and image that met.

    Raises
    ------
    ValueError
        If an evaluator has no `sample`.
    """
    rows, ids, wrong = [], [], []
    for row, answers in enumerate(evaluators):
        if answers.sample is None:
            raise ValueError("Every evaluator needs sample, one has none.")
        chosen = answers.truth == of_real
        rows.append(np.full(np.count_nonzero(chosen), row, dtype=np.int64))
        ids.append(answers.sample[chosen])
        wrong.append(answers.wrong[chosen])
    image_ids, image = np.unique(np.concatenate(ids), return_inverse=True)
    keys = np.concatenate(rows) * max(image_ids.size, 1) + image
    cells, inverse = np.unique(keys, return_inverse=True)
    return Cells(
        evaluator=cells // max(image_ids.size, 1),
        image=cells % max(image_ids.size, 1),
        wrong=np.bincount(
            inverse, np.concatenate(wrong).astype(np.float64), cells.size
        ).astype(np.float64),
        judged=np.bincount(inverse, minlength=cells.size).astype(np.float64),
        n_evaluators=len(evaluators),
        n_images=image_ids.size,
        image_ids=image_ids.astype(np.int64),
    )
