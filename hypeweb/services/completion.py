"""The codes with which people prove to a service that their session ended."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from hypeweb.models import CompletionCode, Enrolment, OutcomeCode, Pool, Session, Study
from hypeweb.services.errors import ConflictError, DomainError, NotFoundError

State = Session.State
Outcome = OutcomeCode.Outcome
# No letter or digit that is taken for another.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 10
PROLIFIC_RETURN = "https://app.prolific.com/submissions/complete?cc="
OUTCOMES = {
    State.FINISHED: Outcome.COMPLETED,
    State.FEW_VALID: Outcome.COMPLETED,
    State.SCREENED_OUT: Outcome.SCREENED_OUT,
    State.NO_PLACE: Outcome.SCREENED_OUT,
    State.LEFT: Outcome.LEFT,
}


@dataclass(frozen=True)
class Ending:
    """What somebody whose session ended takes back to where they came from."""

    code: str
    return_url: str = ""


def ending_of(session: Session, *, now: datetime) -> Ending | None:
    """Return an ended session's code; the study may have closed meanwhile.

    None where nobody asks for one: in previews and simulations, before the end, and
    where nothing was answered.
    """
    if (
        session.population != Session.Population.PEOPLE
        or session.pool is None
        or not session.has_ended
        or not session.trials.filter(judgment__isnull=False).exists()
    ):
        return None
    if session.pool.kind == Pool.Kind.PROLIFIC:
        code = code_for(session.pool, OUTCOMES[State(session.state)])
        return Ending(code, return_url=f"{PROLIFIC_RETURN}{code}")
    return Ending(_own_code(session, now=now).code)


def code_for(pool: Pool, outcome: Outcome) -> str:
    """Return the code of one outcome, made at random where there is none yet."""
    found, _ = OutcomeCode.objects.get_or_create(
        pool=pool, outcome=outcome, defaults={"code": _make()}
    )
    return found.code


@transaction.atomic
def redeem(
    *, study: Study, code: str, now: datetime, enrolment: Enrolment | None = None
) -> Session:
    """Take a session's code, once; an assignment may only bring its own."""
    found = (
        CompletionCode.objects.select_for_update(of=("self",))
        .select_related("session")
        .filter(code=code.strip().upper(), session__study=study)
        .first()
    )
    if found is None:
        raise NotFoundError(
            f"No session of “{study}” has the code “{code.strip()[:20]}”; check that "
            "it was copied whole."
        )
    if enrolment is not None and enrolment.session_id != found.session_id:
        raise DomainError("This code belongs to another assignment.")
    if found.redeemed_at is not None:
        raise ConflictError(
            f"This code was taken on {found.redeemed_at:%Y-%m-%d %H:%M}; a code counts "
            "once."
        )
    found.redeemed_at = now
    found.save(update_fields=["redeemed_at"])
    return found.session


def _own_code(session: Session, *, now: datetime) -> CompletionCode:
    try:
        with transaction.atomic():
            found, _ = CompletionCode.objects.get_or_create(
                session=session, defaults={"code": _make(), "issued_at": now}
            )
    except IntegrityError:  # a second tab made it at the same moment
        found = CompletionCode.objects.get(session=session)
    return found


def _make() -> str:
    """Return 49 random bits in letters that people can copy by hand."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
