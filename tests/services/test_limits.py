from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from hypeweb import tasks
from hypeweb.models import Judgment, Score, Session, Study
from hypeweb.services import limits, scores, sessions, studies
from hypeweb.services.sessions import Answer
from tests.factories import NOW, join, look, open_study, qualifying_study

pytestmark = pytest.mark.django_db


def states():
    return list(Session.objects.order_by("pk").values_list("state", flat=True))


def test_sessions_that_stood_still_or_took_too_long_are_ended(study):
    idle, slow, busy = (join(study) for _ in range(3))
    later = NOW + timedelta(minutes=study.duration_limit_min, seconds=1)
    Session.objects.filter(pk=slow.pk).update(last_seen_at=later)
    Session.objects.filter(pk=busy.pk).update(last_seen_at=later, started_at=later)
    limits.end_late(now=later)
    assert states() == ["left", "left", "running"]
    idle.refresh_from_db()
    assert idle.finished_at == later


def test_a_session_may_stand_still_as_long_as_the_study_says(study):
    join(study)
    limits.end_late(now=NOW + timedelta(minutes=study.idle_limit_min))
    assert states() == ["running"]


def test_the_sweep_ends_late_sessions(study):
    long_ago = timezone.now() - timedelta(minutes=study.idle_limit_min, seconds=1)
    join(study, now=long_ago)
    tasks.sweep()
    assert states() == ["left"]


def test_database_refuses_more_masks_than_are_made(study):
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.filter(pk=study.pk).update(n_masks=25)


@pytest.fixture
def limited(researcher):
    """A study whose images may be looked at for 5 s, with images to spare."""
    return open_study(
        researcher, protocol="hype_inf", n_arms=1, time_limit_s=5, n_real=5, n_fake=5
    )


def answer_after(session, *, rt_ms, server_ms=None, at=NOW):
    """Answer the open trial; the server's clock says the same unless told."""
    issued = look(session, now=at)
    elapsed = timedelta(milliseconds=rt_ms if server_ms is None else server_ms)
    answer = Answer(nonce=issued.nonce, answer="real", rt_ms=rt_ms)
    return sessions.record_judgment(session=session, answer=answer, now=at + elapsed)


@pytest.mark.parametrize(
    ("rt_ms", "server_ms", "is_late"),
    [
        (4_000, 4_500, False),
        (14_999, 15_500, False),  # 5 s to look and 10 s to answer
        (15_001, 15_500, True),
        (2_000, 29_999, False),  # feedback and a slow network lie in between
        (2_000, 30_001, True),  # whatever the browser's clock says
    ],
)
def test_an_answer_is_late_by_either_clock(limited, rt_ms, server_ms, is_late):
    recorded = answer_after(join(limited), rt_ms=rt_ms, server_ms=server_ms)
    judgment = Judgment.objects.get()
    assert recorded.is_late == judgment.is_void == is_late
    assert judgment.exposure_flags == ("late" if is_late else "")
    assert recorded.has_feedback != is_late


def test_a_late_answer_is_repeated_with_another_image_and_not_scored(limited):
    session, now = join(limited), NOW
    first = session.trials.first()
    answer_after(session, rt_ms=60_000)
    repeat = session.trials.get(is_repeat=True)
    assert session.trials.count() == limited.n_trials + 1
    later = session.trials.filter(judgment__isnull=True)
    assert later.filter(truth=first.truth).count() == 5
    assert first.sample_id not in later.values_list("sample_id", flat=True)
    while sessions.issue_trial(session=session, now=now):
        now += timedelta(seconds=1)
        answer_after(session, rt_ms=900, at=now)
    session.refresh_from_db()
    assert session.state == Session.State.FINISHED
    scores.score_study(limited.pk, now=NOW)
    assert Score.objects.filter(kind="hype_inf").first().n_judgments == 10
    assert repeat.block == 1


def test_an_image_shown_again_within_a_limit_does_not_count(limited):
    session = join(limited)
    issued = sessions.issue_trial(session=session, now=NOW)
    for _ in range(2):
        assert sessions.open_image(issued.image_token)
    answer_after(session, rt_ms=900)
    judgment = Judgment.objects.get()
    assert (judgment.exposure_flags, judgment.is_void) == ("shown_again", True)


def test_a_session_of_late_answers_is_kept_and_not_scored(limited):
    session, now = join(limited), NOW
    while sessions.issue_trial(session=session, now=now):
        now += timedelta(minutes=1)
        answer_after(session, rt_ms=40_000, at=now)
    session.refresh_from_db()
    assert session.state == Session.State.FEW_VALID
    assert Judgment.objects.count() == 12  # of ten images, and at most a fifth again


def test_the_same_late_answer_again_gets_the_same_reply(limited):
    session = join(limited)
    issued = look(session)
    answer = Answer(nonce=issued.nonce, answer="real", rt_ms=60_000)
    replies = [
        sessions.record_judgment(
            session=session, answer=answer, now=NOW + timedelta(minutes=1)
        )
        for _ in range(2)
    ]
    assert replies[0] == replies[1]
    assert replies[0].is_late
    assert Judgment.objects.count() == 1


def test_the_limit_is_that_of_people_at_the_task_alone(researcher):
    asking = qualifying_study(researcher, protocol="hype_inf", time_limit_s=5)
    answer_after(join(asking), rt_ms=60_000)
    Study.objects.update(asks_qualification=False)
    asking.refresh_from_db()
    answer_after(join(asking, population="simulated"), rt_ms=60_000)
    assert Judgment.objects.count() == 2
    timed = Study(protocol="hype_time", time_limit_s=5)
    assert not limits.is_answer_late(timed, rt_ms=60_000, server_ms=60_000)
    assert not Judgment.objects.filter(is_void=True).exists()


def test_a_break_before_a_block_makes_no_answer_late(researcher):
    within = open_study(
        researcher, protocol="hype_inf", n_arms=2, design="within", time_limit_s=5
    )
    session, now = join(within), NOW
    flags = []
    for at_s in (1, 1, 1, 1, 600, 600):  # blocks of four
        now += timedelta(seconds=at_s)
        issued = look(session, now=now - timedelta(seconds=at_s))
        answer = Answer(nonce=issued.nonce, answer="real", rt_ms=900)
        sessions.record_judgment(session=session, answer=answer, now=now)
        flags.append(Judgment.objects.latest("pk").exposure_flags)
    assert flags == ["", "", "", "", "", "late"]


def test_after_a_break_the_page_still_tells_who_is_late(researcher):
    within = open_study(
        researcher, protocol="hype_inf", n_arms=2, design="within", time_limit_s=5
    )
    session, now = join(within), NOW
    for rt_ms in (900, 900, 900, 900, 60_000):
        answer_after(session, rt_ms=rt_ms, at=now)
        now += timedelta(minutes=2)
    assert Judgment.objects.latest("pk").exposure_flags == "late"


def test_database_refuses_a_limit_of_no_time(limited):
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.filter(pk=limited.pk).update(time_limit_s=0)


def test_the_limit_is_printed_with_the_settings(limited):
    printed = dict(studies.describe(limited))
    assert printed["Time to look"] == "5 s at each image"
    assert printed["Scored from"] == "50 % of the answers in time"
