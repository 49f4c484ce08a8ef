"""Mechanical Turk on this machine: its JSON protocol over HTTP, as boto3 speaks it."""

import json
import time
from dataclasses import dataclass
from decimal import Decimal

from tests.doubles.faults import Double, Faults, Reply

TOKEN_LASTS_S = 24 * 3600


@dataclass
class Assignment:
    assignment_id: str
    worker_id: str
    hit_id: str
    status: str = "Submitted"


@dataclass
class Bonus:
    assignment_id: str
    worker_id: str
    cents: int
    reason: str
    at: float


class RequestError(Exception):
    pass


class MTurkDouble(Double):
    busy_reply = Reply(
        {"__type": "ThrottlingException", "Message": "Rate exceeded"}, 400
    )

    def __init__(self, faults: Faults | None = None, *, clock=time.time) -> None:
        super().__init__(faults)
        self.clock = clock
        self.assignments: dict[str, Assignment] = {}
        self.bonuses: list[Bonus] = []
        self.approvals: list[str] = []
        self.tokens: dict[str, float] = {}

    def submit(
        self, assignment_id: str, *, worker_id: str, hit_id: str = "HIT"
    ) -> None:
        """A worker sends in an assignment."""
        self.assignments[assignment_id] = Assignment(assignment_id, worker_id, hit_id)

    def answer(self, method, path, headers, body) -> Reply:
        operation = headers["X-Amz-Target"].rpartition(".")[2]
        try:
            return Reply(getattr(self, operation)(**json.loads(body)))
        except RequestError as error:
            return Reply({"__type": "RequestError", "Message": str(error)}, 400)

    def GetAssignment(self, AssignmentId):
        found = self.assignment(AssignmentId)
        return {
            "Assignment": {
                "AssignmentId": found.assignment_id,
                "WorkerId": found.worker_id,
                "HITId": found.hit_id,
                "AssignmentStatus": found.status,
            }
        }

    def ApproveAssignment(
        self, AssignmentId, OverrideRejection=False, RequesterFeedback=""
    ):
        found = self.assignment(AssignmentId)
        allowed = {"Submitted", "Rejected"} if OverrideRejection else {"Submitted"}
        if found.status not in allowed:
            raise RequestError(
                "This operation can be called with a status of: "
                f"{', '.join(sorted(allowed))}"
            )
        found.status = "Approved"
        self.approvals.append(AssignmentId)
        return {}

    def RejectAssignment(self, AssignmentId, RequesterFeedback):
        found = self.assignment(AssignmentId)
        if found.status != "Submitted":
            raise RequestError(
                "This operation can be called with a status of: Submitted"
            )
        found.status = "Rejected"
        return {}

    def SendBonus(
        self, WorkerId, AssignmentId, BonusAmount, Reason, UniqueRequestToken=None
    ):
        found = self.assignment(AssignmentId)
        if found.worker_id != WorkerId:
            raise RequestError(f"Worker {WorkerId} did not do {AssignmentId}")
        now = self.clock()
        if UniqueRequestToken is not None:
            used = self.tokens.get(UniqueRequestToken)
            if used is not None and now - used < TOKEN_LASTS_S:
                raise RequestError(
                    f"The idempotency token {UniqueRequestToken} was already used"
                )
            self.tokens[UniqueRequestToken] = now
        cents = int(Decimal(BonusAmount) * 100)
        self.bonuses.append(Bonus(AssignmentId, WorkerId, cents, Reason, now))
        return {}

    def ListBonusPayments(
        self, AssignmentId=None, HITId=None, MaxResults=100, NextToken=None
    ):
        found = [bonus for bonus in self.bonuses if bonus.assignment_id == AssignmentId]
        start = int(NextToken or 0)
        page = found[start : start + MaxResults]
        more = start + MaxResults < len(found)
        return {
            "NumResults": len(page),
            "BonusPayments": [
                {
                    "WorkerId": bonus.worker_id,
                    "BonusAmount": f"{bonus.cents / 100:.2f}",
                    "AssignmentId": bonus.assignment_id,
                    "Reason": bonus.reason,
                    "GrantTime": bonus.at,
                }
                for bonus in page
            ],
            **({"NextToken": str(start + MaxResults)} if more else {}),
        }

    def assignment(self, assignment_id: str) -> Assignment:
        found = self.assignments.get(assignment_id)
        if found is None:
            raise RequestError(f"Assignment {assignment_id} does not exist.")
        return found
