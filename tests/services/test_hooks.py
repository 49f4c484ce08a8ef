import json

import pytest

from hypeweb.models import Enrolment, ServiceEvent
from hypeweb.services import hooks
from hypeweb.services.errors import DomainError, ForbiddenError
from tests.factories import NOW, join

SECRET = "between us"


@pytest.fixture(autouse=True)
def _secret(settings):
    settings.PROLIFIC_WEBHOOK_SECRET = SECRET


@pytest.fixture
def enrolment(study):
    return Enrolment.objects.create(
        session=join(study), service="prolific", external_id="sub1"
    )


def take(status="APPROVED", *, event_id="e1", at=0, now=NOW, **changes):
    body = json.dumps(
        {
            "event_type": "submission.status.change",
            "resource_id": "sub1",
            "participant_id": "p",
            "status": status,
        }
    ).encode()
    timestamp = str(int(NOW.timestamp()) + at)
    signed = hooks.signature_of(SECRET, timestamp=timestamp, body=body)
    sent = {"body": body, "timestamp": timestamp, "signature": signed, **changes}
    return hooks.take_prolific(hooks.Delivery(event_id=event_id, **sent), now=now)


def test_an_event_counts_once_whatever_comes_again(enrolment):
    assert take("APPROVED")
    assert not take("REJECTED", at=5)

    enrolment.refresh_from_db()
    assert enrolment.status == "APPROVED"
    assert ServiceEvent.objects.count() == 1


def test_events_out_of_order_leave_the_newest(enrolment):
    take("APPROVED", event_id="late", at=60)
    take("AWAITING REVIEW", event_id="early", at=0)

    enrolment.refresh_from_db()
    assert enrolment.status == "APPROVED"


def test_an_old_event_that_is_sent_again_late_changes_nothing(enrolment):
    then = int(NOW.timestamp())
    take("APPROVED", event_id="late", at=60, event_timestamp=str(then + 60))
    take("AWAITING REVIEW", event_id="early", at=300, event_timestamp=str(then))

    enrolment.refresh_from_db()
    assert enrolment.status == "APPROVED"


def test_what_is_not_signed_makes_no_event_newer(enrolment):
    take("APPROVED", event_id="late", at=60)
    then = int(NOW.timestamp())
    take("ACTIVE", event_id="forged", at=0, event_timestamp=str(then + 900))

    enrolment.refresh_from_db()
    assert enrolment.status == "APPROVED"


@pytest.mark.parametrize(
    "change",
    [{"signature": "AAAA"}, {"signature": "ü"}, {"body": b"{}"}, {"timestamp": "1"}],
)
def test_what_is_not_signed_is_refused(enrolment, change):
    with pytest.raises(ForbiddenError, match="not Prolific's"):
        take(**change)
    assert not ServiceEvent.objects.exists()


def test_an_old_event_is_refused_though_it_is_signed(enrolment):
    with pytest.raises(ForbiddenError, match="too old"):
        take(at=-2 * 24 * 3600)


def test_an_event_without_its_id_is_refused(enrolment):
    with pytest.raises(DomainError, match="X-Event-ID"):
        take(event_id="")


def test_without_a_secret_no_event_is_taken(enrolment, settings):
    settings.PROLIFIC_WEBHOOK_SECRET = ""
    with pytest.raises(ForbiddenError, match="takes no events"):
        take()


def test_milliseconds_are_understood():
    assert hooks._moment("1767355200000") == hooks._moment("1767355200")  # noqa: SLF001
