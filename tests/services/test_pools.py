import pytest
from django.db import IntegrityError, transaction

from hypeweb.models import AuditEvent, Pool, Session
from hypeweb.services import pools, sessions
from hypeweb.services.errors import ConflictError, DomainError
from tests import factories
from tests.factories import NOW


def add(study, actor, **fields):
    pool = Pool(study=study, **{"name": "Radiologists", "group": "experts", **fields})
    return pools.add_pool(pool=pool, actor=actor)


def test_a_study_is_made_with_an_open_link(study):
    (pool,) = study.pools.all()

    assert (pool.kind, pool.group, pool.state) == ("link", "crowd", "open")
    assert pools.open_link_of(study) == pool


def test_a_session_keeps_the_pool_it_came_through(study, researcher):
    experts = add(study, researcher)

    first = factories.join(study)
    second = sessions.join_study(
        study=study, population=Session.Population.PEOPLE, now=NOW, pool=experts
    )

    assert (first.pool, second.pool) == (study.pools.first(), experts)
    assert [pool.n_running for pool in pools.pools_with_counts(study)] == [1, 1]


def test_a_preview_comes_through_no_pool(study):
    assert factories.join(study, population="preview").pool is None


def test_everybody_else_comes_through_one_in_the_database(study):
    session = factories.join(study)
    with pytest.raises(IntegrityError, match="through_a_pool"), transaction.atomic():
        Session.objects.filter(pk=session.pk).update(pool=None)


@pytest.mark.parametrize("state", [Pool.State.PAUSED, Pool.State.CLOSED])
def test_a_pool_that_is_not_open_takes_nobody(study, researcher, state):
    pools.move_pool(pool=study.pools.get(), state=state, actor=researcher)

    assert pools.open_link_of(study) is None
    with pytest.raises(ConflictError, match="takes nobody new"):
        factories.join(study)


def test_the_pool_of_another_study_is_refused(study, researcher):
    other = add(factories.bare_study(researcher), researcher)

    with pytest.raises(ConflictError, match="takes nobody new"):
        sessions.join_study(
            study=study, population=Session.Population.PEOPLE, now=NOW, pool=other
        )


def test_a_closed_pool_stays_closed(study, researcher):
    pool = add(study, researcher)
    pools.move_pool(pool=pool, state=Pool.State.CLOSED, actor=researcher)

    with pytest.raises(ConflictError, match="“Radiologists” is closed"):
        pools.move_pool(pool=pool, state=Pool.State.OPEN, actor=researcher)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "Open link"}, "has a pool of this name"),
        ({"quota": 0}, "greater than or equal to 1"),
        ({"group": "others"}, "'others' is not a valid choice"),
    ],
)
def test_add_pool_refuses_what_makes_no_sense(study, researcher, fields, said):
    with pytest.raises(DomainError, match=said):
        add(study, researcher, **fields)
    assert study.pools.count() == 1


def test_changes_of_pools_are_on_record(study, researcher):
    pool = add(study, researcher)
    pool.quota, pool.countries, pool.min_n_approved = 12, "US GB", 0
    pools.change_pool(pool=pool, actor=researcher)

    stored = Pool.objects.get(pk=pool.pk)
    assert (stored.quota, stored.countries, stored.min_n_approved) == (12, "US GB", 0)
    acts = AuditEvent.objects.filter(subject__contains="Study").order_by("pk")
    assert [act.action for act in acts][-2:] == ["added pool", "changed pool"]
