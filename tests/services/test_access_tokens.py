from datetime import timedelta

import pytest

from hypeweb.models import AccessToken, AuditEvent
from hypeweb.services import access_tokens
from hypeweb.services.errors import ConflictError, DomainError
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def make(user, **fields):
    given = {"name": "loop", "scopes": ["read"], "days": 7, "now": NOW, **fields}
    return access_tokens.make(user=user, **given)


def test_a_secret_is_known_again_and_never_stored(researcher):
    made = make(researcher, scopes=["write:samples", "read"])
    assert made.secret.startswith("hype_")
    assert len(made.secret) > 40
    row = AccessToken.objects.values().get()
    assert made.secret not in str(row)
    assert made.secret.startswith(row["start"])
    assert row["scopes"] == ["read", "write:samples"]
    assert access_tokens.authenticate(made.secret, now=NOW) == made.token


def test_the_last_use_is_known_to_the_minute(researcher, django_assert_num_queries):
    secret = make(researcher).secret
    access_tokens.authenticate(secret, now=NOW)
    with django_assert_num_queries(1):
        access_tokens.authenticate(secret, now=NOW + timedelta(seconds=30))
    later = NOW + timedelta(minutes=2)
    access_tokens.authenticate(secret, now=later)
    assert AccessToken.objects.get().last_used_at == later


def test_expired_revoked_and_foreign_secrets_open_nothing(researcher):
    made = make(researcher)
    assert access_tokens.authenticate(made.secret + "x", now=NOW) is None
    assert access_tokens.authenticate("\udcff", now=NOW) is None
    after = NOW + timedelta(days=7)
    assert access_tokens.authenticate(made.secret, now=after) is None
    access_tokens.revoke(token=made.token, actor=researcher, now=NOW)
    assert access_tokens.authenticate(made.secret, now=NOW) is None


def test_a_switched_off_account_has_no_token(researcher):
    secret = make(researcher).secret
    researcher.is_active = False
    researcher.save()
    assert access_tokens.authenticate(secret, now=NOW) is None


def test_making_and_revoking_is_on_record_once(researcher):
    made = make(researcher)
    for _ in range(2):
        access_tokens.revoke(token=made.token, actor=researcher, now=NOW)
    actions = AuditEvent.objects.order_by("pk").values_list("action", "actor__username")
    assert list(actions) == [
        ("made a token", "researcher"),
        ("revoked a token", "researcher"),
    ]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": " "}, "needs a name"),
        ({"scopes": []}, "at least one of read, export"),
        ({"scopes": ["all"]}, "at least one of read, export"),
        ({"days": 0}, "1 to 366 days, got 0"),
        ({"days": 999}, "1 to 366 days, got 999"),
    ],
)
def test_a_token_that_cannot_be_is_a_sentence(researcher, fields, sentence):
    with pytest.raises(DomainError, match=sentence):
        make(researcher, **fields)
    assert not AccessToken.objects.exists()


def test_nobody_hoards_tokens(researcher, monkeypatch):
    monkeypatch.setattr(access_tokens, "MAX_VALID", 2)
    make(researcher)
    make(researcher)
    make(factories.make_user("other"))
    with pytest.raises(ConflictError, match="You have 2 tokens"):
        make(researcher)
