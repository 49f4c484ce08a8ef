import random

import pytest
from django.urls import reverse

from hypeweb.models import CompletionCode, OutcomeCode, Pool, Session
from hypeweb.services import completion, pools, sessions, studies
from hypeweb.services.errors import ConflictError, NotFoundError
from tests import factories
from tests.factories import NOW, join, walk


def code_of(session):
    return completion.ending_of(session, now=NOW).code


def test_each_session_has_a_random_code_of_its_own(study):
    codes = [code_of(walk(join(study))) for _ in range(3)]

    assert len(set(codes)) == 3
    assert all(len(code) == 10 for code in codes)


def test_a_code_stays_the_same_and_is_there_after_the_study_closed(study, researcher):
    session = walk(join(study))
    first = code_of(session)
    studies.close_study(study=study, actor=researcher, now=NOW)
    session.study.refresh_from_db()

    assert code_of(session) == first
    assert completion.redeem(study=study, code=first.lower(), now=NOW) == session


def test_a_code_follows_from_nothing_that_others_know(study):
    session = walk(join(study))
    codes = set()
    for _ in range(3):
        random.seed(1)
        codes.add(code_of(session))
        CompletionCode.objects.all().delete()

    assert len(codes) == 3


@pytest.mark.parametrize("kind", ["link", "prolific", "mturk"])
def test_who_finished_finds_their_code_on_the_page_of_a_closed_study(
    client, study, researcher, kind
):
    pool = pools.add_pool(
        pool=Pool(study=study, kind=kind, name="Other"), actor=researcher
    )
    session = join(study)
    Session.objects.filter(pk=session.pk).update(pool=pool)
    session.refresh_from_db()
    walk(session)
    studies.close_study(study=study, actor=researcher, now=NOW)

    page = client.get(reverse("session", args=[session.token])).content.decode()

    session.refresh_from_db()
    assert code_of(session) in page
    assert (completion.PROLIFIC_RETURN in page) == (kind == "prolific")


def test_codes_of_outcomes_are_random_and_differ_between_pools(study, researcher):
    codes = set()
    for name in ("Panel", "Other panel"):
        pool = pools.add_pool(
            pool=Pool(study=study, kind="prolific", name=name), actor=researcher
        )
        random.seed(1)
        codes |= {completion.code_for(pool, outcome) for outcome in OutcomeCode.Outcome}

    assert len(codes) == 6


def test_a_code_counts_once(study):
    code = code_of(walk(join(study)))
    completion.redeem(study=study, code=code, now=NOW)

    with pytest.raises(ConflictError, match="a code counts once"):
        completion.redeem(study=study, code=code, now=NOW)


def test_an_unknown_code_and_one_of_another_study_are_refused(study, researcher):
    code = code_of(walk(join(study)))
    other = factories.bare_study(researcher)

    for where, what in ((study, "ABCDEFGHJK"), (other, code)):
        with pytest.raises(NotFoundError, match="No session of"):
            completion.redeem(study=where, code=what, now=NOW)
    assert CompletionCode.objects.get().redeemed_at is None


def test_nobody_gets_a_code_before_the_end_or_without_an_answer(study):
    session = join(study)
    assert completion.ending_of(session, now=NOW) is None
    sessions.leave_session(session=session, now=NOW)
    session.refresh_from_db()
    assert completion.ending_of(session, now=NOW) is None


@pytest.mark.parametrize("population", ["simulated", "preview"])
def test_only_people_get_codes(study, population):
    assert (
        completion.ending_of(walk(join(study, population=population)), now=NOW) is None
    )
