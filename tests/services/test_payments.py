from contextlib import suppress

import numpy as np
import pytest
from django.db import IntegrityError, transaction

from hypeweb.models import Account, Budget, Enrolment, Payment
from hypeweb.models.payments import Service
from hypeweb.services import payments, spending
from hypeweb.services.mturk import MTurkClient, MTurkPayer, fee_cents
from hypeweb.services.payments import Debt
from hypeweb.services.prolific import ProlificClient, ProlificPayer
from tests import factories
from tests.doubles.faults import Faults
from tests.factories import NOW

ALL_WRONG = {
    "lost_before": 0.1,
    "lost_after": 0.1,
    "broken_before": 0.05,
    "broken_after": 0.1,
    "busy": 0.1,
}


def enrol(study, service, double, number: int = 0):
    session = factories.join(study)
    name = f"{service}-{number}"
    if service == Service.PROLIFIC:
        double.submit(name, participant=f"person{number}")
    else:
        double.submit(name, worker_id=f"W{number}")
    if not Budget.objects.filter(study=study).exists():
        spending.open_budget(study)
    Budget.objects.update(is_automatic=True)
    Enrolment.objects.create(session=session, service=service, external_id=name)
    return session


def owe(session, reason="bonus", cents=123, service=Service.MTURK):
    return payments.owe(
        session=session,
        debt=Debt(
            reason=Payment.Reason(reason),
            service=service,
            cents=cents,
            currency="USD",
            detail="Thank you.",
        ),
        now=NOW,
    )


def run(payer, clock, *, days: int = 10) -> None:
    """Do what a worker does, every half hour, until nothing is left to do."""
    for _ in range(days * 48):
        found = payments.due(now=clock.at)
        for pk in found:
            with suppress(Exception):  # the worker logs it and goes on
                payments.send_payment(pk, payer=payer, now=clock.now)
        if not Payment.objects.filter(state__in=payments.OPEN_STATES).exists():
            return
        clock.advance(minutes=30)


def committed() -> int:
    counted = Payment.objects.filter(state__in=["sent", "confirmed"])
    return sum(payment.cost_cents for payment in counted)


def test_owe_writes_one_payment_for_each_reason(study):
    session = factories.join(study)

    first, again = owe(session), owe(session, cents=999)

    assert first == again
    assert Payment.objects.get().amount_cents == 123


def test_owe_owes_simulated_evaluators_nothing(study):
    assert owe(factories.join(study, population="simulated")) is None


def test_payment_of_one_reason_is_there_once_in_the_database(study):
    payment = owe(factories.join(study))
    payment.pk, payment.reference = None, "12345678123456781234567812345678"

    with pytest.raises(IntegrityError, match=r"(?i)unique"), transaction.atomic():
        payment.save(force_insert=True)


def test_send_payment_pays_base_and_bonus_on_mturk(study, mturk, clock):
    session = enrol(study, Service.MTURK, mturk)
    base, bonus = owe(session, "base", 100), owe(session, "bonus", 57)
    payer = MTurkPayer(MTurkClient(Service.MTURK))

    run(payer, clock)

    base.refresh_from_db()
    bonus.refresh_from_db()
    assert (base.state, bonus.state) == ("confirmed", "confirmed")
    assert mturk.assignments["mturk-0"].status == "Approved"
    assert [(b.worker_id, b.cents) for b in mturk.bonuses] == [("W0", 57)]
    assert (base.fee_cents, bonus.fee_cents) == (20, 11)
    assert Budget.objects.get().committed_cents == 188
    assert Account.objects.get().committed_cents == 188


def test_send_payment_asks_before_it_sends_again_after_tokens_ran_out(
    study, mturk, clock
):
    owe(enrol(study, Service.MTURK, mturk))
    payer = MTurkPayer(MTurkClient(Service.MTURK))
    mturk.faults = Faults(lost_after=1.0)
    for pk in payments.due(now=clock.at):
        # The first call asks for the worker; its reply is lost as well.
        with pytest.raises(Exception, match="onnection"):
            payments.send_payment(pk, payer=payer, now=clock.now)
    mturk.SendBonus("W0", "mturk-0", "1.23", f"x (reference {_reference()})")
    mturk.faults = Faults()
    clock.advance(days=2)

    run(payer, clock)

    assert len(mturk.bonuses) == 1
    assert Payment.objects.get().state == "confirmed"


def test_a_bonus_that_amazon_lists_late_is_neither_failed_nor_paid_again(
    study, mturk, clock
):
    payment = owe(enrol(study, Service.MTURK, mturk))
    payer = MTurkPayer(MTurkClient(Service.MTURK))
    mturk.lists_bonuses = False
    replies = iter(["", "", "lost_after"])
    mturk.faults.draw = lambda: next(replies, "")
    with pytest.raises(Exception, match="onnection"):
        payments.send_payment(payment.pk, payer=payer, now=clock.now)

    clock.advance(minutes=5)
    payments.send_payment(payment.pk, payer=payer, now=clock.now)

    payment.refresh_from_db()
    assert payment.state == "sent"
    assert Budget.objects.get().committed_cents == payment.cost_cents
    clock.advance(days=2)
    payments.send_payment(payment.pk, payer=payer, now=clock.now)
    payment.refresh_from_db()
    assert "does not list it" in payment.error
    mturk.lists_bonuses = True
    run(payer, clock)
    payment.refresh_from_db()
    assert (payment.state, payment.error) == ("confirmed", "")
    assert len(mturk.bonuses) == 1


