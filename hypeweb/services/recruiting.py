"""Reaching people at Mechanical Turk and Prolific: post, sync, extend, end, enrol."""

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import boto3
import requests
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
)
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from hypeweb.models import (
    Enrolment,
    Evaluator,
    OutcomeCode,
    Payment,
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
    prolific,
    qualifications,
    sessions,
    spending,
    verdicts,
)
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.mturk import MANY_ASSIGNMENTS, HitText, Labels, Submitted
from hypeweb.services.prolific import SERVER_FAULT, Offer, ProlificError

logger = logging.getLogger(__name__)

State = Posting.State
MTURK = frozenset({Pool.Kind.MTURK, Pool.Kind.MTURK_SANDBOX})
SYNC_EVERY = timedelta(minutes=5)
# No HIT is open for longer than a year, or waits for a decision for more than 30 days.
FORGOTTEN = timedelta(days=400)
# So long Prolific waits for a decision before it pays.
PROLIFIC_WAITS = timedelta(days=21)
# Prolific's words for a submission that its person gave up, or was too late with.
GIVEN_BACK = frozenset({"RETURNED", "TIMED-OUT"})
REFUSALS = (ClientError, BotoCoreError, requests.RequestException, ProlificError)
MAX_PLACES = 500
# People may take so many times what a posting says.
ALLOWED_TIMES = 4
# For reading, agreeing, qualifying, and taking the code back.
BESIDES_MIN = 60
# Of ten messages each, in one go.
MAX_BATCHES = 50
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
                place_cents=spending.cents_of_place(pool, base_cents),
                minutes=wish.minutes,
                hours_open=wish.hours_open,
                created_at=now,
            )
            for size in sizes
        ]
        spending.promise_places([(posting, posting.n_places) for posting in made])
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

    One that ended is looked at until nothing of it waits for a decision.
    """
    late = Q(synced_at__isnull=True) | Q(synced_at__lt=now - SYNC_EVERY)
    settled = Q(is_settled=True) | Q(state=State.ENDED, created_at__lt=now - FORGOTTEN)
    found = Posting.objects.filter(late).exclude(state=State.REQUESTED)
    return list(found.exclude(settled).values_list("pk", flat=True))


def sync(posting_id: int, *, now: datetime) -> None:
    """Take over what a service says of the submissions of a posting."""
    posting = Posting.objects.select_related("pool__study").get(pk=posting_id)
    look = _sync_mturk if posting.pool.kind in MTURK else _sync_prolific
    try:
        problem = look(posting, now=now)
    except (*REFUSALS, DomainError) as error:
        problem = payments.told(error)
    Posting.objects.filter(pk=posting.pk).update(synced_at=now, error=problem)


def extend(
    *, posting: Posting, n_more: int, actor: User, now: datetime
) -> list[Posting]:
    """Let more people come through a posting.

    A HIT stays below ten assignments; what does not fit becomes a HIT of its own. What
    the places cost is set aside before the service is asked for them.
    """
    with transaction.atomic():
        posting = (
            Posting.objects.select_for_update(of=("self",))
            .select_related("pool__study")
            .get(pk=posting.pk)
        )
        fits = _begin_extending(posting, n_more, now=now)
        audit.record(
            actor=actor,
            action="extended posting",
            subject=posting,
            detail=f"by {n_more}",
        )
    if fits:
        _extend_at_service(posting, fits)
    if fits == n_more:
        return []
    rest = Wish(n_more - fits, posting.minutes, posting.hours_open)
    return request_posting(pool=posting.pool, wish=rest, actor=actor, now=now)


def _begin_extending(posting: Posting, n_more: int, *, now: datetime) -> int:
    """Set aside what more places cost; return how many fit into the posting itself."""
    if posting.state != State.OPEN:
        raise ConflictError("Only a posting that is open can be extended.")
    wish = Wish(n_more, posting.minutes, posting.hours_open)
    problem = _problem_with(posting.pool, wish, posting.reward_cents)
    if problem:
        raise DomainError(problem)
    fits = n_more
    if posting.pool.kind in MTURK:
        fits = min(n_more, max(0, MANY_ASSIGNMENTS - 1 - posting.n_places))
    # All of them must be affordable, not only those that fit.
    spending.promise_places([(posting, n_more)])
    spending.release_places(posting, n_more - fits)
    posting.n_places += fits
    posting.extended_at = now
    posting.save(update_fields=["n_places", "extended_at"])
    return fits


def _extend_at_service(posting: Posting, n_more: int) -> None:
    """Ask a service for places that are set aside; give them back if it refuses."""
    pool = posting.pool
    try:
        if pool.kind in MTURK:
            accounts.mturk(_service(pool)).extend(
                posting.external_id, n_more=n_more, token=uuid.uuid4().hex
            )
        else:
            accounts.prolific().set_places(posting.external_id, posting.n_places)
    except REFUSALS as error:
        if not _was_refused(error):
            raise ConflictError(
                "Nobody knows whether the places were added: the service gave no "
                "answer. They are set aside, and in ten minutes this page says what "
                f"the service has. {payments.told(error)}"
            ) from error
        with transaction.atomic():
            held = Posting.objects.select_for_update(of=("self",)).get(pk=posting.pk)
            held.n_places -= n_more
            held.save(update_fields=["n_places"])
            spending.release_places(held, n_more)
        raise ConflictError(payments.told(error)) from error


def _was_refused(error: Exception) -> bool:
    """Return whether a service did nothing for certain."""
    if isinstance(error, ClientError):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return bool(status < SERVER_FAULT)
    return isinstance(error, ProlificError | EndpointConnectionError)


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
            spending.release_places(found, found.n_promised)
            found.delete()
            return
        found.external_id, found.state = external_id, State.ENDED
        # Looked at soon: places that nobody took are set aside no more.
        found.synced_at = None
        found.save(update_fields=["external_id", "state", "synced_at"])


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
    found: set[int] = set()
    try:
        for _batch in range(MAX_BATCHES):
            taken = queue.receive_message(
                QueueUrl=settings.MTURK_QUEUE_URL, MaxNumberOfMessages=10
            ).get("Messages", [])
            if not taken:
                break
            found |= _note_late(taken, now=now)
            # What is to be looked at is stored: a message that stays comes again.
            queue.delete_message_batch(
                QueueUrl=settings.MTURK_QUEUE_URL,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(taken)
                ],
            )
    except (ClientError, BotoCoreError) as error:
        logger.warning("the queue could not be read: %s", payments.told(error))
    return sorted(found)


def _note_late(messages: Sequence[Mapping[str, Any]], *, now: datetime) -> set[int]:
    """Store that the postings of some messages are to be looked at; return them."""
    hit_ids = {hit for message in messages for hit in _hits_in(message["Body"])}
    found = Posting.objects.filter(external_id__in=hit_ids)
    found.filter(synced_at__lt=now).update(synced_at=None)
    return set(found.values_list("pk", flat=True))


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


def join(*, pool: Pool, arrival: Arrival, now: datetime) -> Session:
    """Open the session of somebody whom a service sent, tied to their submission.

    Who returned an assignment and took another goes on where they were. Amazon may
    give one that was returned, under the same id, to another worker: it is theirs then.
    """
    _follow(pool, arrival)
    _untie(pool, arrival)
    return _join(pool, arrival, now=now)


def _follow(pool: Pool, arrival: Arrival) -> None:
    """Tie to a new submission the session of who gave the first one back."""
    held = _held(pool, arrival)
    if held is None or held.external_id == arrival.submission_id:
        return
    if not _was_given_back(held):
        return
    with transaction.atomic():
        Session.objects.select_for_update(of=("self",)).get(pk=held.session_id)
        moved = Payment.objects.filter(
            session=held.session_id, state__in=spending.MOVED
        )
        if moved.exists():
            return
        # Not again by another tab, and nothing that the service has told of since.
        is_tied = Enrolment.objects.filter(
            pk=held.pk, external_id=held.external_id, rejection=""
        ).update(
            external_id=arrival.submission_id,
            posting=_posting_of(pool, arrival),
            status="",
            status_at=None,
            decides_at=None,
        )
        # The service would not pay the submission that was given back.
        failed_before = Payment.objects.filter(
            session=held.session_id, state=Payment.State.FAILED
        )
        for failed in failed_before if is_tied else ():
            payments.retry_failed(payment=failed)


def _untie(pool: Pool, arrival: Arrival) -> None:
    """Take an assignment from the session of who returned it to Amazon."""
    if pool.kind not in MTURK:
        return  # no two people have one submission at Prolific
    others = _tied(pool, arrival).exclude(_is_of(pool, arrival))
    held = others.filter(rejection="").first()
    if held is None or not _was_given_back(held):
        return
    with transaction.atomic():
        Session.objects.select_for_update(of=("self",)).get(pk=held.session_id)
        moved = Payment.objects.filter(
            session=held.session_id, state__in=spending.MOVED
        )
        if not moved.exists():
            # Not if they took another one meanwhile.
            others.filter(pk=held.pk).delete()


def _held(pool: Pool, arrival: Arrival) -> Enrolment | None:
    """Return with which submission somebody began a study."""
    return Enrolment.objects.filter(
        _is_of(pool, arrival), service=_service(pool), session__study=pool.study
    ).first()


def _is_of(pool: Pool, arrival: Arrival) -> Q:
    """Return the condition that a submission's session is that of who arrived."""
    channel = _channel(pool)
    return Q(
        session__evaluator__channel=channel,
        session__evaluator__external_id_hash=identities.hash_of(
            arrival.worker_id, channel=channel
        ),
    )


