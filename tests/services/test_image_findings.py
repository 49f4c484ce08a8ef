import pytest

from hypeweb.models import Evaluation, MetricResult, MetricWarning
from hypeweb.services import evaluations, image_findings, reports, scores
from hypeweb.services.image_findings import ArmImages, ImageFinding, StudyImages
from hypeweb.services.report_images import images_section
from tests.factories import NOW, join, walk

pytestmark = pytest.mark.django_db


def found(study):
    return image_findings.images_of(study, population="people", exclusions="none")


def place(study, *, is_inside):
    """Give every generated image the first real one as its nearest."""
    real = study.real_set.samples.first()
    for run in evaluations.request_evaluations(study):
        Evaluation.objects.filter(pk=run.pk).update(state="done", finished_at=NOW)
        for number, sample in enumerate(run.sample_set.samples.all()):
            run.nearest.create(
                sample=sample,
                real_sample=real,
                distance=float(number),
                is_inside=is_inside,
                is_authentic=True,
            )
    return real


def test_the_images_that_deceive_most_come_first(study):
    for answers in ("rrrr", "wwww", "rrrr", "wwww"):
        walk(join(study), answers)
    scores.score_study(study.pk, now=NOW)
    image_findings.find_images(study.pk, now=NOW)
    result = found(study)
    assert [arm.arm for arm in result.arms] == ["made 0", "made 1"]
    for arm in result.arms:
        assert arm.n_judged
        lows = [one.low for one in arm.most]
        assert lows == sorted(lows, reverse=True)
        assert arm.outliers == ()
        assert arm.n_outside is None
    assert all(one.real_sample_id is None for one in result.reals)


def test_outliers_are_the_farthest_and_stand_beside_their_nearest_real(study):
    real = place(study, is_inside=False)
    image_findings.find_images(study.pk, now=NOW)
    arm = found(study).arms[0]
    assert [one.distance for one in arm.outliers] == [11.0, 10.0, 9.0, 8.0, 7.0, 6.0]
    assert {one.real_sample_id for one in arm.outliers} == {real.pk}
    assert (arm.n_outside, arm.n_placed, arm.n_judged) == (12, 12, 0)
    section = reports.build_report(study).images
    gallery = section.galleries[0]
    assert gallery.title == "Metric outliers of made 0"
    assert gallery.statement.startswith("12 of 12 images lie outside the real mani")
    assert gallery.lines[0].text == "not judged; outside, 11.00 to the nearest"


def test_a_report_before_the_worker_looked_has_no_galleries(study):
    assert reports.build_report(study).images is None


def one(**fields):
    values = {
        "sample_id": 1,
        "n_wrong": 9,
        "n_judged": 10,
        "rate": 0.8,
        "low": 0.6,
        "high": 0.95,
        "real_sample_id": 2,
        "distance": 3.0,
        "is_inside": False,
    }
    return ImageFinding(**{**values, **fields})


def arm(**fields):
    values = {
        "arm": "made",
        "mean": 0.3,
        "n_judged": 10,
        "n_above": 1,
        "n_below": 0,
        "most": (one(),),
        "least": (one(),),
        "outliers": (),
        "n_outside": 1,
        "n_placed": 10,
        "deceiving_outliers": (),
        "obvious_insiders": (),
    }
    return ArmImages(**{**values, **fields})


def section(*arms):
    return images_section(StudyImages(arms=arms, reals=(), real_mean=None))


def test_images_that_the_two_halves_judge_apart_are_shown():
    apart = section(arm(deceiving_outliers=(one(),))).disagreements
    assert [gallery.title for gallery in apart] == [
        "People say real, metrics say odd: made"
    ]
    assert apart[0].lines[0].text == (
        "taken for real 9 of 10 times: 80 % [60, 95]; outside, 3.00 to the nearest"
    )


def test_no_disagreement_is_said_as_such():
    assert section(arm()).statements == (
        "“made”: of no image both halves are clear and contradict each other.",
    )


def test_images_that_hardly_differ_are_said_to_be_in_an_order_by_chance():
    said = section(arm(n_above=0)).galleries[0].statement
    assert said.endswith(
        "none is clearly above or below the mean: the order below may be chance."
    )


def test_a_warning_stands_beside_the_number_it_concerns(study):
    run = evaluations.request_evaluations(study)[0]
    Evaluation.objects.filter(pk=run.pk).update(state="done", finished_at=NOW)
    for name in ("fid", "recall"):
        MetricResult.objects.create(evaluation=run, name=name, value=1.0)
    MetricWarning.objects.create(evaluation=run, code="fid-bias", message="Biased.")
    cells = {cell.key: cell for cell in reports.build_report(study).rows[0].cells}
    assert cells["fid"].note == "Biased."
    assert cells["recall"].note == ""