def test_a_bonus_that_was_paid_though_refused_is_not_paid_again(study, mturk, clock):
    payment = owe(enrol(study, Service.MTURK, mturk))
    payer = MTurkPayer(MTurkClient(Service.MTURK))
    mturk.SendBonus("W0", "mturk-0", "1.23", f"x (reference {_reference()})")
    mturk.lists_bonuses = False
    mturk.SendBonus = lambda **_: (_ for _ in ()).throw(_refusal())
    payments.send_payment(payment.pk, payer=payer, now=clock.now)
    payment.refresh_from_db()
    assert payment.state == "failed"
    del mturk.SendBonus
    mturk.lists_bonuses = True
    clock.advance(days=2)

    payments.retry_failed(payment=payment)
    run(payer, clock)

    payment.refresh_from_db()
    assert (payment.state, len(mturk.bonuses)) == ("confirmed", 1)


def _reference():
    return Payment.objects.get().reference


def test_send_payment_never_pays_a_prolific_bonus_twice_when_the_reply_was_lost(
    study, prolific, clock
):
    owe(enrol(study, Service.PROLIFIC, prolific), service=Service.PROLIFIC)
    payer = ProlificPayer(ProlificClient())
    replies = iter(["", "", "lost_after"])
    prolific.faults.draw = lambda: next(replies, "")
    (pk,) = payments.due(now=clock.at)
    with pytest.raises(Exception, match="onnection"):
        payments.send_payment(pk, payer=payer, now=clock.now)

    clock.advance(minutes=5)  # paid, and not yet in the records
    payments.send_payment(pk, payer=payer, now=clock.now)
    assert Payment.objects.get().state == "sent"
    run(payer, clock)

    assert [c for _, c in prolific.submissions["prolific-0"].bonuses] == [123]
    assert Payment.objects.get().state == "confirmed"


def test_send_payment_sends_a_prolific_bonus_again_that_never_arrived(
    study, prolific, clock
):
    owe(enrol(study, Service.PROLIFIC, prolific), service=Service.PROLIFIC)
    payer = ProlificPayer(ProlificClient())
    replies = iter(["", "", "lost_before"])
    prolific.faults.draw = lambda: next(replies, "")

    run(payer, clock)

    assert [c for _, c in prolific.submissions["prolific-0"].bonuses] == [123]
    assert Payment.objects.get().state == "confirmed"


def test_send_payment_does_not_repeat_what_prolific_accepted(study, prolific, clock):
    owe(enrol(study, Service.PROLIFIC, prolific), service=Service.PROLIFIC)
    prolific.shows_after_s = float("inf")

    run(ProlificPayer(ProlificClient()), clock, days=2)

    payment = Payment.objects.get()
    assert len(prolific.submissions["prolific-0"].bonuses) == 1
    assert payment.state == "sent"
    assert "does not list it" in payment.error


class Interrupted(ProlificPayer):
    """Prolific's payer, with another worker at its turn after each look at the list."""

    def has_paid(self, payment, enrolment):
        found = super().has_paid(payment, enrolment)
        self.meanwhile(payment)
        return found


def test_two_equal_bonuses_never_claim_one_that_is_listed(study, prolific, clock):
    session = enrol(study, Service.PROLIFIC, prolific)
    bonus = owe(session, "bonus", 50, Service.PROLIFIC)
    extra = owe(session, "extra", 50, Service.PROLIFIC)
    payer = ProlificPayer(ProlificClient())
    payments.send_payment(bonus.pk, payer=payer, now=clock.now)
    replies = iter(["", "", "lost_before"])  # the second never arrives
    prolific.faults.draw = lambda: next(replies, "")
    with suppress(Exception):
        payments.send_payment(extra.pk, payer=payer, now=clock.now)
    clock.advance(minutes=30)
    interrupted = Interrupted(ProlificClient())
    interrupted.meanwhile = lambda _: payments.send_payment(
        extra.pk, payer=payer, now=clock.now
    )

    payments.send_payment(bonus.pk, payer=interrupted, now=clock.now)

    listed = prolific.submissions["prolific-0"].bonuses
    assert Payment.objects.filter(state="confirmed").count() == len(listed) == 1
    run(payer, clock)
    assert [cents for _, cents in listed] == [50, 50]
    assert set(Payment.objects.values_list("state", flat=True)) == {"confirmed"}


