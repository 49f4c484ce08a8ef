"""The conventions on which two libraries' numbers depend, each a named setting."""

from dataclasses import dataclass
from typing import Literal

from metrics.extractors import PixelRange
from metrics.resize import Resize

Order = Literal["file", "shuffled"]
SplitRule = Literal["even", "ceil", "size"]


@dataclass(frozen=True)
class Conventions:
    """How metrics are computed where published practice differs.

    Attributes
    ----------
    name : str
        Whose conventions these are.
    resize : {"legacy", "clean", "pytorch", "antialias"}
        How images come to the network's size.
    pixel_range : {"tensorflow", "unit"}
        The network's input: (x - 128) / 128, or 2 x / 255 - 1.
    score_splits : int
        Splits of the Inception Score.
    score_split_rule : {"even", "ceil", "size"}
        ``even``: split i starts at i n // splits. ``ceil``: splits of n / splits
        images rounded up, perhaps fewer of them. ``size``: of `score_split_size`.
    score_split_size : int
        Images a split under the rule ``size``.
    score_order : {"file", "shuffled"}
        Order of the images before they are split.
    score_shuffle_seed : int
        Seed of numpy's RandomState for a shuffled order.
    score_ddof : int
        What the deviation over splits divides by: their number less this.
    kernel_subsets, kernel_subset_size : int
        Subsets of the kernel distance; the size is at most the smaller side's count.
    kernel_seed : int or None
        Seed of numpy's RandomState for subsets of images in file order; None for the
        evaluation's own seed and an order that file names do not change.
    neighbour_extractor : str or None
        The network of precision, recall, density and coverage; None for the main one.
    precision_neighbours, density_neighbours : int
        The k of precision and recall, and of density and coverage.
    boundary : {"closed", "open"}
        Whether a sample on the edge of a ball counts, for precision and recall.
    """

    name: str = "published"
    resize: Resize = "legacy"
    pixel_range: PixelRange = "tensorflow"
    score_splits: int = 10
    score_split_rule: SplitRule = "even"
    score_split_size: int = 5000
    score_order: Order = "file"
    score_shuffle_seed: int = 2020
    score_ddof: int = 0
    kernel_subsets: int = 100
    kernel_subset_size: int = 1000
    kernel_seed: int | None = None
    neighbour_extractor: str | None = None
    precision_neighbours: int = 3
    density_neighbours: int = 5
    boundary: Literal["closed", "open"] = "closed"


PUBLISHED = Conventions()
