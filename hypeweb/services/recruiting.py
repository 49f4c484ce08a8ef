"""Reaching people at Mechanical Turk and Prolific: post, sync, extend, end, enrol."""

import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import boto3
import requests
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from hypeweb.models import (
    Enrolment,
    Evaluator,
    OutcomeCode,
    Pool,
    Posting,
    ServiceEvent,
    Session,
    Study,
    WorkerLabel,
)
from hypeweb.models.payments import Service
from hypeweb.services import (
    accounts,
    audit,
    completion,
    designs,
    identities,
    payments,
    qualifications,
    sessions,
)
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.mturk import MANY_ASSIGNMENTS, HitText, Labels
from hypeweb.services.prolific import Offer, ProlificError

logger = logging.getLogger(__name__)

State = Posting.State
MTURK = frozenset({Pool.Kind.MTURK, Pool.Kind.MTURK_SANDBOX})
SYNC_EVERY = timedelta(minutes=5)
REFUSALS = (ClientError, BotoCoreError, requests.RequestException, ProlificError)
MAX_PLACES = 500
UNFINISHED = "The last attempt to post this came to no end; it is looked for."


@dataclass(frozen=True)
class Wish:
    """What is to be posted."""

    n_places: int
    minutes: int
    hours_open: int = 72


@dataclass(frozen=True)
class Arrival:
    """Who comes from a service, by its own ids; the worker's is only hashed."""

    worker_id: str
    submission_id: str
    posting_id: str = ""


def request_posting(
    *, pool: Pool, wish: Wish, actor: User, now: datetime
) -> list[Posting]:
    """Write down what is to be posted; the worker posts it.

    On Mechanical Turk more than nine places become several HITs of at most nine: ten
    assignments cost another fifth, and a HIT of fewer can never be extended to ten.
    """
    study = pool.study
    base_cents = round(study.pay_base * 100)
    problem = _problem_with(pool, wish, base_cents)
    if problem:
        raise DomainError(problem)
    sizes = [wish.n_places]
    if pool.kind in MTURK:
        most = MANY_ASSIGNMENTS - 1
        n_full, rest = divmod(wish.n_places, most)
        sizes = [most] * n_full + ([rest] if rest else [])
    with transaction.atomic():
        made = [
            Posting.objects.create(
                pool=pool,
                reference=uuid.uuid4(),
                n_places=size,
                reward_cents=base_cents,
                minutes=wish.minutes,
                hours_open=wish.hours_open,
                created_at=now,
            )
            for size in sizes
        ]
        audit.record(
            actor=actor,
            action="posted",
            subject=study,
            detail=f"{wish.n_places} places in {pool}",
        )
    return made


def unposted() -> list[int]:
    """Return the postings that a worker should try to post."""
    found = Posting.objects.filter(state=State.REQUESTED)
    return list(found.values_list("pk", flat=True))


def post(posting_id: int, *, entry_url: str) -> None:
    """Post what was asked for, once: what an earlier attempt made is found again."""
    with transaction.atomic():
        begun = _lock_requested(posting_id)
        if begun is None:
            return
        was_tried = bool(begun.error)
        Posting.objects.filter(pk=posting_id).update(error=UNFINISHED)
    with transaction.atomic():
        posting = _lock_requested(posting_id)
        if posting is None:
            return  # somebody else has posted it meanwhile
        send = _post_to_mturk if posting.pool.kind in MTURK else _post_to_prolific
        try:
            posting.external_id = send(posting, entry_url, was_tried=was_tried)
        except (*REFUSALS, DomainError) as error:
            posting.error = payments.told(error)
        else:
            posting.error, posting.state = "", State.OPEN
        posting.save(update_fields=["external_id", "error", "state"])


def _lock_requested(posting_id: int) -> Posting | None:
    return (
        Posting.objects.select_for_update(of=("self",))
        .select_related("pool__study")
        .filter(pk=posting_id, state=State.REQUESTED)
        .first()
    )


