import json
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hypeweb.models import Score, Session, StudyComparison
from hypeweb.services import (
    drafts,
    quality,
    report_formats,
    reports,
    scores,
    sessions,
    studies,
)
from hypeweb.services.errors import DomainError
from hypeweb.services.sessions import Answer
from tests.factories import (
    NOW,
    join,
    look,
    make_sample_set,
    open_study,
    other,
    walk,
)

pytestmark = pytest.mark.django_db


def study_with_gold(researcher, tmp_path, *, protocol, **fields):
    sets = [
        make_sample_set(researcher, name, folder=tmp_path, origin=origin)
        for name, origin in {"gold r": "real", "gold f": "generated"}.items()
    ]
    return open_study(
        researcher,
        protocol=protocol,
        n_arms=1,
        materials={"gold": sets},
        **{"gold_percent": 50, **fields},
    )


def purposes(session):
    return Counter(session.trials.values_list("block", "purpose", "truth"))


def test_gold_trials_are_half_real_and_in_every_block(researcher, tmp_path):
    study = study_with_gold(researcher, tmp_path, protocol="hype_time")
    counts = purposes(join(study))
    assert {key: n for key, n in counts.items() if key[1] == "gold"} == {
        (block, "gold", truth): 1 for block in (1, 2) for truth in ("real", "fake")
    }
    assert sum(counts.values()) == 2 * (4 + 2)


def test_gold_trials_have_no_place_of_their_own(researcher, tmp_path):
    study = study_with_gold(
        researcher, tmp_path, protocol="hype_inf", evaluators_per_arm=60
    )
    places = Counter()
    for _ in range(60):
        gold = join(study).trials.filter(purpose="gold")
        places.update(gold.values_list("number", flat=True))
    assert set(places) == set(range(1, 7))
    # 120 gold trials over 6 places: 20 each, with a standard deviation of 4.
    assert max(places.values()) < 40


def test_nothing_sent_of_a_gold_trial_differs(researcher, tmp_path):
    study = study_with_gold(researcher, tmp_path, protocol="hype_inf")
    session, shapes = join(study), {}
    while issued := look(session):
        trial = session.trials.get(nonce=issued.nonce)
        shapes.setdefault(trial.purpose, set()).add(
            (issued.part, issued.planned_ms, issued.n_trials, len(issued.image_token))
        )
        answer = Answer(nonce=issued.nonce, answer="real", rt_ms=500.0)
        recorded = sessions.record_judgment(session=session, answer=answer, now=NOW)
        assert recorded.has_feedback
    assert shapes["gold"] == shapes["score"]
    assert len(shapes["gold"]) == 1


def test_gold_moves_no_staircase_and_enters_no_score(researcher, tmp_path):
    study = study_with_gold(researcher, tmp_path, protocol="hype_time", n_blocks=1)
    session, planned = join(study), []
    now = NOW
    while issued := look(session, now=now):
        now += timedelta(seconds=10)
        trial = session.trials.get(nonce=issued.nonce)
        planned.append((trial.purpose, issued.planned_ms))
        is_right = trial.purpose == "score"
        sessions.record_judgment(
            session=session,
            answer=Answer(
                nonce=issued.nonce,
                answer=trial.truth if is_right else other(trial.truth),
                rt_ms=500.0,
                exposure=sessions.Exposure(shown_ms=issued.planned_ms),
            ),
            now=now,
        )
    of_score = [ms for purpose, ms in planned if purpose == "score"]
    assert of_score == [500, 500, 500, 470]
    scores.score_study(study.pk, now=NOW)
    assert {score.n_judgments for score in Score.objects.all()} == {4}
    session.refresh_from_db()
    assert "gold" in session.quality_flags


def test_a_failed_exposure_of_gold_is_repeated_as_gold(researcher, tmp_path):
    study = study_with_gold(researcher, tmp_path, protocol="hype_time", n_blocks=1)
    session = join(study)
    walk(session, exposure=sessions.Exposure(shown_ms=500.0, flags=("blurred",)))
    first_void = session.trials.filter(judgment__is_void=True).count()
    repeats = session.trials.filter(is_repeat=True)
    assert first_void == 7
    assert repeats.count() == 1
    counts = Counter(session.trials.values_list("purpose", flat=True))
    assert counts in ({"score": 5, "gold": 2}, {"score": 4, "gold": 3})


