from datetime import timedelta

import pytest

from hypeweb.models import Judgment, Payment, Session, Study
from hypeweb.services import (
    admissions,
    completion,
    limits,
    sessions,
    settlements,
    spending,
)
from hypeweb.services.errors import ConflictError
from tests import factories
from tests.factories import NOW, join, look, walk

PAY = {"pay_base": "1.00", "pay_per_correct": "0.02", "budget": "500"}


@pytest.fixture
def paid(researcher):
    return factories.open_study(researcher, protocol="hype_inf", **PAY)


def owed(session):
    found = Payment.objects.filter(session=session).order_by("pk")
    return [(one.reason, one.amount_cents, one.state) for one in found]


def test_settle_owes_base_and_correct_answers_once(paid):
    session = walk(join(paid), "rrrw")

    settlements.settle(session.pk, now=NOW)
    settlements.settle(session.pk, now=NOW)

    assert owed(session) == [("base", 100, "owed"), ("bonus", 6, "owed")]
    assert settlements.unsettled() == []


def test_settle_keeps_the_hourly_floor_on_active_time(researcher):
    study = factories.open_study(
        researcher, protocol="hype_inf", pay_hourly_minimum="12", budget="500"
    )
    session = walk(join(study), "w")
    seconds = settlements.active_seconds_of(session)

    settlements.settle(session.pk, now=NOW)

    # Four answers, ten seconds apart.
    assert seconds == 40
    assert owed(session) == [("bonus", 14, "owed")]


def test_who_leaves_early_gets_the_answers_and_not_the_base(paid):
    session = join(paid)
    issued = look(session)
    truth = session.trials.get(nonce=issued.nonce).truth
    answer = sessions.Answer(nonce=issued.nonce, answer=truth, rt_ms=500.0)
    sessions.record_judgment(session=session, answer=answer, now=NOW)
    sessions.leave_session(session=session, now=NOW)

    settlements.settle(session.pk, now=NOW)

    assert owed(session) == [("bonus", 2, "owed")]


def test_who_left_before_any_work_is_owed_nothing(paid):
    session = join(paid)
    sessions.leave_session(session=session, now=NOW)

    settlements.settle(session.pk, now=NOW)

    assert owed(session) == []


def test_who_worked_below_the_pass_mark_is_paid_the_base(researcher):
    study = factories.qualifying_study(
        researcher, protocol="hype_inf", qualification_max_attempts=1, **PAY
    )
    session = walk(join(study), "w")

    settlements.settle(session.pk, now=NOW)

    assert session.state == Session.State.SCREENED_OUT
    assert owed(session) == [("base", 100, "owed")]


def test_who_may_try_again_is_owed_what_the_later_work_adds(researcher):
    study = factories.qualifying_study(
        researcher,
        protocol="hype_inf",
        qualification_max_attempts=1,
        pay_hourly_minimum="360",
        **PAY,
    )
    session = walk(join(study), "w")
    settlements.settle(session.pk, now=NOW)
    before = owed(session)
    Judgment.objects.update(created_at=NOW + timedelta(minutes=5))

    admissions.requalify(session=session, actor=researcher)
    session.refresh_from_db()
    sessions.start_session(session=session, now=NOW, screen=factories.SCREEN)
    session.refresh_from_db()
    walk(session)
    session.refresh_from_db()
    sessions.start_session(session=session, now=NOW, screen=factories.SCREEN)
    session.refresh_from_db()
    session = walk(session)
    settlements.settle(session.pk, now=NOW)

    assert session.state == Session.State.FINISHED
    assert owed(session)[: len(before)] == before
    total = sum(cents for _, cents, _ in owed(session))
    assert total == settlements.earned_by(session).total_cents
    assert [reason for reason, *_ in owed(session)] == ["base", "bonus", "extra"]


@pytest.mark.parametrize("population", ["simulated", "preview"])
def test_nothing_is_owed_for_simulations_and_previews(paid, population):
    settlements.settle(walk(join(paid, population=population)).pk, now=NOW)

    assert not Payment.objects.exists()
    assert settlements.unsettled() == []


