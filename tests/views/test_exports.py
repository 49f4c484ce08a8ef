import json

import pytest
from django.test import Client
from django.urls import reverse

from tests import factories
from tests.factories import join, walk

pytestmark = pytest.mark.django_db


def body(response):
    return b"".join(response.streaming_content).decode()


def test_a_table_is_downloaded_as_chosen(researcher_client, study):
    walk(join(study))
    walk(join(study, population="simulated"))
    page = researcher_client.get(
        reverse("exports", args=[study.slug]), {"population": "simulated"}
    )
    address = reverse("export", args=[study.slug, "judgments", "json"])
    assert f"{address}?population=simulated" in page.content.decode()
    response = researcher_client.get(address, {"population": "simulated"})
    assert (
        'filename="a-study-judgments-simulated.json"' in response["Content-Disposition"]
    )
    rows = json.loads(body(response))
    assert {row["population"] for row in rows} == {"simulated"}


def test_without_a_choice_people_are_exported(researcher_client, study):
    walk(join(study, population="simulated"))
    address = reverse("export", args=[study.slug, "judgments", "csv"])
    assert body(researcher_client.get(address)).count("\n") == 1


def test_an_unknown_population_is_a_sentence(researcher_client, study):
    for name, args in (("exports", []), ("export", ["judgments", "csv"])):
        response = researcher_client.get(
            reverse(name, args=[study.slug, *args]), {"population": "martians"}
        )
        assert response.status_code == 400
        assert "martians is not one of the available choices" in (
            response.content.decode()
        )


def test_exports_are_for_those_who_may_see_the_study(study):
    address = reverse("export", args=[study.slug, "judgments", "csv"])
    assert Client().get(address).url.startswith(reverse("login"))
    client = Client()
    client.force_login(factories.make_user("other"))
    assert client.get(address).status_code == 404
