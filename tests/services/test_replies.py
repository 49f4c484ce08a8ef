from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection

from hypeweb.models import Project, StoredReply
from hypeweb.services import replies
from hypeweb.services.errors import DomainError
from hypeweb.services.replies import KeyReusedError, Reply, Request
from tests import factories
from tests.factories import NOW

REQUEST = Request("POST", "/api/v1/x", b"{}")


def once(user, *, key="k", request=REQUEST, act, now=NOW):
    return replies.once(user=user, key=key, request=request, act=act, now=now)


def add_project():
    made = Project.objects.create(name="x")
    return Reply(201, {"id": made.pk})


@pytest.mark.django_db
def test_a_request_sent_again_gets_the_same_reply(researcher):
    first = once(researcher, act=add_project)
    assert once(researcher, act=add_project) == first
    assert Project.objects.filter(name="x").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other",
    [
        Request("POST", "/api/v1/x", b"{1}"),
        Request("POST", "/api/v1/y", b"{}"),
    ],
)
def test_a_key_belongs_to_one_request(researcher, other):
    once(researcher, act=add_project)
    with pytest.raises(KeyReusedError) as caught:
        once(researcher, request=other, act=add_project)
    assert caught.value.status == 422


@pytest.mark.django_db
def test_a_key_belongs_to_one_person(researcher):
    first = once(researcher, act=add_project)
    assert once(factories.make_user("other"), act=add_project) != first


@pytest.mark.django_db
def test_a_request_that_failed_may_be_sent_again(researcher):
    def fail():
        add_project()
        raise DomainError("No.")

    with pytest.raises(DomainError, match="No"):
        once(researcher, act=fail)
    assert not Project.objects.filter(name="x").exists()
    assert once(researcher, act=add_project).status == 201


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["x" * 256, "a\nb"])
def test_a_key_that_cannot_be_stored_is_a_sentence(researcher, key):
    with pytest.raises(DomainError, match="at most 255 printable"):
        once(researcher, key=key, act=add_project)


@pytest.mark.django_db
def test_replies_are_forgotten_after_a_day(researcher):
    once(researcher, act=add_project)
    replies.sweep(now=NOW + timedelta(hours=23))
    assert StoredReply.objects.count() == 1
    replies.sweep(now=NOW + timedelta(hours=25))
    assert not StoredReply.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_is_carried_out(researcher):
    barrier, got = Barrier(4), []

    def send():
        barrier.wait()
        try:
            got.append(once(researcher, act=add_project))
        finally:
            connection.close()

    threads = [Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 4
    assert len({str(reply) for reply in got}) == 1
    assert Project.objects.filter(name="x").count() == 1