def to_sync(*, now: datetime) -> list[int]:
    """Return the postings whose submissions were not looked at for a while.

    One that ended is looked at until nothing of it is open.
    """
    late = Q(synced_at__isnull=True) | Q(synced_at__lt=now - SYNC_EVERY)
    settled = Q(state=State.ENDED, created_at__lt=now - timedelta(days=40))
    found = Posting.objects.filter(late).exclude(state=State.REQUESTED)
    return list(found.exclude(settled).values_list("pk", flat=True))


def sync(posting_id: int, *, now: datetime) -> None:
    """Take over what a service says of the submissions of a posting."""
    posting = Posting.objects.select_related("pool__study").get(pk=posting_id)
    try:
        if posting.pool.kind in MTURK:
            _sync_mturk(posting, now=now)
        else:
            for found in accounts.prolific().submissions(posting.external_id):
                take_status(
                    Service.PROLIFIC,
                    str(found["id"]),
                    status=str(found["status"]),
                    at=now,
                )
    except (*REFUSALS, DomainError) as error:
        Posting.objects.filter(pk=posting.pk).update(
            synced_at=now, error=payments.told(error)
        )
        return
    Posting.objects.filter(pk=posting.pk).update(synced_at=now, error="")


def extend(
    *, posting: Posting, n_more: int, actor: User, now: datetime
) -> list[Posting]:
    """Let more people come through a posting.

    A HIT stays below ten assignments; what does not fit becomes a HIT of its own.
    """
    if posting.state != State.OPEN:
        raise ConflictError("Only a posting that is open can be extended.")
    if not 1 <= n_more <= MAX_PLACES:
        raise DomainError(f"1 to {MAX_PLACES} more places can be added, got {n_more}.")
    pool = posting.pool
    fits = n_more
    if pool.kind in MTURK:
        fits = min(n_more, max(0, MANY_ASSIGNMENTS - 1 - posting.n_places))
    try:
        if fits and pool.kind in MTURK:
            accounts.mturk(_service(pool)).extend(
                posting.external_id,
                n_more=fits,
                token=f"{posting.reference}-{posting.n_places}",
            )
        elif fits:
            accounts.prolific().set_places(posting.external_id, posting.n_places + fits)
    except REFUSALS as error:
        raise ConflictError(payments.told(error)) from error
    Posting.objects.filter(pk=posting.pk).update(n_places=posting.n_places + fits)
    audit.record(
        actor=actor, action="extended posting", subject=posting, detail=f"by {n_more}"
    )
    if fits == n_more:
        return []
    rest = Wish(n_more - fits, posting.minutes, posting.hours_open)
    return request_posting(pool=pool, wish=rest, actor=actor, now=now)


def left_open() -> list[int]:
    """Return the postings of studies and pools that take nobody any more."""
    closed = Q(pool__study__state=Study.State.CLOSED) | Q(pool__state=Pool.State.CLOSED)
    found = Posting.objects.filter(closed).exclude(state=State.ENDED)
    return list(found.values_list("pk", flat=True))


def end(*, posting: Posting, actor: User | None) -> None:
    """Let nobody else come through a posting; who has begun may end.

    One whose posting came to no known end is looked for at the service first.
    """
    with transaction.atomic():
        # Whoever is just posting it holds its row.
        rows = Posting.objects.select_for_update(of=("self",)).select_related("pool")
        found = rows.filter(pk=posting.pk).first()
        if found is None:
            return
        audit.record(actor=actor, action="ended posting", subject=found)
        try:
            external_id = _end_at_service(found)
        except REFUSALS as error:
            raise ConflictError(payments.told(error)) from error
        if external_id is None:
            found.delete()
            return
        found.external_id, found.state = external_id, State.ENDED
        found.save(update_fields=["external_id", "state"])


def _end_at_service(posting: Posting) -> str | None:
    """End what a posting is at its service; return its id, None where it is nothing."""
    external_id: str | None = posting.external_id or None
    if external_id is None and not posting.error:
        return None
    if posting.pool.kind in MTURK:
        mturk = accounts.mturk(_service(posting.pool))
        external_id = external_id or mturk.find_posted(posting)
        if external_id is not None:
            mturk.expire(external_id)
    else:
        prolific = accounts.prolific()
        external_id = external_id or prolific.find_posted(posting)
        if external_id is not None and not prolific.stop(external_id):
            return None
    return external_id


