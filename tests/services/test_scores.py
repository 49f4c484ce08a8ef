import json
from datetime import timedelta

import pytest
from django.core.management import call_command

from hypeweb.models import Judgment, Score, Study, StudyComparison
from hypeweb.services import comparisons, scores
from hypeweb.services.sessions import Exposure
from tests.factories import NOW, join, open_study, walk

pytestmark = pytest.mark.django_db


def score(study):
    scores.score_study(study.pk, now=NOW)
    return {
        (s.arm.label, s.population, s.kind): s
        for s in Score.objects.filter(exclusions="none").select_related("arm")
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
    walk(session, "r")
    clean = score(timed_study)["made 0", "people", "hype_time"]
    assert clean.n_judgments == 8
    Judgment.objects.filter(trial__session=session, trial__number=4).update(
        is_void=True
    )
    left = score(timed_study)["made 0", "people", "hype_time"]
    assert left.n_judgments == 7


def test_repeats_belong_to_the_block_they_were_shown_in(timed_study):
    timed_study.min_valid_percent = 0
    timed_study.save()
    session = join(timed_study)
    walk(session, exposure=Exposure(shown_ms=500.0, flags=("blurred",)))
    Judgment.objects.update(is_void=False)
    planned = dict.fromkeys((1, 2), 500)
    for block in planned:
        session.trials.filter(block=block).update(planned_ms=100 * block + 100)
    found = score(timed_study)["made 0", "people", "hype_time"]
    assert found.value == pytest.approx((200 + 300) / 2)


def by_command(study, tmp_path):
    """Return what `manage.py score_judgments` says of a study's exported judgments."""
    table, out = tmp_path / "judgments.csv", tmp_path / "scores.json"
    call_command("export", study.slug, scored_only=True, out=table)
    call_command(
        "score_judgments",
        table,
        json=out,
        seed=study.seed,
        limits_ms=[study.min_ms, study.max_ms],
    )
    return json.loads(out.read_text())


def near(value):
    """Equal but for the last digit, which depends on how arrays lie in memory."""
    if isinstance(value, dict):
        return {key: near(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(near(entry) for entry in value)
    return pytest.approx(value, rel=1e-12) if isinstance(value, float) else value


def bounds(score):
    return (score.value, score.low, score.high)


def stated(estimate):
    return (estimate["value"], estimate["low"], estimate["high"])


def test_site_and_command_give_the_same_untimed_numbers(study, tmp_path):
    for answers in ("rrrw", "rwrr", "wwrr", "rrrr", "wrwr", "rrrr"):
        walk(join(study), answers)
    found = score(study)
    command = by_command(study, tmp_path)
    for label, numbers in command["arms"].items():
        kinds = {key for arm, _, key in found if arm == label}
        assert kinds == {
            "hype_inf",
            "fakes_error",
            "reals_error",
            "dprime",
            "criterion",
            "said_real",
            "response_ms",
        }
        for kind in kinds:
            assert bounds(found[label, "people", kind]) == near(stated(numbers[kind]))
    stored = StudyComparison.objects.get(population="people", exclusions="none").result
    assert stored["comparison"] == near(command["comparisons"]["hype_inf"])
    assert stored["ranking"] == near(command["ranking"]["hype_inf"])


def test_site_and_command_give_the_same_timed_numbers(timed_study, tmp_path):
    for answers in ("rrrwwwrr", "rrrrrrrr", "rwrwrrrr"):
        walk(join(timed_study), answers, exposure=Exposure(shown_ms=498.5))
    found = score(timed_study)
    (numbers,) = by_command(timed_study, tmp_path)["arms"].values()
    for kind, key in {
        "hype_time": "hype_time_ms",
        "threshold_ms": "threshold_ms",
        "said_real": "said_real",
        "response_ms": "response_ms",
        "block_change_ms": "block_change_ms",
    }.items():
        assert bounds(found["made 0", "people", kind]) == near(stated(numbers[key]))
    threshold = found["made 0", "people", "threshold_ms"]
    assert threshold.statement == numbers["threshold_statement"]
    assert threshold.bound == (numbers["threshold_bound"] or "")
    assert threshold.person_spread == near(numbers["threshold_spread"])


@pytest.fixture
def long_study(researcher):
    """Return a timed study of one arm, 24 trials to a session."""
    return open_study(researcher, protocol="hype_time", n_arms=1, images_per_block=12)


def test_a_few_trials_give_no_threshold(timed_study):
    walk(join(timed_study))
    threshold = score(timed_study)["made 0", "people", "threshold_ms"]
    assert (threshold.value, threshold.bound) == (None, "")
    assert threshold.statement.startswith("Nobody made the 20 trials")


def test_an_exposure_of_nothing_is_unmeasured_and_stops_no_score(timed_study):
    walk(join(timed_study))
    Judgment.objects.filter(trial__number=1).update(shown_ms=0.0)
    assert ("made 0", "people", "hype_time") in score(timed_study)
    session = walk(join(timed_study), exposure=Exposure(shown_ms=0.0))
    assert set(session.trials.values_list("judgment__exposure_flags", flat=True)) == {
        "unmeasured"
    }


def test_the_threshold_rests_on_the_exposures_shown(long_study):
    timed_study = long_study
    walk(join(timed_study), "rrrrrrrw")
    before = score(timed_study)["made 0", "people", "threshold_ms"]
    Judgment.objects.update(shown_ms=250.0)
    after = score(timed_study)["made 0", "people", "threshold_ms"]
    assert after.value < before.value
    Judgment.objects.update(shown_ms=None)
    planned = score(timed_study)["made 0", "people", "threshold_ms"]
    assert "unknown for 24 of 24 judgments: the threshold takes the pl" in planned.note


def test_guessing_has_a_sentence_and_no_threshold(long_study):
    timed_study = long_study
    for _ in range(4):
        walk(join(timed_study), "rwwrwrrw")
    Judgment.objects.update(shown_ms=1000.0)
    threshold = score(timed_study)["made 0", "people", "threshold_ms"]
    assert (threshold.value, threshold.high, threshold.bound) == (None, None, "")
    assert threshold.statement == (
        "The answers cannot be told from guessing: there is no threshold."
    )


def test_a_preview_is_in_no_score(study):
    walk(join(study, population="preview"))
    assert score(study) == {}
    assert scores.unscored(now=NOW + timedelta(hours=1)) == []


def test_watched_arms_separate_when_they_differ(study):
    Study.objects.update(watch_sequentially=True)
    study.refresh_from_db()
    for _ in range(60):
        session = join(study)
        walk(session, "rrrr" if session.arm.label == "made 0" else "wwww")
    score(study)
    watch = comparisons.comparison_of(study, population="people").watch
    (pair,) = watch.pairs
    assert (pair.n_pairs, pair.decision) == (30, "separated")
    assert pair.low <= -1 <= pair.high < 0
    (sentence,) = comparisons.watch_sentences(study, watch)
    assert sentence.startswith(
        "“made 0” and “made 1” are apart after 30 pairs of evaluators: “made 1” is "
    )


def test_nothing_is_watched_unless_the_study_asks(study):
    for _ in range(2):
        walk(join(study))
    score(study)
    assert comparisons.comparison_of(study, population="people").watch is None
    assert comparisons.watch_sentences(study, None) == (
        "No evaluator of one arm has one of another to be paired with yet.",
    )


def test_arms_of_one_name_are_told_apart(study):
    study.arms.update(label="same")
    arms = list(study.arms.all())
    assert sorted(comparisons.arm_names(arms).values()) == ["same (1)", "same (2)"]


def test_many_undecided_pairs_are_counted_and_decided_ones_named(study):
    def pair(number, decision):
        return comparisons.WatchedPair(
            first=f"arm {number}",
            second="other",
            low=0.01,
            high=0.04,
            n_pairs=90,
            decision=decision,
        )

    undecided = [pair(number, "undecided") for number in range(4)]
    decided = [pair(4, "equivalent"), pair(5, "separated")]
    watch = comparisons.Watch(pairs=(*undecided, *decided), margin=0.05, level=0.95)
    assert comparisons.watch_sentences(study, watch) == (
        (
            "“arm 4” and “other” differ by less than 5.0 points after 90 pairs of "
            "evaluators: [1.0, 4.0] points."
        ),
        (
            "“arm 5” and “other” are apart after 90 pairs of evaluators: “arm 5” is "
            "higher, [1.0, 4.0] points."
        ),
        "4 pairs of arms cannot be told apart yet.",
    )
