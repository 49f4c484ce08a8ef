from datetime import timedelta

import pytest
from django.core import mail

from hypeweb.models import AuditEvent, Invitation, Pool, Session
from hypeweb.services import identities, invitations, pools
from hypeweb.services.errors import ConflictError, DomainError
from tests.factories import NOW

LATER = NOW + timedelta(days=1)
LIST = """address,speciality
ada@example.org,radiology
grace@example.org, radiology
Ada@Example.org,radiology
nobody
barbara@example.org
"""


@pytest.fixture(autouse=True)
def _mail(settings):
    settings.EMAIL_URL = "smtp://mail.example"
    settings.SITE_URL = "https://hype.example"


@pytest.fixture
def pool(study, researcher):
    return pools.add_pool(
        pool=Pool(study=study, kind="invitations", name="Clinic", group="experts"),
        actor=researcher,
    )


def invite(pool, text=LIST):
    return invitations.add(pool=pool, text=text, actor=pool.study.owner, now=NOW)


def send_all(now=NOW):
    for pk in invitations.due(now=now):
        invitations.send(pk, now=now)


def test_a_list_invites_each_address_once_and_says_what_is_wrong(pool):
    added = invite(pool)
    again = invite(pool)

    assert (added.n_added, added.n_known) == (3, 1)
    assert added.problems == (
        "Line 5: no e-mail address; write it as name@example.org, speciality.",
    )
    assert (again.n_added, again.n_known) == (0, 4)
    assert [one.number for one in pool.invitations.all()] == [2, 3, 6]


def test_a_number_is_the_line_of_its_list(pool):
    invite(pool, "address,speciality\n\nada@example.org\nnobody\n")

    later = invite(pool, "ada@example.org\rgrace@example.org,radiology\r")
    last = invite(pool, "barbara@example.org\n")

    assert [one.number for one in pool.invitations.all()] == [3, 10002, 20001]
    assert (later.before_first, last.before_first) == (10000, 20000)


def test_addresses_are_encrypted_and_come_back(pool):
    invite(pool)
    found = Invitation.objects.first()

    assert "ada" not in found.address_encrypted + found.address_hash + str(found)
    assert identities.decrypt(found.address_encrypted) == "ada@example.org"


def test_an_address_of_another_key_says_so(pool, settings):
    invite(pool)
    settings.IDENTITY_KEY = "another"

    send_all()

    assert len(mail.outbox) == 0
    assert "another IDENTITY_KEY" in Invitation.objects.first().error


def test_each_mail_goes_out_once_with_a_link_of_its_own(pool):
    invite(pool)
    send_all()
    send_all()

    assert [message.to for message in mail.outbox] == [
        ["ada@example.org"],
        ["grace@example.org"],
        ["barbara@example.org"],
    ]
    links = {one.token for one in pool.invitations.all()}
    assert all(
        sum(f"https://hype.example/p/{link}/" in m.body for m in mail.outbox) == 1
        for link in links
    )
    assert set(pool.invitations.values_list("n_sent", "error")) == {(1, "")}


@pytest.mark.parametrize(
    ("fate", "said"),
    [
        ("refused", "SMTPRecipientsRefused"),
        ("no greeting", "SMTPServerDisconnected"),
    ],
)
def test_a_mail_that_was_not_taken_is_tried_again_and_names_no_address(
    pool, mail_server, fate, said
):
    invite(pool, "ada@example.org\n")
    mail_server.fate = fate
    send_all()

    found = Invitation.objects.get()
    assert (found.n_sent, found.sent_at, found.wants_sending) == (0, None, True)
    assert said in found.error
    assert "ada@" not in found.error
    assert invitations.due(now=NOW) == []
    mail_server.fate = "taken"
    send_all(NOW + timedelta(hours=1))
    (sent,) = mail_server.mails
    assert sent.to == "ada@example.org"
    assert f"https://hype.example/p/{found.token}/" in sent.text