def _tied(pool: Pool, arrival: Arrival) -> QuerySet[Enrolment]:
    return Enrolment.objects.filter(
        service=_service(pool), external_id=arrival.submission_id
    )


def _was_given_back(held: Enrolment) -> bool:
    """Return whether a service says that a submission will never be paid."""
    service = Service(held.service)
    try:
        if service in spending.MTURK:
            # Amazon tells nothing of one that is returned, or still worked on.
            return not accounts.mturk(service).is_submitted(held.external_id)
        found = accounts.prolific().submission(held.external_id)
    except REFUSALS as error:
        raise ConflictError(
            _("The site that sent you does not answer. Try again in a minute.")
        ) from error
    return found["status"] in GIVEN_BACK


@transaction.atomic
def _join(pool: Pool, arrival: Arrival, *, now: datetime) -> Session:
    service = _service(pool)
    known = (
        Enrolment.objects.select_related("session__evaluator")
        .filter(service=service, external_id=arrival.submission_id)
        .first()
    )
    evaluator = identities.evaluator_of(arrival.worker_id, channel=_channel(pool))
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
        posting=_posting_of(pool, arrival),
    )
    return joined


def session_of(pool: Pool, arrival: Arrival) -> Session | None:
    """Return the session that somebody began with an assignment; nobody else's."""
    own = _tied(pool, arrival).filter(_is_of(pool, arrival))
    found = own.select_related("session").first()
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
            allowed_min=_allowed_min(posting),
        )
        found = client.post(posting, text=text, labels=_labels(posting.pool))
    if settings.MTURK_QUEUE_URL:
        hit_type = client.hit_type_of(found)
        client.notify_queue(hit_type, queue_url=settings.MTURK_QUEUE_URL)
    return found


