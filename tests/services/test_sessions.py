from collections import Counter
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from hypeweb.models import Judgment, Pool, Score, Session, Study, Trial
from hypeweb.services import pools, scores, sessions, studies
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.sessions import Answer, Exposure, Screen
from tests import factories
from tests.factories import (
    NOW,
    SCREEN,
    draft_study,
    join,
    look,
    open_study,
    other,
    walk,
)

pytestmark = pytest.mark.django_db


def answer_to(issued, answer, rt_ms=400.0):
    return Answer(nonce=issued.nonce, answer=answer, rt_ms=rt_ms)


def test_join_balances_arms(study):
    arms = [join(study).arm.label for _ in range(6)]
    assert Counter(arms) == {"made 0": 3, "made 1": 3}


def test_join_counts_populations_apart(study):
    for _ in range(4):
        join(study, population="simulated")
    assert Counter(join(study).arm.label for _ in range(2)) == {
        "made 0": 1,
        "made 1": 1,
    }


def test_join_refuses_when_every_arm_is_full(study):
    study.evaluators_per_arm = 1
    study.save()
    join(study)
    join(study)
    with pytest.raises(ConflictError, match="all the evaluators it needs"):
        join(study)


def test_who_is_left_out_is_replaced_in_the_same_arm(study):
    study.evaluators_per_arm = 1
    study.save()
    careless, careful = (walk(join(study)) for _ in "ab")
    Session.objects.filter(pk=careless.pk).update(quality_flags=["fast", "chance"])
    Session.objects.filter(pk=careful.pk).update(quality_flags=["chance"])
    assert join(study).arm == careless.arm
    with pytest.raises(ConflictError, match="all the evaluators it needs"):
        join(study)


def test_a_pool_takes_as_many_as_its_quota(study, researcher):
    experts = pools.add_pool(
        pool=Pool(study=study, name="Experts", group="experts", quota=2),
        actor=researcher,
    )
    join(study)
    for _ in range(2):
        sessions.join_study(study=study, population="people", now=NOW, pool=experts)
    with pytest.raises(ConflictError, match="all the evaluators it needs"):
        sessions.join_study(study=study, population="people", now=NOW, pool=experts)
    later = NOW + timedelta(minutes=16)
    assert sessions.join_study(
        study=study, population="people", now=later, pool=experts
    )
    assert join(study).state == Session.State.RUNNING


def test_join_gives_away_the_place_of_a_stale_session(study):
    study.evaluators_per_arm = 1
    study.save()
    for _ in range(2):
        join(study)
    with pytest.raises(ConflictError, match="all the evaluators it needs"):
        join(study, now=NOW + timedelta(minutes=study.idle_limit_min))
    later = NOW + timedelta(minutes=study.idle_limit_min, seconds=1)
    assert join(study, now=later).state == Session.State.RUNNING


def test_a_session_holds_its_place_as_long_as_it_may_take(study):
    study.evaluators_per_arm = 1
    study.save()
    for _ in range(2):
        join(study)
    longest = NOW + timedelta(minutes=study.duration_limit_min)
    Session.objects.update(last_seen_at=longest)
    with pytest.raises(ConflictError, match="all the evaluators it needs"):
        join(study, now=longest)
    later = longest + timedelta(seconds=1)
    assert join(study, now=later).state == Session.State.RUNNING


def test_who_starts_late_finds_the_place_given_away(study, client):
    study.evaluators_per_arm = 1
    study.save()
    slow = [
        sessions.join_study(study=study, population="people", now=NOW) for _ in "ab"
    ]
    later = NOW + timedelta(minutes=16)
    quick = [join(study, now=later) for _ in "ab"]
    sessions.start_session(session=slow[0], now=later)
    slow[0].refresh_from_db()
    assert slow[0].state == Session.State.NO_PLACE
    page = client.get(reverse("session", args=[slow[0].token])).content.decode()
    assert "Others were quicker" in page
    assert "Look for a free place" in page
    sessions.start_session(session=slow[0], now=later)
    slow[0].refresh_from_db()
    assert slow[0].state == Session.State.NO_PLACE
    sessions.leave_session(session=quick[0], now=later)
    for state in (Session.State.CONSENTED, Session.State.RUNNING):
        sessions.start_session(session=slow[0], now=later)
        slow[0].refresh_from_db()
        assert slow[0].state == state
    assert slow[0].arm == quick[0].arm


