from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from hypeweb.models import Evaluation, MetricResult, Study, StudyFigure
from hypeweb.services import evaluations, figures, reports, scores
from hypeweb.services.errors import NotFoundError
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
    for run in evaluations.request_evaluations(study):
        Evaluation.objects.filter(pk=run.pk).update(state="done", finished_at=NOW)
        MetricResult.objects.create(
            evaluation=run, name="fid", value=20.0 + run.pk, low=19.0, high=60.0
        )
    for answers in ("rw", "r", "wr", "w"):
        walk(join(study), answers)
    scores.score_study(study.pk, now=NOW)
    return study


def test_a_sweep_gets_a_curve_for_the_score_and_for_each_metric(sweep):
    figures.draw_study(sweep.pk, now=NOW)
    found = figures.figures_of(sweep, population="people")
    assert [figure.kind for figure in found] == ["sweep_hype_inf", "sweep_fid"]
    score, fid = found
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
    monkeypatch.setattr("hypeweb.drawing.curves.draw_curve", lambda _: 1 / 0)
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


def test_a_study_that_is_no_sweep_has_no_curves(study):
    figures.draw_study(study.pk, now=NOW)
    assert not StudyFigure.objects.exists()


def test_the_sweep_of_lost_work_finds_what_is_undrawn(sweep):
    assert figures.undrawn() == [sweep.pk]
    figures.draw_study(sweep.pk, now=NOW)
    assert figures.undrawn() == []
    Evaluation.objects.update(finished_at=LATER)
    assert figures.undrawn() == [sweep.pk]


def test_a_figure_of_another_study_is_not_read(sweep):
    figures.draw_study(sweep.pk, now=NOW)
    other = Study(pk=sweep.pk + 1)
    with pytest.raises(NotFoundError, match="was drawn anew since"):
        figures.read_figure(other, StudyFigure.objects.first().pk, "svg")


def test_the_database_refuses_a_figure_without_words(sweep):
    figures.draw_study(sweep.pk, now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        StudyFigure.objects.update(alt="")
