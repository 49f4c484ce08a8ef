"""Amazon Mechanical Turk: what pays there, through boto3."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from math import floor

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from django.conf import settings

from hypeweb.models import Enrolment, Payment
from hypeweb.models.payments import Service
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
BUSY = frozenset({"ThrottlingException", "Throttling", "RequestLimitExceeded"})


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

    def send_bonus(
        self, *, worker_id: str, assignment_id: str, cents: int, why: str, token: str
    ) -> None:
        self._mturk.send_bonus(
            WorkerId=worker_id,
            AssignmentId=assignment_id,
            BonusAmount=f"{cents // 100}.{cents % 100:02d}",
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

    def __init__(self, client: MTurkClient, *, n_assignments: int = 1) -> None:
        self._client = client
        self._n_assignments = n_assignments

    def fee_cents(self, payment: Payment) -> int:
        return fee_cents(
            payment.amount_cents,
            is_reward=payment.reason == Payment.Reason.BASE,
            n_assignments=self._n_assignments,
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
            self._client.approve(enrolment.external_id, overrides=False)
            return
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
        message = error.response["Error"]["Message"]
        if code in BUSY:
            return Outcome("not_yet", "Mechanical Turk asked to slow down.")
        if status >= 500:  # noqa: PLR2004
            raise error
        # Whatever words it has for that, a second time is refused where one was paid.
        try:
            if self.has_paid(payment, enrolment):
                return Outcome("done")
        except ClientError:
            return Outcome("not_yet", message)
        may_change = "InsufficientFunds" in message or "does not exist" in message
        return Outcome("not_yet" if may_change else "refused", message)


def _mark(payment: Payment) -> str:
    """Return by which a bonus is known again in Amazon's own list."""
    return f"(reference {payment.reference})"