def test_an_answer_that_comes_too_late_ends_the_session_for_good(study):
    session = join(study)
    issued = look(session)
    late = NOW + timedelta(minutes=study.idle_limit_min, seconds=1)
    with pytest.raises(ConflictError, match="has ended"):
        sessions.record_judgment(
            session=session, answer=answer_to(issued, "real"), now=late
        )
    session.refresh_from_db()
    assert (session.state, session.finished_at) == (Session.State.LEFT, late)


def test_an_image_is_not_shown_again_in_another_study(study):
    first = join(study)
    issued = look(first)
    told = first.trials.get(nonce=issued.nonce).sample.content_hash
    twin = Study.objects.get(pk=study.pk)
    # All of the images but one of each set are needed.
    twin.pk, twin.slug = None, "twin"
    twin.n_real = twin.n_fake = 11
    twin.save()
    factories.link(twin)
    twin.arms.create(sample_set=first.arm.sample_set, label="a", position=0)
    second = sessions.join_study(
        study=twin, population="people", now=NOW, evaluator=first.evaluator
    )
    sessions.start_session(session=second, now=NOW)
    shown = set(second.trials.values_list("sample__content_hash", flat=True))
    assert len(shown) == 22
    assert told not in shown


def test_join_refuses_a_closed_study(study, researcher):
    studies.close_study(study=study, actor=researcher, now=NOW)
    with pytest.raises(ConflictError, match="not open"):
        join(study)


def test_start_refuses_a_study_that_was_closed_since(study, researcher):
    session = sessions.join_study(study=study, population="people", now=NOW)
    studies.close_study(study=study, actor=researcher, now=NOW)
    with pytest.raises(ConflictError, match="has ended"):
        sessions.start_session(session=session, now=NOW)
    session.refresh_from_db()
    assert session.state == Session.State.CONSENTED
    assert not session.trials.exists()


def test_start_lets_in_who_joined_before_a_pause(study, researcher):
    session = sessions.join_study(study=study, population="people", now=NOW)
    studies.pause_study(study=study, actor=researcher)
    sessions.start_session(session=session, now=NOW)
    session.refresh_from_db()
    assert session.state == Session.State.RUNNING


def test_a_preview_starts_in_a_study_that_is_not_open(researcher, tmp_path):
    draft = draft_study(researcher, protocol="hype_inf", folder=tmp_path)
    assert join(draft, population="preview").state == Session.State.RUNNING


def test_start_draws_exact_shares_without_repeats(study):
    session = join(study)
    trials = list(session.trials.select_related("sample__sample_set"))
    assert Counter(trial.truth for trial in trials) == {"real": 2, "fake": 2}
    assert len({trial.sample_id for trial in trials}) == 4
    for trial in trials:
        origin = trial.sample.sample_set.origin
        assert (origin == "real") == (trial.truth == "real")


def test_start_twice_changes_nothing(study):
    session = join(study)
    before = list(session.trials.values_list("pk", "sample_id"))
    sessions.start_session(session=session, now=NOW)
    assert list(session.trials.values_list("pk", "sample_id")) == before


def test_start_shows_images_about_equally_often(study):
    for _ in range(12):  # 24 real images shown, the set has 12
        join(study)
    shown = Counter(Trial.objects.filter(truth="real").values_list("sample_id"))
    assert set(shown.values()) == {2}


def test_what_a_leaver_was_not_shown_counts_no_longer(study):
    """Six see 12 images; whoever left after one gives back the rest."""
    for _ in range(3):
        session = join(study)
        sessions.issue_trial(session=session, now=NOW)
        sessions.leave_session(session=session, now=NOW)
    for _ in range(6):
        join(study)
    seen = Trial.objects.filter(truth="real").exclude(
        session__state=Session.State.LEFT, issued_at__isnull=True
    )
    counts = Counter(seen.values_list("sample_id", flat=True))
    assert max(counts.values()) - min(counts.values()) <= 1
    assert len(counts) == 12


