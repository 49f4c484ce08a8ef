"""Who gets which object: the one place that decides."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.core import signing
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from hypeweb.models import (
    AccessToken,
    Account,
    Appeal,
    Block,
    Enrolment,
    Evaluation,
    Evaluator,
    Generator,
    Invitation,
    Mask,
    Membership,
    Payment,
    Pool,
    Posting,
    Project,
    ReportLink,
    ReportVersion,
    Sample,
    SampleSet,
    SamplingRun,
    Session,
    Study,
    Subscription,
    Upload,
)
from hypeweb.services import evaluations, first_steps, projects, report_links
from hypeweb.services.errors import DomainError, ForbiddenError, NotFoundError

Row = TypeVar("Row", bound=Model)

Visitor = User | AbstractBaseUser | AnonymousUser

SIMULATION_HEADER = "X-Hype-Simulated"
SIMULATION_MAX_AGE_S = 24 * 3600
SHOWING_HEADER = "X-Showing"
EVALUATOR_COOKIE = "evaluator"
EVALUATOR_COOKIE_MAX_AGE_S = 90 * 24 * 3600
PROJECT_KEY = "project"
Role = Membership.Role
AT_LEAST = {
    Role.VIEWER: [Role.VIEWER, Role.EDITOR, Role.OWNER],
    Role.EDITOR: [Role.EDITOR, Role.OWNER],
    Role.OWNER: [Role.OWNER],
}
TOKEN = re.compile("[A-Za-z0-9_-]{1,43}")
SHOWING = re.compile("[0-9a-f]{32}")


def researcher(request: HttpRequest) -> User:
    """Return who is logged in; views behind login_required call it."""
    if not isinstance(request.user, User):
        raise NotFoundError("Log in to see this page.")
    return request.user


def admin(request: HttpRequest) -> User:
    """Return who is logged in, if an admin; to others the page is not there."""
    user = researcher(request)
    if not user.is_staff:
        raise NotFoundError("There is no such page.")
    return user


def projects_of(user: User, *, at_least: Role = Role.VIEWER) -> QuerySet[Project]:
    """Return the projects somebody has a role in; an admin's are all."""
    everything = Project.objects.all()
    if user.is_staff:
        return everything
    mine = Membership.objects.filter(user=user, role__in=AT_LEAST[at_least])
    return everything.filter(pk__in=mine.values("project"))


def own_projects(user: User) -> QuerySet[Project]:
    """Return the projects somebody is a member of, an admin too."""
    return Project.objects.filter(memberships__user=user)


def require(user: User, project: Project, role: Role) -> None:
    """Refuse, in a sentence, what somebody's role in a project does not allow."""
    if projects_of(user, at_least=role).filter(pk=project.pk).exists():
        return
    needed = "an owner" if role == Role.OWNER else "an editor or owner"
    raise ForbiddenError(f"This needs {needed} of the project “{project}”; ask one.")


def project(user: User, pk: int) -> Project:
    found = projects_of(user).filter(pk=pk).first()
    if found is None:
        raise NotFoundError("There is no such project among yours.")
    return found


def project_to_manage(user: User, pk: int) -> Project:
    found = project(user, pk)
    require(user, found, Role.OWNER)
    return found


def is_owner(user: User, project: Project) -> bool:
    return projects_of(user, at_least=Role.OWNER).filter(pk=project.pk).exists()


def membership(project: Project, pk: int) -> Membership:
    found = project.memberships.filter(pk=pk).select_related("user", "project").first()
    if found is None:
        raise NotFoundError("That person is not a member of this project.")
    return found


def membership_to_end(user: User, project_pk: int, pk: int) -> Membership:
    """Return a membership: everybody may end their own, an owner everyone's."""
    found = membership(project(user, project_pk), pk)
    if found.user_id != user.pk:
        require(user, found.project, Role.OWNER)
    return found


