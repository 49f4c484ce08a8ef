import json
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from hypeweb.models import (
    Evaluation,
    Judgment,
    MetricResult,
    Sample,
    Study,
    StudyFigure,
)
from hypeweb.services import (
    agreement,
    evaluations,
    exports,
    figures,
    image_findings,
    report_versions,
    scores,
    sessions,
)
from hypeweb.services.exports import Selection
from hypeweb.services.sessions import Answer
from tests import factories
from tests.factories import NOW, join, look, walk

pytestmark = pytest.mark.django_db
PARTS = (
    "judgments",
    "scores",
    "comparisons",
    "words",
    "groups",
    "galleries",
    "exclusions",
    "metrics as stored",
    "images",
)


@pytest.fixture
def study(researcher):
    """Two arms, measured, of four evaluators, one of whom the rules leave out."""
    study = factories.open_study(
        researcher,
        protocol="hype_inf",
        longest_run=4,
        exclusions=["same_answer"],
        watch_sequentially=True,
    )
    for evaluation in evaluations.request_evaluations(study):
        evaluations.run_evaluation(evaluation.pk)
    for answers in ("rrrr", "wwrr", "rrrw", "wrrw"):
        walk(join(study), answers)
    careless = join(study)
    while issued := look(careless):
        answer = Answer(nonce=issued.nonce, answer="real", rt_ms=500.0)
        sessions.record_judgment(session=careless, answer=answer, now=NOW)
    return study


def publish(study):
    scores.score_study(study.pk, now=NOW)
    agreement.relate_study(study.pk, now=timezone.now())
    image_findings.find_images(study.pk, now=timezone.now())
    # Nothing here is about figures but one test, and drawing them takes seconds.
    StudyFigure.objects.create(
        study=study,
        population="people",
        exclusions="none",
        kind="scores",
        position=0,
        title="Scores",
        alt="Scores.",
        content_hash="0" * 64,
        width_pt=1,
        height_pt=1,
        drawn_at=timezone.now(),
    )
    for suffix in figures.FORMATS:
        key = StudyFigure(content_hash="0" * 64).storage_key(suffix)
        if not default_storage.exists(key):
            default_storage.save(key, ContentFile(suffix.encode()))
    return report_versions.publish(
        study=study, population="people", note="", actor=study.owner, now=NOW
    )


@pytest.fixture
def version(study):
    return publish(study)


@pytest.fixture
def verify(capsys):
    def run(*arguments, **options):
        status = 0
        try:
            call_command("verify_report", *map(str, arguments), **options)
        except SystemExit as end:
            status = end.code
        return status, capsys.readouterr().out

    return run


@pytest.fixture
def written(version, tmp_path):
    """Return a maker of files of the version's JSON, with something changed in it."""

    def write(change=None):
        document = json.loads(version.document)
        if change:
            change(document)
        path = tmp_path / "version.json"
        path.write_text(report_versions.as_text(document), encoding="utf-8")
        return path

    return write


@pytest.fixture
def exported(study, tmp_path):
    def write():
        path = tmp_path / "judgments.csv"
        selection = Selection("people")
        data = exports.export(study, what="judgments", form="csv", selection=selection)
        path.write_bytes(b"".join(data))
        return path

    return write


def test_what_was_published_comes_out_again(study, version, verify):
    status, said = verify(study.slug)
    assert status == 0, said
    assert "DIFFER" not in said
    assert "not checked" not in said
    for part in PARTS:
        assert f"  {part}: " in said
    assert "scores without whom the rules leave out: " in said
    assert said.splitlines()[-1].startswith("All ")


@pytest.fixture
def within(researcher):
    """Three arms that each of twelve people judges, not all alike."""
    study = factories.open_study(
        researcher,
        protocol="hype_inf",
        n_arms=3,
        design="within",
        evaluators_per_arm=12,
        watch_sequentially=True,
    )
    for number in range(12):
        walk(join(study), ("rrrrwwwwrrrr", "rwrrwwrwrrrw", "wwrrwwwwrrrr")[number % 3])
    return study


def test_a_study_within_subjects_comes_out_again(within, verify, tmp_path):
    publish(within)
    status, said = verify(within.slug)
    assert status == 0, said
    path, judgments = tmp_path / "version.json", tmp_path / "judgments.csv"
    path.write_text(within.report_versions.get().document, encoding="utf-8")
    data = exports.export(
        within, what="judgments", form="csv", selection=Selection("people")
    )
    judgments.write_bytes(b"".join(data))
    status, said = verify(path, "--judgments", judgments)
    assert status == 0, said
    # Nobody errs on the first arm any more.
    for judgment in Judgment.objects.filter(trial__arm__position=0):
        judgment.answer = judgment.trial.truth
        judgment.save()
    status, said = verify(within.slug)
    assert status == 1
    assert "comparison, pairs 1, pair, p_paired: stated" in said