def test_a_start_counts_no_trials_of_others(study):
    join(study)
    join(study)
    session = sessions.join_study(study=study, population="people", now=NOW)
    with CaptureQueriesContext(connection) as queries:
        sessions.start_session(session=session, now=NOW)
    assert not [query for query in queries if "GROUP BY" in query["sql"]]


def test_timed_blocks_are_half_real(timed_study):
    session = join(timed_study)
    counts = Counter(session.trials.values_list("block", "truth"))
    assert set(counts.values()) == {2}
    assert set(counts) == {(b, t) for b in (1, 2) for t in ("real", "fake")}


def test_issue_repeats_the_same_trial_until_it_is_answered(study):
    session = join(study)
    first = sessions.issue_trial(session=session, now=NOW)
    later = sessions.issue_trial(session=session, now=NOW + timedelta(minutes=5))
    assert later == first
    assert session.trials.get(number=1).issued_at == NOW


def test_record_finishes_after_the_last_trial(study):
    session = walk(join(study), "rwrr")
    assert session.state == Session.State.FINISHED
    result = sessions.result_of(session)
    assert (result.n_answered, result.n_correct) == (4, 3)
    assert result.n_reals == result.n_fakes == 2
    assert result.hype_time_ms is None


def test_same_answer_twice_is_counted_once_and_gets_the_same_reply(study):
    session = join(study)
    issued = look(session)
    replies = [
        sessions.record_judgment(
            session=session, answer=answer_to(issued, "real"), now=NOW
        )
        for _ in range(2)
    ]
    assert replies[0] == replies[1]
    assert Judgment.objects.count() == 1


def test_another_answer_to_an_answered_trial_is_refused(study):
    session = join(study)
    issued = look(session)
    sessions.record_judgment(session=session, answer=answer_to(issued, "real"), now=NOW)
    with pytest.raises(ConflictError, match="already answered"):
        sessions.record_judgment(
            session=session, answer=answer_to(issued, "fake"), now=NOW
        )
    assert Judgment.objects.get().answer == "real"


def test_answer_of_another_session_is_refused(study):
    mine, theirs = join(study), join(study)
    issued = look(theirs)
    with pytest.raises(ConflictError, match="no open trial of this session"):
        sessions.record_judgment(
            session=mine, answer=answer_to(issued, "real"), now=NOW
        )
    assert not Judgment.objects.exists()


def test_answer_to_a_trial_not_yet_issued_is_refused(study):
    session = join(study)
    sessions.issue_trial(session=session, now=NOW)
    last = session.trials.get(number=4)
    with pytest.raises(ConflictError, match="no open trial"):
        sessions.record_judgment(
            session=session,
            answer=Answer(nonce=last.nonce, answer="real", rt_ms=1.0),
            now=NOW,
        )


def test_answer_after_leaving_is_refused(study):
    session = join(study)
    issued = sessions.issue_trial(session=session, now=NOW)
    sessions.leave_session(session=session, now=NOW)
    with pytest.raises(ConflictError, match="has ended"):
        sessions.record_judgment(
            session=session, answer=answer_to(issued, "real"), now=NOW
        )


def test_timed_answer_before_the_image_can_have_been_shown_is_refused(timed_study):
    session = join(timed_study)
    issued = look(session)
    assert issued.planned_ms == 500
    early = NOW + timedelta(milliseconds=500 + 4 * 30 - 1)
    with pytest.raises(ConflictError, match="before the image"):
        sessions.record_judgment(
            session=session, answer=answer_to(issued, "real"), now=early
        )
    assert not Judgment.objects.exists()
    sessions.record_judgment(
        session=session,
        answer=answer_to(issued, "real"),
        now=early + timedelta(milliseconds=1),
    )
    assert Judgment.objects.get().server_ms == pytest.approx(620)


