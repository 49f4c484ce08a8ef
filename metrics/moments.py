"""Mean and covariance of features, in one pass, mergeable, in float64."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.arrays import Array, check_rows

BLOCK_ROWS = 4096


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, mean and covariance of a set of features.

    Attributes
    ----------
    count : int
        Number of images.
    mean : array of shape (d,), float64
        Mean of the features.
    cov : array of shape (d, d), float64
        Sample covariance, divided by count - 1 as numpy.cov does.
    """

    count: int
    mean: NDArray[np.float64]
    cov: NDArray[np.float64]


class RunningMoments:
    """Moments of features that arrive in batches, or in shards that are added up.

    Parameters
    ----------
    n_columns : int
        Dimension d of the features.

    Notes
    -----
    Keeps the mean and the scatter matrix (sum of centred outer products) and merges by
    the pairwise formula of Chan et al. [1]_, so that no sum of raw squares loses the
    digits in which images differ. Small batches wait until `BLOCK_ROWS` rows are there,
    since each merge touches d x d numbers.

    References
    ----------
    .. [1] Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for
       computing sample variances", COMPSTAT (1982).
    """

    def __init__(self, n_columns: int) -> None:
        self._count = 0
        self._mean = np.zeros(n_columns)
        self._scatter = np.zeros((n_columns, n_columns))
        self._waiting: list[Array] = []
        self._n_waiting = 0

    def add(self, features: Array) -> None:
        """Take in one batch.

        Parameters
        ----------
        features : array of shape (n, d), float32 or float64
            Features of n images; copied, so the caller may reuse the memory.

        Raises
        ------
        ValueError
            If the batch is not a finite matrix with d columns.
        """
        check_rows(features, name="features")
        if features.shape[1] != self._mean.size:
            raise ValueError(
                f"features must have {self._mean.size} columns, got {features.shape[1]}"
            )
        self._waiting.append(features.copy())
        self._n_waiting += features.shape[0]
        if self._n_waiting >= BLOCK_ROWS:
            self._settle()

    def merge(self, other: "RunningMoments") -> None:
        """Take in all that another instance has seen.

        Parameters
        ----------
        other : RunningMoments
            Moments of another shard; not changed in value.

        Raises
        ------
        ValueError
            If the dimensions differ.
        """
        if other._mean.size != self._mean.size:  # noqa: SLF001 - its own class
            raise ValueError(
                f"moments must have {self._mean.size} columns, got {other._mean.size}"  # noqa: SLF001
            )
        other._settle()  # noqa: SLF001
        self._settle()
        self._combine(other._count, other._mean, other._scatter)  # noqa: SLF001

    def result(self) -> Moments:
        """Return the moments of everything taken in so far.

        Returns
        -------
        Moments
            Count, mean and covariance with ddof 1.

        Raises
        ------
        ValueError
            If fewer than two rows have been seen.
        """
        self._settle()
        if self._count < 2:  # noqa: PLR2004 - a variance needs two
            raise ValueError(
                f"features must have at least 2 rows for a covariance, "
                f"got {self._count}"
            )
        return Moments(
            count=self._count,
            mean=self._mean.copy(),
            cov=self._scatter / (self._count - 1),
        )

    def _settle(self) -> None:
        if self._waiting:
            rows = np.concatenate(self._waiting).astype(np.float64, copy=False)
            self._waiting, self._n_waiting = [], 0
            mean = rows.mean(axis=0)
            rows -= mean
            self._combine(rows.shape[0], mean, rows.T @ rows)

    def _combine(
        self, count: int, mean: NDArray[np.float64], scatter: NDArray[np.float64]
    ) -> None:
        if count == 0:
            return
        total = self._count + count
        shift = mean - self._mean
        self._scatter += scatter
        self._scatter += np.outer(shift, shift * (self._count * count / total))
        self._mean = self._mean + shift * (count / total)
        self._count = total


def moments(features: Array) -> Moments:
    """Return count, mean and covariance of features.

    Parameters
    ----------
    features : array of shape (n, d), float32 or float64
        Features of n >= 2 images.

    Returns
    -------
    Moments
        All in float64; the covariance divides by n - 1.

    Raises
    ------
    ValueError
        If there are fewer than two rows, or a value is not finite.

    Notes
    -----
    Works block by block in float64, so float32 features need no float64 copy as a
    whole. A mean taken in float32 is off by up to 4e-6 at 50,000 images.
    """
    check_rows(features, name="features", least=2)
    running = RunningMoments(features.shape[1])
    for start in range(0, features.shape[0], BLOCK_ROWS):
        running.add(features[start : start + BLOCK_ROWS])
    return running.result()


def column_moments(features: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each feature by itself.

    Parameters
    ----------
    features : array of shape (n, d), float32 or float64
        Features of n >= 2 images.

    Returns
    -------
    mean : array of shape (d,), float64
        Mean of each column.
    std : array of shape (d,), float64
        Standard deviation of each column, with ddof 1.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    squares = np.zeros(len(mean))
    for start in range(0, len(features), BLOCK_ROWS):
        gap = features[start : start + BLOCK_ROWS] - mean
        squares += np.einsum("ij,ij->j", gap, gap)
    return mean, np.sqrt(squares / (len(features) - 1))
