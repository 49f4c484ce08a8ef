from datetime import timedelta

import pytest
from django.core.files.storage import default_storage

from hypeweb.models import (
    Evaluation,
    MetricResult,
    Session,
    Study,
    StudyFigure,
)
from hypeweb.services import answer_details, evaluations, figures, reports, scores
from tests import factories
from tests.factories import NOW, join, walk

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.fixture
def sweep(researcher):
    """An open sweep of two checkpoints, with metrics and two evaluators each."""
    study = factories.open_study(researcher, protocol="hype_inf")
    Study.objects.filter(pk=study.pk).update(sweep_axis="step")
    for arm, step in zip(study.arms.all(), (100, 2000), strict=True):
        arm.axis_value, arm.label = float(step), f"step {step}"
        arm.save()
    study.refresh_from_db()
    for number, run in enumerate(evaluations.request_evaluations(study)):
        Evaluation.objects.filter(pk=run.pk).update(state="done", finished_at=NOW)
        MetricResult.objects.create(
            evaluation=run, name="fid", value=20.0 + number, low=19.0, high=60.0
        )
    for answers in ("rw", "r", "wr", "w"):
        walk(join(study), answers)
    scores.score_study(study.pk, now=NOW)
    return study


def test_a_sweep_gets_a_curve_for_the_score_and_for_each_metric(sweep):
    figures.draw_study(sweep.pk, now=NOW)
    found = figures.figures_of(sweep, population="people")
    curves = [figure for figure in found if figure.kind.startswith("sweep")]
    assert [figure.kind for figure in curves] == ["sweep_hype_inf", "sweep_fid"]
    score, fid = curves
    assert score.title == "HYPE_inf over checkpoint step"
    early, late = (row.cells[0] for row in reports.build_report(sweep).rows)
    assert score.alt == (
        "HYPE_inf over checkpoint step, higher is better. "
        f"100: {early.text} % {early.interval_text}; "
        f"2\u202f000: {late.text} % {late.interval_text}."
    )
    assert fid.alt.startswith("FID over checkpoint step, lower is better. 100: 2")
    for suffix in figures.FORMATS:
        assert figures.read_figure(sweep, score.pk, suffix)


def test_what_has_not_changed_is_not_drawn_again(sweep, monkeypatch):
    figures.draw_study(sweep.pk, now=NOW)
    first = figures.figures_of(sweep, population="people")[0]
    monkeypatch.setattr("hypeweb.services.report_figures.draw_curve", lambda _: 1 / 0)
    monkeypatch.setattr("hypeweb.services.report_figures.draw_dots", lambda _: 1 / 0)
    figures.draw_study(sweep.pk, now=LATER)
    again = figures.figures_of(sweep, population="people")[0]
    assert again.content_hash == first.content_hash
    assert again.drawn_at == LATER


def test_new_numbers_are_drawn_anew(sweep):
    figures.draw_study(sweep.pk, now=NOW)
    before = figures.figures_of(sweep, population="people").get(kind="sweep_fid")
    MetricResult.objects.update(value=30.0)
    figures.draw_study(sweep.pk, now=LATER)
    after = figures.figures_of(sweep, population="people").get(kind="sweep_fid")
    assert after.content_hash != before.content_hash


def test_a_slower_drawing_of_older_numbers_is_dropped(sweep):
    figures.draw_study(sweep.pk, now=LATER)
    figures.draw_study(sweep.pk, now=NOW)
    assert {figure.drawn_at for figure in StudyFigure.objects.all()} == {LATER}


def test_a_half_written_file_is_drawn_again(sweep):
    figures.draw_study(sweep.pk, now=NOW)
    figure = figures.figures_of(sweep, population="people")[0]
    default_storage.delete(figure.storage_key("pdf"))
    figures.draw_study(sweep.pk, now=LATER)
    again = figures.figures_of(sweep, population="people")[0]
    assert figures.read_figure(sweep, again.pk, "pdf").startswith(b"%PDF")


def test_a_study_without_numbers_has_no_figures(study):
    figures.draw_study(study.pk, now=NOW)
    assert not StudyFigure.objects.exists()


def test_the_sweep_of_lost_work_finds_what_is_undrawn(sweep):
    assert figures.undrawn(now=NOW) == [sweep.pk]
    figures.draw_study(sweep.pk, now=NOW)
    assert figures.undrawn(now=NOW) == []
    Evaluation.objects.update(finished_at=LATER)
    assert figures.undrawn(now=LATER) == [sweep.pk]


