import pytest
from django.test import Client
from django.utils import timezone

from hypeweb.models import AccessToken, Membership, Project
from hypeweb.services import access_tokens
from hypeweb.views.api.interface import api
from tests import factories
from tests.views.api.conftest import Script

pytestmark = pytest.mark.django_db

SCHEMA = api.get_openapi_schema()
OPERATIONS = [
    (method, path, details)
    for path, methods in SCHEMA["paths"].items()
    for method, details in methods.items()
]


def test_without_a_token_nothing_is_answered():
    for method, path, _ in OPERATIONS:
        address = path.format(slug="a", pk=1, token="a", what="scores")
        response = Client().generic(method.upper(), address)
        assert response.status_code == 401, (method, path)
        assert response.json()["code"] == "unauthenticated"
        assert response["WWW-Authenticate"] == "Bearer"


def test_a_login_is_no_token(researcher_client):
    assert researcher_client.get("/api/v1/studies").status_code == 401


def test_every_operation_asks_for_its_scope(researcher):
    scripts = {
        scope: Script(researcher, scopes=[scope]) for scope in AccessToken.Scope.values
    }
    for method, path, details in OPERATIONS:
        (needed,) = details["security"][0]["AccessTokenAuth"]
        address = path.format(slug="a", pk=1, token="a", what="scores")
        for scope, script in scripts.items():
            response = script.client.generic(method.upper(), address)
            refused = response.status_code == 403
            assert refused == (scope != needed), (method, path, scope)
            if refused:
                assert response.json()["code"] == "forbidden"
                assert f"scope {needed}" in response.json()["message"]


def test_a_revoked_token_opens_nothing(researcher, script):
    assert script.get("/studies").status_code == 200
    access_tokens.revoke(token=script.token, actor=researcher, now=timezone.now())
    assert script.get("/studies").status_code == 401


def test_too_many_requests_are_refused_for_a_while(script, settings):
    settings.API_REQUESTS_PER_MINUTE = 2
    assert [script.get("/studies").status_code for _ in range(3)] == [200, 200, 429]
    refused = script.get("/studies")
    assert refused.json()["code"] == "too_many_requests"
    assert refused["Retry-After"] == "60"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/studies/none", 404, "not_found"),
        ("GET", "/studies/a b", 422, "invalid_request"),
        ("GET", "/studies?limit=0", 422, "invalid_request"),
        ("GET", "/evaluations/0", 422, "invalid_request"),
        ("GET", "/evaluations/99999999999999999999", 422, "invalid_request"),
        ("DELETE", "/studies", 405, "method_not_allowed"),
        ("POST", "/studies", 400, "invalid"),
    ],
)
def test_every_error_has_one_form(script, method, path, status, code):
    response = script.client.generic(
        method, f"/api/v1{path}", b"{", content_type="application/json"
    )
    assert response.status_code == status
    assert set(response.json()) == {"code", "message"}
    assert response.json()["code"] == code
    assert response.json()["message"].endswith(".")


def test_what_nobody_foresaw_has_the_form_too(script, monkeypatch):
    def fail(user):
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr("hypeweb.access.studies_of", fail)
    script.client.raise_request_exception = False
    response = script.get("/studies")
    assert response.status_code == 500
    assert response.json()["code"] == "server_error"
    assert "secret" not in response.json()["message"]


def test_the_description_is_complete(client):
    served = client.get("/api/v1/openapi.json").json()
    assert set(served["paths"]) == set(SCHEMA["paths"])
    for method, path, details in OPERATIONS:
        where = f"{method} {path}"
        assert details["description"].endswith("."), where
        assert {400, 401, 403, 404, 409, 422, 429} <= set(details["responses"]), where
        names = {parameter["name"] for parameter in details["parameters"]}
        assert ("Idempotency-Key" in names) == (method == "post"), where
        for parameter in details["parameters"]:
            assert parameter.get("description"), (where, parameter["name"])
        is_list = "count" in str(details["responses"].get(200, "")) and "Paged" in str(
            details["responses"][200]
        )
        assert not is_list or {"limit", "offset"} <= names, where
    for name, schema in served["components"]["schemas"].items():
        assert name.startswith("Paged") or schema.get("description"), name


def test_lists_come_in_pages(script):
    for number in range(3):
        Membership.objects.create(
            project=Project.objects.create(name=f"p{number}"),
            user=script.token.user,
            role="viewer",
        )
    page = script.get("/projects", limit=2, offset=1).json()
    assert page["count"] == 3
    assert [one["name"] for one in page["items"]] == ["p1", "p2"]


def test_a_viewer_reads_and_changes_nothing(study):
    viewer = factories.make_user("viewer")
    Membership.objects.create(project=study.project, user=viewer, role="viewer")
    script = Script(viewer)
    assert script.get(f"/studies/{study.slug}").status_code == 200
    refused = script.post(f"/studies/{study.slug}/close")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def test_a_strangers_study_is_not_there(study):
    script = Script(factories.make_user("other"))
    for path in ("", "/sessions", "/scores", "/report", "/exports/judgments"):
        assert script.get(f"/studies/{study.slug}{path}").status_code == 404