def test_timed_session_replays_the_staircase_within_each_block(timed_study):
    session = walk(join(timed_study), "rrrw" + "wwrr")
    planned = list(session.trials.values_list("planned_ms", flat=True))
    assert planned == [500, 500, 500, 470, 500, 510, 520, 520]
    assert sessions.result_of(session).hype_time_ms == pytest.approx((500 + 520) / 2)


def test_masks_differ_between_trials_and_repeat_for_one(timed_study):
    session = join(timed_study)
    first = sessions.issue_trial(session=session, now=NOW)
    assert len(set(first.mask_tokens)) == 4
    assert sessions.issue_trial(session=session, now=NOW).mask_tokens == (
        first.mask_tokens
    )


def test_image_opens_only_while_its_trial_waits(study):
    session = join(study)
    first, second = session.trials.all()[:2]
    assert sessions.open_image(first.image_token) is None
    issued = sessions.issue_trial(session=session, now=NOW)
    assert sessions.open_image(first.image_token)[0] == first.sample
    assert sessions.open_image(second.image_token) is None
    sessions.record_judgment(session=session, answer=answer_to(issued, "real"), now=NOW)
    assert sessions.open_image(first.image_token) is None


def test_leave_keeps_what_was_answered(study):
    session = join(study)
    issued = look(session)
    sessions.record_judgment(session=session, answer=answer_to(issued, "real"), now=NOW)
    sessions.leave_session(session=session, now=NOW)
    session.refresh_from_db()
    assert session.state == Session.State.LEFT
    assert sessions.result_of(session).n_answered == 1
    assert sessions.issue_trial(session=session, now=NOW) is None


def test_database_refuses_a_second_judgment_of_one_trial(study):
    session = walk(join(study))
    judgment = Judgment.objects.filter(trial__session=session).first()
    judgment.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        judgment.save(force_insert=True)


def test_database_refuses_an_image_twice_in_a_session(study):
    trial = join(study).trials.first()
    trial.pk, trial.number, trial.nonce, trial.image_token = None, 99, "n", "i"
    with pytest.raises(IntegrityError), transaction.atomic():
        trial.save(force_insert=True)


def test_other_names_the_other_truth():
    assert (other("real"), other("fake")) == ("fake", "real")


def test_a_reload_of_a_timed_image_is_flagged(timed_study):
    session = join(timed_study)
    issued = sessions.issue_trial(session=session, now=NOW)
    for _ in range(2):
        sessions.open_image(issued.image_token)
    sessions.record_judgment(
        session=session,
        answer=Answer(
            nonce=issued.nonce,
            answer="real",
            rt_ms=1.0,
            exposure=Exposure(shown_ms=500.0, flags=("blurred", "made_up")),
        ),
        now=NOW + timedelta(seconds=5),
    )
    assert Judgment.objects.get().exposure_flags == "blurred,shown_again"


def test_starting_after_leaving_begins_nothing(study):
    session = sessions.join_study(study=study, population="people", now=NOW)
    sessions.leave_session(session=session, now=NOW)
    sessions.start_session(session=session, now=NOW)
    session.refresh_from_db()
    assert session.state == Session.State.LEFT
    assert not session.trials.exists()


def test_a_place_is_held_briefly_before_the_start(study):
    study.evaluators_per_arm = 1
    study.save()
    for _ in range(2):
        sessions.join_study(study=study, population="people", now=NOW)
    later = NOW + timedelta(minutes=16)
    assert sessions.join_study(study=study, population="people", now=later)


def test_database_refuses_an_end_without_a_date(study):
    session = join(study)
    with pytest.raises(IntegrityError), transaction.atomic():
        Session.objects.filter(pk=session.pk).update(state="left")
    with pytest.raises(IntegrityError), transaction.atomic():
        Session.objects.filter(pk=session.pk).update(finished_at=NOW)


