"""The report's sections on arms against each other, and on people and metrics."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypeweb.models import Study
from hypeweb.science.comparison import PairComparison
from hypeweb.science.correlation import RankCorrelation
from hypeweb.science.hypotheses import HypothesisTest
from hypeweb.science.ranking import Place
from hypeweb.science.within import WithinPair
from hypeweb.services.agreement import MetricAgreement
from hypeweb.services.comparisons import (
    Compared,
    difference_text,
    interval_text,
)
from hypeweb.services.quality import Excluded
from hypeweb.services.report_columns import METRIC_COLUMNS, Column, score_columns

ALPHA = 0.05
LETTERS = {"Kruskal-Wallis": "H", "Friedman": "χ²"}
APART = "clearly apart"
INSEPARABLE = "not separable"
UNTESTED = "not tested"
NO_NUMBER = "none"
BASIS_BETWEEN = (
    "All tests take one score per evaluator and ask whether other people would agree "
    "on these images. Intervals of differences are Welch's and not adjusted."
)
BASIS_WITHIN = (
    "All tests take each evaluator's own differences between arms and ask whether "
    "other people would agree on these images, and so does the ranking: a resample "
    "draws whole evaluators. Intervals of differences are paired and not adjusted."
)


@dataclass(frozen=True)
class TestLine:
    """One test of the hypothesis that the arms do not differ, as printed."""

    test: HypothesisTest
    text: str


@dataclass(frozen=True)
class PairLine:
    """Two arms against each other, as printed."""

    pair: PairComparison | WithinPair
    difference_text: str
    interval_text: str
    p_adjusted_text: str
    alone_text: str
    hedges_text: str
    verdict: str


@dataclass(frozen=True)
class PlaceLine:
    """One arm's place, as printed."""

    place: Place
    value_text: str
    range_text: str
    chance_text: str


@dataclass(frozen=True)
class ComparisonSection:
    """Arms against each other: the verdicts first, then what they rest on."""

    score_label: str
    sentences: tuple[str, ...]
    adjustment: str
    tests: tuple[TestLine, ...]
    pairs: tuple[PairLine, ...]
    places: tuple[PlaceLine, ...]
    eta_squared: float | None
    omega_squared: float | None
    basis: str


@dataclass(frozen=True)
class ExclusionLine:
    """One rule on quality, and how many sessions break it."""

    flag: str
    text: str
    n_sessions: int
    excludes: bool


@dataclass(frozen=True)
class ExclusionSection:
    """Whom the rules on quality leave out, and whether this report does."""

    is_applied: bool
    n_sessions: int
    n_left_out: int
    statement: str
    lines: tuple[ExclusionLine, ...]


@dataclass(frozen=True)
class MetricLine:
    """One metric against people, as printed."""

    label: str
    agreement: MetricAgreement
    spearman_text: str
    spearman_p_text: str
    kendall_text: str
    kendall_p_text: str
    statement: str


@dataclass(frozen=True)
class AgreementSection:
    """People and metrics: one sentence where there are too few arms for more."""

    score_label: str
    statement: str
    lines: tuple[MetricLine, ...]
    has_verdict: bool
    basis: str = ""


def comparison_section(study: Study, compared: Compared) -> ComparisonSection:
    """Return the section on arms against each other."""
    column, within = score_columns(study)[0], compared.within
    found = compared.comparison if within is None else within
    pairs = tuple(_pair_line(study, pair) for pair in compared.pairs)
    return ComparisonSection(
        score_label=column.label,
        sentences=_sentences(found.tests, pairs, found.multiplicity),
        adjustment=found.multiplicity,
        tests=tuple(_test_line(test) for test in found.tests),
        pairs=pairs,
        # One arm alone has no place among others.
        places=tuple(_place_line(column, place) for place in compared.ranking)
        if len(compared.ranking) > 1
        else (),
        eta_squared=None if within else compared.comparison.eta_squared,
        omega_squared=None if within else compared.comparison.omega_squared,
        basis=BASIS_BETWEEN if within is None else BASIS_WITHIN,
    )


