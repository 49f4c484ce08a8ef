import pytest
from django.test import Client
from django.urls import reverse

from hypeweb.models import Membership, SampleSet, Study
from tests import factories
from tests.views.test_pages import study_fields, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(researcher, tmp_path):
    return factories.draft_study(researcher, protocol="hype_inf", folder=tmp_path)


def fields_of(draft, **fields):
    return study_fields(draft, **{"name": draft.name, "revision": 1, **fields})


def test_the_form_of_a_draft_holds_what_it_has(researcher_client, draft):
    page = text(researcher_client.get(reverse("study_edit", args=[draft.slug])))
    assert f"<h1>Change {draft.name}</h1>" in page
    assert 'name="revision" value="1"' in page
    assert page.count("checked") >= len(draft.arms.all())
    assert 'value="2"' in page


def test_a_draft_is_changed_through_its_form(researcher_client, draft):
    address = reverse("study_edit", args=[draft.slug])
    response = researcher_client.post(address, fields_of(draft, n_real=3, pay_base="2"))
    assert response.url == reverse("study", args=[draft.slug])
    draft.refresh_from_db()
    assert (draft.n_real, draft.pay_base, draft.revision) == (3, 2, 2)


def test_two_editors_lose_nothing(researcher_client, draft):
    address = reverse("study_edit", args=[draft.slug])
    researcher_client.post(address, fields_of(draft, question="Is it?"))
    second = researcher_client.post(address, fields_of(draft, question="Or not?"))
    page = text(second)
    assert second.status_code == 409
    assert "Somebody else changed this study since you opened it." in page
    assert "theirs “Is it?”, yours “Or not?”" in page
    assert 'value="Or not?"' in page
    assert 'name="revision" value="2"' in page
    again = fields_of(draft, question="Or not?", revision=2)
    assert researcher_client.post(address, again).status_code == 302
    draft.refresh_from_db()
    assert draft.question == "Or not?"


def test_an_open_study_is_cloned_and_not_changed(researcher_client, study):
    edit = reverse("study_edit", args=[study.slug])
    for response in (
        researcher_client.get(edit),
        researcher_client.post(edit, fields_of(study)),
    ):
        assert response.status_code == 409
        assert "frozen once it has opened" in text(response)
    Study.objects.update(start_ms=700)
    clone = reverse("study_clone", args=[study.slug])
    page = text(researcher_client.get(clone))
    assert 'value="Copy of A study"' in page
    researcher_client.post(
        clone, study_fields(study, name="Copy", preset="custom", start_ms=700)
    )
    copy = Study.objects.get(name="Copy")
    assert (copy.state, copy.start_ms) == ("draft", 700)
    assert SampleSet.objects.filter(arms__study=copy).count() == 2


def test_a_draft_is_deleted_and_an_open_study_is_not(
    researcher_client, researcher, draft
):
    delete = reverse("study_delete", args=[draft.slug])
    assert researcher_client.post(delete).url == reverse("studies")
    bare = factories.bare_study(researcher)
    refused = researcher_client.post(reverse("study_delete", args=[bare.slug]))
    assert refused.status_code == 409
    assert list(Study.objects.all()) == [bare]


@pytest.mark.parametrize("value", ["-1", "x", "1e9"])
def test_pay_that_cannot_be_is_a_sentence(researcher_client, draft, value):
    address = reverse("study_edit", args=[draft.slug])
    response = researcher_client.post(address, fields_of(draft, pay_base=value))
    assert response.status_code == 400
    draft.refresh_from_db()
    assert draft.revision == 1


def test_only_an_owner_is_offered_to_delete_a_draft(draft, researcher_client):
    address = reverse("study", args=[draft.slug])
    assert "Delete the draft" in text(researcher_client.get(address))
    editor = factories.make_user("editor")
    Membership.objects.create(project=draft.project, user=editor, role="editor")
    client = Client()
    client.force_login(editor)
    page = text(client.get(address))
    assert "Open the study" in page
    assert "Delete the draft" not in page
