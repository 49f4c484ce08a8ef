import json

import pytest

from hypeweb.models import (
    Evaluation,
    Judgment,
    MetricResult,
    SampleSet,
    Score,
    Study,
    Trial,
)
from hypeweb.services import evaluations, report_formats, reports, scores
from hypeweb.services.report_columns import UNTIMED_DETAILS
from tests import factories
from tests.factories import NOW, join, walk

pytestmark = pytest.mark.django_db


@pytest.fixture
def full_study(study):
    for evaluation in evaluations.request_evaluations(study):
        evaluations.run_evaluation(evaluation.pk)
    for answers in ("rrrr", "wwrr", "rrrw", "wwww"):
        walk(join(study), answers)
    scores.score_study(study.pk, now=NOW)
    return study


def cells(row):
    return {cell.key: cell for cell in row.cells}


def test_people_and_metrics_stand_side_by_side(full_study):
    report = reports.build_report(full_study)
    assert report.population == "people"
    for row in report.rows:
        found = cells(row)
        assert row.n_evaluators == 2
        assert row.n_judgments == 8
        assert all(found[c.key].value is not None for c in report.columns)
        assert found["hype_inf"].text == f"{100 * found['hype_inf'].value:.1f}"


def test_the_best_of_each_column_is_marked(full_study):
    report = reports.build_report(full_study)
    for index, column in enumerate(report.columns):
        values = [row.cells[index].value for row in report.rows]
        marked = [row.cells[index].is_best for row in report.rows]
        if not column.direction:
            assert not any(marked)
            continue
        best = min(values) if column.direction == "down" else max(values)
        assert marked == [value == best for value in values]


def test_an_empty_study_says_so(study):
    report = reports.build_report(study)
    assert (
        "No evaluator's judgments count yet, so there is no human score."
        in report.notes
    )
    assert {cell.text for row in report.rows for cell in row.cells} == {"not yet"}
    assert report.headline == (
        "People have not judged enough yet to rank the arms.",
        "The metrics do not rank the arms; no FID: metrics were not requested.",
    )
    assert {row.state_text for row in report.rows} == {"metrics were not requested"}


def test_a_failed_evaluation_is_named(study):
    for evaluation in evaluations.request_evaluations(study):
        Evaluation.objects.filter(pk=evaluation.pk).update(
            state="failed", error="The weights are missing."
        )
    report = reports.build_report(study)
    assert report.rows[0].state_text == "metrics failed: The weights are missing."
    assert report.headline[1] == (
        "The metrics do not rank the arms; no FID: metrics failed: The weights are "
        "missing."
    )


def test_simulated_sessions_are_named_in_words(study):
    for _ in range(2):
        walk(join(study, population="simulated"))
    scores.score_study(study.pk, now=NOW)
    report = reports.build_report(study)
    assert report.population == "simulated"
    assert report.notes[0].startswith("Every judgment in this report comes from simul")
    people = reports.build_report(study, population="people")
    assert people.rows[0].n_evaluators == 0
    assert people.other_population == "simulated"


def test_json_csv_and_page_say_the_same(full_study):
    report = reports.build_report(full_study)
    data = json.loads(json.dumps(report_formats.as_json(report)))
    heading, *lines = report_formats.as_csv_rows(report)
    for row, line in zip(report.rows, lines, strict=True):
        arm = next(a for a in data["arms"] if a["arm"] == row.arm_label)
        for cell in row.cells:
            assert arm["numbers"][cell.key]["text"] == cell.text
            assert float(line[heading.index(cell.key)]) == cell.value


def test_as_text_is_the_headline_and_a_table_with_the_notes(full_study):
    report = reports.build_report(full_study)
    text = report_formats.as_text(report)
    assert text.splitlines()[:3] == [*report.headline, ""]
    assert text.splitlines()[3].startswith("arm")
    assert "made 1" in text
    assert text.endswith("The study is still open; the numbers may change.")


def test_the_number_of_queries_does_not_grow_with_arms(
    full_study, django_assert_num_queries
):
    with django_assert_num_queries(20):
        reports.build_report(full_study)


@pytest.mark.parametrize("population", ["people", "simulated"])
def test_the_headline_claims_no_more_than_the_numbers(study, population):
    answers = {"made 0": ["rrrr", "wwrr"], "made 1": ["rrrr", "wwwr"]}
    for _ in range(4):
        session = join(study, population=population)
        walk(session, answers[session.arm.label].pop())
    scores.score_study(study.pk, now=NOW)
    sentence = reports.build_report(study).headline[0]
    who = {"people": "People", "simulated": "Simulated evaluators"}[population]
    assert sentence.startswith(f"{who} rank by HYPE_inf: “made 1” (37.5 %), then ")
    assert "; not separable: “made 0” and “made 1”; “made 1” is first in " in sentence
    assert sentence.endswith(" % of the resamples of as few as 2 evaluators.")


