"""A table of judgments scored: arms, comparisons, ranking, warnings, provenance."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from hypeweb.science.arm_scores import (
    Settings,
    TimedScores,
    UntimedScores,
    timed_scores,
    untimed_scores,
)
from hypeweb.science.bootstrap import require_level
from hypeweb.science.comparison import Comparison, compare_arms
from hypeweb.science.estimates import Caution, Estimate
from hypeweb.science.judgments_table import JudgmentsTable, read_judgments
from hypeweb.science.ranking import Place, rank_arms
from hypeweb.science.within import WithinComparison, compare_within, rank_within

Json = dict[str, "Json"] | list["Json"] | str | float | int | bool | None
Score = Literal["hype_inf", "hype_time"]


@dataclass(frozen=True, eq=False)
class TableScores:
    """What a table of judgments says.

    Attributes
    ----------
    arms : dict of str to UntimedScores or TimedScores
        Scores of every arm, in order of the arms' names.
    comparisons : dict of {"hype_inf", "hype_time"} to Comparison
        Arms against each other, by score.
    within : dict of {"hype_inf", "hype_time"} to WithinComparison
        The same within the evaluators who judged several arms, where there are such.
    rankings : dict of {"hype_inf", "hype_time"} to tuple of Place
        Arms from best to worst, by score; those of one evaluator are left out.
    within_rankings : dict of {"hype_inf", "hype_time"} to tuple of Place
        The same with the arms of each evaluator kept together, where `within` is.
    by_person : dict of {"hype_inf", "hype_time"} to dict of str to dict of str to float
        By score, the score of every evaluator of every arm, in order of appearance.
    """

    arms: dict[str, UntimedScores | TimedScores]
    comparisons: dict[Score, Comparison]
    within: dict[Score, WithinComparison]
    rankings: dict[Score, tuple[Place, ...]]
    within_rankings: dict[Score, tuple[Place, ...]]
    by_person: dict[Score, dict[str, dict[str, float]]]


@dataclass(eq=False)
class _Scored:
    """What one kind of arms contributes to comparisons."""

    values: dict[str, float] = field(default_factory=dict)
    evaluators: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    people: dict[str, list[str]] = field(default_factory=dict)
    replicates: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def add(
        self,
        arm: str,
        score: Estimate,
        evaluators: NDArray[np.float64],
        replicates: NDArray[np.float64],
    ) -> None:
        """Add one arm's score, unless it has none."""
        if score.value is not None:
            self.values[arm] = score.value
            self.evaluators[arm] = evaluators
            self.replicates[arm] = replicates

    def by_person(self) -> dict[str, dict[str, float]]:
        """Return every arm's scores by the evaluator's name."""
        return {
            arm: dict(zip(self.people[arm], values.tolist(), strict=True))
            for arm, values in self.evaluators.items()
        }


