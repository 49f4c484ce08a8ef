"""Where a study's evaluators come from: its pools and how far each is."""

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Q

from hypeweb.models import Pool, Session, Study
from hypeweb.services import audit, tokens
from hypeweb.services.errors import ConflictError, DomainError

CHANGEABLE = (
    *("name", "group", "quota"),
    *("min_percent_approved", "min_n_approved", "countries", "needs_pass"),
)


def link_of(study: Study) -> Pool | None:
    """Return the first open link of a study, which it is made with."""
    return study.pools.filter(kind=Pool.Kind.LINK).first()


def open_link_of(study: Study) -> Pool | None:
    """Return the link with which anybody may join a study now."""
    found = link_of(study)
    return found if found and found.is_open and study.is_open else None


def pools_with_counts(study: Study) -> list[Pool]:
    """Return a study's pools with n_finished and n_running people."""
    people = Q(sessions__population=Session.Population.PEOPLE)
    finished = Q(sessions__state=Session.State.FINISHED)
    running = Q(sessions__state__in=[Session.State.CONSENTED, Session.State.RUNNING])
    return list(
        study.pools.annotate(
            n_finished=Count("sessions", filter=people & finished),
            n_running=Count("sessions", filter=people & running),
        )
    )


@transaction.atomic
def add_pool(*, pool: Pool, actor: User) -> Pool:
    """Store a new pool of a study that has not ended."""
    if pool.study.state == Study.State.CLOSED:
        raise ConflictError("This study is closed; nobody can join it any more.")
    pool.token = tokens.make()
    _check(pool)
    pool.save(force_insert=True)
    audit.record(actor=actor, action="added pool", subject=pool.study, detail=pool.name)
    return pool


@transaction.atomic
def change_pool(*, pool: Pool, actor: User) -> None:
    """Store what may change while a study runs; a pool's kind and link stay."""
    _check(pool)
    pool.save(update_fields=CHANGEABLE)
    audit.record(
        actor=actor, action="changed pool", subject=pool.study, detail=pool.name
    )


@transaction.atomic
def move_pool(*, pool: Pool, state: Pool.State, actor: User) -> None:
    """Pause, resume or close a pool; a closed one stays closed."""
    pool = Pool.objects.select_for_update(of=("self",)).get(pk=pool.pk)
    if pool.state == Pool.State.CLOSED:
        raise ConflictError(f"The pool “{pool}” is closed and stays so; add another.")
    pool.state = state
    pool.save(update_fields=["state"])
    audit.record(
        actor=actor,
        action=f"pool {pool.get_state_display()}",
        subject=pool.study,
        detail=pool.name,
    )


def _check(pool: Pool) -> None:
    try:
        pool.full_clean(exclude=["study"])
        pool.validate_constraints()
    except ValidationError as error:
        raise DomainError(" ".join(error.messages)) from error
