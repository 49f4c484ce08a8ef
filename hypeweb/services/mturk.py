"""Amazon Mechanical Turk: what pays there, through boto3."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import floor
from typing import Any
from xml.sax.saxutils import escape

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from django.conf import settings

from hypeweb.models import Enrolment, Payment, Posting
from hypeweb.models.payments import Service
from hypeweb.services import identities
from hypeweb.services.payers import Outcome

# Amazon's fees: a fifth of rewards and bonuses, at least a cent; another fifth of the
# rewards of a HIT with ten assignments or more.
FEE_PERCENT = 20
MANY_ASSIGNMENTS = 10
MANY_FEE_PERCENT = 20
ENDPOINTS = {
    Service.MTURK: "https://mturk-requester.us-east-1.amazonaws.com",
    Service.MTURK_SANDBOX: "https://mturk-requester-sandbox.us-east-1.amazonaws.com",
}
EXTERNAL_QUESTION = (
    "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/"
    "ExternalQuestion.xsd"
)
FRAME_HEIGHT = 700
# Amazon approves by itself only after 30 days, the most it allows.
LONGEST_APPROVAL_S = 30 * 24 * 3600
EVENT_TYPES = ("AssignmentSubmitted", "AssignmentReturned", "AssignmentAbandoned")
PERCENT_APPROVED = "000000000000000000L0"
NUMBER_APPROVED = "00000000000000000040"
LOCALE = "00000000000000000071"
CODE = re.compile(
    r"<QuestionIdentifier>code</QuestionIdentifier>\s*<FreeText>\s*([^<\s]{1,40})"
)
# Amazon takes any past moment as “now”.
LONG_AGO = datetime(2015, 1, 1, tzinfo=UTC)
# So Amazon says that it has carried a request out before: its list may be late.
SAID_TWICE = "idempotency token"
NEVER_SUBMITTED = (
    "The worker has not submitted this assignment, and nobody can any more: Amazon "
    "pays nothing for it. It is tried again if the worker comes with another one."
)
BUSY = frozenset({"ThrottlingException", "Throttling", "RequestLimitExceeded"})


@dataclass(frozen=True)
class HitText:
    """What workers read of a HIT, and the page in its frame."""

    title: str
    description: str
    keywords: str
    frame_url: str
    allowed_min: int


@dataclass(frozen=True)
class Labels:
    """What a HIT asks of workers: Amazon's own counts, countries, and our labels."""

    percent_approved: int = 0
    n_approved: int = 0
    countries: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()

    def as_requirements(self) -> list[dict[str, Any]]:
        """Return the requirements, at most ten; who fails one does not see the HIT."""
        found: list[dict[str, Any]] = []
        for kind, value in (
            (PERCENT_APPROVED, self.percent_approved),
            (NUMBER_APPROVED, self.n_approved),
        ):
            if value:
                found.append(
                    {
                        "QualificationTypeId": kind,
                        "Comparator": "GreaterThanOrEqualTo",
                        "IntegerValues": [value],
                    }
                )
        if self.countries:
            found.append(
                {
                    "QualificationTypeId": LOCALE,
                    "Comparator": "In",
                    "LocaleValues": [
                        {"Country": country} for country in self.countries
                    ],
                }
            )
        for comparator, labels in (
            ("Exists", self.needs),
            ("DoesNotExist", self.excludes),
        ):
            found += [
                {"QualificationTypeId": label, "Comparator": comparator}
                for label in labels
            ]
        return [{**one, "ActionsGuarded": "DiscoverPreviewAndAccept"} for one in found]


@dataclass(frozen=True)
class Hit:
    """How far a HIT is: places that nobody took, and that somebody works in."""

    n_places: int
    n_available: int
    n_pending: int
    expires_at: datetime


@dataclass(frozen=True)
class Submitted:
    """An assignment as Amazon lists it."""

    assignment_id: str
    worker_id: str
    status: str
    code: str
    approves_at: datetime | None


def fee_cents(amount_cents: int, *, is_reward: bool, n_assignments: int) -> int:
    """Return Amazon's fee on a reward or bonus: half cents up, at least one cent."""
    many = is_reward and n_assignments >= MANY_ASSIGNMENTS
    percent = FEE_PERCENT + (MANY_FEE_PERCENT if many else 0)
    return max(1, floor(amount_cents * percent / 100 + 0.5))