def take_status(
    service: Service, external_id: str, *, status: str, at: datetime
) -> None:
    """Store what a service says of a submission; older news changes nothing."""
    Enrolment.objects.filter(
        Q(status_at__isnull=True) | Q(status_at__lte=at),
        service=service,
        external_id=external_id,
    ).update(status=status[:32], status_at=at)


def take_event(*, service: Service, event_id: str, now: datetime) -> bool:
    """Return whether a message is new; a second copy is not."""
    try:
        with transaction.atomic():
            ServiceEvent.objects.create(
                service=service, event_id=event_id, received_at=now
            )
    except IntegrityError:
        return False
    return True


def read_queue(*, now: datetime) -> list[int]:
    """Take Mechanical Turk's notifications from the queue; return what to sync.

    A notification says only that something happened: what did is asked of the service,
    so that late, doubled and lost ones change nothing.
    """
    if not settings.MTURK_QUEUE_URL:
        return []
    queue = boto3.client("sqs", region_name="us-east-1")
    taken = queue.receive_message(
        QueueUrl=settings.MTURK_QUEUE_URL, MaxNumberOfMessages=10
    ).get("Messages", [])
    found: set[int] = set()
    for message in taken:
        hit_ids = _hits_in(message["Body"])
        postings = Posting.objects.filter(external_id__in=hit_ids)
        found |= set(postings.values_list("pk", flat=True))
        queue.delete_message(
            QueueUrl=settings.MTURK_QUEUE_URL, ReceiptHandle=message["ReceiptHandle"]
        )
    Posting.objects.filter(pk__in=found, synced_at__lt=now).update(synced_at=None)
    return sorted(found)


def _hits_in(body: str) -> list[str]:
    """Return the HITs that a notification is about; none where it cannot be read."""
    try:
        told = json.loads(body)
        # SNS puts Amazon's message into one of its own.
        told = json.loads(told["Message"]) if "Message" in told else told
        return [str(event["HITId"]) for event in told["Events"] if "HITId" in event]
    except (ValueError, TypeError, KeyError):
        logger.warning("a notification of Mechanical Turk could not be read")
        return []


def arrival_from_mturk(query: Mapping[str, str]) -> Arrival | None:
    """Return who opened a HIT; None in a preview, in which nobody has accepted it."""
    assignment_id = query.get("assignmentId", "")
    if assignment_id in {"", "ASSIGNMENT_ID_NOT_AVAILABLE"}:
        return None
    return Arrival(
        worker_id=_id(query, "workerId"),
        submission_id=_id(query, "assignmentId"),
        posting_id=_id(query, "hitId"),
    )


def arrival_from_prolific(query: Mapping[str, str]) -> Arrival:
    return Arrival(
        worker_id=_id(query, "PROLIFIC_PID"),
        submission_id=_id(query, "SESSION_ID"),
        posting_id=_id(query, "STUDY_ID"),
    )


@transaction.atomic
def join(*, pool: Pool, arrival: Arrival, now: datetime) -> Session:
    """Open the session of somebody whom a service sent, tied to their submission."""
    service = _service(pool)
    channel = (
        Evaluator.Channel.MTURK if pool.kind in MTURK else Evaluator.Channel.PROLIFIC
    )
    known = (
        Enrolment.objects.select_related("session__evaluator")
        .filter(service=service, external_id=arrival.submission_id)
        .first()
    )
    evaluator = identities.evaluator_of(arrival.worker_id, channel=channel)
    if known is not None:
        if known.session.evaluator_id != evaluator.pk:
            raise ConflictError(
                _("This assignment belongs to somebody else. Return it, please.")
            )
        return known.session
    joined = sessions.join_study(
        study=pool.study,
        population=Session.Population.PEOPLE,
        now=now,
        evaluator=evaluator,
        pool=pool,
    )
    # Read again now that the study is locked: the button may have been pressed twice.
    held = Enrolment.objects.filter(session=joined).first()
    if held and (held.service, held.external_id) == (service, arrival.submission_id):
        return joined
    if held is not None:
        raise ConflictError(
            _(
                "You have already taken part in this study with another assignment. "
                "Return this one, please: each person takes part once."
            )
        )
    Enrolment.objects.create(
        session=joined,
        service=service,
        external_id=arrival.submission_id,
        posting=Posting.objects.filter(
            pool=pool, external_id=arrival.posting_id
        ).first(),
    )
    return joined


