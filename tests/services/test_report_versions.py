import json
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils import timezone

from hypeweb.models import (
    AuditEvent,
    ReportVersion,
    Retraction,
    Score,
    StudyComparison,
    VersionFile,
)
from hypeweb.services import (
    agreement,
    evaluations,
    figures,
    frozen_settings,
    report_formats,
    report_versions,
    reports,
    scores,
    sessions,
)
from hypeweb.services.errors import ConflictError, DomainError, NotFoundError
from hypeweb.services.sessions import Answer
from tests import factories
from tests.factories import NOW, join, look, walk

pytestmark = pytest.mark.django_db


def publish(study, **values):
    return report_versions.publish(
        study=study,
        **{
            "population": "people",
            "note": "for a paper",
            "actor": study.owner,
            "now": NOW,
            **values,
        },
    )


@pytest.fixture
def scored(study):
    for evaluation in evaluations.request_evaluations(study):
        evaluations.run_evaluation(evaluation.pk)
    for answers in ("rrrr", "wwrr", "rrrw", "wwww"):
        walk(join(study), answers)
    scores.score_study(study.pk, now=NOW)
    agreement.relate_study(study.pk, now=timezone.now())
    figures.draw_study(study.pk, now=timezone.now())
    return study


def test_a_version_says_what_the_report_said(scored):
    report = reports.build_report(scored)
    version = publish(scored)
    assert version.number == 1
    published = report_versions.read(version)
    assert published.is_intact
    assert published.retraction is None
    assert report_formats.as_json(published.report) == report_formats.as_json(report)
    document = json.loads(version.document)
    assert document["reports"]["none"] == report_formats.as_json(report)
    assert document["inputs"]["settings"] == scored.frozen_settings
    assert document["inputs"]["real_set"]["sha256"] == scored.real_set.content_hash
    assert document["inputs"]["judgments"]["none"]["n_judgments"] == 16
    assert document["inputs"]["judgments"]["none"]["sha256"] == version.judgments_hash
    assert scored.pools.get().token not in version.document


def test_a_later_version_leaves_the_earlier_one_alone(scored):
    first = publish(scored)
    text = first.document
    walk(join(scored, now=NOW + timedelta(days=1)), "wwww")
    scores.score_study(scored.pk, now=NOW + timedelta(days=1))
    second = publish(scored, now=NOW + timedelta(days=2))
    first.refresh_from_db()
    assert (first.number, second.number) == (1, 2)
    assert first.document == text
    assert report_versions.read(first).is_intact
    counts = [
        report_versions.read(version).report.rows[0].n_judgments
        + report_versions.read(version).report.rows[1].n_judgments
        for version in (first, second)
    ]
    assert counts == [16, 20]
    assert [one.number for one in report_versions.versions_of(scored)] == [2, 1]


def test_nothing_that_was_published_changes(scored):
    version = publish(scored)
    version.note = "another"
    for change in (
        version.save,
        version.delete,
        lambda: ReportVersion.objects.update(note="another"),
        lambda: ReportVersion.objects.all().delete(),
        lambda: ReportVersion.objects.bulk_update([version], ["note"]),
    ):
        with pytest.raises(TypeError, match="neither changed nor deleted"):
            change()
    version.refresh_from_db()
    assert version.note == "for a paper"


