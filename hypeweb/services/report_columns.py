"""The numbers of a report: what each is, its unit, which way is better."""

from dataclasses import dataclass
from typing import Literal

from hypeweb.models import Study


@dataclass(frozen=True)
class Column:
    """One number of the table: what it is and which way is better."""

    key: str
    label: str
    group: Literal["people", "metrics"]
    unit: str
    direction: Literal["up", "down", ""]
    digits: int
    help: str
    factor: float = 1.0


# Biased by the number of images, so that arms of other sizes are no match.
DEPEND_ON_COUNT = frozenset({"fid", "inception_score_mean"})

# The metrics' warnings, by the numbers that they make doubtful.
DOUBTED = {
    "too-few-images": ("fid",),
    "fid-bias": ("fid",),
    "unequal-counts": ("fid", "recall"),
    "inception-score-domain": ("inception_score_mean",),
    "inception-score-gamed": ("inception_score_mean",),
    "duplicates": ("fid", "precision"),
    "overlap": ("fid", "precision"),
    "bfloat16": ("fid",),
}

UNTIMED_COLUMNS = (
    Column(
        "hype_inf",
        "HYPE_inf",
        "people",
        "%",
        "up",
        1,
        "mean of fakes and reals error; 50 % is chance",
        100,
    ),
    Column(
        "fakes_error",
        "Fakes error",
        "people",
        "%",
        "up",
        1,
        "share of generated images taken for real",
        100,
    ),
    Column(
        "reals_error",
        "Reals error",
        "people",
        "%",
        "",
        1,
        "share of real images taken for generated",
        100,
    ),
    Column(
        "dprime",
        "d'",
        "people",
        "",
        "down",
        2,
        "how far people tell generated from real, in standard deviations, whatever "
        "answer they lean to; 0 is chance",
    ),
)
TIMED_COLUMNS = (
    Column(
        "hype_time",
        "HYPE_time",
        "people",
        "ms",
        "up",
        0,
        "modal exposure of the staircase, averaged over blocks and evaluators",
    ),
    Column(
        "threshold_ms",
        "Threshold at 75 %",
        "people",
        "ms",
        "up",
        0,
        "exposure at which a typical evaluator is 75 % correct, fitted on the "
        "exposures shown",
    ),
)
SAID_REAL = Column(
    "said_real",
    "Said “real”",
    "people",
    "%",
    "",
    1,
    "share of answers that were “real”, whatever the image",
    100,
)
RESPONSE = Column(
    "response_ms",
    "Response time",
    "people",
    "ms",
    "",
    0,
    "median of each evaluator, averaged over evaluators",
)
# Beside the scores, for whoever looks closer.
UNTIMED_DETAILS = (
    Column(
        "criterion",
        "Criterion",
        "people",
        "",
        "",
        2,
        "lean of the answers in standard deviations; above 0, “fake” is said too "
        "seldom",
    ),
    SAID_REAL,
    RESPONSE,
    Column(
        "learning_slope",
        "Learning",
        "people",
        "points",
        "",
        1,
        "change of the error rate over 100 images; below 0, people learn",
        100,
    ),
)
TIMED_DETAILS = (
    SAID_REAL,
    RESPONSE,
    Column(
        "block_change_ms",
        "Last block less first",
        "people",
        "ms",
        "",
        0,
        "change of the modal exposure from first to last block; below 0, people learn",
    ),
)
METRIC_COLUMNS = (
    Column(
        "fid",
        "FID",
        "metrics",
        "",
        "down",
        2,
        "Fréchet distance of the extractor's features to those of the real set",
    ),
    Column(
        "inception_score_mean",
        "Inception Score",
        "metrics",
        "",
        "up",
        2,
        "exp of the mean divergence of label predictions from their average",
    ),
    Column(
        "precision",
        "Precision",
        "metrics",
        "",
        "up",
        3,
        "share of generated images inside the real manifold (k = 3)",
    ),
    Column(
        "recall",
        "Recall",
        "metrics",
        "",
        "up",
        3,
        "share of real images inside the generated manifold (k = 3)",
    ),
)


def score_columns(study: Study) -> tuple[Column, ...]:
    """Return the scores of a study's protocol, the published one first."""
    return TIMED_COLUMNS if study.is_timed else UNTIMED_COLUMNS


def detail_columns(study: Study) -> tuple[Column, ...]:
    """Return what else the judgments of a study's protocol say."""
    return TIMED_DETAILS if study.is_timed else UNTIMED_DETAILS
