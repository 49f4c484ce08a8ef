from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from django.db import IntegrityError, transaction

from hypeweb.models import Judgment, Score, Session, Study, Trial
from hypeweb.services import (
    comparisons,
    costs,
    designs,
    display,
    exports,
    monitoring,
    paper,
    plans,
    promises,
    report_formats,
    reports,
    scores,
    session_counts,
    sessions,
    studies,
)
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.export_columns import JUDGMENTS
from hypeweb.services.exports import Selection
from tests.factories import NOW, draft_study, join, look, open_study, other, walk

pytestmark = pytest.mark.django_db


@pytest.fixture
def within(researcher):
    """An open untimed study of three arms, which each of six evaluators judges."""
    return open_study(
        researcher,
        protocol="hype_inf",
        n_arms=3,
        design="within",
        evaluators_per_arm=6,
    )


def order_of(session):
    trials = session.trials.order_by("block", "number")
    by_block = dict(trials.values_list("block", "arm__position"))
    return tuple(by_block.values())


def test_every_evaluator_judges_every_arm_in_blocks_of_their_own(within):
    session = join(within)
    counts = Counter(session.trials.values_list("block", "truth"))
    assert counts == {(b, t): 2 for b in (1, 2, 3) for t in ("real", "fake")}
    assert sorted(order_of(session)) == [0, 1, 2]
    for trial in session.trials.select_related("sample", "arm"):
        if trial.truth == "fake":
            assert trial.sample.sample_set_id == trial.arm.sample_set_id
    assert len(set(session.trials.values_list("sample"))) == 12
    assert session.arm.position == order_of(session)[0]


def test_orders_are_balanced_over_evaluators(within):
    orders = [order_of(join(within)) for _ in range(6)]
    assert len(set(orders)) == 6
    for place in zip(*orders, strict=True):
        assert Counter(place) == {0: 2, 1: 2, 2: 2}
    followers = Counter(pair for order in orders for pair in pairwise(order))
    assert set(followers.values()) == {2}


def test_a_study_is_full_when_every_arm_has_its_evaluators(within):
    for _ in range(6):
        join(within)
    with pytest.raises(ConflictError, match="all the evaluators it needs"):
        join(within)


def test_who_leaves_is_replaced_in_the_same_order(within):
    joined = [join(within) for _ in range(6)]
    sessions.leave_session(session=joined[2], now=NOW)
    assert order_of(join(within)) == order_of(joined[2])


def test_a_timed_study_has_all_its_blocks_of_each_arm(researcher):
    study = open_study(
        researcher, protocol="hype_time", n_arms=2, n_images=30, design="within"
    )
    session = join(study)
    issued = sessions.issue_trial(session=session, now=NOW)
    assert (issued.n_blocks, issued.n_trials, issued.block_size) == (4, 16, 4)
    assert order_of(session) in {(0, 0, 1, 1), (1, 1, 0, 0)}
    walk(session, "rrrw" + "wwrr" + "rrrr" + "wwww")
    planned = defaultdict(list)
    for block, ms in session.trials.values_list("block", "planned_ms"):
        planned[block].append(ms)
    assert [exposures[0] for exposures in planned.values()] == [500] * 4
    assert planned[4] == [500, 510, 520, 530]
    scores.score_study(study.pk, now=NOW)
    assert Score.objects.filter(kind=Score.Kind.HYPE_TIME).count() == 2


def test_a_repeat_is_of_the_arm_of_its_block(researcher):
    study = open_study(
        researcher, protocol="hype_time", n_arms=2, n_images=30, design="within"
    )
    session = join(study)
    failed = sessions.Exposure(shown_ms=500.0, flags=("blurred",))
    walk(session, exposure=failed)
    assert session.trials.filter(is_repeat=True).count() == 4
    for trial in session.trials.select_related("sample", "arm"):
        if trial.truth == "fake":
            assert trial.sample.sample_set_id == trial.arm.sample_set_id
    assert all(
        arms == 1
        for arms in Counter(
            block for block, _ in set(session.trials.values_list("block", "arm"))
        ).values()
    )


def judged(study, answers):
    """Let people judge the arms; one string of r(ight) and w(rong) for each arm."""
    for _ in range(study.evaluators_per_arm):
        session, now = join(study), NOW
        while issued := look(session, now=now):
            trial = session.trials.select_related("arm").get(nonce=issued.nonce)
            is_right = answers[trial.arm.position][trial.number % 4] == "r"
            sessions.record_judgment(
                session=session,
                answer=sessions.Answer(
                    nonce=issued.nonce,
                    answer=trial.truth if is_right else other(trial.truth),
                    rt_ms=500.0,
                ),
                now=now,
            )
    scores.score_study(study.pk, now=NOW)


