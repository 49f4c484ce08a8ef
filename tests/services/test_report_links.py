from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from hypeweb.models import AuditEvent, ReportLink, ReportVersion
from hypeweb.services import report_links
from hypeweb.services.errors import ConflictError, DomainError
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(researcher):
    return factories.bare_study(researcher)


@pytest.fixture
def link(study, researcher):
    return report_links.create_link(study=study, days=7, actor=researcher, now=NOW)


def test_a_link_lasts_as_long_as_it_was_made_for(study, link):
    assert len(link.token) == 32
    assert link.is_valid(now=NOW + timedelta(days=7, seconds=-1))
    assert not link.is_valid(now=NOW + timedelta(days=7))
    assert report_links.links_of(study, now=NOW) == [link]
    assert report_links.links_of(study, now=NOW + timedelta(days=7)) == []


def test_a_link_is_withdrawn_once(study, link, researcher):
    report_links.revoke_link(link=link, actor=researcher, now=NOW)
    link.refresh_from_db()
    assert not link.is_valid(now=NOW)
    assert report_links.links_of(study, now=NOW) == []
    with pytest.raises(ConflictError, match="withdrawn already"):
        report_links.revoke_link(link=link, actor=researcher, now=NOW)
    actions = AuditEvent.objects.values_list("action", flat=True)[:2]
    assert list(actions) == ["withdrew a link to the report", "shared the report"]


@pytest.mark.parametrize("days", [0, -1, 367])
def test_a_link_of_no_or_endless_time_is_refused(study, researcher, days):
    with pytest.raises(DomainError, match=f"between 1 and 366 days; got {days}"):
        report_links.create_link(study=study, days=days, actor=researcher, now=NOW)


def test_the_database_wants_an_end_after_the_start(link):
    with pytest.raises(IntegrityError), transaction.atomic():
        ReportLink.objects.update(expires_at=NOW)


def test_a_link_shows_no_version_of_another_study(study, researcher):
    elsewhere = factories.bare_study(factories.make_user("other"))
    other = ReportVersion(study=elsewhere, number=1)
    with pytest.raises(DomainError, match="not of this study"):
        report_links.create_link(
            study=study, days=7, actor=researcher, now=NOW, version=other
        )
    assert not ReportLink.objects.exists()
