"""Who gets which object: the one place that decides."""

import re

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.core import signing
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from hypeweb.models import (
    Evaluation,
    Evaluator,
    Mask,
    Sample,
    SampleSet,
    Session,
    Study,
)
from hypeweb.services.errors import DomainError, NotFoundError

Visitor = User | AbstractBaseUser | AnonymousUser

SIMULATION_HEADER = "X-Hype-Simulated"
SIMULATION_MAX_AGE_S = 24 * 3600
EVALUATOR_COOKIE = "evaluator"
EVALUATOR_COOKIE_MAX_AGE_S = 90 * 24 * 3600
TOKEN = re.compile("[A-Za-z0-9_-]{1,43}")


def researcher(request: HttpRequest) -> User:
    """Return who is logged in; views behind login_required call it."""
    if not isinstance(request.user, User):
        raise NotFoundError("Log in to see this page.")
    return request.user


def sample_sets_of(user: User) -> QuerySet[SampleSet]:
    """Return the sets a researcher owns; an admin's are all."""
    everything = SampleSet.objects.all()
    return everything if user.is_staff else everything.filter(owner=user)


def studies_of(user: User) -> QuerySet[Study]:
    """Return the studies a researcher owns; an admin's are all."""
    everything = Study.objects.all()
    return everything if user.is_staff else everything.filter(owner=user)


def sample_set(user: User, pk: int) -> SampleSet:
    found = sample_sets_of(user).filter(pk=pk).first()
    if found is None:
        raise NotFoundError("There is no such sample set among yours.")
    return found


def sample(user: User, pk: int) -> Sample:
    found = (
        Sample.objects.filter(pk=pk, sample_set__in=sample_sets_of(user))
        .select_related("sample_set")
        .first()
    )
    if found is None:
        raise NotFoundError("There is no such image among yours.")
    return found


def study(user: User, slug: str) -> Study:
    found = studies_of(user).filter(slug=slug).select_related("real_set").first()
    if found is None:
        raise NotFoundError("There is no such study among yours.")
    return found


def evaluation(user: User, pk: int) -> Evaluation:
    """Return an evaluation of a study the user may see."""
    mine = studies_of(user)
    found = Evaluation.objects.filter(
        Q(sample_set__arms__study__in=mine), pk=pk
    ).first()
    if found is None:
        raise NotFoundError("There is no such evaluation among yours.")
    return found


def invited_study(token: str) -> Study:
    """Return the study an invitation leads to; a draft's leads nowhere yet."""
    found = Study.objects.filter(invitation_token=token).first()
    if found is None or found.state == Study.State.DRAFT:
        raise NotFoundError(
            "This invitation is unknown. Check that the whole address was copied, or "
            "ask the person who invited you for a new one."
        )
    return found


def session(token: str) -> Session:
    """Return the session its secret address names."""
    found = Session.objects.select_related("study", "arm").filter(token=token).first()
    if found is None:
        raise NotFoundError(
            "This session is unknown. Check that the whole address was copied, or "
            "open your invitation again."
        )
    return found


def evaluator(request: HttpRequest) -> Evaluator | None:
    """Return who this browser is among the evaluators: one browser, one person."""
    token = request.COOKIES.get(EVALUATOR_COOKIE, "")
    if not TOKEN.fullmatch(token):
        return None
    return Evaluator.objects.filter(token=token).first()


def remember_evaluator(response: HttpResponse, evaluator: Evaluator) -> None:
    """Let the browser be the same evaluator in every study of this site."""
    response.set_cookie(
        EVALUATOR_COOKIE,
        evaluator.token,
        max_age=EVALUATOR_COOKIE_MAX_AGE_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def mask(token: str) -> Mask:
    found = Mask.objects.filter(token=token).select_related("study").first()
    if found is None:
        raise NotFoundError("There is no such image.")
    return found


def simulation_pass(study: Study) -> str:
    """Return the header value with which `simulate` joins as a simulated evaluator."""
    return signing.dumps(study.invitation_token, salt="simulation")


def population_of(request: HttpRequest, study: Study) -> Session.Population:
    """Return who is joining; a pass that was not made here is refused."""
    value = request.headers.get(SIMULATION_HEADER)
    if value is None:
        return Session.Population.PEOPLE
    try:
        token = signing.loads(value, salt="simulation", max_age=SIMULATION_MAX_AGE_S)
    except signing.BadSignature as error:
        raise DomainError("The simulation pass is not valid.") from error
    if token != study.invitation_token:
        raise DomainError("The simulation pass is for another study.")
    return Session.Population.SIMULATED


def site_url(request: HttpRequest, path: str) -> str:
    """Return the full address of a page, as people outside reach it."""
    if settings.SITE_URL:
        return f"{settings.SITE_URL}{path}"
    return request.build_absolute_uri(path)
