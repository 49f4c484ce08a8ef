"""Prolific on this machine: the part of its REST interface that the site uses.

As the real one says of itself: approving twice is the same as once, paying a bonus
twice pays it twice, and a bonus shows on its submission some time after.
"""

import json
import time
from dataclasses import dataclass, field
from decimal import Decimal

from tests.doubles.faults import Double, Faults, Reply

STATUSES = {"PUBLISH": "ACTIVE", "STOP": "AWAITING REVIEW", "PAUSE": "PAUSED"}


@dataclass
class Submission:
    submission_id: str
    participant: str
    study_id: str
    status: str = "AWAITING REVIEW"
    bonuses: list[tuple[float, int]] = field(default_factory=list)


class ProlificDouble(Double):
    busy_reply = Reply({"error": {"detail": "Request was throttled."}}, 429)

    def __init__(
        self,
        faults: Faults | None = None,
        *,
        key: str = "t",
        shows_after_s: float = 0.0,
        clock=time.time,
    ) -> None:
        super().__init__(faults)
        self.clock = clock
        self.key = key
        self.shows_after_s = shows_after_s
        self.submissions: dict[str, Submission] = {}
        self.bulks: dict[str, list[tuple[str, int]]] = {}
        self.studies: dict[str, dict] = {}

    def submit(self, submission_id: str, *, participant: str, study_id: str = "st"):
        """A participant comes back with a completion code."""
        self.submissions[submission_id] = Submission(
            submission_id, participant, study_id
        )

    def answer(self, method, path, headers, body) -> Reply:
        if headers.get("Authorization") != f"Token {self.key}":
            return Reply({"error": {"detail": "Authentication failed."}}, 401)
        parts = path.strip("/").split("/")
        sent = json.loads(body) if body else {}
        place = parts.pop(0)
        answers = {
            "studies": self.about_studies,
            "submissions": self.about_submissions,
            "bulk-bonus-payments": self.about_bonuses,
        }
        found = answers[place](method, parts, sent) if place in answers else None
        return found or Reply({"error": {"detail": "Not found."}}, 404)

    def about_studies(self, method, parts, sent) -> Reply | None:
        match (method, *parts):
            case ("POST",):
                name = f"{len(self.studies):024x}"
                self.studies[name] = {**sent, "id": name, "status": "UNPUBLISHED"}
                return Reply(self.studies[name], 201)
            case ("GET",):
                return Reply({"results": list(self.studies.values())})
            case ("PATCH", name) if name in self.studies:
                self.studies[name].update(sent)
                return Reply(self.studies[name])
            case ("POST", name, "transition") if name in self.studies:
                self.studies[name]["status"] = STATUSES[sent["action"]]
                return Reply(self.studies[name])
        return self.about_people_of_studies(method, parts, sent)

    def about_people_of_studies(self, method, parts, sent) -> Reply | None:
        match (method, *parts):
            case ("GET", name, "submissions"):
                mine = [s for s in self.submissions.values() if s.study_id == name]
                return Reply({"results": [self.show(one).body for one in mine]})
            case ("POST", name, "screen-out-submissions"):
                return self.screen_out(name, sent)
        return None

    def about_submissions(self, method, parts, sent) -> Reply | None:
        match (method, *parts):
            case ("GET", name) if name in self.submissions:
                return self.show(self.submissions[name])
            case ("POST", "bonus-payments"):
                return self.set_up(sent)
            case ("POST", name, "transition"):
                return self.transition(self.submissions[name], sent["action"])
        return None

    def about_bonuses(self, method, parts, _sent) -> Reply | None:
        if method == "POST" and parts[0] in self.bulks and parts[1:] == ["pay"]:
            return self.pay(parts[0])
        return None

    def show(self, found: Submission) -> Reply:
        shown = self.clock() - self.shows_after_s
        return Reply(
            {
                "id": found.submission_id,
                "participant": found.participant,
                "study_id": found.study_id,
                "status": found.status,
                "bonus_payments": [cents for at, cents in found.bonuses if at <= shown],
            }
        )

    def screen_out(self, name: str, sent) -> Reply:
        if not self.studies.get(name, {}).get("is_custom_screening"):
            return Reply({"error": {"detail": "No screening in this study."}}, 400)
        for submission_id in sent["submission_ids"]:
            self.submissions[submission_id].status = "SCREENED OUT"
        return Reply({"message": "It is being processed."})

    def transition(self, found: Submission, action: str) -> Reply:
        if action == "APPROVE" and found.status == "AWAITING REVIEW":
            found.status = "APPROVED"
        if action == "REJECT" and found.status == "AWAITING REVIEW":
            found.status = "REJECTED"
        return self.show(found)

    def set_up(self, sent) -> Reply:
        rows = [line.split(",") for line in sent["csv_bonuses"].splitlines()]
        unknown = [name for name, _ in rows if name not in self.submissions]
        if unknown:
            return Reply({"error": {"detail": f"Incorrect ids: {unknown}"}}, 400)
        name = f"bulk{len(self.bulks)}"
        self.bulks[name] = [
            (name_, int(Decimal(amount) * 100)) for name_, amount in rows
        ]
        return Reply({"id": name, "study": sent["study_id"]}, 201)

    def pay(self, name: str) -> Reply:
        for submission_id, cents in self.bulks[name]:
            self.submissions[submission_id].bonuses.append((self.clock(), cents))
        return Reply("It is being processed.", 202)