def session_of(pool: Pool, arrival: Arrival) -> Session | None:
    """Return the session that was begun with an assignment."""
    found = (
        Enrolment.objects.select_related("session")
        .filter(service=_service(pool), external_id=arrival.submission_id)
        .first()
    )
    return found.session if found else None


def _problem_with(pool: Pool, wish: Wish, base_cents: int) -> str:
    """Return why nothing can be posted, as a sentence, or nothing."""
    study = pool.study
    checks = [
        (
            pool.kind not in {*MTURK, Pool.Kind.PROLIFIC},
            f"“{pool}” is reached by its own links; nothing is posted for it.",
        ),
        (
            not settings.SITE_URL.startswith("https://"),
            "People must reach this site by https://; ask its admin to set SITE_URL.",
        ),
        (
            not study.is_open,
            "Open the study first; people would find nothing to do.",
        ),
        (
            not pool.is_open,
            f"The pool “{pool}” is {pool.get_state_display()}; resume it first.",
        ),
        (
            not 1 <= wish.n_places <= MAX_PLACES,
            f"1 to {MAX_PLACES} places can be posted, got {wish.n_places}.",
        ),
        (
            wish.minutes < 1 or wish.hours_open < 1,
            "The minutes and the hours must be at least 1.",
        ),
        (
            base_cents < 1,
            "The service asks for a reward; clone the study with a base above 0.",
        ),
        (
            pool.kind in MTURK and study.currency != Study.Currency.USD,
            f"Mechanical Turk pays in US dollars, and this study in {study.currency}.",
        ),
        (
            pool.kind == Pool.Kind.PROLIFIC
            and study.currency != settings.PROLIFIC_CURRENCY,
            f"Prolific pays in {settings.PROLIFIC_CURRENCY}, not {study.currency}.",
        ),
    ]
    return next((sentence for is_bad, sentence in checks if is_bad), "")


def _post_to_mturk(posting: Posting, entry_url: str, *, was_tried: bool) -> str:
    client = accounts.mturk(_service(posting.pool))
    found = client.find_posted(posting) if was_tried else None
    if found is None:
        study = posting.pool.study
        text = HitText(
            title=study.name,
            description=f"{study.question} {designs.n_trials_each(study)} images.",
            keywords="images, judgment, real or fake",
            frame_url=entry_url,
        )
        found = client.post(posting, text=text, labels=_labels(posting.pool))
    if settings.MTURK_QUEUE_URL:
        hit_type = client.hit_type_of(found)
        client.notify_queue(hit_type, queue_url=settings.MTURK_QUEUE_URL)
    return found


def _labels(pool: Pool) -> Labels:
    """Return what a HIT asks: nobody who took part in the group, nobody below 95 %."""
    study = pool.study
    if pool.kind == Pool.Kind.MTURK_SANDBOX:
        return Labels()
    excluded = _label_of(pool, WorkerLabel.Meaning.TOOK_PART)
    needed = _known_label(pool, WorkerLabel.Meaning.PASSED) if pool.needs_pass else None
    if pool.needs_pass and needed is None:
        raise DomainError(
            f"Nobody has passed the qualification of “{study}” at Mechanical Turk yet, "
            "so that nobody would see the HIT; let everybody in."
        )
    return Labels(
        percent_approved=pool.min_percent_approved,
        n_approved=pool.min_n_approved,
        countries=tuple(pool.countries.split()),
        needs=(needed,) if needed else (),
        excludes=(excluded,),
    )


