"""Personal invitations: a list of addresses in, one mail and one link to each."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from typing import Literal

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Count, F, Max, Q
from django.utils import translation
from django.utils.translation import gettext as _

from hypeweb.models import Evaluator, Invitation, Pool, Session, Study
from hypeweb.services import audit, identities, sessions, tables, tokens
from hypeweb.services.errors import ConflictError, DomainError

MAX_LINES = 5000
MAX_ATTEMPTS = 5
MAX_ERROR = 300
FIRST_PAUSE = timedelta(minutes=2)
# Who was mailed a shorter time ago is not reminded: the button may be pressed twice.
REMIND_AFTER = timedelta(hours=1)
UNCONFIRMED = (
    "Sent, and not confirmed: it may have arrived. It is not sent again by itself; a "
    "reminder sends another one."
)
# Each list has its own numbers: line 3 of the second one is number 10003.
NUMBERS_OF_LIST = 10_000
# With these the server says that it has not taken the mail.
REFUSALS = (SMTPResponseException, SMTPRecipientsRefused)
FAULTS = (SMTPException, OSError)


@dataclass(frozen=True)
class Added:
    """What became of a list: the numbers of its lines, never its addresses."""

    n_added: int
    n_known: int
    problems: tuple[str, ...]
    before_first: int
    """What is added to a line of this list to make it a number."""


@dataclass(frozen=True)
class Reminded:
    """Whom a reminder goes to, and whom not because the last mail is so recent."""

    n_mailed: int
    n_recent: int


@dataclass(frozen=True)
class Mailed:
    """What became of one mail, with the server's words but no address."""

    kind: Literal["sent", "refused", "unknown"]
    message: str = ""


@dataclass(frozen=True)
class SpecialityCount:
    """How far the people of one stated speciality are."""

    speciality: str
    n_invited: int
    n_joined: int
    n_finished: int


def add(*, pool: Pool, text: str, actor: User, now: datetime) -> Added:
    """Store an invitation for each address of a CSV: address, speciality."""
    if pool.kind != Pool.Kind.INVITATIONS:
        raise DomainError(f"“{pool}” is no pool of personal invitations.")
    if not settings.EMAIL_URL:
        raise DomainError("This site sends no e-mail; ask its admin to set EMAIL_URL.")
    if not settings.SITE_URL:
        raise DomainError("The links need the site's address; ask for SITE_URL.")
    rows = list(_rows(text))
    if not rows:
        raise DomainError("The list is empty; write one e-mail address in each line.")
    if len(rows) > MAX_LINES:
        raise DomainError(f"At most {MAX_LINES} lines at a time; split the list.")
    with transaction.atomic():
        pool = Pool.objects.select_for_update(of=("self",)).get(pk=pool.pk)
        known = set(pool.invitations.values_list("address_hash", flat=True))
        last = pool.invitations.aggregate(last=Max("number"))["last"]
        # Lines that nobody was invited from count too, so that it is the line number.
        n_lists = 0 if last is None else last // NUMBERS_OF_LIST + 1
        before_first = n_lists * NUMBERS_OF_LIST
        made, problems, n_known = [], [], 0
        for line, address, speciality in rows:
            problem = _problem_with(address, speciality)
            if problem:
                problems.append(f"Line {line}: {problem}")
                continue
            digest = identities.address_hash(address)
            if digest in known:
                n_known += 1
                continue
            known.add(digest)
            made.append(
                Invitation(
                    pool=pool,
                    number=before_first + line,
                    address_hash=digest,
                    address_encrypted=identities.encrypt(address),
                    speciality=speciality,
                    token=tokens.make(),
                    created_at=now,
                )
            )
        Invitation.objects.bulk_create(made)
        audit.record(
            actor=actor,
            action="invited",
            subject=pool.study,
            detail=f"{len(made)} people to {pool}",
        )
    return Added(len(made), n_known, tuple(problems), before_first)


def due(*, now: datetime) -> list[int]:
    """Return the invitations whose mail should be tried."""
    waits = Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now)
    found = Invitation.objects.filter(
        waits,
        wants_sending=True,
        n_attempts__lt=MAX_ATTEMPTS,
        pool__state=Pool.State.OPEN,
        pool__study__state=Study.State.OPEN,
    )
    return list(found.values_list("pk", flat=True))


def send(invitation_id: int, *, now: datetime) -> None:
    """Try once to send what is to go out, one worker at a time.

    A mail whose fate is unknown is not sent again by itself: it is marked as sent
    before it leaves, and unmarked only where the server has certainly not taken it.
    """
    claimed = Invitation.objects.filter(
        pk=invitation_id, wants_sending=True, revoked_at__isnull=True
    ).update(
        wants_sending=False,
        n_attempts=F("n_attempts") + 1,
        sent_at=now,
        error=UNCONFIRMED,
    )
    if not claimed:
        return
    found = Invitation.objects.select_related("pool__study").get(pk=invitation_id)
    mailed = _mail(found)
    held = Invitation.objects.filter(pk=invitation_id)
    if mailed.kind == "sent":
        held.update(n_sent=F("n_sent") + 1, n_attempts=0, error="")
        return
    if mailed.kind == "unknown":
        held.update(n_attempts=0, error=f"{UNCONFIRMED} {mailed.message}"[:MAX_ERROR])
        return
    pause = FIRST_PAUSE * 3 ** (found.n_attempts - 1)
    held.filter(revoked_at__isnull=True).update(
        wants_sending=True,
        sent_at=None,
        error=mailed.message[:MAX_ERROR],
        next_attempt_at=now + pause,
    )


