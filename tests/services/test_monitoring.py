from datetime import timedelta
from decimal import Decimal

import pytest

from hypeweb.models import Pool, Session, Study
from hypeweb.services import monitoring, pools, scores, sessions
from hypeweb.services.monitoring import ArmState, Qualifying
from hypeweb.services.sessions import Exposure
from tests import factories
from tests.factories import NOW, join, walk

pytestmark = pytest.mark.django_db


def test_people_are_counted_and_nobody_else(study):
    for answers in ("rrrr", "rrrw", "rrrw"):
        walk(join(study), answers)
    for _ in range(2):
        sessions.leave_session(session=join(study), now=NOW)
    join(study)
    walk(join(study, population="simulated"))
    walk(join(study, population="preview"))
    scores.score_study(study.pk, now=NOW)
    found = monitoring.monitor_of(study)
    assert (found.n_begun, found.n_finished, found.n_running, found.n_left) == (
        (6, 3, 1, 2)
    )
    assert found.n_wanted == 60
    assert found.percent == 5
    assert found.drop_out_percent == 40
    assert found.scored_at == NOW
    assert sum(arm.n_finished for arm in found.arms) == 3
    assert all("%" in arm.score_text for arm in found.arms if arm.n_finished)
    assert (found.exposures, found.spend, found.qualifying) == (None, None, None)
    (row,) = found.pools
    assert (row.n_begun, row.n_finished, row.n_running, row.n_left) == (6, 3, 1, 2)
    assert (row.void_percent, row.earned) == (None, Decimal(0))


def test_a_study_nobody_has_taken_has_no_numbers(timed_study):
    Study.objects.update(pay_base=1)
    timed_study.refresh_from_db()
    found = monitoring.monitor_of(timed_study)
    assert found.arms == (ArmState("made 0", 0, 0, 0, "no score yet"),)
    assert (found.drop_out_share, found.seconds_per_trial, found.scored_at) == (
        (None, None, None)
    )
    assert (found.exposures.n_judgments, found.exposures.void_share) == (0, 0.0)
    assert (found.spend.amount, found.spend.share) == (Decimal(0), None)


def test_exposures_are_held_against_the_plan(timed_study):
    walk(join(timed_study), exposure=Exposure(shown_ms=490.0))
    late = Exposure(shown_ms=470.0, flags=("long_gap", "late_frame"))
    walk(join(timed_study), "r", exposure=late)
    found = monitoring.exposures_of(timed_study)
    assert found.n_judgments > 8
    assert found.n_void == found.n_judgments - 8
    assert found.mean_error_ms > 10
    flags = ("late_frame", "long_gap", "missed_target")
    assert found.flags == tuple((flag, found.n_void) for flag in flags)


@pytest.mark.parametrize(
    ("terms", "amount"),
    [
        ({"pay_base": 1, "pay_per_correct": Decimal("0.5")}, "5.50"),  # 3 and 2.50
        ({"pay_base": 1, "pay_hourly_minimum": 360}, "8.00"),  # 40 s each
    ],
)
def test_what_people_earned_follows_the_terms(study, terms, amount):
    Study.objects.update(**terms, budget=11)
    for answers in ("rrrr", "rrrw"):
        walk(join(study), answers)
    sessions.leave_session(session=join(study), now=NOW)
    Session.objects.filter(state="finished").update(
        started_at=NOW, finished_at=NOW + timedelta(seconds=40)
    )
    study.refresh_from_db()
    spend = monitoring.spend_of(study)
    assert spend.amount == Decimal(amount)
    assert spend.share == pytest.approx(float(amount) / 11)


def test_the_monitor_asks_as_much_of_few_as_of_many(
    researcher, django_assert_max_num_queries
):
    study = factories.open_study(
        researcher, protocol="hype_inf", pay_base=1, budget=100
    )

    def n_queries():
        with django_assert_max_num_queries(12) as captured:
            monitoring.monitor_of(study)
        return len(captured)

    walk(join(study))
    before = n_queries()
    for _ in range(3):
        walk(join(study))
    assert n_queries() == before


def test_pools_are_told_apart(timed_study, researcher):
    Study.objects.update(pay_base=2)
    timed_study.refresh_from_db()
    experts = pools.add_pool(
        pool=Pool(study=timed_study, name="experts", group="experts", quota=5),
        actor=researcher,
    )
    walk(join(timed_study))
    late = Exposure(shown_ms=470.0, flags=("long_gap",))
    failed = walk(join(timed_study), "r", exposure=late)
    Session.objects.filter(pk=failed.pk).update(pool=experts)
    found = monitoring.monitor_of(timed_study)
    crowd, invited = found.pools
    assert (crowd.n_finished, crowd.void_percent, crowd.earned) == (1, 0, 2)
    assert (invited.n_few_valid, invited.void_percent, invited.earned) == (1, 100, 0)
    assert (found.n_begun, found.n_finished, found.n_few_valid) == (2, 1, 1)
    assert found.spend.amount == 2


def test_the_share_that_qualified_leaves_out_who_is_still_trying(researcher):
    study = factories.qualifying_study(researcher, protocol="hype_inf")
    walk(join(study))
    for _ in range(2):
        session = walk(join(study), "w")
        while session.state == "consented":  # another attempt
            sessions.start_session(session=session, now=NOW, screen=factories.SCREEN)
            session = walk(session, "w")
    join(study)
    found = monitoring.monitor_of(study)
    assert found.qualifying == Qualifying(n_passed=1, n_failed=2)
    assert found.qualifying.percent == 33
    assert found.pools[0].n_screened_out == 2