def _subject(study: Study, meaning: str) -> str:
    if meaning == WorkerLabel.Meaning.PASSED:
        return qualifications.material_hash(study)
    group = study.repeat_group
    return f"group {study.project_id} {group}"[:64] if group else f"study {study.pk}"


def _known_label(pool: Pool, meaning: str) -> str | None:
    found = WorkerLabel.objects.filter(
        service=_service(pool), meaning=meaning, subject=_subject(pool.study, meaning)
    ).first()
    return found.external_id if found else None


def _label_of(pool: Pool, meaning: WorkerLabel.Meaning) -> str:
    """Return our qualification type of a meaning, created where there is none yet."""
    known = _known_label(pool, meaning)
    if known is not None:
        return known
    subject = _subject(pool.study, meaning)
    external_id = accounts.mturk(_service(pool)).make_label(
        name=f"hypeweb {meaning} {subject[:40]} {uuid.uuid4().hex[:6]}",
        description=f"{meaning.label}: given by the requester, not to be asked for.",
    )
    WorkerLabel.objects.create(
        service=_service(pool),
        meaning=meaning,
        subject=subject,
        external_id=external_id,
    )
    return external_id


def _post_to_prolific(posting: Posting, entry_url: str, *, was_tried: bool) -> str:
    client, pool = accounts.prolific(), posting.pool
    study = pool.study
    found = client.find_posted(posting) if was_tried else None
    if found is None:
        offer = Offer(
            name=study.name,
            description=f"{study.question} {designs.n_trials_each(study)} images.",
            url=(
                f"{entry_url}?PROLIFIC_PID={{{{%PROLIFIC_PID%}}}}"
                "&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}"
            ),
            codes={
                outcome: completion.code_for(pool, outcome)
                for outcome in OutcomeCode.Outcome
            },
            is_custom_screening=(
                settings.PROLIFIC_CUSTOM_SCREENING and study.asks_qualification
            ),
        )
        found = client.post(posting, offer)
    client.publish(found)
    return found


def _sync_mturk(posting: Posting, *, now: datetime) -> None:
    client = accounts.mturk(_service(posting.pool))
    for found in client.assignments(posting.external_id):
        take_status(
            _service(posting.pool), found.assignment_id, status=found.status, at=now
        )
        enrolment = (
            Enrolment.objects.select_related("session__study", "session__qualification")
            .filter(
                service=_service(posting.pool),
                external_id=found.assignment_id,
                labelled_at__isnull=True,
            )
            .first()
        )
        if enrolment is None:
            continue
        if found.code:
            try:
                completion.redeem(
                    study=enrolment.session.study,
                    code=found.code,
                    now=now,
                    enrolment=enrolment,
                )
            except DomainError:
                # Nor the code: some workers paste their own id.
                logger.warning("a code of session %s was refused", enrolment.session_id)
        _give_labels(posting.pool, enrolment, worker_id=found.worker_id, now=now)


def _give_labels(
    pool: Pool, enrolment: Enrolment, *, worker_id: str, now: datetime
) -> None:
    """Mark a worker at Amazon as one who took part, and who passed."""
    meanings = [WorkerLabel.Meaning.TOOK_PART]
    if enrolment.session.qualification_id is not None:
        meanings.append(WorkerLabel.Meaning.PASSED)
    client = accounts.mturk(_service(pool))
    for meaning in meanings:
        client.give_label(label_id=_label_of(pool, meaning), worker_id=worker_id)
    Enrolment.objects.filter(pk=enrolment.pk).update(labelled_at=now)


def _service(pool: Pool) -> Service:
    return Service(pool.kind)


def _id(query: Mapping[str, str], name: str) -> str:
    value = query.get(name, "")
    if not value.isalnum() or len(value) > 64 or not value.isascii():  # noqa: PLR2004
        raise DomainError(
            _(
                "The address lacks %(name)s. Open the study again from where you "
                "found it."
            )
            % {"name": name}
        )
    return value
