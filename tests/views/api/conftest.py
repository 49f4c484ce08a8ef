import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from hypeweb.models import AccessToken
from hypeweb.services import access_tokens


class Script:
    """Talks to the API with somebody's token."""

    def __init__(self, user, scopes=tuple(AccessToken.Scope.values)):
        made = access_tokens.make(
            user=user, name="script", scopes=scopes, days=7, now=timezone.now()
        )
        self.token, self.secret = made.token, made.secret
        self.client = Client(
            enforce_csrf_checks=True,
            headers={"Authorization": f"Bearer {made.secret}"},
        )

    def get(self, path, **query):
        return self.client.get(f"/api/v1{path}", query)

    def post(self, path, body=None, *, key=None):
        headers = {"Idempotency-Key": key} if key else {}
        return self.client.post(
            f"/api/v1{path}",
            {} if body is None else body,
            content_type="application/json",
            headers=headers,
        )


@pytest.fixture(autouse=True)
def _count_requests_anew():
    cache.clear()


@pytest.fixture
def script(researcher):
    return Script(researcher)
