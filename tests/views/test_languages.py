import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from hypeweb.models import Session
from hypeweb.models.study_words import DEFAULT_CONSENT
from tests import factories

pytestmark = pytest.mark.django_db

GERMAN_BROWSER = {"HTTP_ACCEPT_LANGUAGE": "de-AT,de;q=0.9,en;q=0.5"}
QUESTION = "Ist dieses Bild echt, oder hat es ein Computer erzeugt?"


@pytest.fixture
def german():
    return Client(**GERMAN_BROWSER)


def invitation(study):
    return factories.link(study)


def fix_language(study, language):
    study.language = language
    study.save(update_fields=["language"])


def test_an_evaluator_reads_the_language_of_the_browser(german, study):
    response = german.get(invitation(study))
    page = response.content.decode()
    assert response["Content-Language"] == "de"
    assert '<html lang="de"' in page
    assert QUESTION in page
    assert "Zustimmen und weiter" in page
    assert "Ich bin mindestens 18 Jahre alt" in page


def test_a_language_the_site_lacks_is_english(study):
    page = Client(HTTP_ACCEPT_LANGUAGE="fr").get(invitation(study)).content.decode()
    assert '<html lang="en"' in page
    assert "Agree and continue" in page


def test_the_language_chosen_goes_before_the_browsers(german, study):
    page = german.get(invitation(study)).content.decode()
    assert 'value="en"' in page
    chosen = german.post(
        reverse("set_language"), {"language": "en", "next": invitation(study)}
    )
    assert chosen.url == invitation(study)
    assert "Agree and continue" in german.get(invitation(study)).content.decode()


def test_a_fixed_language_overrules_browser_and_choice(client, study):
    fix_language(study, "de")
    client.post(reverse("set_language"), {"language": "en"})
    response = client.get(invitation(study))
    page = response.content.decode()
    assert response["Content-Language"] == "de"
    assert '<html lang="de"' in page
    assert "Zustimmen und weiter" in page
    assert reverse("set_language") not in page


def test_the_consent_is_kept_as_it_was_read(german, study):
    study.consent_text = DEFAULT_CONSENT
    study.save(update_fields=["consent_text"])
    german.post(invitation(study), {"consent": "on"})
    assert Session.objects.get().consent_text.startswith("Du siehst Bilder")


def test_a_text_of_the_studys_own_is_shown_as_written(german, study):
    assert "You agree." in german.get(invitation(study)).content.decode()


def test_what_goes_wrong_is_said_in_the_evaluators_language(german, study):
    unticked = german.post(invitation(study), {})
    assert "Setze das Häkchen" in unticked.content.decode()
    unknown = german.get(reverse("session", args=["nonsense"]))
    assert "Diese Sitzung ist unbekannt." in unknown.content.decode()
    nowhere = german.get("/e/a/b/c/")
    assert "Hier ist nichts" in nowhere.content.decode()


def test_a_refused_answer_is_said_in_the_studys_fixed_language(client, study):
    fix_language(study, "de")
    session = factories.join(study, now=timezone.now())
    response = client.post(
        reverse("answer", args=[session.token]),
        {"nonce": "x", "answer": "real", "rt_ms": 1},
        content_type="application/json",
        HTTP_ACCEPT="application/json",
    )
    assert response.status_code == 409
    assert response.json()["error"].startswith("Diese Antwort gehört zu keinem")


def test_researchers_pages_stay_english(researcher, study):
    client = Client(**GERMAN_BROWSER)
    client.force_login(researcher)
    page = client.get(reverse("study", args=[study.slug])).content.decode()
    assert '<html lang="en"' in page
    assert study.question in page


def test_a_language_ends_with_its_request(german, study):
    before = translation.get_language()
    german.get(invitation(study))
    assert translation.get_language() == before
