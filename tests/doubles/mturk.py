"""Mechanical Turk on this machine: its JSON protocol over HTTP, as boto3 speaks it."""

import json
import time
from dataclasses import dataclass
from decimal import Decimal

from tests.doubles.faults import Double, Faults, Reply

TOKEN_LASTS_S = 24 * 3600
MANY = 10
DAY_S = 24 * 3600
SHOWN = (
    *("HITId", "HITTypeId", "MaxAssignments", "RequesterAnnotation", "Title"),
    "Expiration",
)
ANSWER = (
    '<?xml version="1.0" encoding="UTF-8"?><QuestionFormAnswers xmlns="http://x">'
    "<Answer><QuestionIdentifier>code</QuestionIdentifier>"
    "<FreeText>{code}</FreeText></Answer></QuestionFormAnswers>"
)


@dataclass
class Assignment:
    assignment_id: str
    worker_id: str
    hit_id: str
    status: str = "Submitted"
    answer: str = ""
    approves_at: float = float("inf")


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
        self.accepted: dict[str, str] = {}
        self.bonuses: list[Bonus] = []
        self.approvals: list[str] = []
        self.tokens: dict[str, float] = {}
        self.hits: dict[str, dict] = {}
        self.labels: dict[str, set[str]] = {}
        self.notified: list[str] = []
        self.lists_bonuses = True

    def accept(self, assignment_id: str, *, hit_id: str) -> None:
        """A worker takes a place, which no list shows."""
        self.accepted[assignment_id] = hit_id

    def return_(self, assignment_id: str) -> None:
        """A worker gives a place back."""
        del self.accepted[assignment_id]

    def submit(
        self,
        assignment_id: str,
        *,
        worker_id: str,
        hit_id: str = "HIT",
        code: str = "",
    ) -> None:
        """A worker sends in an assignment."""
        answer = ANSWER.format(code=code) if code else ""
        self.accepted.pop(assignment_id, None)
        waits_s = self.hits.get(hit_id, {}).get("AutoApprovalDelayInSeconds", 0)
        self.assignments[assignment_id] = Assignment(
            *(assignment_id, worker_id, hit_id),
            answer=answer,
            approves_at=self.clock() + (waits_s or float("inf")),
        )

    def approve_late(self) -> None:
        """Approve what nobody decided on in time, as Amazon does by itself."""
        for one in self.assignments.values():
            if one.status == "Submitted" and one.approves_at <= self.clock():
                one.status = "Approved"

    def CreateHIT(self, UniqueRequestToken=None, **asked):
        self.use_token(UniqueRequestToken)
        name = f"3HIT{len(self.hits):026d}"
        lasts_s = asked.get("LifetimeInSeconds", DAY_S)
        self.hits[name] = {
            **asked,
            "HITId": name,
            "HITTypeId": f"TYPE{name}",
            "Expiration": self.clock() + lasts_s,
        }
        return {"HIT": self.hit(name)}

    def hit(self, name):
        made = self.hits.get(name)
        if made is None:
            raise RequestError(f"Hit {name} does not exist.")
        n_pending = list(self.accepted.values()).count(name)
        n_done = sum(one.hit_id == name for one in self.assignments.values())
        return {
            **{key: made[key] for key in SHOWN if key in made},
            "NumberOfAssignmentsPending": n_pending,
            "NumberOfAssignmentsAvailable": made["MaxAssignments"] - n_pending - n_done,
            "NumberOfAssignmentsCompleted": n_done,
        }

    def GetHIT(self, HITId):
        return {"HIT": self.hit(HITId)}

    def ListHITs(self, MaxResults=100, NextToken=None):
        return {"HITs": [self.hit(name) for name in self.hits]}

    def CreateAdditionalAssignmentsForHIT(
        self, HITId, NumberOfAdditionalAssignments, UniqueRequestToken=None
    ):
        made = self.hits[HITId]
        n_all = made["MaxAssignments"] + NumberOfAdditionalAssignments
        if made["MaxAssignments"] < MANY <= n_all:
            raise RequestError("HITs of fewer than 10 assignments stay below 10.")
        self.use_token(UniqueRequestToken)
        made["MaxAssignments"] = n_all
        return {}

    def UpdateExpirationForHIT(self, HITId, ExpireAt):
        self.hits[HITId]["Expiration"] = ExpireAt
        return {}

    def ListAssignmentsForHIT(
        self, HITId, MaxResults=10, NextToken=None, AssignmentStatuses=None
    ):
        found = [one for one in self.assignments.values() if one.hit_id == HITId]
        start = int(NextToken or 0)
        page = found[start : start + MaxResults]
        more = start + MaxResults < len(found)
        return {
            "NumResults": len(page),
            "Assignments": [self.shown(one) for one in page],
            **({"NextToken": str(start + MaxResults)} if more else {}),
        }

    def shown(self, found):
        return {
            "AssignmentId": found.assignment_id,
            "WorkerId": found.worker_id,
            "HITId": found.hit_id,
            "AssignmentStatus": found.status,
            "Answer": found.answer,
            **(
                {"AutoApprovalTime": found.approves_at}
                if found.approves_at < float("inf")
                else {}
            ),
        }

    def CreateQualificationType(self, Name, Description, QualificationTypeStatus):
        name = f"3LABEL{len(self.labels):024d}"
        self.labels[name] = set()
        return {"QualificationType": {"QualificationTypeId": name}}

    def AssociateQualificationWithWorker(
        self, QualificationTypeId, WorkerId, IntegerValue, SendNotification
    ):
        self.labels[QualificationTypeId].add(WorkerId)
        return {}

    def UpdateNotificationSettings(self, HITTypeId, Notification, Active):
        self.notified.append(HITTypeId)
        return {}

    def use_token(self, token):
        now = self.clock()
        if token is None:
            return
        used = self.tokens.get(token)
        if used is not None and now - used < TOKEN_LASTS_S:
            raise RequestError(
                f'The idempotency token "{token}" has already been processed.'
            )
        self.tokens[token] = now

    def answer(self, method, path, headers, body) -> Reply:
        operation = headers["X-Amz-Target"].rpartition(".")[2]
        self.approve_late()
        try:
            return Reply(getattr(self, operation)(**json.loads(body)))
        except RequestError as error:
            return Reply({"__type": "RequestError", "Message": str(error)}, 400)

    def GetAssignment(self, AssignmentId):
        found = self.assignment(AssignmentId)
        return {"Assignment": self.shown(found)}

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
        self.use_token(UniqueRequestToken)
        now = self.clock()
        cents = int(Decimal(BonusAmount) * 100)
        self.bonuses.append(Bonus(AssignmentId, WorkerId, cents, Reason, now))
        return {}

    def ListBonusPayments(
        self, AssignmentId=None, HITId=None, MaxResults=100, NextToken=None
    ):
        in_hit = {
            one.assignment_id
            for one in self.assignments.values()
            if one.hit_id == HITId or one.assignment_id == AssignmentId
        }
        listed = self.bonuses if self.lists_bonuses else []
        found = [bonus for bonus in listed if bonus.assignment_id in in_hit]
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