def test_the_database_gives_each_number_once(scored):
    version = publish(scored)
    again = ReportVersion(
        study=scored,
        number=version.number,
        population="people",
        document="{}",
        content_hash="0",
        settings_hash="0",
        published_by=scored.owner,
        published_at=NOW,
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save()


def test_a_draft_has_nothing_to_publish(researcher, tmp_path):
    draft = factories.draft_study(researcher, protocol="hype_inf", folder=tmp_path)
    with pytest.raises(ConflictError, match="open the study first"):
        publish(draft)
    assert not ReportVersion.objects.exists()


def test_scores_that_are_behind_are_not_published(scored):
    walk(join(scored, now=NOW + timedelta(days=1)))
    later = NOW + timedelta(days=1, hours=1)
    scored.sessions.filter(finished_at__gt=NOW).update(finished_at=later)
    with pytest.raises(ConflictError, match="every finished session yet"):
        publish(scored)
    scores.score_study(scored.pk, now=later)
    assert publish(scored).number == 1


def test_a_session_stored_late_holds_a_version_up(scored):
    late = walk(join(scored))
    # It ended before another that was stored, and scored, before it.
    scored.sessions.filter(pk=late.pk).update(finished_at=NOW)
    with pytest.raises(ConflictError, match="every finished session yet"):
        publish(scored)
    scores.score_study(scored.pk, now=NOW + timedelta(hours=1))
    agreement.relate_study(scored.pk, now=timezone.now())
    figures.draw_study(scored.pk, now=timezone.now())
    version = publish(scored)
    assert json.loads(version.document)["inputs"]["judgments"]["none"][
        "n_judgments"
    ] == scores.n_counted(scored, population="people")


def test_figures_that_are_drawn_anew_meanwhile_are_not_published(scored, monkeypatch):
    figure = scored.figures.first()
    default_storage.delete(figure.storage_key("png"))
    with pytest.raises(ConflictError, match="draws the figures anew just now"):
        publish(scored)
    assert not VersionFile.objects.exists()
    figures.draw_study(scored.pk, now=timezone.now())
    asked = []

    def is_drawn(study):
        """Say so, and let a worker draw before it is asked again, under the lock."""
        asked.append(study)
        if len(asked) > 1:
            figures.draw_study(study.pk, now=timezone.now())
        return True

    monkeypatch.setattr(figures, "is_drawn", is_drawn)
    with pytest.raises(ConflictError, match="draws the figures anew just now"):
        publish(scored)
    assert not ReportVersion.objects.exists()


def test_what_somebody_noted_of_a_set_is_told_to_nobody(scored):
    type(scored.real_set).objects.update(notes="a private remark")
    assert "a private remark" not in publish(scored).document


def test_scores_from_before_their_basis_was_kept_are_not_published(scored):
    StudyComparison.objects.update(basis={})
    with pytest.raises(ConflictError, match="every finished session yet"):
        publish(scored)


def test_settings_changed_behind_the_sites_back_are_not_published(scored):
    type(scored).objects.filter(pk=scored.pk).update(n_real=3)
    with pytest.raises(ConflictError, match="n_real from 2 to 3"):
        publish(scored)


def test_a_study_without_people_is_published_as_such(study):
    report = report_versions.read(publish(study)).report
    assert "No evaluator's judgments count yet" in report.notes[0]


def test_both_answers_to_exclusions_are_kept(researcher):
    study = factories.open_study(
        researcher, protocol="hype_inf", longest_run=4, exclusions=["same_answer"]
    )
    walk(join(study), "rrrw")
    careless = join(study)
    while issued := look(careless):
        answer = Answer(nonce=issued.nonce, answer="real", rt_ms=500.0)
        sessions.record_judgment(session=careless, answer=answer, now=NOW)
    scores.score_study(study.pk, now=NOW)
    agreement.relate_study(study.pk, now=timezone.now())
    figures.draw_study(study.pk, now=timezone.now())
    version = publish(study)
    assert report_versions.read(version).has_exclusions
    applied = report_versions.read(version, exclusions="applied").report
    assert applied.excluded.is_applied
    for exclusions in report_versions.BASES:
        kept = report_versions.read(version, exclusions=exclusions).figures
        drawn = figures.figures_of(study, population="people", exclusions=exclusions)
        assert [one.pk for one in kept] == [one.pk for one in drawn] != []
        assert {one.exclusions for one in kept} == {exclusions}
        for one in kept:
            assert report_versions.read_file(
                version, one.pk, "svg"
            ) == figures.read_figure(study, one.pk, "svg")
    everyone, fewer = (
        {
            one.kind: one.content_hash
            for one in report_versions.read(version, exclusions=basis).figures
        }
        for basis in report_versions.BASES
    )
    assert everyone["scores"] != fewer["scores"]
    assert sum(row.n_evaluators for row in applied.rows) == 1


def test_where_nobody_is_left_out_there_is_one_report(scored):
    version = publish(scored)
    assert not report_versions.read(version).has_exclusions
    with pytest.raises(NotFoundError, match="leaves nobody out"):
        report_versions.read(version, exclusions="applied")


def test_a_retraction_stays_with_its_reason(scored):
    version = publish(scored)
    report_versions.retract(
        version=version, reason=" a wrong real set ", actor=scored.owner, now=NOW
    )
    published = report_versions.read(version)
    assert published.is_intact
    assert published.retraction.reason == "a wrong real set"
    with pytest.raises(ConflictError, match="retracted already"):
        report_versions.retract(
            version=version, reason="again", actor=scored.owner, now=NOW
        )
    with pytest.raises(TypeError, match="neither changed nor deleted"):
        Retraction.objects.all().delete()
    assert AuditEvent.objects.first().action == "retracted a version of the report"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 2001])
def test_a_retraction_needs_a_reason(scored, reason):
    version = publish(scored)
    with pytest.raises(DomainError, match="1 to 2000 characters"):
        report_versions.retract(
            version=version, reason=reason, actor=scored.owner, now=NOW
        )


def test_figures_are_kept_when_the_reports_are_drawn_anew(researcher):
    sweep = factories.open_study(researcher, protocol="hype_inf")
    for evaluation in evaluations.request_evaluations(sweep):
        evaluations.run_evaluation(evaluation.pk)
    for position, arm in enumerate(sweep.arms.all()):
        type(arm).objects.filter(pk=arm.pk).update(axis_value=position)
    sweep.sweep_axis = "step"
    frozen_settings.freeze(sweep)
    sweep.save()
    figures.draw_study(sweep.pk, now=timezone.now())
    version = publish(sweep)
    published = report_versions.read(version)
    assert published.figures
    drawn = published.figures[0]
    before = report_versions.read_file(version, drawn.pk, "svg")
    Score.objects.all().delete()
    sweep.figures.all().delete()
    assert report_versions.read_file(version, drawn.pk, "svg") == before
    assert VersionFile.objects.count() == len(figures.FORMATS) * len(published.figures)
    with pytest.raises(NotFoundError, match="no such figure"):
        report_versions.read_file(version, 0, "svg")