def current_project(request: HttpRequest) -> Project | None:
    """Return the project somebody chose to work in; None shows all of theirs."""
    pk = request.session.get(PROJECT_KEY)
    return projects_of(researcher(request)).filter(pk=pk).first() if pk else None


def choose_project(request: HttpRequest, project: Project | None) -> None:
    """Work in one project, or in all of one's own."""
    request.session[PROJECT_KEY] = project.pk if project else None


def project_for_new(request: HttpRequest) -> Project:
    """Return the project new sets go to: the chosen one, else one's own."""
    user = researcher(request)
    found = current_project(request) or projects.personal_project(user)
    require(user, found, Role.EDITOR)
    return found


def project_to_add_to(user: User, pk: int | None) -> Project:
    """Return the project a script adds a set to; its owner's own if it names none."""
    found = projects.personal_project(user) if pk is None else project(user, pk)
    require(user, found, Role.EDITOR)
    return found


def access_token(user: User, pk: int) -> AccessToken:
    """Return a token of one's own; nobody sees another's, an admin neither."""
    found = AccessToken.objects.filter(user=user, pk=pk).first()
    if found is None:
        raise NotFoundError("There is no such token among yours.")
    return found


def sample_sets_of(user: User) -> QuerySet[SampleSet]:
    """Return the sets of somebody's projects; an admin's are all."""
    everything = SampleSet.objects.all()
    return everything if user.is_staff else everything.filter(project__in=_ids(user))


def studies_of(user: User) -> QuerySet[Study]:
    """Return the studies of somebody's projects; an admin's are all."""
    everything = Study.objects.all()
    return everything if user.is_staff else everything.filter(project__in=_ids(user))


def sample_sets_here(request: HttpRequest) -> QuerySet[SampleSet]:
    """Return the sets of the project somebody works in."""
    found, here = sample_sets_of(researcher(request)), current_project(request)
    return found.filter(project=here) if here else found


def sample_sets_to_use(request: HttpRequest) -> QuerySet[SampleSet]:
    """Return the sets somebody may make a study of, in the project they work in."""
    editable = projects_of(researcher(request), at_least=Role.EDITOR)
    return sample_sets_here(request).filter(project__in=editable)


def studies_here(request: HttpRequest) -> QuerySet[Study]:
    """Return the studies of the project somebody works in."""
    found, here = studies_of(researcher(request)), current_project(request)
    return found.filter(project=here) if here else found


def first_steps_here(request: HttpRequest) -> first_steps.FirstSteps | None:
    """Return what somebody lacks for a first study; None once there is one."""
    return first_steps.first_steps(
        sample_sets=sample_sets_to_use(request), studies=studies_here(request)
    )


def sample_set(user: User, pk: int) -> SampleSet:
    """Return a set to read."""
    found = sample_sets_of(user).filter(pk=pk).select_related("project").first()
    if found is None:
        raise NotFoundError("There is no such sample set among yours.")
    return found


def sample_set_to_change(user: User, pk: int) -> SampleSet:
    found = sample_set(user, pk)
    require(user, found.project, Role.EDITOR)
    return found


def sample_sets_to_change(user: User, pks: Sequence[int]) -> list[SampleSet]:
    """Return several sets in the order asked for."""
    found = sample_sets_of(user).select_related("project").in_bulk(pks)
    missing = [str(pk) for pk in pks if pk not in found]
    if missing:
        raise NotFoundError(f"There is no sample set {missing[0]} among yours.")
    for one in {made.project_id: made.project for made in found.values()}.values():
        require(user, one, Role.EDITOR)
    return [found[pk] for pk in pks]


def sample_set_to_delete(user: User, pk: int) -> SampleSet:
    found = sample_set(user, pk)
    require(user, found.project, Role.OWNER)
    return found


def generators_of(user: User) -> QuerySet[Generator]:
    """Return the generators of somebody's projects; an admin's are all."""
    everything = Generator.objects.select_related("project")
    return everything if user.is_staff else everything.filter(project__in=_ids(user))


