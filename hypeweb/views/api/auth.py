"""Who asks, with what, and how often: bearer tokens, scopes, a rate limit."""

from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer
from ninja.throttling import BaseThrottle

from hypeweb.models import AccessToken
from hypeweb.services import access_tokens
from hypeweb.services.errors import ForbiddenError

Scope = AccessToken.Scope
WINDOW_S = 60


class AccessTokenAuth(HttpBearer):
    """Lets a token in that works and has a scope."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> AccessToken | None:
        found = access_tokens.authenticate(token, now=timezone.now())
        if found is not None and self.scope not in found.scopes:
            raise ForbiddenError(
                f"This needs a token with the scope {self.scope.value}; this one has "
                f"{', '.join(found.scopes)}. Make another on the site."
            )
        return found


def needs(scope: Scope) -> AccessTokenAuth:
    """Return the check of an operation that needs a scope."""
    return AccessTokenAuth(scope)


def user_of(request: HttpRequest) -> User:
    """Return in whose name a request is made."""
    token: AccessToken = request.auth  # type: ignore[attr-defined]
    return token.user


class PerToken(BaseThrottle):
    """Lets a token make so many requests a minute, counted by each web process."""

    def allow_request(self, request: HttpRequest) -> bool:
        token: AccessToken = request.auth  # type: ignore[attr-defined]
        key = f"api-requests-{token.pk}"
        if cache.add(key, 1, WINDOW_S):
            return True
        try:
            n_requests: int = cache.incr(key)
        except ValueError:  # it expired in between
            return True
        return n_requests <= settings.API_REQUESTS_PER_MINUTE

    def wait(self) -> float | None:
        return float(WINDOW_S)