def verdict(compared: Compared | None, first: str, second: str) -> str:
    """Return whether two arms are apart; empty where nothing is said."""
    for pair in compared.pairs if compared else ():
        if {pair.first, pair.second} == {first, second}:
            return _verdict(pair)
    return ""


def agreement_section(
    study: Study, agreements: Sequence[MetricAgreement]
) -> AgreementSection | None:
    """Return the section on people and metrics, or None where nothing is known."""
    if not agreements:
        return None
    labels = {column.key: column.label for column in METRIC_COLUMNS}
    lines = tuple(_metric_line(labels[one.metric], one) for one in agreements)
    most = max(agreements, key=lambda one: one.spearman.n_arms).spearman
    has_verdict = says_something(most)
    return AgreementSection(
        score_label=score_columns(study)[0].label,
        statement=""
        if has_verdict
        else most.statement
        if most.value is not None or most.n_arms < 2  # noqa: PLR2004 an order needs two
        else _no_order("The metrics"),
        lines=lines,
        has_verdict=has_verdict,
        basis=_agreement_basis(study, len(lines)) if has_verdict else "",
    )


def says_something(found: RankCorrelation) -> bool:
    """Return whether so many arms could show that an order is no chance."""
    return found.smallest_p is not None and found.smallest_p <= ALPHA


def _agreement_basis(study: Study, n_metrics: int) -> str:
    people = (
        ", and people's scores of them as independent, which usually makes them wider"
        if study.is_within
        else ""
    )
    among = (
        f" Each of {n_metrics} metrics is tested alone, without adjustment: the more "
        "there are, the likelier one agrees by chance."
        if n_metrics > 1
        else ""
    )
    return (
        "p takes the arms as drawn from many, and is exact up to eight of them; the "
        f"intervals take them as they are{people}.{among}"
    )


def exclusion_section(excluded: Excluded, *, is_applied: bool) -> ExclusionSection:
    """Return whom the rules on quality leave out, rule by rule."""
    n_all, n_out = excluded.n_sessions, excluded.n_left_out
    if is_applied:
        statement = (
            f"This report leaves out {n_out} of {n_all} finished sessions by the "
            "rules below, which were fixed before the study opened."
        )
    else:
        statement = (
            f"This report rests on everyone. The rules below, fixed before the study "
            f"opened, would leave out {n_out} of {n_all} finished sessions."
        )
    return ExclusionSection(
        is_applied=is_applied,
        n_sessions=n_all,
        n_left_out=n_out,
        statement=statement,
        lines=tuple(
            ExclusionLine(
                flag=count.flag.value,
                text=str(count.flag.label),
                n_sessions=count.n_sessions,
                excludes=count.excludes,
            )
            for count in excluded.counts
        ),
    )


def p_text(p_value: float | None) -> str:
    """Return a p-value as it is printed everywhere."""
    if p_value is None:
        return NO_NUMBER
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"  # noqa: PLR2004