def generators_here(request: HttpRequest) -> QuerySet[Generator]:
    """Return the generators of the project somebody works in."""
    found, here = generators_of(researcher(request)), current_project(request)
    return found.filter(project=here) if here else found


def generator(user: User, pk: int) -> Generator:
    """Return a generator to read."""
    found = generators_of(user).filter(pk=pk).first()
    if found is None:
        raise NotFoundError("There is no such generator among yours.")
    return found


def generator_to_change(user: User, pk: int) -> Generator:
    found = generator(user, pk)
    require(user, found.project, Role.EDITOR)
    return found


def real_set_for(user: User, generator: Generator, pk: int) -> SampleSet:
    """Return a real set that a study of a generator's samples may compare with."""
    found = sample_set_to_change(user, pk)
    is_fit = found.is_ready and found.origin == SampleSet.Origin.REAL
    if not is_fit or found.project_id != generator.project_id:
        raise DomainError(
            f"“{found}” is no real set with images in the project of “{generator}”; "
            "name one that is."
        )
    return found


def generator_to_delete(user: User, pk: int) -> Generator:
    found = generator(user, pk)
    require(user, found.project, Role.OWNER)
    return found


def sampling_run_to_change(user: User, pk: int) -> SamplingRun:
    found = (
        SamplingRun.objects.filter(pk=pk, sampling__generator__in=generators_of(user))
        .select_related("sampling__generator__project")
        .first()
    )
    if found is None:
        raise NotFoundError("There is no such sampling among yours.")
    require(user, found.sampling.generator.project, Role.EDITOR)
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


def upload(user: User, token: str) -> Upload:
    """Return an upload of one's own; nobody goes on with another's."""
    found = Upload.objects.filter(owner=user, token=token).first()
    if found is None:
        raise NotFoundError("There is no such upload among yours; start a new one.")
    return found


def study(user: User, slug: str) -> Study:
    """Return a study to read."""
    related = ("real_set", "project")
    found = studies_of(user).filter(slug=slug).select_related(*related).first()
    if found is None:
        raise NotFoundError("There is no such study among yours.")
    return found


def study_to_change(user: User, slug: str) -> Study:
    found = study(user, slug)
    require(user, found.project, Role.EDITOR)
    return found


def study_to_delete(user: User, slug: str) -> Study:
    found = study(user, slug)
    require(user, found.project, Role.OWNER)
    return found


def can_change(user: User, thing: Study | Generator | SampleSet) -> bool:
    """Return whether the pages of a thing offer somebody its buttons."""
    editable = projects_of(user, at_least=Role.EDITOR)
    return editable.filter(pk=thing.project_id).exists()


def can_delete(user: User, thing: Study | Generator | SampleSet) -> bool:
    """Return whether the pages of a thing offer somebody to delete it."""
    return is_owner(user, thing.project)


def subscription(study: Study, pk: int) -> Subscription:
    return _first(
        study.subscriptions.filter(pk=pk).select_related("study"),
        "Nobody of that kind hears of this study.",
    )


def pool(study: Study, pk: int) -> Pool:
    return _first(
        study.pools.filter(pk=pk).select_related("study__project"),
        "There is no such pool in this study.",
    )


def posting(study: Study, pk: int) -> Posting:
    found = Posting.objects.filter(pool__study=study, pk=pk)
    return _first(
        found.select_related("pool__study"),
        "There is no such posting in this study.",
    )


def personal_invitation(study: Study, pk: int) -> Invitation:
    found = Invitation.objects.filter(pool__study=study, pk=pk)
    return _first(
        found.select_related("pool__study"),
        "There is no such invitation in this study.",
    )


def payment(study: Study, pk: int) -> Payment:
    found = Payment.objects.filter(session__study=study, pk=pk)
    return _first(
        found.select_related("session__study"),
        "There is no such payment in this study.",
    )


def session_of_study(study: Study, pk: int) -> Session:
    found = study.sessions.filter(pk=pk)
    return _first(
        found.select_related("study__project", "evaluator", "pool"),
        "There is no such session in this study.",
    )