def test_scores_are_stored_with_and_without_whom_the_rules_leave_out(study):
    careful, careless = join(study), join(study)
    study.longest_run, study.exclusions = 4, ["same_answer"]
    study.save()
    walk(careful, "rrrw")
    now = NOW
    while issued := look(careless, now=now):
        answer = Answer(nonce=issued.nonce, answer="real", rt_ms=500.0)
        sessions.record_judgment(session=careless, answer=answer, now=now)
    scores.score_study(study.pk, now=NOW)
    careless.refresh_from_db()
    assert "same_answer" in careless.quality_flags
    by_exclusions = {
        exclusions: set(
            Score.objects.filter(kind="hype_inf", exclusions=exclusions).values_list(
                "arm", "value"
            )
        )
        for exclusions in ("none", "applied")
    }
    assert by_exclusions["none"] == {
        (careful.arm_id, 0.25),
        (careless.arm_id, 0.5),
    }
    assert by_exclusions["applied"] == {(careful.arm_id, 0.25)}
    assert StudyComparison.objects.count() == 2
    # The answers are all still there.
    assert careless.trials.filter(judgment__isnull=False).count() == 4


def test_the_report_shows_either_and_says_whom_it_leaves_out(study):
    study.longest_run, study.exclusions = 4, ["same_answer"]
    study.save()
    walk(join(study), "rrrw")
    session = join(study)
    while issued := look(session):
        answer = Answer(nonce=issued.nonce, answer="fake", rt_ms=500.0)
        sessions.record_judgment(session=session, answer=answer, now=NOW)
    scores.score_study(study.pk, now=NOW)
    everyone = reports.build_report(study)
    applied = reports.build_report(study, exclusions="applied")
    assert sum(row.n_evaluators for row in everyone.rows) == 2
    assert sum(row.n_evaluators for row in applied.rows) == 1
    assert "would leave out 1 of 2 finished" in everyone.excluded.statement
    assert "leaves out 1 of 2 finished" in applied.excluded.statement
    lines = {line.flag: line.n_sessions for line in applied.excluded.lines}
    assert lines["same_answer"] == 1
    data = json.loads(json.dumps(report_formats.as_json(applied)))
    assert data["exclusions"] == "applied"
    assert data["excluded"]["n_left_out"] == 1


def test_people_and_simulated_evaluators_are_flagged_apart(study):
    for population in ("people", "simulated"):
        walk(join(study, population=population))
    assert quality.flag_sessions(study, population="people") == set()
    assert quality.excluded_of(study, population="people").n_sessions == 1
    assert quality.excluded_of(study, population="simulated").n_sessions == 0


def test_sessions_scored_before_there_were_flags_are_scored_again(study):
    walk(join(study))
    scores.score_study(study.pk, now=timezone.now())
    assert scores.unscored(now=timezone.now()) == []
    Session.objects.update(quality_flags=None)
    assert scores.unscored(now=timezone.now()) == [study.pk]


def test_flagging_takes_as_many_queries_for_three_as_for_one(study):
    def n_queries():
        Session.objects.update(quality_flags=None)
        with CaptureQueriesContext(connection) as queries:
            quality.flag_sessions(study, population="people")
        return len(queries)

    walk(join(study))
    first = n_queries()
    for _ in range(2):
        walk(join(study))
    assert n_queries() == first


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"exclusions": ["everyone"]}, "can be left out by gold, fast"),
        ({"exclusions": "gold"}, "can be left out by gold, fast"),
        ({"gold_percent": 10}, "For the attention checks, choose at least one real"),
        ({"longest_run": 1}, "longest_run cannot be used"),
        ({"n_masks": 25}, "n_masks cannot be used"),
    ],
)
def test_rules_that_cannot_be_applied_are_refused(study, fields, sentence):
    clone = drafts.copy_of(study)
    for name, value in fields.items():
        setattr(clone, name, value)
    arms = [arm.sample_set for arm in study.arms.all()]
    clone.owner = study.owner
    with pytest.raises(DomainError, match=sentence):
        studies.create_study(study=clone, sample_sets=arms)


def test_the_rules_are_printed_with_the_settings(study):
    printed = dict(studies.describe(study))
    assert printed["Left out by the rules"] == (
        "more than 10 % of the answers under 150 ms; 25 or more equal answers in a row"
    )
    assert "not above chance at a level of 5 %" in printed["Flagged only"]