def score_file(path: Path, *, seed: int, settings: Settings) -> dict[str, Json]:
    """Return the scores of a file of judgments.

    Parameters
    ----------
    path : pathlib.Path
        Comma-separated values in UTF-8, see `read_judgments`.
    seed : int
        Seed of every resample.
    settings : Settings
        How scores are computed.

    Returns
    -------
    dict of str to JSON value
        See `score_table`; the provenance also names the file and its SHA-256.

    Raises
    ------
    ValueError
        If the file cannot be read or an entry is not what it should be.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            table = read_judgments(_lines(file, digest))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from error
    result = score_table(table, seed=seed, settings=settings)
    provenance = result["provenance"]
    assert isinstance(provenance, dict)  # noqa: S101 for the type checker
    provenance |= {"file": path.name, "sha256": digest.hexdigest()}
    return result


def score_table(
    table: JudgmentsTable, *, seed: int, settings: Settings
) -> dict[str, Json]:
    """Return the scores of a table of judgments.

    Parameters
    ----------
    table : JudgmentsTable
        The judgments.
    seed : int
        Seed of every resample.
    settings : Settings
        How scores are computed.

    Returns
    -------
    dict of str to JSON value
        `arms`: name to scores with intervals; `comparisons` and `ranking`: by score,
        "hype_inf" or "hype_time", with "_within" for those within the evaluators who
        judged several arms; `warnings`: list of code, message and arm;
        `provenance`. No NaN anywhere.

    Raises
    ------
    ValueError
        If the level is not between 0 and 1.
    """
    scored = score_arms(table, seed=seed, settings=settings)
    arms: dict[str, Json] = {}
    warnings = [_warning(caution, arm=None) for caution in table.cautions]
    for arm, scores in scored.arms.items():
        if isinstance(scores, TimedScores):
            arms[arm], cautions = _timed_json(scores)
        else:
            arms[arm], cautions = _untimed_json(scores)
        warnings += [_warning(caution, arm=arm) for caution in cautions]
    warnings += [_warning(caution, arm=None) for caution in _people_cautions(table)]
    comparisons: dict[str, Json] = {
        name: plain(found) for name, found in scored.comparisons.items()
    }
    within = {f"{name}_within": plain(found) for name, found in scored.within.items()}
    rankings: dict[str, Json] = {
        name: plain(found) for name, found in scored.rankings.items()
    }
    rankings_within = {
        f"{name}_within": plain(found) for name, found in scored.within_rankings.items()
    }
    return {
        "arms": arms,
        "comparisons": {**comparisons, **within},
        "ranking": {**rankings, **rankings_within},
        "warnings": warnings,
        "provenance": _provenance(table, seed=seed, settings=settings),
    }


def score_arms(table: JudgmentsTable, *, seed: int, settings: Settings) -> TableScores:
    """Return every arm of a table scored, compared and ranked.

    Parameters
    ----------
    table : JudgmentsTable
        The judgments.
    seed : int
        Seed of every resample.
    settings : Settings
        How scores are computed.

    Returns
    -------
    TableScores
        The same table, seed and settings give the same numbers to the last digit.

    Raises
    ------
    ValueError
        If the level is not between 0 and 1.
    """
    require_level(settings.level)
    rng = np.random.default_rng(seed)
    arms: dict[str, UntimedScores | TimedScores] = {}
    kinds: dict[Score, _Scored] = {"hype_inf": _Scored(), "hype_time": _Scored()}
    for arm in sorted(table.names["arm"]):
        evaluators = table.evaluators(arm)
        if table.is_timed(arm):
            timed = timed_scores(evaluators, rng=rng, settings=settings)
            arms[arm], kind = timed, kinds["hype_time"]
            kind.add(
                arm, timed.hype_time.score, timed.evaluator_scores, timed.replicates
            )
        else:
            untimed = untimed_scores(evaluators, rng=rng, settings=settings)
            arms[arm], kind = untimed, kinds["hype_inf"]
            inf = untimed.hype_inf
            kind.add(arm, inf.total, untimed.evaluator_scores, inf.replicates)
        kind.people[arm] = table.evaluator_names(arm)
    comparisons: dict[Score, Comparison] = {}
    within: dict[Score, WithinComparison] = {}
    within_rankings: dict[Score, tuple[Place, ...]] = {}
    for score, kind in kinds.items():
        if kind.values:
            comparisons[score] = compare_arms(
                kind.evaluators, rng=rng, level=settings.level
            )
            found = compare_within(kind.by_person(), rng=rng, level=settings.level)
            if found.pairs:
                within[score] = found
                within_rankings[score] = rank_within(
                    kind.by_person(),
                    kind.values,
                    rng=rng,
                    n_bootstrap=settings.n_bootstrap,
                    level=settings.level,
                )
    return TableScores(
        arms,
        comparisons,
        within,
        _rankings(kinds, level=settings.level),
        within_rankings,
        {score: kind.by_person() for score, kind in kinds.items() if kind.values},
    )


def _lines(file: Iterable[bytes], digest: "hashlib._Hash") -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        digest.update(line)
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"Row {number}: not UTF-8 text.") from error


def _untimed_json(
    scored: UntimedScores,
) -> tuple[Json, tuple[Caution, ...]]:
    numbers: dict[str, object] = {
        "kind": "hype_inf",
        "hype_inf": scored.hype_inf.total,
        "fakes_error": scored.hype_inf.fakes_error,
        "reals_error": scored.hype_inf.reals_error,
        "dprime": scored.detection.dprime,
        "criterion": scored.detection.criterion,
        "said_real": scored.detection.said_real,
        "response_ms": scored.response_times.median_ms,
        "n_fast_evaluators": scored.response_times.n_fast_evaluators,
        "learning_slope": scored.learning.slope,
        "learning_curve": {
            "first_trial": list(scored.learning.first_trial),
            "error": list(scored.learning.error),
        },
    }
    return plain(numbers), scored.hype_inf.cautions


def _timed_json(
    scored: TimedScores,
) -> tuple[Json, tuple[Caution, ...]]:
    numbers: dict[str, object] = {
        "kind": "hype_time",
        "hype_time_ms": scored.hype_time.score,
        "n_at_floor": scored.hype_time.n_at_floor,
        "n_at_ceiling": scored.hype_time.n_at_ceiling,
        "threshold_ms": scored.threshold.threshold,
        "threshold_bound": scored.threshold.bound,
        "threshold_statement": scored.threshold.statement,
        "threshold_spread": scored.threshold.spread,
        "threshold_evaluators": dict(scored.threshold.counts),
        "said_real": scored.said_real,
        "response_ms": scored.response_times.median_ms,
        "n_fast_evaluators": scored.response_times.n_fast_evaluators,
        "block_change_ms": scored.block_change,
    }
    cautions = dict.fromkeys(
        scored.hype_time.cautions + scored.threshold.cautions + scored.cautions
    )
    return plain(numbers), tuple(cautions)


def plain(value: object) -> Json:
    """Return a value as JSON holds it.

    Parameters
    ----------
    value : object
        A number, a string, a mapping, a sequence or a dataclass of these.

    Returns
    -------
    JSON value
        None in place of a number that is not finite.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return plain(asdict(value))  # type: ignore[call-overload]


