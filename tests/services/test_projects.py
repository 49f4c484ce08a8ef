import pytest
from django.db import IntegrityError, transaction

from hypeweb.models import AuditEvent, Membership, Project, SampleSet, Study
from hypeweb.services import projects, studies
from hypeweb.services.errors import ConflictError, DomainError, NotFoundError
from tests import factories
from tests.factories import make_sample_set, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(researcher):
    return projects.create_project(name="Faces", owner=researcher)


def member_of(project, user):
    return Membership.objects.get(project=project, user=user)


def test_a_person_has_one_project_of_their_own(researcher):
    first = projects.personal_project(researcher)
    assert projects.personal_project(researcher) == first
    assert first.name == "researcher's project"
    assert member_of(first, researcher).role == "owner"


def test_members_are_added_by_login_or_address(project, researcher):
    make_user("ada")
    make_user("ben", email="Ben@Example.org")
    projects.add_member(project=project, who="ada", role="viewer", actor=researcher)
    projects.add_member(
        project=project, who="ben@example.org", role="editor", actor=researcher
    )
    roles = {str(m.user): m.role for m in project.memberships.all()}
    assert roles == {"researcher": "owner", "ada": "viewer", "ben": "editor"}
    with pytest.raises(ConflictError, match="ada is a member already"):
        projects.add_member(project=project, who="ada", role="owner", actor=researcher)


@pytest.mark.parametrize(
    ("who", "error", "sentence"),
    [
        ("nobody", NotFoundError, "Nobody here has the login or e-mail"),
        ("", NotFoundError, "Nobody here has the login or e-mail"),
        ("two@example.org", DomainError, "Several accounts"),
        ("gone", NotFoundError, "Nobody here"),
    ],
)
def test_who_cannot_be_added_is_a_sentence(project, researcher, who, error, sentence):
    for name in ("one", "two"):
        make_user(name, email="two@example.org")
    make_user("gone", is_active=False)
    with pytest.raises(error, match=sentence):
        projects.add_member(project=project, who=who, role="viewer", actor=researcher)
    assert project.memberships.count() == 1


def test_the_last_owner_stays(project, researcher):
    mine = member_of(project, researcher)
    with pytest.raises(ConflictError, match="only owner"):
        projects.remove_member(member=mine, actor=researcher)
    with pytest.raises(ConflictError, match="only owner"):
        projects.change_role(member=mine, role="viewer", actor=researcher)
    other = make_user("other")
    projects.add_member(project=project, who="other", role="owner", actor=researcher)
    projects.remove_member(member=mine, actor=researcher)
    assert [m.user for m in project.memberships.all()] == [other]
    with pytest.raises(ConflictError, match="no longer a member"):
        projects.remove_member(member=mine, actor=researcher)


def test_a_stale_page_takes_no_owner_away(project, researcher):
    """Two owners who remove each other at once: the second finds itself the last."""
    make_user("other")
    theirs = projects.add_member(
        project=project, who="other", role="owner", actor=researcher
    )
    mine = member_of(project, researcher)
    projects.change_role(member=theirs, role="editor", actor=researcher)
    with pytest.raises(ConflictError, match="only owner"):
        projects.remove_member(member=mine, actor=researcher)


def test_what_happens_to_members_is_on_record(project, researcher):
    make_user("ada")
    member = projects.add_member(
        project=project, who="ada", role="viewer", actor=researcher
    )
    projects.change_role(member=member, role="editor", actor=researcher)
    projects.remove_member(member=member, actor=researcher)
    projects.rename_project(project=project, name="People", actor=researcher)
    projects.delete_project(project=project, actor=researcher)
    events = AuditEvent.objects.order_by("pk").values_list("action", "detail")
    assert list(events) == [
        ("created", ""),
        ("added a member", "ada viewer"),
        ("changed a role", "ada viewer to editor"),
        ("removed a member", "ada"),
        ("renamed", "before: Faces"),
        ("deleted", ""),
    ]
    assert not Project.objects.exists()


def test_a_project_that_holds_something_stays(researcher, tmp_path):
    kept = make_sample_set(researcher, "x", folder=tmp_path, origin="real")
    with pytest.raises(ConflictError, match="still holds sample sets"):
        projects.delete_project(project=kept.project, actor=researcher)


def test_names_of_sets_are_unique_in_a_project_and_not_beyond(
    researcher, project, tmp_path
):
    first = make_sample_set(researcher, "x", folder=tmp_path, origin="real")
    SampleSet.objects.create(name="x", owner=researcher, project=project, origin="real")
    with pytest.raises(IntegrityError), transaction.atomic():
        SampleSet.objects.create(
            name="x", owner=researcher, project=first.project, origin="real"
        )


def test_the_sets_of_a_study_are_of_one_project(researcher, project, tmp_path):
    draft = factories.draft_study(researcher, protocol="hype_inf", folder=tmp_path)
    assert draft.project == draft.real_set.project
    made = SampleSet.objects.get(name="made 0")
    made.project = project
    made.save()
    study = Study(name="x", owner=researcher, real_set=draft.real_set)
    with pytest.raises(DomainError, match="is in another project than “real”"):
        studies.create_study(study=study, sample_sets=[made])


def test_the_database_knows_no_other_role(project, researcher):
    with pytest.raises(IntegrityError), transaction.atomic():
        project.memberships.update(role="king")
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(project=project, user=researcher, role="viewer")