def enrolment(study: Study, pk: int) -> Enrolment:
    """Return what a session, by its number, is at its service."""
    found = Enrolment.objects.filter(session__study=study, session=pk)
    return _first(
        found.select_related("session__study"),
        "This session came from no service.",
    )


def appeal(study: Study, pk: int) -> Appeal:
    return _first(
        Appeal.objects.filter(session__study=study, pk=pk),
        "There is no such message about this study.",
    )


def block_to_lift(user: User, project_pk: int, pk: int) -> Block:
    where = project(user, project_pk)
    require(user, where, Role.EDITOR)
    return _first(
        where.blocks.filter(pk=pk).select_related("project"),
        "There is no such block in this project.",
    )


def account(user: User, pk: int) -> Account:
    """Return an account at a service, which is an admin's alone."""
    if not user.is_staff:
        raise ForbiddenError("The accounts at services are for admins; ask one.")
    return _first(
        Account.objects.filter(pk=pk),
        "There is no such account.",
    )


def accounts(user: User) -> QuerySet[Account]:
    if not user.is_staff:
        raise ForbiddenError("The accounts at services are for admins; ask one.")
    return Account.objects.order_by("service", "currency")


def report_link(study: Study, pk: int) -> ReportLink:
    return _first(
        study.report_links.filter(pk=pk).select_related("study"),
        "There is no such link to this report.",
    )


def report_version(study: Study, number: int) -> ReportVersion:
    found: ReportVersion | None = (
        ReportVersion.objects.filter(study=study, number=number)
        .select_related("study")
        .defer("document")
        .first()
    )
    if found is None:
        raise NotFoundError("There is no such version of this report.")
    return found


def shared_link(token: str, *, now: datetime) -> ReportLink:
    """Return a secret link with what it shows, while it is valid."""
    related = ("study", "version")
    links = ReportLink.objects.filter(token=token).select_related(*related)
    # A page of many images does not read the document for each of them.
    found = links.defer("version__document").first()
    if found is None or not found.is_valid(now=now):
        raise NotFoundError(
            "This link has expired or was withdrawn. Ask the person who sent it for a "
            "new one."
        )
    return found


def shared_version(token: str, *, form: str, now: datetime) -> ReportVersion:
    """Return the version that a secret link hands out as a file of one form."""
    link = shared_link(token, now=now)
    if link.version is None:
        raise NotFoundError(
            "Only a published version can be downloaded under a link; ask for one."
        )
    # A PDF is the page with its images.
    if form == "pdf" and not report_links.shows_images(link.study):
        raise NotFoundError("The PDF is handed out once the study is closed.")
    return link.version


def shared_sample(token: str, pk: int, *, now: datetime) -> Sample:
    """Return an image of a report that a secret link shows, once nobody takes part."""
    study = shared_link(token, now=now).study
    if not report_links.shows_images(study):
        raise NotFoundError("The images are shown once the study is closed.")
    used = Q(sample_set=study.real_set_id) | Q(sample_set__arms__study=study)
    return _first(
        Sample.objects.filter(used, pk=pk),
        "There is no such image in this report.",
    )


def evaluation(user: User, pk: int) -> Evaluation:
    """Return an evaluation of a study the user may see."""
    mine = studies_of(user)
    found = Evaluation.objects.filter(
        Q(sample_set__arms__study__in=mine), pk=pk
    ).first()
    if found is None:
        raise NotFoundError("There is no such evaluation among yours.")
    return found


def evaluation_of(study: Study, pk: int) -> Evaluation:
    """Return an evaluation of one of a study's arms."""
    return _first(
        evaluations.runs_of(study).filter(pk=pk),
        "There is no such evaluation in this study.",
    )


