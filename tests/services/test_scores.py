from datetime import timedelta

import pytest

from hypeweb.models import Judgment, Score
from hypeweb.services import scores
from hypeweb.services.sessions import Exposure
from tests.factories import NOW, join, walk

pytestmark = pytest.mark.django_db


def score(study):
    scores.score_study(study.pk, now=NOW)
    return {
        (s.arm.label, s.population, s.kind): s
        for s in Score.objects.select_related("arm")
    }


def test_untimed_scores_are_the_evaluators_errors(study):
    for _ in range(2):
        walk(join(study), "rwrw")  # one in each arm
    found = score(study)
    for label in ("made 0", "made 1"):
        total = found[label, "people", "hype_inf"]
        assert (total.n_evaluators, total.n_judgments) == (1, 4)
        fakes = found[label, "people", "fakes_error"].value
        reals = found[label, "people", "reals_error"].value
        assert total.value == pytest.approx((fakes + reals) / 2) == 0.5


def test_scores_have_a_bootstrap_interval_from_two_evaluators_on(study):
    for answers in ("rrrr", "rrrr", "wwww", "wwww"):
        walk(join(study), answers)
    total = score(study)["made 0", "people", "hype_inf"]
    assert total.low is not None
    assert 0 <= total.low <= total.value <= total.high <= 1
    assert "bootstrap" in total.method


def test_unfinished_sessions_are_left_out(study):
    walk(join(study), "rrrr")
    join(study)
    assert len({key[0] for key in score(study)}) == 1


def test_simulated_evaluators_are_scored_apart(study):
    walk(join(study), "rrrr")
    walk(join(study), "rrrr")
    for _ in range(2):
        walk(join(study, population="simulated"), "wwww")
    found = score(study)
    assert found["made 0", "people", "hype_inf"].value == 0
    assert found["made 0", "simulated", "hype_inf"].value == 1


def test_scoring_twice_gives_the_same_rows(study):
    for answers in ("rrrw", "rwrr", "wwrr", "rrrr"):
        walk(join(study), answers)
    fields = ("arm", "population", "kind", "value", "low", "high", "judgments_hash")
    score(study)
    first = list(Score.objects.values_list(*fields))
    score(study)
    assert list(Score.objects.values_list(*fields)) == first


def test_timed_score_is_the_mean_of_block_modes(timed_study):
    session = walk(join(timed_study), "rrrw" + "wwrr")
    planned = list(session.trials.values_list("planned_ms", flat=True))
    assert planned == [500, 500, 500, 470, 500, 510, 520, 520]
    found = score(timed_study)["made 0", "people", "hype_time"]
    assert found.value == pytest.approx((500 + 520) / 2)


def test_a_session_no_score_knows_is_found(study):
    assert scores.unscored(now=NOW) == []
    walk(join(study), "rrrr")
    later = NOW + timedelta(hours=1)
    assert scores.unscored(now=later) == [study.pk]
    scores.score_study(study.pk, now=later)
    assert scores.unscored(now=later) == []


def test_failed_exposures_are_left_out_of_the_timed_score(timed_study):
    session = join(timed_study)
    walk(session, "r", exposure=Exposure(shown_ms=500.0))
    clean = score(timed_study)["made 0", "people", "hype_time"]
    assert clean.n_judgments == 8
    Judgment.objects.filter(trial__session=session, trial__number=4).update(
        is_void=True
    )
    left = score(timed_study)["made 0", "people", "hype_time"]
    assert left.n_judgments == 7


def test_repeats_belong_to_the_block_they_were_shown_in(timed_study):
    session = join(timed_study)
    walk(session, exposure=Exposure(shown_ms=500.0, flags=("blurred",)))
    Judgment.objects.update(is_void=False)
    planned = dict.fromkeys((1, 2), 500)
    for block in planned:
        session.trials.filter(block=block).update(planned_ms=100 * block + 100)
    found = score(timed_study)["made 0", "people", "hype_time"]
    assert found.value == pytest.approx((200 + 300) / 2)