class MTurkClient:
    """The calls the site makes, each once: who retries has asked first."""

    def __init__(self, service: Service) -> None:
        self._mturk = boto3.client(
            "mturk",
            region_name="us-east-1",
            endpoint_url=settings.MTURK_ENDPOINT_URL or ENDPOINTS[service],
            config=Config(
                connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1}
            ),
        )

    def post(self, posting: Posting, *, text: HitText, labels: Labels) -> str:
        """Create a HIT, and return its id; the same posting again creates none."""
        try:
            made = self._mturk.create_hit(
                MaxAssignments=posting.n_places,
                Reward=_dollars(posting.reward_cents),
                LifetimeInSeconds=posting.hours_open * 3600,
                AssignmentDurationInSeconds=text.allowed_min * 60,
                AutoApprovalDelayInSeconds=LONGEST_APPROVAL_S,
                Title=text.title[:128],
                Description=text.description[:2000],
                Keywords=text.keywords,
                Question=_external_question(text.frame_url),
                RequesterAnnotation=f"posting {posting.reference}",
                QualificationRequirements=labels.as_requirements(),
                UniqueRequestToken=str(posting.reference),
            )
        except ClientError:
            # The token was used: an earlier attempt created it after all.
            found = self.find_posted(posting)
            if found is None:
                raise
            return found
        return str(made["HIT"]["HITId"])

    def find_posted(self, posting: Posting) -> str | None:
        """Return the HIT of a posting whose reply was lost, from Amazon's own list."""
        mark = f"posting {posting.reference}"
        for page in self._mturk.get_paginator("list_hits").paginate():
            for hit in page["HITs"]:
                if hit.get("RequesterAnnotation") == mark:
                    return str(hit["HITId"])
        return None

    def extend(self, hit_id: str, *, n_more: int, token: str) -> None:
        self._mturk.create_additional_assignments_for_hit(
            HITId=hit_id, NumberOfAdditionalAssignments=n_more, UniqueRequestToken=token
        )

    def hit(self, hit_id: str) -> Hit:
        found = self._mturk.get_hit(HITId=hit_id)["HIT"]
        return Hit(
            n_places=found["MaxAssignments"],
            n_available=found["NumberOfAssignmentsAvailable"],
            n_pending=found["NumberOfAssignmentsPending"],
            expires_at=found["Expiration"],
        )

    def expire(self, hit_id: str) -> None:
        """Let nobody else accept a HIT; who has begun may submit."""
        self._mturk.update_expiration_for_hit(HITId=hit_id, ExpireAt=LONG_AGO)

    def assignments(self, hit_id: str) -> Iterator[Submitted]:
        """Yield the assignments of a HIT that workers have submitted."""
        pages = self._mturk.get_paginator("list_assignments_for_hit")
        for page in pages.paginate(HITId=hit_id):
            for found in page["Assignments"]:
                yield Submitted(
                    assignment_id=found["AssignmentId"],
                    worker_id=found["WorkerId"],
                    status=found["AssignmentStatus"],
                    code=_code_in(found.get("Answer", "")),
                    approves_at=found.get("AutoApprovalTime"),
                )

    def reject(self, assignment_id: str, *, why: str) -> None:
        self._mturk.reject_assignment(
            AssignmentId=assignment_id, RequesterFeedback=why[:1024]
        )

    def make_label(self, *, name: str, description: str) -> str:
        """Create a qualification type of our own that nobody can ask for."""
        made = self._mturk.create_qualification_type(
            Name=name, Description=description, QualificationTypeStatus="Active"
        )
        return str(made["QualificationType"]["QualificationTypeId"])

    def give_label(self, *, label_id: str, worker_id: str) -> None:
        self._mturk.associate_qualification_with_worker(
            QualificationTypeId=label_id,
            WorkerId=worker_id,
            IntegerValue=1,
            SendNotification=False,
        )

    def notify_queue(self, hit_type_id: str, *, queue_url: str) -> None:
        """Have Amazon tell an SQS queue what happens to the HITs of a type."""
        self._mturk.update_notification_settings(
            HITTypeId=hit_type_id,
            Notification={
                "Destination": queue_url,
                "Transport": "SQS",
                "Version": "2014-08-15",
                "EventTypes": list(EVENT_TYPES),
            },
            Active=True,
        )

    def hit_type_of(self, hit_id: str) -> str:
        return str(self._mturk.get_hit(HITId=hit_id)["HIT"]["HITTypeId"])

    def bonuses(self, hit_id: str) -> Iterator[tuple[str, int, str]]:
        """Yield assignment, cents and reason of each bonus paid on a HIT."""
        pages = self._mturk.get_paginator("list_bonus_payments")
        for page in pages.paginate(HITId=hit_id):
            for bonus in page["BonusPayments"]:
                cents = round(Decimal(bonus["BonusAmount"]) * 100)
                yield bonus["AssignmentId"], cents, bonus.get("Reason", "")

    def approve(self, assignment_id: str, *, overrides: bool) -> None:
        self._mturk.approve_assignment(
            AssignmentId=assignment_id, OverrideRejection=overrides
        )

    def assignment(self, assignment_id: str) -> dict[str, str]:
        """Return status, worker and HIT of a submitted assignment."""
        found = self._mturk.get_assignment(AssignmentId=assignment_id)["Assignment"]
        return {
            "status": found["AssignmentStatus"],
            "worker_id": found["WorkerId"],
            "hit_id": found["HITId"],
        }

    def is_submitted(self, assignment_id: str) -> bool:
        """Return whether a worker has sent an assignment in."""
        try:
            self._mturk.get_assignment(AssignmentId=assignment_id)
        except ClientError as error:
            # So Amazon says that one is still worked on, or there no more.
            if error.response["Error"]["Code"] == "RequestError":
                return False
            raise
        return True

    def send_bonus(
        self, *, worker_id: str, assignment_id: str, cents: int, why: str, token: str
    ) -> None:
        self._mturk.send_bonus(
            WorkerId=worker_id,
            AssignmentId=assignment_id,
            BonusAmount=_dollars(cents),
            Reason=why,
            UniqueRequestToken=token,
        )

    def bonus_reasons(self, assignment_id: str) -> Iterator[str]:
        """Yield the reasons of the bonuses an assignment was paid."""
        pages = self._mturk.get_paginator("list_bonus_payments")
        for page in pages.paginate(AssignmentId=assignment_id):
            for bonus in page["BonusPayments"]:
                yield bonus["Reason"]