@pytest.mark.parametrize(
    ("showings", "n_shown", "flags"),
    [
        (["a", "a", "a"], 1, ""),  # two replies were lost
        (["a", "b"], 2, "shown_again"),
        (["a", "b", "a"], 3, "shown_again"),
        (["", ""], 2, "shown_again"),
        (["a", ""], 2, "shown_again"),
    ],
)
def test_a_request_repeated_for_one_showing_counts_once(
    timed_study, showings, n_shown, flags
):
    session = join(timed_study)
    issued = sessions.issue_trial(session=session, now=NOW)
    for showing in showings:
        assert sessions.open_image(issued.image_token, showing=showing)
    sessions.record_judgment(
        session=session,
        answer=Answer(issued.nonce, "real", 1.0, Exposure(shown_ms=500.0)),
        now=NOW + timedelta(seconds=5),
    )
    assert Trial.objects.get(nonce=issued.nonce).n_shown == n_shown
    assert Judgment.objects.get().exposure_flags == flags


@pytest.mark.parametrize("protocol", ["hype_inf", "hype_time"])
@pytest.mark.parametrize("population", ["people", "simulated"])
def test_an_answer_to_an_image_never_sent_counts_nowhere(
    researcher, protocol, population
):
    study = open_study(researcher, protocol=protocol, n_arms=1)
    session = join(study, population=population)
    issued = sessions.issue_trial(session=session, now=NOW)
    wrong = other(session.trials.get(nonce=issued.nonce).truth)
    recorded = sessions.record_judgment(
        session=session,
        answer=Answer(issued.nonce, wrong, 1.0, Exposure(shown_ms=500.0)),
        now=NOW + timedelta(seconds=5),
    )
    judgment = Judgment.objects.get()
    assert (judgment.exposure_flags, judgment.is_void) == ("not_sent", True)
    assert not recorded.has_feedback
    assert recorded.next_trial.planned_ms == (500 if study.is_timed else None)
    assert session.trials.filter(is_repeat=True).count() == 1


@pytest.mark.parametrize("protocol", ["hype_inf", "hype_time"])
def test_who_asks_for_no_image_is_not_scored(researcher, protocol):
    study = open_study(researcher, protocol=protocol, n_arms=1)
    session, now = join(study), NOW
    while issued := sessions.issue_trial(session=session, now=now):
        now += timedelta(seconds=5)
        exposure = Exposure(shown_ms=issued.planned_ms)
        answer = Answer(issued.nonce, "real", 900.0, exposure)
        sessions.record_judgment(session=session, answer=answer, now=now)
    session.refresh_from_db()
    assert session.state == Session.State.FEW_VALID
    assert sessions.result_of(session).n_answered == 0


FAILED = Exposure(shown_ms=500.0, flags=("blurred",))


def answer_open_trial(session, *, exposure, now, is_right=True):
    issued = look(session, now=now)
    truth = session.trials.get(nonce=issued.nonce).truth
    sessions.record_judgment(
        session=session,
        answer=Answer(
            nonce=issued.nonce,
            answer=truth if is_right else other(truth),
            rt_ms=1.0,
            exposure=exposure,
        ),
        now=now + timedelta(seconds=5),
    )
    return issued


def test_a_failed_exposure_is_repeated_within_its_block(timed_study):
    session = join(timed_study)
    first = answer_open_trial(session, exposure=FAILED, now=NOW)
    judgment = Judgment.objects.get()
    assert judgment.is_void
    assert (first.block_size, first.n_trials) == (4, 8)
    second = sessions.issue_trial(session=session, now=NOW)
    assert (second.block_size, second.n_trials) == (5, 9)
    assert (second.number, second.number_in_block) == (2, 2)
    walk(session)
    counts = Counter(
        session.trials.filter(judgment__is_void=False).values_list("block", "truth")
    )
    assert set(counts.values()) == {2}
    assert session.trials.filter(is_repeat=True).count() == 1
    assert len(set(session.trials.values_list("sample"))) == 9


def test_a_failed_exposure_does_not_move_the_staircase(timed_study):
    session = join(timed_study)
    answer_open_trial(session, exposure=FAILED, now=NOW, is_right=False)
    assert sessions.issue_trial(session=session, now=NOW).planned_ms == 500


