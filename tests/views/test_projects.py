import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from hypeweb.models import (
    AuditEvent,
    Evaluation,
    Membership,
    Project,
    ReportLink,
    ReportVersion,
    SampleSet,
    Study,
)
from hypeweb.services import evaluations, projects, report_links
from tests import factories
from tests.factories import NOW, join, make_user

pytestmark = pytest.mark.django_db

# What a viewer may do: look, try the task, and choose what to look at.
FREE = {
    *("study_preview", "project_switch", "projects", "sample_set_new", "study_new"),
    *("login", "logout", "member_remove"),
}


def text(response):
    return response.content.decode()


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def study(researcher):
    return factories.bare_study(researcher)


@pytest.fixture
def add(study, researcher):
    """Return a maker of clients whose users have a role in the study's project."""

    def make(role):
        user = make_user(role)
        projects.add_member(
            project=study.project, who=role, role=role, actor=researcher
        )
        return client_of(user)

    return make


def targets(study):
    """Return an address part for each name the site's addresses have."""
    run = evaluations.request_evaluations(study)[0]
    Evaluation.objects.filter(pk=run.pk).update(state="failed", error="x")
    link = report_links.create_link(study=study, days=9, actor=study.owner, now=NOW)
    version = ReportVersion.objects.create(
        study=study,
        number=1,
        population="people",
        document="{}",
        content_hash="0",
        settings_hash="0",
        published_by=study.owner,
        published_at=NOW,
    )
    return {
        "slug": {"": study.slug},
        "pk": {
            "sample_set": study.real_set_id,
            "evaluation": run.pk,
            "project": study.project_id,
            "member": study.project_id,
            "report_link": link.pk,
        },
        "number": {"report_version": version.number},
        "member_pk": {"": Membership.objects.get(user=study.owner).pk},
    }


def site_patterns():
    """Return the site's own addresses for researchers, without the evaluators'."""
    for pattern in get_resolver().url_patterns:
        if isinstance(pattern, URLPattern) and pattern.name:
            converters = pattern.pattern.converters
            if "token" not in converters:
                yield pattern.name, converters


def address(name, converters, found):
    values = {}
    for part in converters:
        keys = found.get(part, {})
        match = max((k for k in keys if name.startswith(k)), key=len, default=None)
        if match is None:
            return None
        values[part] = keys[match]
    return reverse(name, kwargs=values)


def test_nothing_that_takes_a_post_changes_for_a_viewer(study, add):
    """Also of what is added later: each address is tried."""
    viewer = add("viewer")
    found = targets(study)
    events = AuditEvent.objects.count()
    tried = []
    for name, converters in site_patterns():
        if name in FREE or not converters:
            continue
        path = address(name, converters, found)
        if path is None:
            continue
        status = viewer.post(path, {"study": study.slug}).status_code
        assert status in {403, 405}, f"a viewer's POST to {path} got {status}"
        tried.append((name, status))
    assert sum(status == 403 for _, status in tried) >= 9
    assert AuditEvent.objects.count() == events
    study.refresh_from_db()
    assert study.is_open


@pytest.mark.parametrize("path", ["study", "report", "report_json", "sample_set"])
@pytest.mark.parametrize("role", ["viewer", "editor", "owner"])
def test_members_read(study, add, path, role):
    key = study.real_set_id if path == "sample_set" else study.slug
    assert add(role).get(reverse(path, args=[key])).status_code == 200


def test_viewers_see_no_button_they_cannot_use(study, add):
    page = text(add("viewer").get(reverse("study", args=[study.slug])))
    assert "Close the study" not in page
    assert "Close the study" in text(
        add("editor").get(reverse("study", args=[study.slug]))
    )


def test_editors_change_and_owners_delete(study, add):
    editor, owner = add("editor"), add("owner")
    close = reverse("study_close", args=[study.slug])
    assert editor.post(close).status_code == 302
    unused = SampleSet.objects.create(
        name="unused", owner=study.owner, project=study.project, origin="real"
    )
    delete = reverse("sample_set_delete", args=[unused.pk])
    refused = editor.post(delete)
    assert refused.status_code == 403
    assert "This needs an owner of the project" in text(refused)
    assert owner.post(delete).status_code == 302
    assert not SampleSet.objects.filter(pk=unused.pk).exists()


def test_strangers_find_nothing(study, researcher):
    stranger = client_of(make_user("stranger"))
    for name in ("project", "project_rename", "project_delete"):
        path = reverse(name, args=[study.project_id])
        assert stranger.post(path).status_code == 404
    admin = client_of(make_user("admin", is_staff=True))
    assert admin.get(reverse("project", args=[study.project_id])).status_code == 200