@transaction.atomic
def remind(*, pool: Pool, actor: User, now: datetime) -> Reminded:
    """Mail again to who was invited and has not joined, and to whom mail failed."""
    waiting = pool.invitations.filter(evaluator=None, revoked_at__isnull=True).filter(
        Q(wants_sending=False) | Q(n_attempts__gte=MAX_ATTEMPTS)
    )
    is_recent = Q(sent_at__gt=now - REMIND_AFTER)
    n_recent = waiting.filter(is_recent).count()
    n_mailed = waiting.exclude(is_recent).update(
        wants_sending=True, n_attempts=0, next_attempt_at=None
    )
    audit.record(
        actor=actor,
        action="reminded",
        subject=pool.study,
        detail=f"{n_mailed} people of {pool}",
    )
    return Reminded(n_mailed, n_recent)


@transaction.atomic
def revoke(*, invitation: Invitation, actor: User, now: datetime) -> None:
    """Let a link lead nowhere from now on; a session that has begun goes on."""
    Invitation.objects.filter(pk=invitation.pk, revoked_at__isnull=True).update(
        revoked_at=now, wants_sending=False
    )
    audit.record(actor=actor, action="revoked invitation", subject=invitation)


@transaction.atomic
def join(*, invitation: Invitation, now: datetime) -> Session:
    """Open the session of who was invited, the same one each time."""
    invitation = (
        Invitation.objects.select_for_update(of=("self",))
        .select_related("pool__study", "evaluator")
        .get(pk=invitation.pk)
    )
    if invitation.revoked_at is not None:
        raise ConflictError(_("This invitation was withdrawn."))
    evaluator = invitation.evaluator
    if evaluator is None:
        evaluator, _is_new = Evaluator.objects.get_or_create(
            channel=Evaluator.Channel.INVITATION,
            external_id_hash=invitation.address_hash,
            defaults={"token": tokens.make()},
        )
    joined = sessions.join_study(
        study=invitation.pool.study,
        population=Session.Population.PEOPLE,
        now=now,
        evaluator=evaluator,
        pool=invitation.pool,
    )
    if invitation.evaluator is None:
        invitation.evaluator, invitation.wants_sending = evaluator, False
        invitation.save(update_fields=["evaluator", "wants_sending"])
    return joined


def session_of(invitation: Invitation) -> Session | None:
    """Return the session that an invited person began in the study."""
    if invitation.evaluator is None:
        return None
    return sessions.session_of(invitation.evaluator, invitation.pool.study)


def specialities_of(pool: Pool) -> list[SpecialityCount]:
    """Return how far the people of each stated speciality are."""
    in_pool = Q(evaluator__sessions__pool=pool)
    finished = Q(evaluator__sessions__state=Session.State.FINISHED)
    rows = (
        pool.invitations.order_by("speciality")
        .values_list("speciality")
        .annotate(
            n_invited=Count("pk", distinct=True),
            n_joined=Count("evaluator__sessions", filter=in_pool, distinct=True),
            n_finished=Count(
                "evaluator__sessions", filter=in_pool & finished, distinct=True
            ),
        )
    )
    return [SpecialityCount(*row) for row in rows]


def _rows(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, address and speciality; a heading and empty lines are passed over.

    Both are counted: the line is that of a spreadsheet, by which people are paid.
    """
    for line, row in enumerate(tables.rows_of(text), start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if line == 1 and "@" not in cells[0]:
            continue
        yield line, cells[0], cells[1] if len(cells) > 1 else ""


def _problem_with(address: str, speciality: str) -> str:
    """Return what is wrong with a line, without repeating the address."""
    try:
        validate_email(address)
    except ValidationError:
        return "no e-mail address; write it as name@example.org, speciality."
    longest = Invitation._meta.get_field("speciality").max_length or 0  # noqa: SLF001
    if len(speciality) > longest:
        return f"the speciality has {len(speciality)} characters, at most {longest}."
    return ""


def _mail(invitation: Invitation) -> Mailed:
    """Send the mail, and return what became of it."""
    study = invitation.pool.study
    language = study.language if study.has_fixed_language else settings.LANGUAGE_CODE
    link = f"{settings.SITE_URL}/p/{invitation.token}/"
    with translation.override(language):
        subject = _("Invitation: %(study)s") % {"study": study.name}
        text = _(
            "You are invited to take part in “%(study)s”.\n\n"
            "This link is yours alone; please do not pass it on:\n%(link)s\n\n"
            "It leads to what the study is about, how long it takes and what you "
            "agree to.\n"
        ) % {"study": study.name, "link": link}
    if study.contact:
        text += f"\n{study.contact}\n"
    try:
        address = identities.decrypt(invitation.address_encrypted)
    except DomainError as error:
        return Mailed("refused", str(error))
    return _deliver(EmailMessage(subject, text, to=[address]))


def _deliver(message: EmailMessage) -> Mailed:
    """Hand a mail to the server; a silence after that may mean that it was taken."""
    connection = get_connection()
    try:
        connection.open()
    except FAULTS as error:
        return Mailed("refused", _told(error))
    try:
        connection.send_messages([message])
    except REFUSALS as error:
        return Mailed("refused", _told(error))
    except FAULTS as error:
        return Mailed("unknown", _told(error))
    finally:
        with suppress(*FAULTS):
            connection.close()
    return Mailed("sent")


def _told(error: Exception) -> str:
    # A server's refusal repeats the address.
    return identities.scrubbed(f"{type(error).__name__}: {error}")
