from decimal import Decimal

import pytest
from django.utils import translation

from hypeweb.models import Study
from hypeweb.services import promises, studies
from tests import factories

PAPER = {
    "pay_base": Decimal("1.00"),
    "pay_per_correct": Decimal("0.02"),
    "pay_hourly_minimum": Decimal(0),
}


def study(**fields):
    return Study(**{"n_real": 50, "n_fake": 50, **PAPER, **fields})


def test_the_publications_terms_promise_twelve_dollars_an_hour():
    promise = promises.promise_of(study())

    # 1 dollar and 50 answers of 2 cents, in 10 minutes.
    assert (promise.cents, promise.seconds) == (200, 600)
    assert promise.hourly_cents == 1200


def test_a_higher_floor_is_what_is_promised():
    assert promises.promise_of(study(pay_hourly_minimum=15)).hourly_cents == 1500


def test_evaluators_are_told_in_their_language():
    paid = study(pay_hourly_minimum=Decimal("12.00"))
    assert promises.spoken_pay(paid) == (
        "1.00 USD for taking part; 0.02 USD for each right answer; never less than "
        "12.00 USD an hour of work: about 12.00 USD an hour if half of the answers are "
        "right"
    )
    with translation.override("de"):
        assert "1,00 USD" in promises.spoken_pay(paid)
    assert promises.spoken_pay(study(pay_base=0, pay_per_correct=0)) == ""


@pytest.mark.parametrize(("budget", "is_enough"), [("2.08", True), ("2.07", False)])
def test_a_budget_pays_somebody_in_each_arm(researcher, tmp_path, budget, is_enough):
    draft = factories.draft_study(
        researcher,
        protocol="hype_inf",
        folder=tmp_path,
        budget=budget,
        pay_base="1.00",
        pay_per_correct="0.02",
    )
    told = " ".join(studies.blockers(draft))
    assert ("does not pay one evaluator in each of the 2 arms" in told) != is_enough