def p_phrase(p_value: float | None) -> str:
    """Return a p-value as it is printed in a sentence."""
    text = p_text(p_value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def chance_text(chance: float) -> str:
    """Return a share of the resamples as it is printed everywhere."""
    percent = round(100 * chance)
    if percent in {0, 100} and chance not in {0.0, 1.0}:
        return "< 1 %" if percent == 0 else "> 99 %"
    return f"{percent} %"


def _verdict(pair: PairComparison | WithinPair) -> str:
    if pair.p_adjusted is None:
        return UNTESTED
    return APART if pair.p_adjusted < ALPHA else INSEPARABLE


def _sentences(
    tests: Sequence[HypothesisTest], pairs: Sequence[PairLine], multiplicity: str
) -> tuple[str, ...]:
    if not pairs:
        return (f"{multiplicity} There is nothing to compare yet.",)
    apart = [line for line in pairs if line.verdict == APART]
    sentences = []
    if len(pairs) > 1:
        sentences.append(f"{len(apart)} of {len(pairs)} pairs of arms clearly apart.")
    elif apart:
        sentences.append("The two arms are clearly apart.")
    elif pairs[0].verdict == UNTESTED:
        sentences.append(
            "Evaluators do not differ from each other in this, so there is no test."
        )
    else:
        sentences.append("The two arms are not separable.")
    if len(pairs) > 1:
        sentences += [f"{_name(test)}: {_test_line(test).text}" for test in tests[:1]]
    elif pairs[0].verdict != UNTESTED:
        sentences.append(pairs[0].alone_text)
    return tuple(sentences)


def _name(test: HypothesisTest) -> str:
    return test.name[0].upper() + test.name[1:]


def _test_line(test: HypothesisTest) -> TestLine:
    letter = LETTERS.get(test.name, "F")
    df = ", ".join(f"{d:.0f}" if d == round(d) else f"{d:.1f}" for d in test.df)
    if test.statistic is None:
        return TestLine(test=test, text=test.note)
    statistic = f"{letter}({df}) = {test.statistic:.2f}"
    return TestLine(test=test, text=f"{statistic}, {p_phrase(test.p_value)}.")


def _pair_line(study: Study, pair: PairComparison | WithinPair) -> PairLine:
    has_interval = pair.low is not None and pair.high is not None
    return PairLine(
        pair=pair,
        difference_text=difference_text(study, pair.difference),
        interval_text=interval_text(study, pair.low or 0.0, pair.high or 0.0)
        if has_interval
        else "",
        p_adjusted_text=p_text(pair.p_adjusted),
        alone_text=_alone_text(pair),
        hedges_text=NO_NUMBER if pair.hedges_g is None else f"{pair.hedges_g:.2f}",
        verdict=_verdict(pair),
    )


def _alone_text(pair: PairComparison | WithinPair) -> str:
    """Return the tests of one pair alone; with very many people only Welch's."""
    if isinstance(pair, WithinPair):
        flip = f"sign-flip permutation test {p_phrase(pair.p_permutation)}"
        of = f"of {pair.n_evaluators} evaluators"
        return f"paired t-test {of} {p_phrase(pair.p_paired)}, {flip}."
    welch = f"Welch's t-test {p_phrase(pair.p_welch)}"
    if pair.p_permutation is None:
        return f"{welch}."
    return f"{welch}, permutation test {p_phrase(pair.p_permutation)}."


def _place_line(column: Column, place: Place) -> PlaceLine:
    same = place.rank_low == place.rank_high
    return PlaceLine(
        place=place,
        value_text=f"{place.value * column.factor:.{column.digits}f} {column.unit}",
        range_text=str(place.rank_low)
        if same
        else f"{place.rank_low} to {place.rank_high}",
        chance_text=chance_text(place.chance_best),
    )


def _metric_line(label: str, one: MetricAgreement) -> MetricLine:
    return MetricLine(
        label=label,
        agreement=one,
        spearman_text=_coefficient(one.spearman),
        spearman_p_text=p_text(one.spearman.p_value),
        kendall_text=_coefficient(one.kendall),
        kendall_p_text=p_text(one.kendall.p_value),
        statement=one.spearman.statement
        if one.spearman.value is not None
        else _no_order(label),
    )


def _coefficient(found: RankCorrelation) -> str:
    if found.value is None:
        return NO_NUMBER
    interval = (
        ""
        if found.low is None or found.high is None
        else f" [{found.low:.2f}, {found.high:.2f}]"
    )
    return f"{found.value:.2f}{interval}"


def _no_order(label: str) -> str:
    return f"{label} or the people's scores are equal in all arms: there is no order."
