from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from hypeweb.models import Evaluation, Study
from hypeweb.services import evaluations, overview, scores, workers
from tests import factories
from tests.factories import NOW, join, walk

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss():
    client = Client()
    client.force_login(factories.make_user("boss", is_staff=True))
    return client


def text(response):
    return " ".join(response.content.decode().split())


@pytest.fixture
def scored(study):
    for evaluation in evaluations.request_evaluations(study):
        evaluations.run_evaluation(evaluation.pk)
    for answers in ("rrrr", "wwrr"):
        walk(join(study), answers)
    scores.score_study(study.pk, now=NOW)
    return study


def sibling(study, name, **fields):
    """Return another study of the same sets."""
    made = Study.objects.create(
        name=name,
        slug=name,
        owner=fields.pop("owner", study.owner),
        project=study.project,
        real_set=study.real_set,
        extractor=fields.pop("extractor", study.extractor),
        seed=1,
        **fields,
    )
    for arm in study.arms.all():
        made.arms.create(
            sample_set=arm.sample_set, label=arm.label, position=arm.position
        )
    return made


@pytest.mark.parametrize("name", ["overview", "overview_compare"])
def test_only_admins_see_all_studies(researcher_client, name):
    assert Client().get(reverse(name)).status_code == 302
    assert researcher_client.get(reverse(name)).status_code == 404


def test_every_study_is_there_with_both_halves(boss, scored):
    page = text(boss.get(reverse("overview")))
    for found in (scored.name, scored.owner.username, "made 0", "made 1", "0.00 USD"):
        assert found in page
    assert "50.0 %" in page or "0.0 %" in page
    result = Evaluation.objects.first().results.get(name="fid")
    assert f"{result.value:.2f}" in page


def test_filters_and_order(boss, scored):
    other = factories.make_user("zoe")
    sibling(scored, "a-draft", owner=other, state="draft")
    address = reverse("overview")

    def shown(**query):
        rows = boss.get(address, query).context["rows"]
        return [row.study.name for row in rows]

    assert shown(sort="name") == ["A study", "a-draft"]
    assert shown(sort="evaluators") == ["A study", "a-draft"]
    assert shown(state="draft") == ["a-draft"]
    assert shown(owner=other.pk) == ["a-draft"]
    assert shown(protocol="hype_time") == []
    assert len(shown(real_set=scored.real_set_id)) == 2
    assert len(shown(state="nonsense", page="x")) == 2


def test_many_studies_take_no_more_queries(boss, scored, django_assert_max_num_queries):
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    with CaptureQueriesContext(connection) as one:
        boss.get(reverse("overview"))
    for number in range(4):
        sibling(scored, f"more-{number}")
    with django_assert_max_num_queries(len(one)):
        boss.get(reverse("overview"))


def compare(boss, *arms):
    return boss.get(reverse("overview_compare"), {"arm": [arm.pk for arm in arms]})


def test_arms_of_studies_that_share_images_are_compared(boss, scored):
    other = sibling(scored, "another")
    page = compare(boss, scored.arms.first(), other.arms.last())
    assert page.status_code == 200
    assert "made 0" in text(page)
    assert "another" in text(page)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"protocol": "hype_time"}, "different protocols"),
        ({"extractor": "vgg16-fc2"}, "different extractors"),
        ({"time_limit_s": 5}, "different time limits (5 s; no s)"),
        ({"feedback": False}, "different feedback (given; not given)"),
        ({"question": "Is it a photo?"}, "different questions"),
    ],
)
def test_what_does_not_mean_the_same_is_refused(boss, scored, fields, reason):
    other = sibling(scored, "another", **fields)
    page = compare(boss, scored.arms.first(), other.arms.last())
    assert page.status_code == 400
    assert reason in text(page)