def test_a_timed_study_comes_out_again(researcher, verify, tmp_path):
    study = factories.open_study(
        researcher, protocol="hype_time", n_arms=2, n_images=30, images_per_block=12
    )
    for answers in ("rrrrw", "wwrr", "rrrw", "wrrw"):
        walk(join(study), answers)
    publish(study)
    status, said = verify(study.slug)
    assert status == 0, said
    path, judgments = tmp_path / "version.json", tmp_path / "judgments.csv"
    path.write_text(study.report_versions.get().document, encoding="utf-8")
    data = exports.export(
        study, what="judgments", form="csv", selection=Selection("people")
    )
    judgments.write_bytes(b"".join(data))
    status, said = verify(path, "--judgments", judgments)
    assert status == 0, said


def test_groups_come_out_again(study, verify):
    experts = study.pools.create(name="Doctors", group="experts", token="experts")
    chosen = study.sessions.order_by("pk")[:2]
    study.sessions.filter(pk__in=[one.pk for one in chosen]).update(pool=experts)
    publish(study)
    status, said = verify(study.slug)
    assert status == 0, said
    study.sessions.filter(pool=experts).update(pool=study.pools.first())
    status, said = verify(study.slug)
    assert status == 1
    assert "made 0, experts: stated" in said


def test_people_who_came_after_a_version_without_any_do_not_matter(researcher, verify):
    study = factories.open_study(researcher, protocol="hype_inf")
    version = report_versions.publish(
        study=study, population="people", note="", actor=study.owner, now=NOW
    )
    walk(join(study, now=NOW + timedelta(days=1)))
    study.sessions.update(finished_at=NOW + timedelta(days=1))
    assert version.judgments_hash == ""
    status, said = verify(study.slug)
    assert status == 0, said


def test_a_retraction_is_told_beside_the_numbers(study, version, verify):
    report_versions.retract(
        version=version, reason="a wrong real set", actor=study.owner, now=NOW
    )
    status, said = verify(study.slug)
    assert status == 0
    assert said.splitlines()[-1] == (
        "It was retracted on 2026-01-02, for this reason: a wrong real set"
    )


def test_the_metrics_come_out_again_from_the_images(study, version, verify):
    status, said = verify(study.slug, "--metrics")
    assert status == 0, said
    assert "metrics computed anew (to 0.0001): 24 agree" in said


def test_later_judgments_do_not_matter(study, version, verify):
    walk(join(study), "wwww")
    study.sessions.filter(pk=study.sessions.latest("pk").pk).update(
        finished_at=timezone.now()
    )
    scores.score_study(study.pk, now=NOW)
    status, said = verify(study.slug, "--version", "1")
    assert status == 0, said


def test_a_file_and_an_export_need_no_database(
    written, exported, verify, django_assert_num_queries
):
    path, judgments = written(), exported()
    with django_assert_num_queries(0):
        status, said = verify(path, "--judgments", judgments)
    assert status == 0, said
    assert "metrics as stored: not checked, the evaluations are not in this" in said
    assert "scores without whom the rules leave out: " in said


def change_number(document):
    cell = document["reports"]["none"]["arms"][0]["numbers"]["hype_inf"]
    cell["value"] += 0.01


def change_metric(document):
    for name in ("reports", "pages"):
        arm = (document[name]["none"].get("arms") or document[name]["none"]["rows"])[0]
        cells = arm.get("numbers") or {one["key"]: one for one in arm["cells"]}
        cells["fid"]["value"] += 1


def change_setting(document):
    document["inputs"]["settings"]["n_real"] = 3


def change_image(document):
    document["inputs"]["real_set"]["sha256"] = "0" * 64


def change_seed(document):
    document["inputs"]["judgments"]["none"]["seed"] += 1


def change_sentence(document):
    document["reports"]["none"]["headline"][0] += " By far."


def change_place(document):
    document["reports"]["none"]["comparison"]["pairs"][0]["pair"]["p_adjusted"] = 0.001


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (change_number, "made 0, hype_inf, value: stated "),
        (change_metric, "made 0, fid 1: stated "),
        (change_setting, "settings_sha256: stated "),
        (change_setting, "settings, n_real: stated 3, found 2"),
        (change_image, "real_set: stated "),
        (change_seed, "scoring of none, seed: stated "),
        (change_sentence, "none, headline 1: stated "),
        (change_place, "pairs 1, pair, p_adjusted: stated 0.001"),
    ],
)
def test_a_changed_file_is_told_on(written, verify, change, where):
    status, said = verify(written(change))
    assert status == 1
    assert where in said
    assert "hash of the document: 1 of 1 DIFFER" in said