def test_the_first_of_one_ranked_arm_is_first_of_nothing(study):
    for answers in ("rrrr", "wwrr", "rrrw"):
        walk(join(study), answers)
    scores.score_study(study.pk, now=NOW)
    report = reports.build_report(study)
    assert sorted(row.n_evaluators for row in report.rows) == [1, 2]
    assert report.headline[0].endswith("; not compared yet: “made 0” and “made 1”.")
    assert report.comparison.places == ()


def test_metrics_without_intervals_are_not_clearly_ranked(full_study):
    MetricResult.objects.update(low=None, high=None)
    (_, metrics) = reports.build_report(full_study).headline
    assert metrics.endswith(
        "; how clearly is not known, without intervals of “made 0”, “made 1”."
    )


def test_numbers_that_differ_by_rounding_are_ties(full_study):
    for number, score in enumerate(Score.objects.filter(kind="hype_inf")):
        score.value = 0.3 + number * 1e-16
        score.save()
    report = reports.build_report(full_study)
    assert "equally “made 0” and “made 1” (30.0 %)" in report.headline[0]
    assert [row.cells[0].is_best for row in report.rows] == [True, True]


def test_nothing_has_no_sign():
    column = next(one for one in UNTIMED_DETAILS if one.key == "criterion")
    cell = reports.cell_of(column, reports.Number(-0.001, -0.004, 0.2))
    assert (cell.text, cell.interval_text) == ("0.00", "[0.00, 0.20]")


def test_only_judgments_that_could_be_scored_are_told_as_left_out(full_study):
    void = Judgment.objects.first()
    Judgment.objects.filter(pk=void.pk).update(is_void=True)
    notes = reports.build_report(full_study).notes
    assert any(note.startswith("1 judgments were left out") for note in notes)
    Trial.objects.filter(pk=void.trial_id).update(purpose=Trial.Purpose.GOLD)
    notes = reports.build_report(full_study).notes
    assert not any("were left out" in note for note in notes)


def test_whom_the_rules_leave_out_is_not_replaced_by_the_simulated(full_study):
    walk(join(full_study, population="simulated"))
    scores.score_study(full_study.pk, now=NOW)
    Score.objects.filter(population="people", exclusions="applied").delete()
    report = reports.build_report(full_study, exclusions="applied")
    assert (report.population, report.other_population) == ("people", "simulated")


def test_arms_of_different_sizes_have_no_best_fid(full_study):
    arm = full_study.arms.first()
    SampleSet.objects.filter(pk=arm.sample_set_id).update(n_samples=11)
    report = reports.build_report(full_study)
    marked = {cell.key for row in report.rows for cell in row.cells if cell.is_best}
    assert not marked & reports.DEPEND_ON_COUNT
    assert "precision" in marked
    assert any("between 11 and 12 images" in note for note in report.notes)


def test_timed_images_shown_again_are_counted_in_the_notes(timed_study):
    session = walk(join(timed_study))
    Judgment.objects.filter(trial__session=session, trial__number=1).update(
        exposure_flags="blurred,shown_again"
    )
    scores.score_study(timed_study.pk, now=NOW)
    notes = reports.build_report(timed_study).notes
    assert "1 timed images were shown more than once, after a reload." in notes


def test_csv_says_whose_judgments_they_are(full_study):
    heading, *lines = report_formats.as_csv_rows(reports.build_report(full_study))
    assert {line[heading.index("population")] for line in lines} == {"people"}


def test_two_arms_are_compared_by_welch_and_permutation(full_study):
    section = reports.build_report(full_study).comparison
    (line,) = section.pairs
    assert line.pair.p_adjusted == line.pair.p_welch
    assert line.pair.p_permutation is not None
    assert line.verdict == "not separable"
    assert section.adjustment == "One pair: no adjustment."
    first, second = section.sentences
    assert first == "The two arms are not separable."
    assert second == line.alone_text
    assert second.startswith("Welch's t-test p = 0.")
    assert {place.place.arm for place in section.places} == {"made 0", "made 1"}
    assert sum(place.place.chance_best for place in section.places) == pytest.approx(1)


def test_three_arms_are_compared_by_anova_and_tukey(researcher):
    study = factories.open_study(researcher, protocol="hype_inf", n_arms=3)
    answers = {"made 0": "rrrr", "made 1": "rrrw", "made 2": "wwww"}
    for number in range(12):
        session = join(study)
        given = "rrww" if number < 3 else answers[session.arm.label]
        walk(session, given)
    scores.score_study(study.pk, now=NOW)
    report = reports.build_report(study)
    anova = report.comparison.tests[0]
    assert anova.text.startswith("F(2, 9) = ")
    assert report.comparison.sentences == (
        "2 of 3 pairs of arms clearly apart.",
        f"One-way ANOVA: {anova.text}",
    )
    assert report.comparison.adjustment.startswith("Tukey's honest significant")
    verdicts = {
        (line.pair.first, line.pair.second): line.verdict
        for line in report.comparison.pairs
    }
    assert verdicts == {
        ("made 0", "made 1"): "not separable",
        ("made 0", "made 2"): "clearly apart",
        ("made 1", "made 2"): "clearly apart",
    }
    assert report.headline[0].startswith(
        "People rank by HYPE_inf: “made 2” (87.5 %), then "
    )
    assert "; not separable: “made 0” and “made 1”; " in report.headline[0]
    data = json.loads(json.dumps(report_formats.as_json(report), allow_nan=False))
    assert len(data["comparison"]["pairs"]) == 3
    rows = report_formats.as_comparison_rows(report)
    assert len({len(row) for row in rows}) == 1
    assert [row[0] for row in rows] == ["kind", *["test"] * 3, *["pair"] * 12]
    assert "made 0 - made 2" in report_formats.as_text(report)


