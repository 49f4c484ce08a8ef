import re

import pytest
from django.test import Client
from django.urls import reverse

from hypeweb.models import AccessToken
from hypeweb.services import access_tokens
from tests import factories

pytestmark = pytest.mark.django_db

PAGE = "/account/tokens/"


def text(response):
    return response.content.decode()


def test_a_token_is_made_shown_once_and_revoked(researcher_client):
    fields = {"name": "training loop", "scopes": ["read", "export"], "days": 30}
    page = researcher_client.post(PAGE, fields)
    assert page["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    (secret,) = set(re.findall(r"hype_[\w-]{20,}", text(page)))
    token = AccessToken.objects.get()
    assert access_tokens.authenticate(secret, now=token.created_at) == token
    again = text(researcher_client.get(PAGE))
    assert secret not in again
    assert "training loop" in again
    revoke = reverse("access_token_revoke", args=[token.pk])
    after = researcher_client.post(revoke, follow=True)
    assert "“training loop” works no more." in text(after)
    assert revoke not in text(after)


def test_a_token_without_a_scope_is_a_sentence(researcher_client):
    page = researcher_client.post(PAGE, {"name": "x", "days": 30})
    assert page.status_code == 400
    assert "Choose at least one thing" in text(page)


def test_nobody_sees_or_revokes_anothers_token(researcher, researcher_client):
    fields = {"name": "mine", "scopes": ["read"], "days": 30}
    researcher_client.post(PAGE, fields)
    boss = Client()
    boss.force_login(factories.make_user("boss", is_staff=True))
    assert "mine" not in text(boss.get(PAGE))
    revoke = reverse("access_token_revoke", args=[AccessToken.objects.get().pk])
    assert boss.post(revoke).status_code == 404
    assert Client().post(revoke).url.startswith(reverse("login"))
    assert AccessToken.objects.get().revoked_at is None


def test_the_page_lists_every_operation(researcher_client):
    page = text(researcher_client.get(reverse("api_description")))
    assert "POST /studies/{slug}/open" in page
    assert "write:studies" in page