class MTurkPayer:
    """Pays a base by approving the assignment, and the rest as bonuses."""

    # A token makes a second bonus of the same payment impossible for 24 hours, and
    # long before that the list of bonuses is up to date.
    settles_within = timedelta(0)

    def __init__(self, client: MTurkClient) -> None:
        self._client = client

    def fee_cents(self, payment: Payment) -> int:
        posting = payment.session.enrolment.posting
        return fee_cents(
            payment.amount_cents,
            is_reward=payment.reason == Payment.Reason.BASE,
            n_assignments=posting.n_places if posting else 1,
        )

    def has_paid(self, payment: Payment, enrolment: Enrolment) -> bool:
        if payment.reason == Payment.Reason.BASE:
            found = self._client.assignment(enrolment.external_id)
            return found["status"] == "Approved"
        mark = _mark(payment)
        reasons = self._client.bonus_reasons(enrolment.external_id)
        return any(mark in reason for reason in reasons)

    def send(
        self,
        payment: Payment,
        enrolment: Enrolment,
        *,
        remember: Callable[[str], None],  # noqa: ARG002 - Amazon has one step
    ) -> Outcome:
        try:
            self._pay(payment, enrolment)
        except EndpointConnectionError as error:
            return Outcome("not_yet", f"Mechanical Turk cannot be reached: {error}")
        except ClientError as error:
            return self._explain(payment, enrolment, error)
        return Outcome("done")

    def _pay(self, payment: Payment, enrolment: Enrolment) -> None:
        if payment.reason == Payment.Reason.BASE:
            self._client.approve(
                enrolment.external_id,
                overrides=enrolment.reinstated_at is not None,
            )
            return
        if self.has_paid(payment, enrolment):
            return  # refused before in words nobody knew, and tried again
        worker_id = self._client.assignment(enrolment.external_id)["worker_id"]
        self._client.send_bonus(
            worker_id=worker_id,
            assignment_id=enrolment.external_id,
            cents=payment.amount_cents,
            why=f"{payment.detail} {_mark(payment)}",
            token=str(payment.reference),
        )

    def _explain(
        self, payment: Payment, enrolment: Enrolment, error: ClientError
    ) -> Outcome:
        """Return what a refusal means; a fault of Amazon's leaves it open."""
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code = error.response["Error"]["Code"]
        message = identities.scrubbed(error.response["Error"]["Message"])
        if code in BUSY:
            return Outcome("not_yet", "Mechanical Turk asked to slow down.")
        if status >= 500:  # noqa: PLR2004
            raise error
        # Whatever words it has for that, a second time is refused where one was paid.
        is_missing = "does not exist" in message
        try:
            if self.has_paid(payment, enrolment):
                return Outcome("done")
        except ClientError:
            if not is_missing:
                return Outcome("not_yet", message)
        if SAID_TWICE in message:
            return Outcome("accepted")  # paid, and not in the list yet
        posting = enrolment.posting
        if is_missing and posting is not None and posting.is_settled:
            return Outcome("refused", NEVER_SUBMITTED)
        may_change = is_missing or "InsufficientFunds" in message
        return Outcome("not_yet" if may_change else "refused", message)


def _dollars(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _external_question(url: str) -> str:
    """Return what a worker is shown: a page of this site in Amazon's frame."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<ExternalQuestion xmlns="{EXTERNAL_QUESTION}">'
        f"<ExternalURL>{escape(url)}</ExternalURL>"
        f"<FrameHeight>{FRAME_HEIGHT}</FrameHeight></ExternalQuestion>"
    )


def _code_in(answer: str) -> str:
    """Return the completion code in the XML of an assignment's answer, or nothing."""
    found = CODE.search(answer)
    return found.group(1) if found else ""


def _mark(payment: Payment) -> str:
    """Return by which a bonus is known again in Amazon's own list."""
    return f"(reference {payment.reference})"
