from datetime import timedelta
from decimal import Decimal

import pytest

from hypeweb.models import Score, Session, Study
from hypeweb.science.planning import Terms
from hypeweb.services import costs, plans, scores
from hypeweb.services.errors import DomainError
from hypeweb.services.plans import Setup
from tests import factories
from tests.factories import NOW, join, walk

pytestmark = pytest.mark.django_db

UNTIMED = Setup(is_timed=False)
TIMED = Setup(is_timed=True, n_blocks=1, images_per_block=60)


def ended_study(owner, **fields):
    """Return a closed untimed study with scores of four people per arm."""
    study = factories.open_study(owner, protocol="hype_inf", n_arms=1, **fields)
    for answers in ("rrrr", "rrww", "rrrw", "wwww"):
        walk(join(study), answers)
    scores.score_study(study.pk, now=NOW)
    Study.objects.filter(pk=study.pk).update(
        state="closed", closed_at=NOW + timedelta(days=1)
    )
    return study


def width_plan(setup, expected, half_width):
    calibration = costs.bundled(is_timed=setup.is_timed)
    return plans.plan_width(
        setup,
        expected=expected,
        half_width=half_width,
        calibration=calibration,
        terms=Terms(calibration.seconds_per_trial),
    )


def test_without_ended_studies_the_bundled_defaults_are_named(study):
    calibration = costs.calibrate(is_timed=False)
    assert (calibration.person_spread, calibration.n_studies) == (0.08, 0)
    assert calibration.statement == (
        "People's error rates spread by 8 points: bundled defaults, from public "
        "studies."
    )


def test_a_few_people_calibrate_nothing(researcher):
    for owner in (researcher, factories.make_user("other")):
        ended_study(owner)
    calibration = costs.calibrate(is_timed=False)
    assert calibration == costs.bundled(is_timed=False)


def test_one_ended_study_is_too_few_and_two_are_enough(researcher, monkeypatch):
    monkeypatch.setattr(costs, "ENOUGH_PEOPLE", 1)
    first = ended_study(researcher)
    assert costs.calibrate(is_timed=False).n_studies == 0
    other = factories.make_user("other")
    ended_study(other)
    Session.objects.filter(study=first).update(
        started_at=NOW, finished_at=NOW + timedelta(seconds=12)
    )
    Session.objects.exclude(study=first).update(
        started_at=NOW, finished_at=NOW + timedelta(seconds=28)
    )
    calibration = costs.calibrate(is_timed=False)
    stored = set(Score.objects.filter(kind="hype_inf").values_list("person_spread"))
    assert (calibration.person_spread,) in stored
    assert calibration.seconds_per_trial == pytest.approx((3 + 7) / 2)
    assert "measured in 2 ended studies of this site." in calibration.statement
    assert costs.calibrate(is_timed=True).n_studies == 0


def test_simulated_evaluators_calibrate_nothing(researcher):
    for owner in (researcher, factories.make_user("other")):
        ended_study(owner)
    Score.objects.update(population="simulated")
    assert costs.calibrate(is_timed=False).n_studies == 0


def test_a_narrower_interval_takes_more_people_and_money():
    wide, narrow = (width_plan(UNTIMED, 0.3, width) for width in (0.06, 0.03))
    assert wide.n_evaluators < narrow.n_evaluators
    assert narrow.dollars == pytest.approx(narrow.n_evaluators * 2.0)
    assert narrow.minutes_per_evaluator == 10


def test_a_timed_plan_walks_the_rule():
    plan = width_plan(TIMED, 250.0, 40.0)
    assert plan.n_evaluators > 2
    assert plan.n_judgments == 60 * plan.n_evaluators


def test_more_power_takes_more_people():
    calibration = costs.bundled(is_timed=False)
    few, many = (
        plans.plan_separation(
            UNTIMED,
            expected=(0.3, 0.4),
            power=power,
            calibration=calibration,
            terms=Terms(calibration.seconds_per_trial),
        ).n_evaluators
        for power in (0.7, 0.95)
    )
    assert few < many


def test_the_preview_says_what_the_form_gives():
    preview = plans.preview(UNTIMED, n_evaluators=30, n_arms=3)
    first, shown, more, basis = preview.sentences
    assert first == "30 evaluators per arm, 10 minutes and $2.00 each, $180 in all."
    assert shown.startswith("Each arm's HYPE_inf will be known to about ±3.")
    assert more.startswith("±3.0 points takes ")
    assert "bundled defaults" in basis
    timed = plans.preview(TIMED, n_evaluators=30, n_arms=1)
    assert timed.sentences[0] == "The staircase settles at 63.0 % correct."
    assert "thresholds of 250 and 300 ms" in timed.sentences[2]


@pytest.mark.parametrize(
    ("setup", "sentence"),
    [
        (Setup(is_timed=True, n_blocks=100, images_per_block=100), "at most 3000"),
        (Setup(is_timed=False, n_images=4000), "at most 3000"),
    ],
)
def test_a_plan_of_too_many_images_is_a_sentence(setup, sentence):
    with pytest.raises(DomainError, match=sentence):
        plans.preview(setup, n_evaluators=30, n_arms=1)


def test_a_plan_of_one_evaluator_is_a_sentence():
    with pytest.raises(DomainError, match="between 2 and 2000, got 1"):
        plans.preview(UNTIMED, n_evaluators=1, n_arms=1)


def test_the_setup_of_a_study_is_its_own(timed_study):
    setup = plans.setup_of(timed_study)
    assert (setup.is_timed, setup.n_trials) == (True, 8)
    assert setup.rule.start_ms == 500


def test_the_highest_cost_is_everybody_all_right(researcher, tmp_path):
    study = factories.draft_study(
        researcher,
        protocol="hype_inf",
        folder=tmp_path,
        evaluators_per_arm=10,
        pay_base=1,
        pay_per_correct=Decimal("0.5"),
    )
    assert costs.highest_cost(study) == Decimal("60.00")  # 20 people, 1 + 4 x 0.50
    study.pay_hourly_minimum = 900  # 4 images in 24 s
    assert costs.highest_cost(study) == Decimal("120.00")