def test_a_mail_whose_receipt_was_lost_is_not_sent_again_by_itself(pool, mail_server):
    invite(pool, "ada@example.org\n")
    mail_server.fate = "no last word"
    send_all()
    mail_server.fate = "taken"

    for days in range(1, 5):
        send_all(NOW + timedelta(days=days))

    assert len(mail_server.mails) == 1
    found = Invitation.objects.get()
    assert (found.sent_at, found.wants_sending) == (NOW, False)
    assert found.error.startswith("Sent, and not confirmed")
    reminded = invitations.remind(pool=pool, actor=pool.study.owner, now=LATER)
    send_all(LATER)
    assert reminded.n_mailed == 1
    assert len(mail_server.mails) == 2
    found.refresh_from_db()
    assert (found.n_sent, found.error) == (1, "")


def test_a_mail_whose_worker_died_is_not_sent_twice(pool, monkeypatch):
    invite(pool, "ada@example.org\n")

    def die():
        raise KeyboardInterrupt

    monkeypatch.setattr(invitations, "get_connection", die)
    with pytest.raises(KeyboardInterrupt):
        send_all()
    monkeypatch.undo()

    assert invitations.due(now=LATER) == []
    assert Invitation.objects.get().error == invitations.UNCONFIRMED
    invitations.remind(pool=pool, actor=pool.study.owner, now=LATER)
    send_all()
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("is_sent_between", [True, False])
def test_pressing_remind_twice_mails_once(pool, is_sent_between):
    invite(pool, "ada@example.org\n")
    send_all()

    first = invitations.remind(pool=pool, actor=pool.study.owner, now=LATER)
    if is_sent_between:
        send_all(LATER)
    moment = LATER + timedelta(seconds=2)
    second = invitations.remind(pool=pool, actor=pool.study.owner, now=moment)
    send_all(moment)

    assert (first.n_mailed, second.n_mailed) == (1, 0)
    assert len(mail.outbox) == 2
    # The page says of whom it was too soon.
    assert second.n_recent == is_sent_between


def test_reminders_go_to_who_has_not_joined(pool):
    invite(pool)
    send_all()
    first, second, third = pool.invitations.all()
    invitations.join(invitation=first, now=NOW)
    invitations.revoke(invitation=second, actor=pool.study.owner, now=NOW)

    reminded = invitations.remind(pool=pool, actor=pool.study.owner, now=LATER)
    send_all(LATER)

    assert (reminded.n_mailed, reminded.n_recent) == (1, 0)
    assert mail.outbox[-1].to == ["barbara@example.org"]
    third.refresh_from_db()
    assert third.n_sent == 2


def test_a_link_is_one_persons_and_can_be_withdrawn(pool):
    invite(pool)
    first, second, _ = pool.invitations.all()

    session = invitations.join(invitation=first, now=NOW)
    assert invitations.join(invitation=first, now=NOW) == session
    assert session.pool == pool
    assert session.evaluator.external_id_hash == first.address_hash
    invitations.revoke(invitation=second, actor=pool.study.owner, now=NOW)
    with pytest.raises(ConflictError, match="was withdrawn"):
        invitations.join(invitation=second, now=NOW)
    assert Session.objects.count() == 1


def test_specialities_are_counted(pool):
    invite(pool)
    invitations.join(invitation=pool.invitations.first(), now=NOW)

    found = invitations.specialities_of(pool)

    assert [(one.speciality, one.n_invited, one.n_joined) for one in found] == [
        ("", 1, 0),
        ("radiology", 2, 1),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "list is empty"),
        ("a@b.c\n" * 5001, "At most 5000 lines"),
        ('"' + "x" * 200_000, "is no CSV"),
    ],
)
def test_lists_that_cannot_be_used_are_refused(pool, text, said):
    with pytest.raises(DomainError, match=said):
        invite(pool, text)


def test_the_record_names_nobody(pool):
    invite(pool)
    invitations.revoke(
        invitation=Invitation.objects.first(), actor=pool.study.owner, now=NOW
    )
    told = " ".join(
        f"{event.subject} {event.detail}" for event in AuditEvent.objects.all()
    )
    assert "@" not in told