def change_everywhere(change):
    """Return a change of both halves of a file: its numbers and its page."""

    def apply(document):
        change(document["reports"]["none"])
        change(document["pages"]["none"])

    return apply


def claim(half):
    half["headline"][0] = "“made 1” is clearly the best."


def crown(half):
    arms = half.get("arms") or half["rows"]
    for arm in arms:
        cells = arm.get("numbers") or {one["key"]: one for one in arm["cells"]}
        cells["hype_inf"]["is_best"] = not cells["hype_inf"]["is_best"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (change_everywhere(claim), "headline 1: stated “made 1” is clearly"),
        (change_everywhere(crown), "best, made 0 1: stated"),
        (
            lambda document: document["pages"]["none"]["study"].update(n_fake=50),
            "page of none, n_fake: stated 50, found 2",
        ),
        (
            lambda document: document["inputs"]["judgments"].update(none=None),
            "made 0, hype_inf, value: stated",
        ),
    ],
)
def test_what_is_said_of_the_numbers_is_computed_anew(
    written, exported, verify, change, where
):
    judgments = exported()
    assert verify(written(), "--judgments", judgments)[0] == 0
    status, said = verify(written(change), "--judgments", judgments)
    assert status == 1
    assert where in said


def test_numbers_without_their_judgments_are_told_on(study, version, verify, written):
    nobody = written(lambda document: document["inputs"]["judgments"].update(none=None))
    Judgment.objects.all().delete()
    status, said = verify(study.slug)
    assert status == 1
    assert "judgments: 3 of 3 DIFFER" in said
    assert "hype_inf, value: stated" in said
    status, said = verify(nobody)
    assert status == 1
    assert "hype_inf, value: stated" in said


@pytest.mark.parametrize("loss", [{"state": "queued"}, None])
def test_an_evaluation_that_is_gone_is_told_on(study, version, verify, loss):
    runs = Evaluation.objects.filter(sample_set__name="made 0")
    if loss:
        runs.update(**loss)
    else:
        runs.delete()
    status, said = verify(study.slug)
    assert status == 1
    assert "made 0: stated" in said
    assert "found no evaluation" in said


def test_sessions_flagged_otherwise_are_told_on(study, version, verify):
    Study.objects.filter(pk=study.pk).update(exclusions=["chance"])
    status, said = verify(study.slug)
    assert status == 1
    assert "excluded, lines 1, excludes: stated True, found False" in said


def test_a_changed_judgment_is_told_on(study, version, verify):
    judgment = Judgment.objects.first()
    Judgment.objects.filter(pk=judgment.pk).update(
        answer=factories.other(judgment.answer)
    )
    status, said = verify(study.slug)
    assert status == 1
    assert "judgments: 1 of 3 DIFFER" in said
    assert "sha256: stated" in said
    assert "hype_inf, value: stated" in said
    assert "galleries: " in said
    assert "text: stated" in said


def test_a_changed_judgment_of_an_export_is_told_on(written, exported, verify):
    judgments = exported()
    text = judgments.read_text()
    assert ",500.0," in text
    judgments.write_text(text.replace(",500.0,", ",501.0,", 1))
    status, said = verify(written(), "--judgments", judgments)
    assert status == 1
    assert "judgments: 1 of 3 DIFFER" in said
    assert "sha256: stated" in said


def test_a_changed_image_a_setting_and_a_metric_are_told_on(study, version, verify):
    Sample.objects.filter(sample_set=study.real_set, position=0).update(
        content_hash="0" * 64
    )
    MetricResult.objects.filter(name="recall").update(value=0.123)
    Study.objects.filter(pk=study.pk).update(
        frozen_settings={**study.frozen_settings, "feedback": False}
    )
    status, said = verify(study.slug)
    assert status == 1
    assert "real set 1, sha256: stated" in said
    assert "recall 1: stated" in said
    assert "found 0.123" in said
    assert "settings, feedback: stated True, found False" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "no JSON"),
        ("[]", "no published version"),
        ('{"format": "another"}', "no published version"),
        ('{"format": "hypeweb report version", "format_number": 9}', "has format 9"),
        ('{"format": "hypeweb report version", "format_number": 1}', "no “reports”"),
    ],
)
def test_what_is_no_version_is_refused(tmp_path, text, message):
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(CommandError, match=message) as caught:
        call_command("verify_report", str(path))
    assert caught.value.returncode == 2


def test_a_study_without_a_version_is_refused(study):
    with pytest.raises(CommandError, match="no version of the report of a study 'a-"):
        call_command("verify_report", study.slug)
    with pytest.raises(CommandError, match="no version 7 of"):
        call_command("verify_report", study.slug, "--version", "7")


def test_an_export_that_is_none_is_refused(written, tmp_path):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    with pytest.raises(CommandError, match="Missing column evaluator"):
        call_command("verify_report", str(written()), "--judgments", str(wrong))
