"""What a posting sets aside, and what its service then pays by itself."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from hypeweb.models import Account, Budget, Enrolment, Payment, Pool, Posting
from hypeweb.services import (
    accounts,
    decisions,
    ledger,
    milestones,
    payments,
    pools,
    recruiting,
    sessions,
    settlements,
    spending,
    studies,
    undecided,
)
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.recruiting import Arrival, Wish
from tests import factories
from tests.doubles.faults import Faults
from tests.doubles.mturk import RequestError
from tests.factories import NOW, walk

ENTRY = "https://hype.example/e/x/work/"
# A base of 1.00 with Amazon's fee, and 2 of 4 images right with it.
PLACE = 120
BONUS = 4 + 1
AFTER_30_DAYS = NOW + timedelta(days=30)


@pytest.fixture(autouse=True)
def _site(settings):
    settings.SITE_URL = "https://hype.example"


@pytest.fixture
def paid(researcher):
    return factories.open_study(
        researcher,
        protocol="hype_inf",
        pay_base="1.00",
        pay_per_correct="0.02",
        budget="500",
    )


@pytest.fixture
def pool(paid):
    return pool_of(paid)


def pool_of(study, kind="mturk"):
    return pools.add_pool(
        pool=Pool(study=study, kind=kind, name=kind), actor=study.owner
    )


def asked(pool, n_places=9):
    return recruiting.request_posting(
        pool=pool, wish=Wish(n_places, minutes=10), actor=pool.study.owner, now=NOW
    )


def posted(pool, n_places=9):
    (posting,) = asked(pool, n_places)
    recruiting.post(posting.pk, entry_url=ENTRY)
    posting.refresh_from_db()
    return posting


def arrive(posting, number=0):
    arrival = Arrival(
        worker_id=f"AWORKER{number:05d}",
        submission_id=f"3ASSIGNMENT{number:04d}",
        posting_id=posting.external_id,
    )
    session = recruiting.join(pool=posting.pool, arrival=arrival, now=NOW)
    sessions.start_session(session=session, now=NOW)
    session.refresh_from_db()
    return session


def finish(posting, number=0):
    session = walk(arrive(posting, number))
    settlements.settle(session.pk, now=NOW)
    return session


def submit(double, posting, number=0):
    name = f"3ASSIGNMENT{number:04d}"
    double.submit(name, worker_id=f"AW{number}", hit_id=posting.external_id)


def send_all(clock):
    Payment.objects.update(approved_at=clock.at)
    for pk in payments.due(now=clock.at):
        payer = accounts.payer_of(Payment.objects.get(pk=pk))
        payments.send_payment(pk, payer=payer, now=clock.now)


def committed():
    found = {Budget.objects.get().committed_cents}
    found |= set(
        Account.objects.exclude(service="manual").values_list(
            "committed_cents", flat=True
        )
    )
    (cents,) = found
    return cents


def ledger_cents():
    """What payments that were sent cost, and what postings set aside."""
    moved = Payment.objects.filter(state__in=spending.MOVED)
    return sum(one.cost_cents for one in moved) + sum(
        posting.promised_cents for posting in Posting.objects.all()
    )


def test_posting_sets_every_reward_aside_and_a_base_takes_its_place(pool, mturk, clock):
    posting = posted(pool, 3)
    assert committed() == 3 * PLACE
    finish(posting)
    submit(mturk, posting)

    send_all(clock)

    assert committed() == ledger_cents() == 3 * PLACE + 8 + 2
    posting.refresh_from_db()
    assert posting.n_promised == 2
    assert Payment.objects.get(reason="base").is_promised


def test_places_that_nobody_took_are_set_aside_no_more(pool, mturk, clock):
    posting = posted(pool, 3)
    mturk.accept("3PENDING", hit_id=posting.external_id)
    submit(mturk, posting)

    recruiting.end(posting=posting, actor=pool.study.owner)
    assert committed() == 3 * PLACE
    recruiting.sync(posting.pk, now=NOW)
    assert committed() == 2 * PLACE  # one works, one is to be decided on

    mturk.return_("3PENDING")
    recruiting.sync(posting.pk, now=NOW)

    posting.refresh_from_db()
    assert committed() == PLACE
    assert (posting.n_promised, posting.is_settled) == (1, False)


def test_a_hit_whose_time_is_over_ends_and_lets_go(pool, mturk, clock):
    posting = posted(pool, 3)
    clock.advance(hours=73)

    recruiting.sync(posting.pk, now=clock.at)

    posting.refresh_from_db()
    assert (posting.state, posting.n_promised, committed()) == ("ended", 0, 0)
    recruiting.sync(posting.pk, now=clock.at)
    posting.refresh_from_db()
    assert posting.is_settled
    clock.advance(days=1)
    assert recruiting.to_sync(now=clock.at) == []


def test_what_was_never_posted_is_set_aside_no_more(pool, mturk):
    (posting,) = asked(pool, 3)

    recruiting.end(posting=posting, actor=pool.study.owner)

    assert (Posting.objects.count(), committed()) == (0, 0)


def test_what_amazon_approves_by_itself_is_in_the_ledger(pool, mturk, clock):
    """One waits for approval, one left without a base, one came without a session."""
    posting = posted(pool, 3)
    finish(posting, 0)
    leaver = arrive(posting, 1)
    sessions.leave_session(session=leaver, now=NOW)
    settlements.settle(leaver.pk, now=NOW)
    for number in range(3):
        submit(mturk, posting, number)
    recruiting.sync(posting.pk, now=clock.at)
    assert Enrolment.objects.filter(decides_at=AFTER_30_DAYS).count() == 2
    assert Payment.objects.filter(session=leaver).count() == 0
    clock.advance(days=31)

    for _ in range(2):
        recruiting.sync(posting.pk, now=clock.at)

    paid = Payment.objects.filter(reason="base")
    assert [(one.state, one.is_by_service, one.cost_cents) for one in paid] == 2 * [
        ("confirmed", True, PLACE)
    ]
    posting.refresh_from_db()
    assert (posting.n_promised, posting.n_strangers) == (1, 1)
    assert posting.is_settled
    spent = sum(one.status == "Approved" for one in mturk.assignments.values())
    assert committed() == ledger_cents() == spent * PLACE
    send_all(clock)  # the bonus is still owed, and the base is not sent again
    assert mturk.approvals == []
    assert committed() == ledger_cents() == 3 * PLACE + 10


def test_somebody_is_told_before_amazon_pays_by_itself(pool, mturk, clock):
    posting, study = posted(pool, 2), pool.study
    finish(posting, 0)
    leaver = arrive(posting, 1)
    sessions.leave_session(session=leaver, now=NOW)
    for number in range(2):
        submit(mturk, posting, number)
    recruiting.sync(posting.pk, now=NOW)
    studies.close_study(study=study, actor=study.owner, now=NOW)

    early = undecided.undecided_in(study, now=NOW)
    assert (early.n, early.is_soon, early.first_at) == (2, False, AFTER_30_DAYS)
    assert [one.session for one in early.without_base] == [leaver]
    assert milestones.watched() == [study.pk]
    milestones.notice_milestones(study.pk, now=NOW)
    assert not study.milestones.filter(kind="decision").exists()
    clock.advance(days=23)
    assert undecided.undecided_in(study, now=clock.at).is_soon
    milestones.notice_milestones(study.pk, now=clock.at)
    assert study.milestones.get(kind="decision").sentence == (
        "2 submissions wait for a decision. Their service pays them by itself, the "
        "first on 2026-02-01 12:00 UTC; approve or reject them before."
    )
    assert milestones.watched() == []

    send_all(clock)
    decisions.reject(
        enrolment=leaver.enrolment, reason="Left.", actor=study.owner, now=clock.at
    )
    assert undecided.undecided_in(study, now=clock.at) is None


def test_the_ledger_adds_up_to_what_is_committed(pool, mturk, clock):
    posting = posted(pool, 3)
    finish(posting)
    submit(mturk, posting)
    send_all(clock)

    lines = ledger.lines_of(pool.study)

    assert [(line.state, line.n_payments, line.cost_cents) for line in lines] == [
        ("confirmed", 2, PLACE + 10),
        ("set aside for places", 2, 2 * PLACE),
    ]
    assert sum(line.cost_cents for line in lines) == committed()


def test_a_promised_base_is_paid_though_the_limit_is_reached(pool, mturk, clock):
    posting = posted(pool, 1)
    Budget.objects.update(hard_cents=PLACE)
    finish(posting)
    submit(mturk, posting)

    send_all(clock)

    found = dict(Payment.objects.values_list("reason", "state"))
    assert found == {"base": "confirmed", "bonus": "owed"}
    assert (committed(), Budget.objects.get().overspent_cents) == (PLACE, 0)


def test_a_rejected_place_is_set_aside_no_more(pool, mturk, clock):
    posting = posted(pool, 1)
    finish(posting)
    submit(mturk, posting)
    mturk.RejectAssignment("3ASSIGNMENT0000", "no")

    recruiting.sync(posting.pk, now=clock.at)

    assert committed() == 0
    assert Payment.objects.get(reason="base").state == "failed"


@pytest.mark.parametrize(
    ("limit", "where"),
    [(Budget, "of the study, 6.00"), (Account, "at Amazon Mechanical Turk, 6.00")],
)
def test_nothing_is_posted_that_the_limits_do_not_cover(pool, mturk, limit, where):
    posted(pool, 2)
    limit.objects.filter(committed_cents__gt=0).update(hard_cents=600)
    free = 600 - 2 * (PLACE + BONUS)

    with pytest.raises(ConflictError) as refused:
        asked(pool, 3)

    said = str(refused.value)
    assert said.startswith("3 places cost 3.75 USD, fees included: 1.20 each for")
    assert where in said
    assert f"only {free / 100:.2f} are neither spent nor promised" in said
    assert "at most 2 places, or raise the limit on the page" in said
    assert Posting.objects.count() == 1
    assert committed() == 2 * PLACE
    asked(pool, 2)


def test_what_is_owed_to_others_is_not_promised_again(pool, mturk, clock):
    finish(posted(pool, 1))  # a bonus of 8 and its fee of 2 are owed
    Budget.objects.update(hard_cents=PLACE + 10 + PLACE + BONUS - 1)
    with pytest.raises(ConflictError, match="1 place cost"):
        asked(pool, 1)
    Budget.objects.update(hard_cents=PLACE + 10 + PLACE + BONUS)
    asked(pool, 1)


def test_places_are_added_only_within_the_limits(pool, mturk):
    posting = posted(pool, 7)
    Budget.objects.update(hard_cents=10 * (PLACE + BONUS))

    with pytest.raises(ConflictError, match="at most 3 places"):
        recruiting.extend(posting=posting, n_more=4, actor=pool.study.owner, now=NOW)
    assert mturk.hits[posting.external_id]["MaxAssignments"] == 7
    recruiting.extend(posting=posting, n_more=3, actor=pool.study.owner, now=NOW)

    assert mturk.hits[posting.external_id]["MaxAssignments"] == 9
    assert [one.n_promised for one in Posting.objects.all()] == [9, 1]
    assert committed() == 10 * PLACE


def test_nothing_is_added_to_a_study_that_takes_nobody(pool, mturk):
    posting = posted(pool, 2)
    studies.pause_study(study=pool.study, actor=pool.study.owner)

    with pytest.raises(DomainError, match="Open the study first"):
        recruiting.extend(posting=posting, n_more=1, actor=pool.study.owner, now=NOW)


def test_places_that_amazon_refuses_are_given_back(pool, mturk):
    posting = posted(pool, 2)

    def refuse(**_):
        raise RequestError("No more places.")

    mturk.CreateAdditionalAssignmentsForHIT = refuse
    with pytest.raises(ConflictError, match=r"No more places\."):
        recruiting.extend(posting=posting, n_more=3, actor=pool.study.owner, now=NOW)

    posting.refresh_from_db()
    assert (posting.n_places, posting.n_promised, committed()) == (2, 2, 2 * PLACE)


@pytest.mark.parametrize("was_done", [True, False])
def test_places_of_which_nobody_knows_stay_set_aside(pool, mturk, clock, was_done):
    posting = posted(pool, 2)
    mturk.faults = Faults(lost_after=1.0) if was_done else Faults(lost_before=1.0)
    with pytest.raises(ConflictError, match="Nobody knows"):
        recruiting.extend(posting=posting, n_more=3, actor=pool.study.owner, now=NOW)
    mturk.faults = Faults()

    recruiting.sync(posting.pk, now=clock.at)
    assert committed() == 5 * PLACE
    clock.advance(minutes=11)
    recruiting.sync(posting.pk, now=clock.at)

    posting.refresh_from_db()
    n_places = 5 if was_done else 2
    assert (posting.n_places, posting.n_promised) == (n_places, n_places)
    assert committed() == n_places * PLACE


def test_what_a_service_pays_above_the_limit_is_counted_and_stops_all_else(
    pool, mturk, clock, researcher
):
    posting = posted(pool, 1)
    Budget.objects.update(hard_cents=PLACE + 20)
    hit = mturk.hits[posting.external_id]
    hit["MaxAssignments"] = 2  # by hand, at Amazon

    recruiting.sync(posting.pk, now=clock.at)

    budget = Budget.objects.get()
    assert (budget.committed_cents, budget.overspent_cents) == (2 * PLACE, PLACE - 20)
    assert budget.left_cents == 0
    with pytest.raises(IntegrityError, match="hard_limit"), transaction.atomic():
        Budget.objects.update(committed_cents=2 * PLACE + 1)
    with pytest.raises(ConflictError, match=r"below the 2\.40"):
        ledger.set_limits(
            limit=budget, soft_cents=None, hard_cents=200, actor=researcher
        )
    ledger.set_limits(limit=budget, soft_cents=10, hard_cents=140, actor=researcher)
    hit["Expiration"] = clock.seconds()
    recruiting.sync(posting.pk, now=clock.at)
    budget = Budget.objects.get()
    assert (budget.committed_cents, budget.overspent_cents) == (0, 0)


def test_an_account_counts_one_currency(researcher, paid):
    euros = factories.bare_study(researcher, currency="EUR", pay_base="1.00")
    for study, currency in ((paid, "USD"), (euros, "EUR")):
        session = factories.join(paid)
        session.study = study
        payments.owe(
            session=session,
            debt=payments.Debt(
                Payment.Reason.BASE, "manual", 100, currency, "Thank you."
            ),
            now=NOW,
        )
    Account.objects.filter(currency="EUR").update(hard_cents=50)

    dollars = Payment.objects.get(currency="USD")
    payments.record_manual(payment=dollars, now=NOW)

    assert dict(Account.objects.values_list("currency", "committed_cents")) == {
        "USD": 100,
        "EUR": 0,
    }


def test_prolific_frees_and_pays_places_by_itself(paid, prolific, clock):
    posting = posted(pool_of(paid, "prolific"), 3)
    place = posting.place_cents
    assert (place, committed()) == (134, 3 * 134)
    finish(posting)
    prolific.submit("3ASSIGNMENT0000", participant="p", study_id=posting.external_id)
    prolific.submit("sub1", participant="q", study_id=posting.external_id)
    prolific.submissions["sub1"].status = "RETURNED"
    recruiting.sync(posting.pk, now=clock.at)
    assert committed() == 3 * place

    prolific.submissions["3ASSIGNMENT0000"].status = "APPROVED"
    recruiting.end(posting=posting, actor=paid.owner)
    recruiting.sync(posting.pk, now=clock.at)

    base = Payment.objects.get(reason="base")
    assert (base.state, base.is_by_service) == ("confirmed", True)
    posting.refresh_from_db()
    assert (posting.n_promised, posting.is_settled) == (0, True)
    assert committed() == ledger_cents() == place