def test_a_running_study_is_not_drawn_after_every_session(sweep):
    figures.draw_study(sweep.pk, now=NOW)
    soon, late = NOW + timedelta(minutes=4), NOW + timedelta(minutes=6)
    Evaluation.objects.update(finished_at=soon)
    assert figures.is_soon(sweep.pk, now=soon)
    assert figures.undrawn(now=soon) == []
    assert not figures.is_soon(sweep.pk, now=late)
    assert figures.undrawn(now=late) == [sweep.pk]
    Study.objects.filter(pk=sweep.pk).update(state="closed", closed_at=soon)
    assert not figures.is_soon(sweep.pk, now=soon)
    assert figures.undrawn(now=soon) == [sweep.pk]


def evaluated(study, **details):
    """Give every arm of a study results, without running the metrics."""
    for number, run in enumerate(evaluations.request_evaluations(study)):
        Evaluation.objects.filter(pk=run.pk).update(
            state="done", finished_at=NOW, details=details
        )
        for name, value in (
            ("fid", 20.0 + number),
            ("precision", 0.5 + number / 10),
            ("recall", 0.7),
            ("label_entropy_marginal", 2.0),
            ("label_entropy_conditional", 0.5),
        ):
            MetricResult.objects.create(
                evaluation=run, name=name, value=value, low=value - 0.1, high=value + 1
            )


def kinds(study, **fields):
    found = figures.figures_of(study, population="people", **fields)
    return {figure.kind: figure for figure in found}


def test_an_untimed_study_gets_every_figure_that_it_has_numbers_for(study):
    line = {"sizes": [2, 6, 12], "scores": [30, 24, 21], "value": 20.0, "slope": 12.0}
    evaluated(study, fid_by_size=line)
    for made in (study.real_set, *study.sample_sets.all()):
        made.label_counts.create(extractor=study.extractor, label=3, n=12)
    study.real_set.label_counts.create(extractor=study.extractor, label=5, n=2)
    for answers in ("rwrr", "rrww", "wrrr", "wwww"):
        walk(join(study), answers)
    scores.score_study(study.pk, now=NOW)
    figures.draw_study(study.pk, now=NOW)
    found = kinds(study)
    assert list(found) == [
        "scores",
        "metrics",
        "people_and_metrics",
        "precision_recall",
        "fid_by_size",
        "labels",
        "image_rates",
        "learning",
    ]
    assert found["metrics"].alt.startswith("FID goes from 20.00 [19.90, 21.00] (“made")
    assert "Recall is 0.700 [0.600, 1.700] in all arms." in found["metrics"].alt
    assert (
        "“made 0”: 21.00 at 12 images, 20.00 extrapolated." in found["fid_by_size"].alt
    )
    assert (
        "“made 1” lacks 1 of the 2 classes of the real images; label"
        in found["labels"].alt
    )
    assert "over 2 arms" in found["people_and_metrics"].alt
    assert "Real, called fake" in found["image_rates"].alt
    assert all(figure.height_pt > 50 for figure in found.values())


def test_a_timed_study_shows_its_staircases_and_exposures(timed_study):
    for _ in range(4):
        walk(join(timed_study), "rrw")
    scores.score_study(timed_study.pk, now=NOW)
    figures.draw_study(timed_study.pk, now=NOW)
    found = kinds(timed_study)
    assert set(found) == {
        "scores",
        "image_rates",
        "staircases",
        "psychometric",
        "thresholds",
        "learning",
        "exposures",
    }
    row = reports.build_report(timed_study).rows[0]
    assert f"“made 0”: {row.cells[0].text} ms" in found["staircases"].alt
    assert "the median departs by +0.0 ms" in found["exposures"].alt


def test_one_arm_and_one_evaluator_are_drawn_without_comparison(researcher):
    study = factories.open_study(researcher, protocol="hype_inf", n_arms=1)
    walk(join(study))
    scores.score_study(study.pk, now=NOW)
    evaluated(study)
    figures.draw_study(study.pk, now=NOW)
    assert "people_and_metrics" not in kinds(study)
    assert kinds(study)["scores"].alt.startswith("HYPE_inf of “made 0”: 0.0 %")


def test_figures_without_whom_the_rules_leave_out_are_their_own(study):
    Study.objects.filter(pk=study.pk).update(exclusions=["floor"])
    for answers in ("rrrr", "rwrw", "rrww", "wwww"):
        last = walk(join(study), answers)
    scores.score_study(study.pk, now=NOW)
    figures.draw_study(study.pk, now=NOW)
    assert figures_hashes(study, "none") == figures_hashes(study, "applied")
    Study.objects.filter(pk=study.pk).update(exclusions=["chance"])
    Session.objects.exclude(pk=last.pk).update(quality_flags=[])
    details = answer_details.judgments_behind(
        Study.objects.get(pk=study.pk), population="people", exclusions="applied"
    )
    assert details.n_rows == 12


def figures_hashes(study, exclusions):
    found = figures.figures_of(study, population="people", exclusions=exclusions)
    return {figure.kind: figure.content_hash for figure in found}