def test_repeats_end_at_a_share_of_the_block(timed_study):
    session = walk(join(timed_study), exposure=FAILED)
    per_block = Counter(session.trials.values_list("block", flat=True))
    assert per_block == {1: 5, 2: 5}  # a fifth of 4, rounded up


@pytest.mark.parametrize(
    ("n_valid", "state"),
    [(2, Session.State.FINISHED), (1, Session.State.FEW_VALID)],
)
def test_a_session_with_a_block_of_few_valid_trials_is_not_scored(
    timed_study, client, n_valid, state
):
    timed_study.evaluators_per_arm = 1
    timed_study.save()
    session, now = join(timed_study), NOW
    for number in range(9):  # a block of 4 and a repeat, then one that is whole
        is_valid = number < n_valid or number >= 5
        exposure = Exposure(shown_ms=500.0) if is_valid else FAILED
        answer_open_trial(session, exposure=exposure, now=now, is_right=number % 2)
        now += timedelta(seconds=10)
    session.refresh_from_db()
    assert session.state == state
    scores.score_study(timed_study.pk, now=now)
    assert Score.objects.exists() == (state == Session.State.FINISHED)
    page = client.get(reverse("session", args=[session.token])).content.decode()
    assert ("cannot be scored" in page) == (state == Session.State.FEW_VALID)
    if state == Session.State.FEW_VALID:
        assert join(timed_study).state == Session.State.RUNNING


def test_database_refuses_a_share_over_the_whole(study):
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.filter(pk=study.pk).update(min_valid_percent=101)


def test_a_repeat_reads_no_trial_of_other_sessions(timed_study):
    session = join(timed_study)
    with CaptureQueriesContext(connection) as queries:
        answer_open_trial(session, exposure=FAILED, now=NOW)
    assert session.trials.filter(is_repeat=True).count() == 1
    assert not [query for query in queries if "GROUP BY" in query["sql"]]


def test_a_repeat_takes_any_place_in_the_rest_of_its_block(researcher):
    study = open_study(
        researcher, protocol="hype_time", n_arms=1, n_blocks=1, images_per_block=10
    )
    n_last = 0
    for _ in range(30):
        session = join(study)
        answer_open_trial(session, exposure=FAILED, now=NOW)
        void = session.trials.get(judgment__isnull=False)
        before = set(session.trials.exclude(pk=void.pk).values_list("truth", "sample"))
        assert len(before) == 10
        n_last += session.trials.last().truth == void.truth
    # 5 of the 10 trials left share the truth of the failed one; were the repeat
    # always the last, all 30 would. 27 or more by chance: fewer than 1 in 10,000.
    assert n_last < 27


def test_a_failed_exposure_voids_no_untimed_answer(study):
    session = join(study)
    answer_open_trial(session, exposure=FAILED, now=NOW)
    assert not Judgment.objects.get().is_void
    assert session.trials.count() == 4


def test_an_exposure_nobody_measured_is_void(timed_study):
    session = join(timed_study)
    answer_open_trial(session, exposure=Exposure(), now=NOW)
    assert Judgment.objects.get().exposure_flags == "unmeasured"
    assert Judgment.objects.get().is_void


def test_a_failed_exposure_without_a_spare_image_is_not_repeated(researcher):
    study = open_study(
        researcher, protocol="hype_time", n_arms=1, n_blocks=6, images_per_block=4
    )
    session = join(study)  # all 12 images of either set are taken
    answer_open_trial(session, exposure=FAILED, now=NOW)
    assert session.trials.count() == 24


def test_a_known_evaluator_comes_back_to_the_session_they_began(study):
    first = sessions.join_study(study=study, population="people", now=NOW)
    again = sessions.join_study(
        study=study, population="people", now=NOW, evaluator=first.evaluator
    )
    assert again == first