def test_other_real_images_and_resizing_are_refused(boss, scored, researcher):
    bare = factories.bare_study(researcher, extractor="digits")
    page = compare(boss, scored.arms.first(), bare.arms.first())
    assert "different real sets" in text(page)
    run = Evaluation.objects.first()
    Evaluation.objects.filter(pk=run.pk).update(
        provenance={**run.provenance, "resize": "clean"}
    )
    page = compare(boss, *scored.arms.all())
    assert "different resizing" in text(page)
    assert "at least two arms" in text(compare(boss, scored.arms.first()))


def test_arms_are_named_as_in_their_report_and_none_is_dropped(boss, scored):
    scored.arms.update(label="made")
    page = compare(boss, *scored.arms.all())
    assert "made (1)" in text(page)
    assert "made (2)" in text(page)
    many = [*scored.arms.all()]
    for number in range(6):
        many += sibling(scored, f"more-{number}").arms.all()
    assert "at most 12 arms to compare; got 14" in text(compare(boss, *many))
    assert compare(boss, *many[:12], *many[:2]).status_code == 200


def test_numbers_that_depend_on_the_count_are_said_to(boss, scored):
    assert "depend on the number" not in text(compare(boss, *scored.arms.all()))
    arm = scored.arms.select_related("sample_set").first()
    arm.sample_set.n_samples = 11
    arm.sample_set.save()
    page = text(compare(boss, *scored.arms.all()))
    assert "between 11 and 12 images. FID and Inception Score depend on" in page


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"step_up_ms": 20}, "different staircases (from 500 ms, -30 ms after 3 right"),
        ({"mask_ms": 60}, "different masks (4 of 30 ms; 4 of 60 ms)"),
    ],
)
def test_timed_studies_of_their_own_need_one_staircase(
    boss, timed_study, fields, reason
):
    Study.objects.update(preset="custom")
    other = sibling(
        timed_study, "another", protocol="hype_time", preset="custom", **fields
    )
    page = compare(boss, timed_study.arms.first(), other.arms.first())
    assert reason in text(page)


def test_timed_studies_need_one_preset(boss, timed_study):
    other = sibling(timed_study, "another", protocol="hype_time", preset="levitt-79")
    page = compare(boss, timed_study.arms.first(), other.arms.first())
    assert "different presets" in text(page)


def test_the_workers_jobs_are_counted(boss, scored):
    now = timezone.now()
    run = Evaluation.objects.first()
    Evaluation.objects.filter(pk=run.pk).update(state="failed", error="x")
    queues = {row.name: row for row in boss.get(reverse("overview")).context["queues"]}
    assert queues["Metrics"].n_failed == 1
    assert queues["Metrics"].n_waiting == 0
    Evaluation.objects.filter(pk=run.pk).update(state="queued", created_at=now)
    queues = {row.name: row for row in boss.get(reverse("overview")).context["queues"]}
    assert queues["Metrics"].n_waiting == 1
    assert queues["Metrics"].oldest_waiting == now


def test_weeks_say_how_people_fared(boss, study):
    walk(join(study), "rrrr")
    session = walk(join(study), "wwww")
    session.quality_flags = ["chance"]
    session.save()
    join(study)  # still at it
    now = NOW + timedelta(days=1)
    (week,) = overview.trend(now=now)
    assert (week.n_ended, week.finished, week.left, week.flagged) == (
        2,
        "100 %",
        "0 %",
        "50 %",
    )
    assert overview.trend(now=NOW + timedelta(weeks=20)) == []


def test_workers_are_heard_of_and_forgotten(boss):
    assert "No worker was heard of" in text(boss.get(reverse("overview")))
    now = timezone.now()
    workers.note(name="celery@one", now=now)
    workers.note(name="celery@two", now=now - timedelta(days=1))
    workers.note(name="celery@one", now=now)
    seen = [(one.name, one.is_late) for one in workers.workers(now=now)]
    assert seen == [("celery@one", False), ("celery@two", True)]
    page = text(boss.get(reverse("overview")))
    assert "celery@two: last heard of 1" in page
    workers.note(name="celery@one", now=now + timedelta(days=8))
    assert [one.name for one in workers.workers(now=now)] == ["celery@one"]
