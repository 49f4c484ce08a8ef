"""A study's arms against each other: stored as JSON, read as the science's values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypeweb.models import Arm, Session, Study, StudyComparison
from hypeweb.models.scores import Exclusions
from hypeweb.science.comparison import Comparison, PairComparison
from hypeweb.science.hypotheses import HypothesisTest
from hypeweb.science.ranking import Place
from hypeweb.science.sequential import Decision, watch_arms
from hypeweb.science.table_scores import Score, TableScores, plain
from hypeweb.science.within import WithinComparison, WithinPair, judged_all

LEVEL = 0.95
# Smaller differences do not matter, as a share of the range of scores: 5 points of an
# error rate. Fixed here, before anybody looks, or the statement would not be valid.
WATCH_MARGIN = 0.05
# Of a study within subjects before two people have judged the same arms.
NOT_WITHIN = WithinComparison(0, (), (), "Holm over 0 pairs.")
# More undecided pairs than this are counted, not named.
FEW_PAIRS = 3


@dataclass(frozen=True)
class WatchedPair:
    """Two arms under watch: every difference that is still possible."""

    first: str
    second: str
    low: float
    high: float
    n_pairs: int
    decision: Decision


@dataclass(frozen=True)
class Watch:
    """What a study's confidence sequences allow to say now."""

    pairs: tuple[WatchedPair, ...]
    margin: float
    level: float


@dataclass(frozen=True)
class Compared:
    """What is stored of a study's arms against each other."""

    comparison: Comparison
    ranking: tuple[Place, ...]
    watch: Watch | None
    within: WithinComparison | None = None

    @property
    def pairs(self) -> Sequence[PairComparison | WithinPair]:
        """The pairs of arms, compared as the study's design allows."""
        return self.comparison.pairs if self.within is None else self.within.pairs


def arm_names(arms: Sequence[Arm]) -> dict[int, str]:
    """Return a name for each arm by id: its label, told apart where two are alike."""
    labels = [arm.label for arm in arms]
    return {
        arm.pk: arm.label
        if labels.count(arm.label) == 1
        else f"{arm.label} ({arm.position + 1})"
        for arm in arms
    }


def compared_of(study: Study, scored: TableScores, *, n_arms: int) -> Compared | None:
    """Return how the arms of one population's scores compare, as a study's design says.

    None where no arm has a score.
    """
    kind: Score = "hype_time" if study.is_timed else "hype_inf"
    comparison = scored.comparisons.get(kind)
    if comparison is None:
        return None
    rankings = scored.within_rankings if study.is_within else scored.rankings
    return Compared(
        comparison=comparison,
        ranking=rankings.get(kind, ()),
        watch=watch(study, _in_order_of_arrival(study, scored, kind), n_arms=n_arms)
        if study.watch_sequentially
        else None,
        within=scored.within.get(kind, NOT_WITHIN) if study.is_within else None,
    )


def _in_order_of_arrival(
    study: Study, scored: TableScores, kind: Score
) -> dict[str, NDArray[np.float64]]:
    """Return one score per evaluator of every arm, as the watch pairs them."""
    if not study.is_within:
        return {name: found.evaluator_scores for name, found in scored.arms.items()}
    # The k-th of every arm is one person: whoever lacks an arm would shift the others.
    by_person = scored.by_person[kind]
    return dict(zip(by_person, judged_all(by_person).T, strict=True))


def as_result(study: Study, scored: TableScores) -> dict[str, Any]:
    """Return the comparisons of one population's scores as they are stored."""
    compared = compared_of(study, scored, n_arms=study.arms.count())
    if compared is None:
        return {"comparison": None}
    return {
        "comparison": plain(compared.comparison),
        "within": plain(compared.within),
        "ranking": plain(compared.ranking),
        "watch": plain(compared.watch),
    }