def test_arms_are_scored_apart_and_compared_within_evaluators(within):
    judged(within, ["rrrr", "rrrw", "wwww"])
    values = Score.objects.filter(kind=Score.Kind.HYPE_INF, exclusions="none")
    by_arm = dict(values.values_list("arm__position", "value"))
    assert by_arm == {0: 0.0, 1: pytest.approx(0.25), 2: 1.0}
    assert set(values.values_list("n_evaluators", flat=True)) == {6}
    compared = comparisons.comparison_of(within, population="people")
    assert compared.within.n_complete == 6
    assert [pair.n_evaluators for pair in compared.pairs] == [6, 6, 6]
    report = reports.build_report(within)
    assert "own differences between arms" in report.comparison.basis
    assert report.comparison.eta_squared is None
    methods = paper.methods_text(report)
    assert "judged every model so, in orders balanced" in methods
    assert "compared within evaluators, by paired t-tests" in methods
    assert "adjusted thus (Holm 1979): Holm over 3 pairs." in methods
    assert "6 evaluators gave 72 answers that count, on 3 generated sets." in methods
    assert "draws whole evaluators" in report.comparison.basis
    assert [line.place.chance_best for line in report.comparison.places] == [1, 0, 0]
    table = report_formats.as_comparison_rows(report)
    assert [row[3] for row in table].count("difference, paired") == 3


def test_the_watch_pairs_each_person_with_themselves(within):
    Study.objects.filter(pk=within.pk).update(watch_sequentially=True)
    within.refresh_from_db()
    for answers in ("rrrr", "wwww", "rrww", "wwww", "rrrr", "wwrr"):
        # The same on every arm, so that nobody's arms differ.
        last = walk(join(within), answers)
    first = within.sessions.order_by("pk").first()
    assert last != first
    Judgment.objects.filter(trial__session=first, trial__arm__position=0).update(
        is_void=True
    )
    scores.score_study(within.pk, now=NOW)
    watched = comparisons.comparison_of(within, population="people").watch
    assert [(pair.n_pairs, pair.low + pair.high) for pair in watched.pairs] == [
        (5, pytest.approx(0, abs=1e-9))
    ] * 3


def test_the_comparison_of_one_evaluator_says_that_there_is_none(within):
    walk(join(within))
    scores.score_study(within.pk, now=NOW)
    report = reports.build_report(within)
    assert report.comparison.pairs == ()
    assert "nothing to compare yet" in report.comparison.sentences[0]


def test_between_subjects_stays_as_it_was(study):
    walk(join(study))
    scores.score_study(study.pk, now=NOW)
    compared = comparisons.comparison_of(study, population="people")
    assert compared.within is None
    session = Session.objects.get()
    assert session.sequence is None
    assert set(session.trials.values_list("arm", flat=True)) == {session.arm_id}


def test_counts_know_that_a_session_is_of_every_arm(within):
    walk(join(within))
    join(within)
    assert [
        (arm.n_finished, arm.n_running) for arm in studies.arms_with_counts(within)
    ] == [(1, 1)] * 3
    monitor = monitoring.monitor_of(within)
    assert (monitor.n_wanted, monitor.n_finished) == (6, 1)
    assert [arm.n_running for arm in monitor.arms] == [1, 1, 1]
    assert {one.arm for one in session_counts.counts_of(within)} == {None}
    assert designs.n_sessions_wanted(within) == 6


def test_evaluators_are_told_all_that_they_will_see(within):
    facts = display.facts_of(within)
    assert (facts.n_trials, facts.n_blocks, facts.images_per_block) == (12, 3, 4)
    assert display.task_of(join(within)).n_trials == 12


def test_an_export_names_the_arm_of_each_judgment(within):
    walk(join(within))
    column = [one.name for one in JUDGMENTS.columns].index("arm")
    rows = exports.rows_of(within, JUDGMENTS, Selection(population="all"))
    assert Counter(row[column] for row in rows) == {
        "made 0": 4,
        "made 1": 4,
        "made 2": 4,
    }


def test_the_checklist_asks_for_real_images_for_every_arm(researcher, tmp_path):
    draft = draft_study(
        researcher,
        protocol="hype_inf",
        n_arms=3,
        design="within",
        n_real=5,
        folder=tmp_path,
    )
    wanted = "“real” has 12 images, and each evaluator needs 15 of them"
    assert any(sentence.startswith(wanted) for sentence in studies.blockers(draft))


def test_one_arm_cannot_be_judged_within_subjects(researcher, tmp_path):
    with pytest.raises(DomainError, match="choose at least two generated sample sets"):
        draft_study(
            researcher, protocol="hype_inf", n_arms=1, design="within", folder=tmp_path
        )


def test_a_plan_counts_each_evaluator_once(within):
    setup = plans.setup_of(within)
    assert setup.n_arms_each == 3
    preview = plans.preview(setup, n_evaluators=6, n_arms=3)
    assert preview.plan.statement.startswith("6 evaluators of 3 arms each")
    assert preview.plan.dollars == pytest.approx(6 * preview.plan.dollars_per_evaluator)
    within.pay_per_correct, within.budget = 1, 5
    assert costs.highest_cost(within) == 6 * 12
    assert promises.promise_of(within).cents >= 6 * 100
    assert "one evaluator the" in promises.problem_of(within)


def test_a_preview_walks_every_arm(researcher, tmp_path):
    draft = draft_study(
        researcher, protocol="hype_inf", design="within", folder=tmp_path
    )
    session = walk(join(draft, population="preview"))
    assert session.state == Session.State.FINISHED
    assert Judgment.objects.count() == 8


def test_the_database_knows_two_designs_and_an_arm_for_each_trial(within):
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.filter(pk=within.pk).update(design="both")
    join(within)
    with pytest.raises(IntegrityError), transaction.atomic():
        Trial.objects.update(arm=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        Session.objects.update(arm=None)