def _allowed_min(posting: Posting) -> int:
    """Return how many minutes people get at their service.

    No fewer than here: what comes later than the service allows can never be paid.
    """
    longest = posting.pool.study.duration_limit_min
    return max(posting.minutes * ALLOWED_TIMES, longest + BESIDES_MIN)


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
            allowed_min=_allowed_min(posting),
        )
        found = client.post(posting, offer)
    client.publish(found)
    return found


def _sync_mturk(posting: Posting, *, now: datetime) -> str:
    """Take over the assignments of a HIT; return for whom something was refused."""
    client = accounts.mturk(_service(posting.pool))
    # Asked first: what is then taken or submitted is counted twice, never not at all.
    hit = client.hit(posting.external_id)
    listed = list(client.assignments(posting.external_id))
    enrolments = _enrolments(posting, [one.assignment_id for one in listed])
    for one in listed:
        enrolment = enrolments.get(one.assignment_id)
        if enrolment is None:
            continue
        _take_over(enrolment, one.status, decides_at=one.approves_at, now=now)
        if one.code and enrolment.labelled_at is None:
            _redeem(enrolment, one.code, now=now)
    is_over = posting.state == State.ENDED or hit.expires_at <= now
    if is_over:
        _note_end(posting)
    waiting = {one.assignment_id for one in listed if one.status == "Submitted"}
    paid = {one.assignment_id for one in listed if one.status in verdicts.PAID}
    n_open = hit.n_pending + (0 if is_over else hit.n_available)
    found = spending.Found(hit.n_places, n_open, waiting, paid)
    spending.recount(posting.pk, found, now=now)
    return _label_all(posting.pool, listed, enrolments, now=now)


