import pytest

from hypeweb.models import Project
from hypeweb.services import appeals
from hypeweb.services.errors import ConflictError, DomainError
from tests.factories import NOW, join


def test_a_message_is_answered_once(study, researcher):
    appeal = appeals.write(session=join(study), message=" Pay? ", now=NOW)
    appeals.reply(appeal=appeal, text="Tomorrow.", actor=researcher, now=NOW)

    with pytest.raises(ConflictError, match="already"):
        appeals.reply(appeal=appeal, text="Never.", actor=researcher, now=NOW)
    (found,) = appeals.inbox(Project.objects.all())
    assert (found.message, found.reply, found.replied_by) == (
        "Pay?",
        "Tomorrow.",
        researcher,
    )


@pytest.mark.parametrize("text", ["  ", "x" * 2001])
def test_a_message_says_something_and_not_too_much(study, text):
    with pytest.raises(DomainError):
        appeals.write(session=join(study), message=text, now=NOW)


def test_a_person_has_few_messages_that_wait(study):
    session = join(study)
    for _ in range(appeals.MAX_OPEN):
        appeals.write(session=session, message="x", now=NOW)
    with pytest.raises(ConflictError, match="received"):
        appeals.write(session=session, message="x", now=NOW)


def test_the_inbox_shows_only_ones_own_projects(study):
    appeals.write(session=join(study), message="x", now=NOW)
    assert not appeals.inbox(Project.objects.none()).exists()


def test_the_wording_of_a_consent_has_a_name_that_changes_with_it(study):
    first = join(study)
    second = join(study)
    assert first.consent_version == second.consent_version
    second.consent_text += " And more."
    assert first.consent_version != second.consent_version
    assert len(first.consent_version) == 12
