"""What a study promises its evaluators: how long it takes and what that pays."""

from dataclasses import dataclass
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from hypeweb.models import Study
from hypeweb.science.pay import PayTerms, earned
from hypeweb.services import designs

# The publication's 10 minutes for 100 untimed images and 60 for 450 timed ones.
SECONDS_UNTIMED = 6
SECONDS_TIMED = 8


@dataclass(frozen=True)
class Promise:
    """What somebody who guesses may expect: half of the answers right."""

    seconds: float
    cents: int

    @property
    def hourly_cents(self) -> int:
        return round(self.cents * 3600 / self.seconds)


def terms_of(study: Study) -> PayTerms:
    """Return what a study pays, in cents."""
    return PayTerms(
        base_cents=round(study.pay_base * 100),
        correct_millicents=round(study.pay_per_correct * 100_000),
        hourly_cents=round(study.pay_hourly_minimum * 100),
    )


def promise_of(study: Study) -> Promise:
    """Return the least that an attentive evaluator may expect of a whole session."""
    n_trials = designs.n_trials_each(study)
    seconds = float(n_trials * (SECONDS_TIMED if study.is_timed else SECONDS_UNTIMED))
    if study.asks_qualification:
        seconds += study.qualification_n_trials * SECONDS_UNTIMED
    made = earned(terms_of(study), n_correct=n_trials // 2, seconds=seconds)
    return Promise(seconds=seconds, cents=made.total_cents)


def problem_of(study: Study) -> str:
    """Return why a study cannot keep what it promises, as a sentence, or nothing."""
    if not study.is_paid or study.budget is None:
        return ""
    promise = promise_of(study)
    n_groups = designs.n_groups(study)
    least = Decimal(n_groups * promise.cents) / 100
    if study.budget >= least:
        return ""
    where = "" if study.is_within else f" in each of the {n_groups} arms"
    return (
        f"The budget of {study.budget:,.2f} does not pay one evaluator{where} the "
        f"{promise.cents / 100:.2f} that a session promises, before "
        "fees; raise it, or shorten the study."
    )


def spoken_pay(study: Study) -> str:
    """Return what evaluators are told of the pay before they begin, or nothing."""
    if not study.is_paid:
        return ""
    promise = promise_of(study)
    parts = [
        (study.pay_base, _("%(amount)s for taking part")),
        (study.pay_per_correct, _("%(amount)s for each right answer")),
        (study.pay_hourly_minimum, _("never less than %(amount)s an hour of work")),
    ]
    terms = [
        sentence % {"amount": _amount(amount.normalize(), study.currency)}
        for amount, sentence in parts
        if amount
    ]
    hourly = Decimal(promise.hourly_cents) / 100
    return _("%(terms)s: about %(hourly)s an hour if half of the answers are right") % {
        "terms": "; ".join(terms),
        "hourly": _amount(hourly, study.currency),
    }


def _amount(amount: Decimal, currency: str) -> str:
    digits = max(2, -int(amount.as_tuple().exponent))
    return f"{number_format(amount, decimal_pos=digits)} {currency}"
