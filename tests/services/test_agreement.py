import pytest

from hypeweb import tasks
from hypeweb.models import Agreement, Evaluation, MetricResult, Score
from hypeweb.services import (
    agreement,
    evaluations,
    report_figures,
    reports,
    scores,
)
from tests import factories
from tests.factories import NOW, join, walk

pytestmark = pytest.mark.django_db


def finish_metrics(study, fids):
    """Store a FID for every arm, as a finished evaluation would."""
    for run, fid in zip(evaluations.request_evaluations(study), fids, strict=True):
        Evaluation.objects.filter(pk=run.pk).update(state="done", finished_at=NOW)
        MetricResult.objects.create(
            evaluation=run, name="fid", value=fid, low=fid - 1, high=fid + 1
        )


def set_scores(study, values):
    for arm, value in zip(study.arms.all(), values, strict=True):
        Score.objects.create(
            arm=arm,
            population="people",
            kind="hype_inf",
            value=value,
            low=value - 0.01,
            high=value + 0.01,
            n_evaluators=10,
            n_judgments=100,
            computed_at=NOW,
        )


def relate(study):
    agreement.relate_study(study.pk, now=NOW)
    return agreement.agreement_of(study, population="people")


def test_six_arms_in_opposite_orders_disagree_exactly(researcher):
    study = factories.open_study(researcher, protocol="hype_inf", n_arms=6)
    set_scores(study, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    finish_metrics(study, [60, 50, 40, 30, 20, 10])
    (fid,) = relate(study)
    assert (fid.metric, fid.spearman.value, fid.kendall.value) == ("fid", -1.0, -1.0)
    assert fid.spearman.p_value == pytest.approx(2 / 720)
    assert -1 <= fid.spearman.low <= fid.spearman.high <= 1
    section = reports.build_report(study).agreement
    assert section.has_verdict
    assert section.statement == ""
    assert section.lines[0].spearman_p_text == "0.003"
    assert "exact up to eight of them" in section.basis
    assert notes_of(study) == ["\N{GREEK SMALL LETTER RHO} = -1.00 [-1.00, -1.00]"]


def notes_of(study):
    """Return what the figure of people and metrics says in its panels."""
    (planned,) = (
        one
        for one in report_figures.plan(reports.build_report(study))
        if one.kind == "people_and_metrics"
    )
    return [panel.note for panel in planned.data.panels]


def test_the_interval_carries_the_noise_of_both_sides(researcher):
    study = factories.open_study(researcher, protocol="hype_inf", n_arms=5)
    set_scores(study, [0.1, 0.2, 0.3, 0.4, 0.5])
    finish_metrics(study, [50, 40, 30, 20, 10])
    (sure,) = relate(study)
    assert sure.spearman.high == -1
    MetricResult.objects.update(low=-40, high=140)
    (noisy_metric,) = relate(study)
    assert noisy_metric.spearman.high > -0.5
    MetricResult.objects.update(low=None, high=None)
    Score.objects.update(low=0.0, high=1.0)
    (noisy_people,) = relate(study)
    assert noisy_people.spearman.high > -0.5


def test_two_arms_are_a_plain_sentence(study):
    set_scores(study, [0.1, 0.2])
    finish_metrics(study, [20, 10])
    relate(study)
    section = reports.build_report(study).agreement
    assert not section.has_verdict
    assert section.statement == (
        "2 arms are too few to say anything: even perfect agreement has p = 1."
    )
    assert section.basis == ""
    assert notes_of(study) == [""]


def test_metrics_tested_beside_each_other_are_said_to_be(researcher):
    study = factories.open_study(researcher, protocol="hype_inf", n_arms=5)
    set_scores(study, [0.1, 0.2, 0.3, 0.4, 0.5])
    finish_metrics(study, [50, 40, 30, 20, 10])
    for run in Evaluation.objects.all():
        MetricResult.objects.create(evaluation=run, name="recall", value=run.pk)
    relate(study)
    section = reports.build_report(study).agreement
    assert "Each of 2 metrics is tested alone, without adjustment" in section.basis


def test_arms_of_other_sizes_are_not_ordered_by_fid(study):
    set_scores(study, [0.1, 0.2])
    finish_metrics(study, [20, 10])
    arm = study.arms.select_related("sample_set").first()
    arm.sample_set.n_samples = 11
    arm.sample_set.save()
    assert relate(study) == ()


def test_a_study_is_related_when_scores_or_metrics_are_newer(study):
    assert agreement.unrelated() == []
    for _ in range(2):
        walk(join(study))
    scores.score_study(study.pk, now=NOW)
    assert agreement.unrelated() == [study.pk]
    agreement.relate_study(study.pk, now=NOW)
    assert agreement.unrelated() == []
    Agreement.objects.update(computed_at=NOW.replace(year=2025))
    assert agreement.unrelated() == [study.pk]


def test_an_agreement_with_equal_scores_says_that_there_is_no_order(study):
    set_scores(study, [0.2, 0.2])
    finish_metrics(study, [20, 10])
    relate(study)
    assert reports.build_report(study).agreement.statement == (
        "The metrics or the people's scores are equal in all arms: there is no order."
    )


@pytest.mark.django_db(transaction=True)
def test_scores_and_metrics_each_bring_the_agreement_up_to_date(study):
    for _ in range(2):
        walk(join(study))
    tasks.score(study.pk)
    assert Agreement.objects.get(exclusions="none").result == []
    run = evaluations.request_evaluations(study)[0]
    tasks.evaluate(run.pk)
    assert Agreement.objects.get(exclusions="none").result != []