def test_a_known_evaluator_is_the_same_person_in_another_study(study, researcher):
    first = sessions.join_study(study=study, population="people", now=NOW)
    twin = Study.objects.get(pk=study.pk)
    twin.pk, twin.slug = None, "twin"
    twin.save()
    factories.link(twin)
    twin.arms.create(sample_set=study.arms.first().sample_set, label="a", position=0)
    second = sessions.join_study(
        study=twin, population="people", now=NOW, evaluator=first.evaluator
    )
    assert second != first
    assert second.evaluator == first.evaluator


@pytest.mark.parametrize(
    ("screen", "sentence"),
    [
        (None, "screen check has not run"),
        (Screen(width=599, height=900, refresh_hz=60), "599 x 900 pixels, and this st"),
        (Screen(width=900, height=499, refresh_hz=60), "needs 600 x 640"),
        (Screen(width=900, height=900, refresh_hz=30), "refreshes 30 times a second"),
    ],
)
def test_a_timed_study_refuses_a_screen_that_cannot_show_it(
    timed_study, screen, sentence
):
    session = sessions.join_study(study=timed_study, population="people", now=NOW)
    with pytest.raises(DomainError, match=sentence):
        sessions.start_session(session=session, now=NOW, screen=screen)
    session.refresh_from_db()
    assert session.state == Session.State.CONSENTED
    assert not session.trials.exists()


def test_the_screen_is_stored(timed_study):
    assert join(timed_study).screen["refresh_hz"] == 60.0


def test_a_session_that_stood_still_too_long_ends(study):
    session = join(study)
    issued = look(session)
    late = NOW + timedelta(minutes=study.idle_limit_min, seconds=1)
    with pytest.raises(ConflictError, match="has ended"):
        sessions.record_judgment(
            session=session, answer=answer_to(issued, "real"), now=late
        )
    assert sessions.issue_trial(session=session, now=late) is None
    session.refresh_from_db()
    assert session.state == Session.State.LEFT


def test_a_session_may_not_last_for_ever(study):
    study.idle_limit_min, study.duration_limit_min = 60, 90
    study.save()
    session = join(study)
    now = NOW
    for minutes in (50, 50):
        issued = look(session, now=now)
        now += timedelta(minutes=minutes)
        if minutes and now - NOW > timedelta(minutes=90):
            break
        sessions.record_judgment(
            session=session, answer=answer_to(issued, "real"), now=now
        )
    assert sessions.issue_trial(session=session, now=now) is None


def test_a_preview_walks_a_draft_and_counts_nowhere(researcher, tmp_path):
    draft = draft_study(researcher, protocol="hype_inf", folder=tmp_path)
    session = walk(join(draft, population="preview"))
    assert session.state == Session.State.FINISHED
    scores.score_study(draft.pk, now=NOW)
    assert not Score.objects.exists()


def test_the_rarest_images_are_drawn_from_a_set_of_any_size(study):
    """The draw reads what was shown and what it takes, never the whole set."""
    for _ in range(3):
        join(study)
    session = sessions.join_study(study=study, population="people", now=NOW)
    with CaptureQueriesContext(connection) as queries:
        sessions.start_session(session=session, now=NOW, screen=SCREEN)
    for query in queries:
        if 'FROM "hypeweb_sample"' in query["sql"]:
            assert '"position" IN (' in query["sql"]
    real = Trial.objects.filter(truth="real").values_list("sample_id", flat=True)
    assert len(set(real)) == 8


@pytest.mark.parametrize("protocol", ["hype_inf", "hype_time"])
def test_an_answer_costs_the_same_queries_early_and_late(researcher, protocol):
    study = open_study(
        researcher, protocol=protocol, n_arms=1, n_real=6, n_fake=6, images_per_block=12
    )
    session = join(study)
    issued = look(session)
    counts = set()
    for number in range(1, 11):
        answer = Answer(
            nonce=issued.nonce,
            answer="real",
            rt_ms=400.0,
            exposure=Exposure(shown_ms=issued.planned_ms),
        )
        now = NOW + timedelta(seconds=number)
        with CaptureQueriesContext(connection) as queries:
            sessions.record_judgment(session=session, answer=answer, now=now)
        counts.add(len(queries))
        issued = look(session, now=now)
    assert len(counts) == 1
    assert counts.pop() <= 11