def test_evaluators_without_any_difference_are_not_tested(study):
    for _ in range(4):
        session = join(study)
        walk(session, "rrrr" if session.arm.label == "made 0" else "wwww")
    scores.score_study(study.pk, now=NOW)
    report = reports.build_report(study)
    assert report.comparison.pairs[0].verdict == "not tested"
    assert report.headline[0] == (
        "People rank by HYPE_inf: “made 1” (100.0 %), then “made 0” (0.0 %); not "
        "tested: “made 0” and “made 1”; “made 1” is first in 100 % of the resamples of "
        "as few as 2 evaluators."
    )


def test_equal_arms_are_ranked_equally(study):
    for _ in range(4):
        walk(join(study), "rrww")
    scores.score_study(study.pk, now=NOW)
    (people, _) = reports.build_report(study).headline
    assert people == (
        "People rank by HYPE_inf: equally “made 0” and “made 1” (50.0 %); not tested: "
        "“made 0” and “made 1”."
    )


def test_one_arm_has_nothing_to_compare(timed_study):
    walk(join(timed_study))
    scores.score_study(timed_study.pk, now=NOW)
    report = reports.build_report(timed_study)
    assert (report.comparison, report.watch) == (None, ())
    (sentence,) = report.headline
    assert sentence == (
        f"“{report.rows[0].arm_label}” is the only arm, so there is no ranking: "
        f"HYPE_time {report.rows[0].cells[0].text} ms."
    )


def test_a_threshold_beyond_the_limits_is_a_sentence_and_never_the_best(researcher):
    study = factories.open_study(
        researcher, protocol="hype_time", n_arms=2, images_per_block=12
    )
    for _ in range(8):
        session = join(study)
        is_hard = session.arm.label == "made 0"
        walk(session, "rwwrwrrw" if is_hard else None)
    Judgment.objects.update(shown_ms=1000.0)
    scores.score_study(study.pk, now=NOW)
    report = reports.build_report(study)
    hard, easy = (cells(row)["threshold_ms"] for row in report.rows)
    assert (hard.value, hard.text, hard.bound) == (None, "none", "")
    assert hard.note.startswith("The answers cannot be told from guessing")
    assert not easy.is_best


def test_a_watched_study_says_so_in_every_format(study):
    Study.objects.update(watch_sequentially=True)
    study.refresh_from_db()
    for _ in range(2):
        walk(join(study))
    scores.score_study(study.pk, now=NOW)
    report = reports.build_report(study)
    assert report.watch == (
        (
            "“made 0” and “made 1” cannot be told apart yet, after 1 pair of "
            "evaluators: [-100.0, 100.0] points."
        ),
    )
    assert any("was watched while it ran" in note for note in report.notes)
    assert report_formats.as_json(report)["watch"] == list(report.watch)
    assert report.watch[0] in report_formats.as_text(report)


@pytest.mark.parametrize(
    ("fids", "sentence"),
    [
        (
            {"made 0": 9.0, "made 1": 1.0},
            (
                "People put “made 0” clearly above “made 1” (68.8 % against 6.2 %); "
                "FID (9.00 against 1.00) clearly says the opposite."
            ),
        ),
        (
            {"made 0": 1.0, "made 1": 9.0},
            (
                "Where people and a metric both tell two arms clearly apart, they "
                "agree on which is better."
            ),
        ),
        ({"made 0": 5.0, "made 1": 5.1}, None),
        ({"made 0": 9.0, "made 1": None}, None),
    ],
)
def test_arms_that_people_and_a_metric_order_apart_are_named(study, fids, sentence):
    for evaluation in evaluations.request_evaluations(study):
        evaluations.run_evaluation(evaluation.pk)
    answers = {"made 0": ["wwwr", "wwrw", "wwrr"], "made 1": ["rrrr", "rrrw", "rrrr"]}
    for number in range(8):
        session = join(study)
        walk(session, answers[session.arm.label][number // 2 % 3])
    scores.score_study(study.pk, now=NOW)
    results = MetricResult.objects.filter(evaluation__real_set=study.real_set)
    for arm in study.arms.all():
        value = fids[arm.label]
        # Without an interval nothing is clear.
        found = (
            {"value": value, "low": value - 1, "high": value + 1}
            if value
            else {
                "value": 1.0,
                "low": None,
                "high": None,
            }
        )
        of_arm = results.filter(name="fid", evaluation__sample_set=arm.sample_set)
        of_arm.update(**found)
    results.exclude(name="fid").delete()
    told = reports.build_report(study).disagreements
    assert told == ((sentence,) if sentence else ())