def open_link(token: str) -> Pool:
    """Return the pool that an open link leads to; a draft's leads nowhere yet."""
    links = Pool.objects.filter(kind=Pool.Kind.LINK).select_related("study")
    found = links.filter(token=token).first()
    if found is None or found.study.is_draft:
        raise NotFoundError(
            _(
                "This invitation is unknown. Check that the whole address was copied, "
                "or ask the person who invited you for a new one."
            )
        )
    speak_language_of(found.study)
    return found


def recruiting_pool(token: str) -> Pool:
    """Return the pool that a service sends its people to."""
    found = (
        Pool.objects.exclude(kind__in=[Pool.Kind.LINK, Pool.Kind.INVITATIONS])
        .filter(token=token)
        .select_related("study")
        .first()
    )
    if found is None or found.study.is_draft:
        raise NotFoundError(
            _("This address is unknown. Open the study again from where you found it.")
        )
    speak_language_of(found.study)
    return found


def own_invitation(token: str) -> Invitation:
    """Return the personal invitation of a link."""
    found = (
        Invitation.objects.select_related("pool__study", "evaluator")
        .filter(token=token)
        .first()
    )
    if found is None or found.pool.study.is_draft:
        raise NotFoundError(
            _(
                "This invitation is unknown. Check that the whole address was copied, "
                "or ask the person who invited you for a new one."
            )
        )
    speak_language_of(found.pool.study)
    return found


def session(token: str) -> Session:
    """Return the session its secret address names."""
    return _session(token, Session.objects.select_related("study", "arm", "evaluator"))


def session_to_answer(token: str) -> Session:
    """Return a session with as little as its trials' own addresses need."""
    few = Session.objects.select_related("study").only(
        "token", "study_id", "study__language"
    )
    return _session(token, few)


def _session(token: str, sessions: QuerySet[Session]) -> Session:
    found = sessions.filter(token=token).order_by().first()
    if found is None:
        raise NotFoundError(
            _(
                "This session is unknown. Check that the whole address was copied, or "
                "open your invitation again."
            )
        )
    speak_language_of(found.study)
    return found


def speak_language_of(study: Study) -> None:
    """Go on in the language a study is fixed to; the middleware ends it."""
    if study.has_fixed_language:
        translation.activate(study.language)


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


def showing(request: HttpRequest) -> str:
    """Return the page's own name of the showing that it asks an image for, if any.

    In a header, which no address that is opened by hand carries.
    """
    name = request.headers.get(SHOWING_HEADER, "")
    return name if SHOWING.fullmatch(name) else ""


def mask(token: str) -> Mask:
    return _first(
        Mask.objects.filter(token=token).select_related("study"),
        "There is no such image.",
    )


def simulation_pass(pool: Pool) -> str:
    """Return the header value with which `simulate` joins as a simulated evaluator."""
    return signing.dumps(pool.token, salt="simulation")


def population_of(request: HttpRequest, pool: Pool) -> Session.Population:
    """Return who is joining; a pass that was not made here is refused."""
    value = request.headers.get(SIMULATION_HEADER)
    if value is None:
        return Session.Population.PEOPLE
    try:
        token = signing.loads(value, salt="simulation", max_age=SIMULATION_MAX_AGE_S)
    except signing.BadSignature as error:
        raise DomainError("The simulation pass is not valid.") from error
    if token != pool.token:
        raise DomainError("The simulation pass is for another study.")
    return Session.Population.SIMULATED


def invitation_url(request: HttpRequest, link: Pool) -> str:
    """Return the full address through which a pool's people join."""
    return site_url(request, reverse("invitation", args=[link.token]))


def site_url(request: HttpRequest, path: str) -> str:
    """Return the full address of a page, as people outside reach it."""
    if settings.SITE_URL:
        return f"{settings.SITE_URL}{path}"
    return request.build_absolute_uri(path)


def _ids(user: User) -> QuerySet[Membership, int]:
    return Membership.objects.filter(user=user).values_list("project", flat=True)


def _first(found: QuerySet[Row], refusal: str) -> Row:
    row = found.first()
    if row is None:
        raise NotFoundError(refusal)
    return row