def _sync_prolific(posting: Posting, *, now: datetime) -> str:
    """Take over the submissions of a study at Prolific."""
    listed = list(accounts.prolific().submissions(posting.external_id))
    enrolments = _enrolments(posting, [str(one["id"]) for one in listed])
    waiting, paid, n_taken = set(), set(), 0
    for one in listed:
        name, status = str(one["id"]), str(one["status"])
        if name in enrolments:
            decides_at = _after_waiting(one.get("completed_at"))
            _take_over(enrolments[name], status, decides_at=decides_at, now=now)
        if status in verdicts.PAID:
            paid.add(name)
        elif status not in prolific.UNPAID:
            waiting.add(name)
        # Whoever returned it, was too late or rejected freed a place.
        n_taken += status not in prolific.UNPAID
    is_over = posting.state == State.ENDED
    n_open = 0 if is_over else max(0, posting.n_places - n_taken)
    found = spending.Found(posting.n_places, n_open, waiting, paid)
    spending.recount(posting.pk, found, now=now)
    return ""


def _enrolments(posting: Posting, names: list[str]) -> dict[str, Enrolment]:
    """Return who is behind some submissions, tied to the posting they came through."""
    found = Enrolment.objects.filter(
        service=_service(posting.pool), external_id__in=names
    )
    # Some began before it was known what the posting is at its service.
    found.filter(posting__isnull=True).update(posting=posting)
    related = found.select_related(
        "posting", "session__study", "session__qualification"
    )
    return {one.external_id: one for one in related}


def _take_over(
    enrolment: Enrolment, status: str, *, decides_at: datetime | None, now: datetime
) -> None:
    """Take a submission's state over, and what its service decided."""
    take_status(
        Service(enrolment.service), enrolment.external_id, status=status, at=now
    )
    if decides_at is not None:
        Enrolment.objects.filter(pk=enrolment.pk).update(decides_at=decides_at)
    verdicts.take(enrolment, status=status, now=now)


def _after_waiting(completed_at: object) -> datetime | None:
    """Return when Prolific pays what nobody decided on; None before it is submitted."""
    at = parse_datetime(str(completed_at)) if completed_at else None
    return at + PROLIFIC_WAITS if at else None


def _note_end(posting: Posting) -> None:
    """Store that a HIT takes nobody any more: its time is over."""
    found = Posting.objects.filter(pk=posting.pk, state=State.OPEN)
    found.update(state=State.ENDED)


def _redeem(enrolment: Enrolment, code: str, *, now: datetime) -> None:
    try:
        completion.redeem(
            study=enrolment.session.study, code=code, now=now, enrolment=enrolment
        )
    except DomainError:
        # Nor the code: some workers paste their own id.
        logger.warning("a code of session %s was refused", enrolment.session_id)


def _label_all(
    pool: Pool,
    listed: list[Submitted],
    enrolments: dict[str, Enrolment],
    *,
    now: datetime,
) -> str:
    """Mark workers as who took part; return of how many Amazon would not have it."""
    told: list[str] = []
    for one in listed:
        enrolment = enrolments.get(one.assignment_id)
        if enrolment is None or enrolment.labelled_at is not None:
            continue
        try:
            _give_labels(pool, enrolment, worker_id=one.worker_id, now=now)
        except ClientError as error:
            told.append(payments.told(error))
    if not told:
        return ""
    return (
        f"{len(told)} of {len(listed)} workers could not be marked as who took part, "
        f"so that they may be offered the study again: {told[0]}"
    )


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


def _channel(pool: Pool) -> Evaluator.Channel:
    is_mturk = pool.kind in MTURK
    return Evaluator.Channel.MTURK if is_mturk else Evaluator.Channel.PROLIFIC


def _posting_of(pool: Pool, arrival: Arrival) -> Posting | None:
    return Posting.objects.filter(pool=pool, external_id=arrival.posting_id).first()


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
