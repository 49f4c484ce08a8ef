"""Projects: who works on what together; each keeps at least one owner."""

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet

from hypeweb.models import Membership, Project
from hypeweb.services import audit
from hypeweb.services.errors import ConflictError, DomainError, NotFoundError

Role = Membership.Role


def personal_project(user: User) -> Project:
    """Return a person's own project, where new things go by default."""
    with transaction.atomic():
        project, is_new = Project.objects.get_or_create(
            personal_of=user,
            defaults={"name": f"{user.get_username()[:100]}'s project"},
        )
        if is_new:
            Membership.objects.create(project=project, user=user, role=Role.OWNER)
    return project


@transaction.atomic
def create_project(*, name: str, owner: User) -> Project:
    """Store a project with its first owner."""
    project = Project.objects.create(name=name)
    Membership.objects.create(project=project, user=owner, role=Role.OWNER)
    audit.record(actor=owner, action="created", subject=project)
    return project


@transaction.atomic
def rename_project(*, project: Project, name: str, actor: User) -> None:
    project = _lock(project)
    before, project.name = project.name, name
    project.save(update_fields=["name"])
    audit.record(
        actor=actor, action="renamed", subject=project, detail=f"before: {before}"
    )


@transaction.atomic
def delete_project(*, project: Project, actor: User) -> None:
    """Remove a project that holds nothing."""
    project = _lock(project)
    contents = (project.sample_sets, project.generators, project.studies)
    if any(content.exists() for content in contents):
        raise ConflictError(
            f"“{project}” still holds sample sets, generators or studies, so it stays; "
            "delete what is in it first."
        )
    audit.record(actor=actor, action="deleted", subject=project)
    project.delete()


@transaction.atomic
def add_member(*, project: Project, who: str, role: str, actor: User) -> Membership:
    """Let somebody with an account here into a project."""
    user = _person(who)
    try:
        with transaction.atomic():
            member = Membership.objects.create(
                project=project, user=user, role=Role(role)
            )
    except IntegrityError as error:
        raise ConflictError(
            f"{user.get_username()} is a member already; change the role in the list."
        ) from error
    _record(member, "added a member", actor, detail=member.get_role_display())
    return member


@transaction.atomic
def change_role(*, member: Membership, role: str, actor: User) -> None:
    _lock(member.project)
    member = _current(member)
    if member.role == Role.OWNER and role != Role.OWNER:
        _keep_an_owner(member)
    before, member.role = member.get_role_display(), Role(role)
    member.save(update_fields=["role"])
    _record(
        member,
        "changed a role",
        actor,
        detail=f"{before} to {member.get_role_display()}",
    )


@transaction.atomic
def remove_member(*, member: Membership, actor: User) -> None:
    """Take somebody out of a project; what they made stays in it."""
    _lock(member.project)
    member = _current(member)
    if member.role == Role.OWNER:
        _keep_an_owner(member)
    _record(member, "removed a member", actor)
    member.delete()


def with_counts(projects: QuerySet[Project], user: User) -> list[Project]:
    """Return projects with n_members, n_sample_sets, n_studies and the user's role."""
    found: list[Project] = list(
        projects.annotate(
            n_members=Count("memberships", distinct=True),
            n_sample_sets=Count("sample_sets", distinct=True),
            n_studies=Count("studies", distinct=True),
        )
    )
    roles = dict(
        Membership.objects.filter(user=user, project__in=found).values_list(
            "project", "role"
        )
    )
    for project in found:
        role = roles.get(project.pk)
        project.role_text = Role(role).label if role else "admin"  # type: ignore[attr-defined]
    return found


def _keep_an_owner(member: Membership) -> None:
    others = Membership.objects.filter(project=member.project, role=Role.OWNER)
    if not others.exclude(pk=member.pk).exists():
        raise ConflictError(
            f"{member.user.get_username()} is the only owner of “{member.project}”; "
            "make another member an owner first."
        )


def _person(who: str) -> User:
    """Return whom a login or an e-mail address names."""
    active = User.objects.filter(is_active=True)
    named = active.filter(username=who).first()
    if named is not None:
        return named
    found = list(active.filter(~Q(email=""), email__iexact=who)[:2])
    if not found:
        raise NotFoundError(
            f"Nobody here has the login or e-mail address “{who}”. Ask the site's "
            "admin for an account, then add it."
        )
    if len(found) > 1:
        raise DomainError(
            f"Several accounts have the e-mail address “{who}”; give the login."
        )
    return found[0]


def _current(member: Membership) -> Membership:
    found = Membership.objects.filter(pk=member.pk).select_related("user", "project")
    current = found.first()
    if current is None:
        raise ConflictError("That person is no longer a member; reload the page.")
    return current


def _record(member: Membership, action: str, actor: User, detail: str = "") -> None:
    text = f"{member.user.get_username()} {detail}".strip()
    audit.record(actor=actor, action=action, subject=member.project, detail=text)


def _lock(project: Project) -> Project:
    """Take the row under which members change, so that one owner always stays."""
    found = Project.objects.select_for_update().filter(pk=project.pk).first()
    if found is None:
        raise NotFoundError("There is no such project any more.")
    return found