def test_an_owner_manages_members(researcher_client, researcher, study):
    make_user("ada")
    page = reverse("project", args=[study.project_id])
    refused = researcher_client.post(page, {"who": "bob", "role": "viewer"})
    assert refused.status_code == 400
    assert "Nobody here has the login" in text(refused)
    researcher_client.post(page, {"who": "ada", "role": "viewer"})
    member = Membership.objects.get(user__username="ada")
    key = [study.project_id, member.pk]
    researcher_client.post(reverse("member_role", args=key), {"role": "editor"})
    member.refresh_from_db()
    assert member.role == "editor"
    assert (
        researcher_client.post(reverse("member_role", args=key), {"role": "x"})
    ).status_code == 400
    ada = client_of(User.objects.get(username="ada"))
    assert "ada" in text(ada.get(page))
    left = ada.post(reverse("member_remove", args=key), follow=True)
    assert "You left" in text(left)
    mine = Membership.objects.get(user=researcher)
    alone = researcher_client.post(
        reverse("member_remove", args=[study.project_id, mine.pk])
    )
    assert alone.status_code == 409


def test_a_project_is_made_chosen_and_deleted(researcher_client, study):
    made = researcher_client.post(reverse("projects"), {"name": "Faces"})
    project = Project.objects.get(name="Faces")
    assert made.url == reverse("project", args=[project.pk])
    assert study.slug not in text(researcher_client.get(reverse("studies")))
    switch = reverse("project_switch")
    researcher_client.post(switch, {"project": str(study.project_id)})
    assert study.slug in text(researcher_client.get(reverse("studies")))
    researcher_client.post(switch, {"project": ""})
    assert study.slug in text(researcher_client.get(reverse("studies")))
    other = projects.create_project(name="Theirs", owner=make_user("other"))
    assert researcher_client.post(switch, {"project": other.pk}).status_code == 404
    rename = reverse("project_rename", args=[project.pk])
    researcher_client.post(rename, {"rename-name": "People"})
    assert Project.objects.filter(name="People").exists()
    researcher_client.post(reverse("project_delete", args=[project.pk]))
    assert not Project.objects.filter(pk=project.pk).exists()


def test_a_viewer_adds_nothing_to_the_chosen_project(study, add):
    viewer = add("viewer")
    viewer.post(reverse("project_switch"), {"project": study.project_id})
    assert viewer.get(reverse("sample_set_new")).status_code == 403
    form = text(viewer.get(reverse("study_new")))
    assert "made 0" not in form


@pytest.mark.parametrize("path", ["projects", "studies", "sample_sets"])
def test_lists_ask_the_same_number_of_questions(
    researcher_client, researcher, study, path, django_assert_max_num_queries
):
    def n_queries():
        with django_assert_max_num_queries(30) as captured:
            researcher_client.get(reverse(path))
        return len(captured)

    before = n_queries()
    for number in range(3):
        made = projects.create_project(name=f"p{number}", owner=researcher)
        real = SampleSet.objects.create(
            name="x", owner=researcher, project=made, origin="real"
        )
        Study.objects.create(
            name="x",
            slug=f"x{number}",
            seed=1,
            owner=researcher,
            project=made,
            real_set=real,
        )
    assert n_queries() == before


def test_a_secret_link_shows_the_report_and_no_more(
    researcher_client, researcher, client
):
    study = factories.open_study(researcher, protocol="hype_inf", n_arms=1)
    session = join(study)
    links = reverse("report_links", args=[study.slug])
    for wrong in ({"shows": 0, "days": 5}, {"shows": 1, "days": 7}):
        assert researcher_client.post(links, wrong).status_code == 400
    for_good = researcher_client.post(links, {"shows": 0, "days": 0})
    assert "Only a published version can be shared for good" in text(for_good)
    researcher_client.post(links, {"shows": 0, "days": 7})
    token = ReportLink.objects.get().token
    address = reverse("shared_report", args=[token])
    assert address in text(researcher_client.get(links))
    response = client.get(address)
    page = text(response)
    assert response.status_code == 200
    assert response["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response["Cache-Control"]
    for secret in (session.token, session.evaluator.token, factories.link(study)):
        assert secret not in page
    for path in ("studies/", "/samples/"):
        assert path not in page
    image = reverse("shared_image", args=[token, study.real_set.samples.first().pk])
    # Whoever may still take part must not learn which images are real.
    assert image not in page
    assert client.get(image).status_code == 404
    Study.objects.filter(pk=study.pk).update(state="closed", closed_at=NOW)
    assert image in text(client.get(address))
    assert client.get(image)["Content-Type"] == "image/png"
    assert client.get(reverse("shared_image", args=[token, 10**9])).status_code == 404
    assert client.post(address).status_code == 405
    link = ReportLink.objects.get()
    researcher_client.post(reverse("report_link_revoke", args=[study.slug, link.pk]))
    assert "has expired or was withdrawn" in text(client.get(address))
    assert client.get(image).status_code == 404