def test_an_equal_bonus_says_what_it_waits_for(study, prolific, clock):
    session = enrol(study, Service.PROLIFIC, prolific)
    owe(session, "bonus", 50, Service.PROLIFIC)
    owe(session, "extra", 50, Service.PROLIFIC)
    payer = ProlificPayer(ProlificClient())

    for pk in payments.due(now=clock.at):
        payments.send_payment(pk, payer=payer, now=clock.now)

    sent, waiting = Payment.objects.order_by("pk")
    assert (sent.state, waiting.state) == ("sent", "owed")
    assert waiting.error == payments.TWIN
    assert Budget.objects.get().committed_cents == sent.cost_cents


def test_equal_bonuses_under_way_are_one_in_the_database(study, prolific):
    session = enrol(study, Service.PROLIFIC, prolific)
    for reason in ("bonus", "extra"):
        owe(session, reason, 50, Service.PROLIFIC)

    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.update(state="sent", attempted_at=NOW)


def test_send_payment_stops_at_the_hard_limit(study, mturk, clock):
    Budget.objects.create(study=study, hard_cents=300)
    for number in range(3):
        owe(enrol(study, Service.MTURK, mturk, number), cents=100)
    payer = MTurkPayer(MTurkClient(Service.MTURK))

    run(payer, clock, days=1)

    assert sorted(Payment.objects.values_list("state", flat=True)) == [
        "confirmed",
        "confirmed",
        "owed",
    ]
    assert "hard spend limit" in Payment.objects.get(state="owed").error
    assert Budget.objects.get().committed_cents == 240
    Budget.objects.update(hard_cents=360)
    run(payer, clock, days=1)
    assert len(mturk.bonuses) == 3


def test_hard_limit_holds_in_the_database(study):
    with pytest.raises(IntegrityError, match="hard_limit"), transaction.atomic():
        Budget.objects.create(study=study, hard_cents=10, committed_cents=11)


def test_refused_payment_gives_its_money_back_and_may_be_tried_again(
    study, mturk, clock
):
    session = enrol(study, Service.MTURK, mturk)
    payment = owe(session)
    payer = MTurkPayer(MTurkClient(Service.MTURK))
    mturk.SendBonus = lambda **_: (_ for _ in ()).throw(_refusal())

    payments.send_payment(payment.pk, payer=payer, now=clock.now)

    payment.refresh_from_db()
    assert (payment.state, payment.error) == ("failed", "Not for this worker.")
    assert Budget.objects.get().committed_cents == 0
    del mturk.SendBonus
    payments.retry_failed(payment=payment)
    run(payer, clock)
    assert len(mturk.bonuses) == 1


def _refusal():
    from tests.doubles.mturk import RequestError  # noqa: PLC0415

    return RequestError("Not for this worker.")


def test_record_manual_confirms_once_under_the_limit(study, clock):
    payment = owe(factories.join(study), service=Service.MANUAL)

    payments.record_manual(payment=payment, now=clock.at)
    payments.record_manual(payment=payment, now=clock.at)

    payment.refresh_from_db()
    assert payment.state == "confirmed"
    assert Budget.objects.get().committed_cents == 123


@pytest.mark.parametrize("service", [Service.MTURK, Service.PROLIFIC])
@pytest.mark.parametrize("seed", [1, 2])
def test_everybody_is_paid_once_whatever_goes_wrong(
    researcher, mturk, prolific, clock, service, seed
):
    study = factories.open_study(
        researcher, protocol="hype_inf", evaluators_per_arm=100
    )
    double = prolific if service == Service.PROLIFIC else mturk
    double.faults = Faults()
    cents = np.random.default_rng(seed).integers(1, 500, 25).tolist()
    for number, amount in enumerate(cents):
        session = enrol(study, service, double, number)
        owe(session, "base", 100, service)
        owe(session, "bonus", amount, service)
    double.faults = Faults(seed=seed, **ALL_WRONG)
    payer = (
        ProlificPayer(ProlificClient())
        if service == Service.PROLIFIC
        else MTurkPayer(MTurkClient(Service.MTURK))
    )

    run(payer, clock)

    if service == Service.PROLIFIC:
        paid = [[c for _, c in s.bonuses] for s in prolific.submissions.values()]
    else:
        paid = [
            [b.cents for b in mturk.bonuses if b.assignment_id == name]
            for name in mturk.assignments
        ]
    assert paid == [[amount] for amount in cents]
    assert committed() == Budget.objects.get().committed_cents
    assert double.faults.seen["lost_after"] > 0
    # What Prolific accepted it may list late; what it lost is sent again.
    assert set(Payment.objects.values_list("state", flat=True)) == {"confirmed"}


@pytest.mark.parametrize(
    ("cents", "is_reward", "n_assignments", "fee"),
    [
        (100, True, 9, 20),
        (100, True, 10, 40),
        (100, False, 10, 20),
        (1, False, 1, 1),
        (52, False, 1, 10),
        (53, False, 1, 11),
    ],
)
def test_fee_is_amazons(cents, is_reward, n_assignments, fee):
    assert fee_cents(cents, is_reward=is_reward, n_assignments=n_assignments) == fee