def comparison_of(
    study: Study, *, population: str, exclusions: str = Exclusions.NONE
) -> Compared | None:
    """Return what was last stored of a study, or None before anything was."""
    stored = StudyComparison.objects.filter(
        study=study, population=population, exclusions=exclusions
    ).first()
    if stored is None or stored.result["comparison"] is None:
        return None
    found, watch = stored.result["comparison"], stored.result["watch"]
    within = stored.result.get("within")
    return Compared(
        comparison=Comparison(
            tests=tuple(_test(entry) for entry in found["tests"]),
            eta_squared=found["eta_squared"],
            omega_squared=found["omega_squared"],
            pairs=tuple(PairComparison(**entry) for entry in found["pairs"]),
            multiplicity=found["multiplicity"],
        ),
        ranking=tuple(Place(**entry) for entry in stored.result["ranking"]),
        watch=watch
        and Watch(
            pairs=tuple(WatchedPair(**entry) for entry in watch["pairs"]),
            margin=watch["margin"],
            level=watch["level"],
        ),
        within=within
        and WithinComparison(
            n_complete=within["n_complete"],
            tests=tuple(_test(entry) for entry in within["tests"]),
            pairs=tuple(WithinPair(**entry) for entry in within["pairs"]),
            multiplicity=within["multiplicity"],
        ),
    )


def watch_of(study: Study) -> tuple[str, ...]:
    """Return what may be said of a watched study's people now; empty if unwatched."""
    if not study.watch_sequentially:
        return ()
    found = comparison_of(study, population=Session.Population.PEOPLE)
    return watch_sentences(study, found.watch if found else None)


def watch_sentences(study: Study, watched: Watch | None) -> tuple[str, ...]:
    """Return what may be said of a watched study now, a sentence for each pair."""
    pairs = watched.pairs if watched else ()
    if not pairs:
        return (
            ("Nobody has judged two arms yet.",)
            if study.is_within
            else ("No evaluator of one arm has one of another to be paired with yet.",)
        )
    decided = [pair for pair in pairs if pair.decision != "undecided"]
    others = [pair for pair in pairs if pair.decision == "undecided"]
    if len(others) <= FEW_PAIRS:
        return tuple(_sentence(study, pair) for pair in [*decided, *others])
    return (
        *(_sentence(study, pair) for pair in decided),
        f"{len(others)} pairs of arms cannot be told apart yet.",
    )


def difference_text(study: Study, value: float) -> str:
    """Return a difference of two scores in the unit of the report."""
    return f"{value:z.0f} ms" if study.is_timed else f"{100 * value:z.1f} points"


def interval_text(study: Study, low: float, high: float) -> str:
    """Return an interval of a difference in the unit of the report."""
    if study.is_timed:
        return f"[{low:z.0f}, {high:z.0f}] ms"
    return f"[{100 * low:z.1f}, {100 * high:z.1f}] points"


def watch(
    study: Study, scores: Mapping[str, NDArray[np.float64]], *, n_arms: int
) -> Watch:
    """Return what the evaluators' scores, in order of arrival, allow to say."""
    bounds = (float(study.min_ms), float(study.max_ms)) if study.is_timed else (0, 1)
    margin = WATCH_MARGIN * (bounds[1] - bounds[0])
    sequences = watch_arms(scores, bounds=bounds, n_arms=n_arms, level=LEVEL)
    return Watch(
        pairs=tuple(
            WatchedPair(
                first=first,
                second=second,
                low=float(sequence.low[-1]),
                high=float(sequence.high[-1]),
                n_pairs=sequence.low.size,
                decision=sequence.decision(margin=margin),
            )
            for (first, second), sequence in sequences.items()
            if sequence.low.size
        ),
        margin=margin,
        level=LEVEL,
    )


def _sentence(study: Study, pair: WatchedPair) -> str:
    arms = f"“{pair.first}” and “{pair.second}”"
    plural = "s" * (pair.n_pairs != 1)
    after = (
        f"after {pair.n_pairs} evaluator{plural}"
        if study.is_within
        else f"after {pair.n_pairs} pair{plural} of evaluators"
    )
    interval = interval_text(study, pair.low, pair.high)
    if pair.decision == "separated":
        higher = pair.first if pair.low > 0 else pair.second
        return f"{arms} are apart {after}: “{higher}” is higher, {interval}."
    if pair.decision == "equivalent":
        margin = difference_text(study, WATCH_MARGIN * _range_of(study))
        return f"{arms} differ by less than {margin} {after}: {interval}."
    return f"{arms} cannot be told apart yet, {after}: {interval}."


def _range_of(study: Study) -> float:
    return float(study.max_ms - study.min_ms) if study.is_timed else 1.0


def _test(entry: dict[str, Any]) -> HypothesisTest:
    return HypothesisTest(**{**entry, "df": tuple(entry["df"])})