def test_nothing_is_owed_where_people_take_part_for_nothing(study):
    settlements.settle(walk(join(study)).pk, now=NOW)

    assert not Payment.objects.exists()
    assert settlements.unsettled() == []


def test_sessions_that_ended_alone_are_found(paid):
    session = join(paid)
    issued = look(session)
    answer = sessions.Answer(nonce=issued.nonce, answer="real", rt_ms=500.0)
    sessions.record_judgment(session=session, answer=answer, now=NOW)
    assert settlements.unsettled() == []

    late = NOW + timedelta(days=1)
    sessions.issue_trial(session=session, now=late)

    assert settlements.unsettled() == [session.pk]


def test_who_qualified_and_found_no_place_is_paid_at_once_and_for_later_work(
    researcher,
):
    study = factories.qualifying_study(
        researcher, protocol="hype_inf", evaluators_per_arm=1, **PAY
    )
    slow, quick = walk(join(study)), walk(join(study))
    for session in (quick, slow):
        sessions.start_session(session=session, now=NOW, screen=factories.SCREEN)
        session.refresh_from_db()
    assert slow.state == Session.State.NO_PLACE

    assert settlements.unsettled() == [slow.pk]
    settlements.settle(slow.pk, now=NOW)
    assert owed(slow) == [("base", 100, "owed")]

    sessions.leave_session(session=quick, now=NOW)
    for _ in ("look for a place", "begin"):
        sessions.start_session(session=slow, now=NOW, screen=factories.SCREEN)
        slow.refresh_from_db()
    slow = walk(slow)
    settlements.settle(slow.pk, now=NOW)
    assert slow.state == Session.State.FINISHED
    assert owed(slow)[0] == ("base", 100, "owed")
    total = sum(cents for _, cents, _ in owed(slow))
    assert total == settlements.earned_by(slow).total_cents > 100


def test_a_budget_that_pays_without_asking_approves_at_once(paid):
    budget = spending.open_budget(paid)
    budget.is_automatic = True
    budget.save()

    settlements.settle(walk(join(paid)).pk, now=NOW)

    assert set(Payment.objects.values_list("approved_at", flat=True)) == {NOW}
    assert budget.hard_cents == 50000


def test_nobody_is_let_work_a_third_time_for_nothing(researcher):
    study = factories.qualifying_study(
        researcher, protocol="hype_inf", qualification_max_attempts=1, **PAY
    )
    session = walk(join(study), "w")
    settlements.settle(session.pk, now=NOW)
    Payment.objects.update(reason="extra")

    with pytest.raises(ConflictError, match="let try again before"):
        admissions.requalify(session=session, actor=researcher)


@pytest.fixture
def between(researcher):
    """A session whose evaluator qualified and has not begun the task."""
    study = factories.qualifying_study(researcher, protocol="hype_inf", **PAY)
    session = walk(join(study))
    assert session.state == Session.State.CONSENTED
    return session


def test_who_qualified_and_could_not_go_on_is_paid(between):
    limits.end_late(now=NOW + timedelta(days=6))
    assert settlements.unsettled() == []
    Study.objects.update(state=Study.State.CLOSED, closed_at=NOW)

    limits.end_late(now=NOW + timedelta(days=6))

    assert settlements.unsettled() == [between.pk]
    settlements.settle(between.pk, now=NOW)
    assert owed(between)[0] == ("base", 100, "owed")
    between.refresh_from_db()
    assert completion.ending_of(between, now=NOW).code


def test_who_qualified_and_never_came_back_is_paid(between):
    limits.end_late(now=NOW + timedelta(days=8))
    assert settlements.unsettled() == [between.pk]


def test_who_was_let_try_again_is_not_ended_before_the_study(between, researcher):
    between.qualifications.update(is_forgiven=True)
    limits.end_late(now=NOW + timedelta(days=8))
    assert settlements.unsettled() == []