def _warning(caution: Caution, *, arm: str | None) -> Json:
    return {"code": caution.code, "message": caution.message, "arm": arm}


def _people_cautions(
    table: JudgmentsTable,
) -> tuple[Caution, ...]:
    pairs = np.unique(np.stack([table.codes["evaluator"], table.codes["arm"]]), axis=1)
    n_arms = np.bincount(pairs[0])
    n_several = int(np.count_nonzero(n_arms > 1))
    if not n_several:
        return ()
    return (
        Caution(
            "evaluators-in-several-arms",
            f"Evaluators who judged several arms: {n_several}. Comparisons between "
            "arms and their ranking treat them as different people, which usually "
            "hides differences; see those within evaluators.",
        ),
    )


def _rankings(
    kinds: Mapping[Score, _Scored], *, level: float
) -> dict[Score, tuple[Place, ...]]:
    rankings: dict[Score, tuple[Place, ...]] = {}
    for score, kind in kinds.items():
        # An arm of one evaluator has no resamples; the others cannot be ranked with it.
        names = [arm for arm in kind.values if kind.replicates[arm].size]
        if names:
            rankings[score] = rank_arms(
                {arm: kind.values[arm] for arm in names},
                {arm: kind.replicates[arm] for arm in names},
                level=level,
            )
    return rankings


def _provenance(table: JudgmentsTable, *, seed: int, settings: Settings) -> Json:
    return {
        "n_rows": table.n_rows,
        "n_judgments": int(table.truth.size),
        "n_evaluators": len(table.names["evaluator"]),
        "seed": seed,
        "settings": plain(settings),
        "versions": {"numpy": np.__version__, "scipy": scipy.__version__},
    }
