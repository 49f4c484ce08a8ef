import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypeweb.science.pay import Earned, PayTerms, active_seconds, earned

PUBLISHED = PayTerms()


def test_earned_is_the_publications_pay_for_a_session_within_its_hour():
    # One dollar and two cents for each of 360 correct answers of 450, in 40 minutes.
    pay = earned(PUBLISHED, n_correct=360, seconds=2400)

    assert pay == Earned(100, 720, 2400.0, is_topped_up=False)
    assert (pay.total_cents, pay.hourly_cents) == (820, 1230.0)


def test_earned_is_topped_up_to_the_hourly_floor():
    pay = earned(PUBLISHED, n_correct=50, seconds=1800)

    assert pay == Earned(100, 500, 1800.0, is_topped_up=True)


def test_earned_without_base_or_work_is_nothing():
    pay = earned(PUBLISHED, n_correct=0, seconds=0, pays_base=False)

    assert (pay.total_cents, pay.hourly_cents) == (0, math.inf)


@given(
    base=st.integers(0, 1000),
    each=st.integers(0, 10_000),
    hourly=st.integers(0, 10_000),
    n_correct=st.integers(0, 500),
    seconds=st.floats(0, 1e5),
)
def test_earned_keeps_every_promise(base, each, hourly, n_correct, seconds):
    pay = earned(PayTerms(base, each, hourly), n_correct=n_correct, seconds=seconds)

    assert pay.base_cents == base
    assert 1000 * pay.bonus_cents >= each * n_correct
    assert pay.total_cents * 3600 >= hourly * seconds * (1 - 1e-12)


def test_active_seconds_cuts_pauses_short():
    assert active_seconds([0, 5, 1000, 1010]) == 75.0
    assert active_seconds([1010, 0, 5, 1000]) == 75.0
    assert active_seconds([7]) == active_seconds([]) == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PayTerms(base_cents=-1), "base_cents must be at least 0, got -1"),
        (lambda: earned(PUBLISHED, n_correct=-1, seconds=1), "n_correct must be"),
        (lambda: earned(PUBLISHED, n_correct=1, seconds=math.nan), "seconds must be"),
        (lambda: active_seconds([math.inf]), "moments must be finite"),
        (lambda: active_seconds([1], away_seconds=0), "away_seconds must be above"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
