import json
from collections import Counter
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from hypeweb.models import Judgment, Qualification, Score, Session, Trial
from hypeweb.services import (
    display,
    exports,
    monitoring,
    qualifications,
    scores,
    session_counts,
    sessions,
    studies,
)
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.exports import Selection
from hypeweb.services.sessions import Answer
from tests import factories
from tests.factories import (
    NOW,
    SCREEN,
    draft_study,
    look,
    make_sample_set,
    make_user,
    qualifying_study,
    walk,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def asking(researcher):
    return qualifying_study(researcher, protocol="hype_inf")


def join(study, *, evaluator=None, now=NOW):
    return sessions.join_study(
        study=study,
        population=Session.Population.PEOPLE,
        now=now,
        evaluator=evaluator,
    )


def start(session, *, now=NOW):
    sessions.start_session(session=session, now=now, screen=SCREEN)
    session.refresh_from_db()
    return session


def attempt(session, answers, *, now=NOW):
    return walk(start(session, now=now), answers)


def contents(trials):
    return set(trials.values_list("sample__content_hash", flat=True))


def test_who_passes_goes_on_to_the_task_with_an_arm(asking):
    session = join(asking)
    assert session.arm is None
    attempt(session, "r")
    assert session.state == Session.State.CONSENTED
    assert session.arm is None
    assert session.qualification.has_passed
    walk(start(session), "r")
    assert session.state == Session.State.FINISHED
    assert session.arm == asking.arms.get()
    purposes = Counter(session.trials.values_list("purpose", "block"))
    assert purposes == {("qualification", 0): 4, ("score", 1): 4}


def test_who_fails_every_attempt_is_out_and_takes_no_place(asking):
    session = attempt(join(asking), "w")
    assert session.state == Session.State.CONSENTED
    assert session.finished_at is None
    attempt(session, "w")
    assert session.state == Session.State.SCREENED_OUT
    assert session.finished_at is not None
    assert session.arm is None
    start(session)
    assert session.state == Session.State.SCREENED_OUT
    assert session.qualifications.count() == 2


def test_one_answer_throughout_fails_whatever_it_is(asking):
    session = start(join(asking))
    now = NOW
    while issued := look(session, now=now):
        answer = Answer(nonce=issued.nonce, answer="real", rt_ms=1.0)
        sessions.record_judgment(session=session, answer=answer, now=now)
    assert session.qualifications.get().has_passed is False


def test_qualification_is_half_real_and_drawn_equally_from_its_sets(asking):
    session = start(join(asking))
    drawn = Counter(session.trials.values_list("truth", "sample__sample_set__name"))
    assert drawn == {
        ("real", "practice r"): 2,
        ("fake", "practice f"): 1,
        ("fake", "practice g"): 1,
    }


def test_no_image_is_shown_twice_in_a_session(asking):
    session = attempt(attempt(join(asking), "w"), "r")
    walk(start(session))
    assert len(contents(session.trials)) == session.trials.count() == 12


@pytest.mark.parametrize("protocol", ["hype_inf", "hype_time"])
def test_qualification_is_untimed_in_both_protocols(researcher, protocol):
    study = qualifying_study(researcher, protocol=protocol)
    session = start(join(study))
    issued = sessions.issue_trial(session=session, now=NOW)
    assert (issued.part, issued.planned_ms, issued.mask_tokens) == (
        "qualification",
        None,
        (),
    )
    assert (issued.number, issued.n_trials, issued.block, issued.n_blocks) == (
        1,
        4,
        1,
        1,
    )
    task = display.task_of(session)
    assert (task.part, task.protocol, task.n_trials) == ("qualification", "hype_inf", 4)
    walk(session)
    issued = sessions.issue_trial(session=start(session), now=NOW)
    assert issued.part == "task"
    assert issued.number == 1
    assert (issued.planned_ms is None) == (protocol == "hype_inf")


def test_a_pass_that_lapsed_before_the_start_is_asked_for_again(asking):
    session = attempt(join(asking), "r")
    later = NOW + timedelta(days=asking.qualification_valid_days, hours=1)
    start(session, now=later)
    assert session.state == Session.State.CONSENTED
    assert session.is_qualifying
    start(session, now=later)
    assert session.state == Session.State.RUNNING
    assert session.qualifications.count() == 2


def test_qualification_never_enters_a_score(asking):
    session = attempt(join(asking), "r")
    walk(start(session), "w")
    scores.score_study(asking.pk, now=NOW)
    found = Score.objects.get(kind="hype_inf", exclusions="none")
    assert (found.value, found.n_judgments) == (1.0, 4)
    assert sessions.result_of(session).n_answered == 4


def test_no_count_of_the_task_takes_in_the_qualification(asking):
    asking.pay_per_correct = 1
    asking.save()
    session = attempt(join(asking), "r")
    # One that qualified and ended without a task is in no score, and waits for none.
    Session.objects.filter(pk=session.pk).update(
        state="finished", finished_at=NOW, arm=asking.arms.get()
    )
    assert scores.unscored(now=NOW + timedelta(days=1)) == []
    Session.objects.filter(pk=session.pk).update(state="consented", finished_at=None)
    walk(start(session), "w")
    Session.objects.update(finished_at=NOW + timedelta(seconds=40))
    assert scores.unscored(now=NOW + timedelta(days=1)) == [asking.pk]
    assert monitoring.spend_of(asking).amount == 0
    assert monitoring.monitor_of(asking).seconds_per_trial == 10
    counted = session_counts.sessions_of(asking).get()
    assert (counted.n_trials, counted.n_judgments) == (4, 4)


def test_exports_say_what_an_image_was_shown_for(asking):
    walk(start(attempt(join(asking), "r")))
    for what in ("judgments", "trials"):
        selection = Selection(population="people")
        pieces = exports.export(asking, what=what, form="json", selection=selection)
        rows = json.loads(b"".join(pieces))
        assert Counter(row["purpose"] for row in rows) == {
            "qualification": 4,
            "score": 4,
        }


def test_a_pass_holds_in_another_study_of_the_same_material(asking, researcher):
    evaluator = attempt(join(asking), "r").evaluator
    twin = twin_of(asking)
    second = join(twin, evaluator=evaluator)
    assert second.arm is not None
    assert second.qualification == Qualification.objects.get()
    shown = contents(start(second).trials)
    assert not shown & contents(Trial.objects.filter(purpose="qualification"))


@pytest.mark.parametrize(
    ("changes", "days"),
    [
        ({"qualification_reals_percent": 70}, 0),
        ({"qualification_n_fake": 3}, 0),
        ({}, 91),
    ],
)
def test_a_pass_of_other_material_or_too_old_does_not_hold(asking, changes, days):
    evaluator = attempt(join(asking), "r").evaluator
    twin = twin_of(asking, **changes)
    second = join(twin, evaluator=evaluator, now=NOW + timedelta(days=days))
    assert second.arm is None
    assert second.is_qualifying


def test_attempts_are_capped_over_studies_that_ask_the_same(asking):
    evaluator = attempt(attempt(join(asking), "w"), "w").evaluator
    twin = twin_of(asking)
    with pytest.raises(ConflictError, match="used every attempt"):
        join(twin, evaluator=evaluator)
    later = NOW + timedelta(days=asking.qualification_valid_days, minutes=5)
    assert join(twin, evaluator=evaluator, now=later).is_qualifying


def test_an_attempt_left_open_counts(asking):
    evaluator = start(join(asking)).evaluator
    twin = twin_of(asking)
    second = start(join(twin, evaluator=evaluator))
    assert qualifications.n_attempts_left(twin, evaluator, now=NOW) == 0
    third = join_anyway(twin_of(asking, slug="third"), evaluator)
    with pytest.raises(ConflictError, match="used every attempt"):
        sessions.start_session(session=third, now=NOW, screen=SCREEN)
    assert not third.trials.exists()
    assert second.state == Session.State.RUNNING


def test_a_second_start_opens_no_second_attempt(asking):
    session = start(start(join(asking)))
    assert session.qualifications.count() == 1
    assert session.trials.count() == 4


def test_qualifying_takes_no_place_and_the_last_place_may_be_gone(asking):
    asking.evaluators_per_arm = 1
    asking.save()
    slow, quick = attempt(join(asking), "r"), attempt(join(asking), "r")
    start(quick)
    assert quick.arm is not None
    start(slow)
    assert slow.state == Session.State.NO_PLACE
    assert slow.finished_at is not None
    assert not slow.trials.filter(purpose="score").exists()
    with pytest.raises(ConflictError, match="all the evaluators"):
        join(asking)


def test_the_last_answer_of_a_qualification_can_be_sent_again(asking):
    session = attempt(join(asking), "r")
    last = session.trials.order_by("-number").first()
    answer = Answer(nonce=last.nonce, answer=last.truth, rt_ms=1.0)
    replies = [sessions.record_judgment(session=session, answer=answer, now=NOW)]
    start(session)  # the task is open in another tab
    replies.append(sessions.record_judgment(session=session, answer=answer, now=NOW))
    assert replies[0] == replies[1]
    assert replies[0].next_trial is None
    assert not replies[0].has_finished
    assert Judgment.objects.count() == 4


def test_an_answer_of_the_task_is_refused_before_it_began(asking):
    session = attempt(join(asking), "r")
    start(session)
    nonce = session.trials.filter(purpose="score").first().nonce
    other = start(join(asking))
    with pytest.raises(ConflictError, match="no open trial of this session"):
        sessions.record_judgment(
            session=other, answer=Answer(nonce=nonce, answer="real", rt_ms=1), now=NOW
        )
    assert not Judgment.objects.filter(trial__session=other).exists()


def test_a_qualification_that_stood_still_ends(asking):
    session = start(join(asking))
    late = NOW + timedelta(minutes=asking.idle_limit_min, seconds=1)
    assert sessions.issue_trial(session=session, now=late) is None
    session.refresh_from_db()
    assert session.state == Session.State.LEFT


def test_feedback_of_the_qualification_is_its_own_setting(researcher):
    study = qualifying_study(
        researcher, protocol="hype_inf", feedback=False, qualification_feedback=True
    )
    session = start(join(study))
    issued = look(session)
    answer = Answer(nonce=issued.nonce, answer="real", rt_ms=1.0)
    recorded = sessions.record_judgment(session=session, answer=answer, now=NOW)
    assert recorded.has_feedback
    walk(session)
    session.qualifications.update(has_passed=True)
    session.qualification = session.qualifications.get()
    session.save()
    issued = look(start(session))
    answer = Answer(nonce=issued.nonce, answer="real", rt_ms=1.0)
    recorded = sessions.record_judgment(session=session, answer=answer, now=NOW)
    assert not recorded.has_feedback


@pytest.mark.parametrize("reals_of", ["practice r", "real"])
def test_scored_and_qualifying_reals_share_no_image(researcher, tmp_path, reals_of):
    """A set named `real` is made of the same images as the study's own."""
    sets = [
        make_sample_set(researcher, name, folder=tmp_path, origin=origin, n=200)
        for name, origin in {
            f"copy of {reals_of}": "real",
            "practice f": "generated",
        }.items()
    ]
    study = draft_study(
        researcher,
        protocol="hype_inf",
        n_arms=1,
        n_images=200,
        folder=tmp_path,
        materials={"qualification": sets},
        asks_qualification=True,
        qualification_n_real=10,
        qualification_n_fake=10,
        n_real=100,
    )
    studies.open_study(study=study, actor=researcher, now=NOW)
    practised, scored = set(), set()
    for _ in range(3):
        session = walk(start(attempt(join(study), "r")))
        practised |= contents(session.trials.filter(purpose="qualification"))
        scored |= contents(session.trials.filter(purpose="score"))
    assert len(practised) >= 30
    assert not practised & scored


def test_a_study_says_what_its_qualification_lacks(researcher, tmp_path):
    sets = {
        "real": make_sample_set(researcher, "few r", folder=tmp_path, origin="real"),
        "made": make_sample_set(
            researcher, "few f", folder=tmp_path, origin="generated"
        ),
    }
    study = draft_study(
        researcher,
        protocol="hype_inf",
        folder=tmp_path,
        materials={"qualification": list(sets.values())},
        asks_qualification=True,
    )
    assert any(
        "“few r” has 12 images that this study does not score, and one evaluator may "
        "need 100 of them to qualify or as attention checks" in sentence
        for sentence in studies.blockers(study)
    )
    with pytest.raises(DomainError, match="at least one real and one generated set"):
        draft_study(
            make_user("somebody"),
            protocol="hype_inf",
            folder=tmp_path,
            asks_qualification=True,
        )


def test_an_arm_cannot_serve_its_own_qualification(asking):
    arm_set = asking.arms.get().sample_set
    twin = twin_row(asking)
    with pytest.raises(DomainError, match="is an arm, so the qualification"):
        studies.create_study(
            study=twin,
            sample_sets=[arm_set],
            materials={"qualification": [asking.real_set, arm_set]},
        )


def test_database_refuses_a_scored_trial_in_a_qualification(asking):
    trial = start(join(asking)).trials.first()
    with pytest.raises(IntegrityError), transaction.atomic():
        Trial.objects.filter(pk=trial.pk).update(purpose="score")
    with pytest.raises(IntegrityError), transaction.atomic():
        Trial.objects.filter(pk=trial.pk).update(block=1)


def test_database_refuses_a_finished_session_without_an_arm(asking):
    session = join(asking)
    with pytest.raises(IntegrityError), transaction.atomic():
        Session.objects.filter(pk=session.pk).update(state="finished", finished_at=NOW)


def join_anyway(study, evaluator):
    """Join as somebody whose attempts were used up only afterwards."""
    return Session.objects.create(
        study=study,
        evaluator=evaluator,
        token="third",
        pool=study.pools.get(),
        population="people",
        seed=1,
        consented_at=NOW,
        last_seen_at=NOW,
    )


def twin_row(study, **changes):
    twin = type(study).objects.get(pk=study.pk)
    twin.pk, twin.slug = None, "twin"
    for name, value in changes.items():
        setattr(twin, name, value)
    return twin


def twin_of(study, **changes):
    twin = twin_row(study, **changes)
    twin.save()
    factories.link(twin)
    for arm in study.arms.all():
        twin.arms.create(
            sample_set=arm.sample_set, label=arm.label, position=arm.position
        )
    for use in study.materials.all():
        twin.materials.create(sample_set=use.sample_set, use=use.use)
    return twin
