from datetime import timedelta

import pytest

from hypeweb.models import Block, Session, Study
from hypeweb.services import admissions, sessions
from hypeweb.services.errors import ConflictError, DomainError
from tests import factories
from tests.factories import NOW, join, walk


def again(study, evaluator, now=NOW):
    return sessions.join_study(
        study=study, population=Session.Population.PEOPLE, now=now, evaluator=evaluator
    )


def twin_of(study, **changes):
    twin = Study.objects.get(pk=study.pk)
    twin.pk, twin.slug = None, "twin"
    for name, value in changes.items():
        setattr(twin, name, value)
    twin.save()
    factories.link(twin)
    twin.arms.create(sample_set=study.arms.first().sample_set, label="a", position=0)
    return twin


def test_a_person_takes_part_in_one_study_of_a_group(researcher):
    study = factories.open_study(researcher, protocol="hype_inf", repeat_group="faces")
    first = join(study)
    same, other = twin_of(study), None

    with pytest.raises(ConflictError, match="study of this group"):
        again(same, first.evaluator)
    same.delete()
    other = twin_of(study, repeat_group="cars")
    assert again(other, first.evaluator).study == other
    assert again(study, first.evaluator) == first


def test_a_blocked_person_joins_nothing_of_the_project_until_the_day(study, researcher):
    session = join(study)
    twin = twin_of(study)

    made = admissions.block(
        session=session, reason="Copied answers", days=30, actor=researcher, now=NOW
    )

    with pytest.raises(ConflictError, match="cannot take part"):
        again(twin, session.evaluator)
    assert again(twin, session.evaluator, now=NOW + timedelta(days=31))
    admissions.lift_block(found=made, actor=researcher)
    assert not Block.objects.exists()


@pytest.mark.parametrize(("reason", "days"), [(" ", 3), ("x", 0), ("x", 4000)])
def test_a_block_needs_a_reason_and_an_end(study, researcher, reason, days):
    with pytest.raises(DomainError, match=r"reason|lasts"):
        admissions.block(
            session=join(study), reason=reason, days=days, actor=researcher, now=NOW
        )


def test_a_second_chance_is_for_who_did_not_qualify(researcher):
    study = factories.qualifying_study(
        researcher, protocol="hype_inf", qualification_max_attempts=1
    )
    session = walk(join(study), "w")
    assert session.state == Session.State.SCREENED_OUT

    admissions.requalify(session=session, actor=researcher)
    session.refresh_from_db()
    sessions.start_session(session=session, now=NOW, screen=factories.SCREEN)
    session = walk(Session.objects.get(pk=session.pk))

    assert session.state == Session.State.CONSENTED
    assert session.qualification.has_passed
    with pytest.raises(ConflictError, match="Only somebody who did not qualify"):
        admissions.requalify(session=session, actor=researcher)
