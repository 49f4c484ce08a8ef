"""Prolific on this machine: the part of its REST interface that the site uses.

As the real one says of itself: approving twice is the same as once, paying a bonus
twice pays it twice, a bonus shows on its submission some time after, lists come in
pages, and codes have one of the types and actions that its documentation names.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from tests.doubles.faults import Double, Faults, Reply

# What each transition leads to, and from where.
TRANSITIONS = {
    "PUBLISH": ("ACTIVE", {"UNPUBLISHED"}),
    "PAUSE": ("PAUSED", {"ACTIVE"}),
    "STOP": ("AWAITING REVIEW", {"ACTIVE", "PAUSED"}),
}
# https://docs.prolific.com/api-reference/studies/create-study
CODE_TYPES = {
    *("COMPLETED", "FAILED_ATTENTION_CHECK", "FOLLOW_UP_STUDY", "GIVE_BONUS"),
    *("INCOMPATIBLE_DEVICE", "NO_CONSENT", "OTHER", "FIXED_SCREENOUT"),
}
CODE_ACTIONS = {
    *("AUTOMATICALLY_APPROVE", "MANUALLY_REVIEW", "REQUEST_RETURN"),
    *("ADD_TO_PARTICIPANT_GROUP", "REMOVE_FROM_PARTICIPANT_GROUP"),
    *("DYNAMIC_PAYMENT", "FIXED_SCREEN_OUT_PAYMENT"),
}


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
        page_size: int = 20,
        clock=time.time,
    ) -> None:
        super().__init__(faults)
        self.page_size = page_size
        self.clock = clock
        self.key = key
        self.shows_after_s = shows_after_s
        self.submissions: dict[str, Submission] = {}
        self.bulks: dict[str, list[tuple[str, int]]] = {}
        self.studies: dict[str, dict] = {}
        self.lists_bonuses = True
        self.n_made = 0
        self.workspaces = [{"id": "6" * 24, "title": "Lab"}]
        self.hook_secrets: dict[str, str] = {}
        self.subscriptions: dict[str, dict] = {}
        self.confirmations: dict[str, str] = {}
        self.answers_with_lists = False

    def submit(self, submission_id: str, *, participant: str, study_id: str = "st"):
        """A participant comes back with a completion code."""
        self.submissions[submission_id] = Submission(
            submission_id, participant, study_id
        )

    def answer(self, method, path, headers, body) -> Reply:
        if headers.get("Authorization") != f"Token {self.key}":
            return Reply({"error": {"detail": "Authentication failed."}}, 401)
        asked = urlsplit(path)
        parts = asked.path.strip("/").split("/")
        sent = json.loads(body) if body else {}
        place = parts.pop(0)
        self.query = {name: one for name, (one, *_) in parse_qs(asked.query).items()}
        answers = {
            "workspaces": lambda *_: self.workspaces,
            "hooks": self.about_hooks,
            "studies": self.about_studies,
            "submissions": self.about_submissions,
            "bulk-bonus-payments": self.about_bonuses,
        }
        found = answers[place](method, parts, sent) if place in answers else None
        if isinstance(found, list):
            found = self.page_of(found, asked, host=headers["Host"])
        return found or Reply({"error": {"detail": "Not found."}}, 404)

    def page_of(self, rows: list, asked, *, host: str) -> Reply:
        """Return a page of a list, with the whole address of the next one."""
        number = int(self.query.get("page", "1"))
        end = number * self.page_size
        following = f"http://{host}{asked.path}?page={number + 1}"
        href = following if end < len(rows) else None
        return Reply(
            {
                "results": rows[end - self.page_size : end],
                "_links": {"next": {"href": href, "title": "Next"}},
                "meta": {"count": len(rows)},
            }
        )

    def about_studies(self, method, parts, sent) -> Reply | list | None:
        match (method, *parts):
            case ("POST",):
                return self.create(sent)
            case ("GET",):
                return list(self.studies.values())
            case ("GET", name, "submissions"):
                mine = [s for s in self.submissions.values() if s.study_id == name]
                return [self.list_one(one) for one in mine]
            case ("POST", name, "screen-out-submissions"):
                return self.screen_out(name, sent)
            case (_, name, *rest) if name in self.studies:
                return self.about_one_study(method, name, rest, sent)
        return None

    def about_one_study(self, method, name, rest, sent) -> Reply | None:
        study = self.studies[name]
        match (method, *rest):
            case ("GET",):
                return Reply(study)
            case ("DELETE",):
                return self.delete(name)
            case ("PATCH",):
                study.update(sent)
                return Reply(study)
            case ("POST", "transition"):
                return self.move(study, sent["action"])
        return None

    def create(self, sent) -> Reply:
        codes = sent["completion_codes"]
        for one in codes:
            actions = {action["action"] for action in one["actions"]}
            if one["code_type"] not in CODE_TYPES or not actions <= CODE_ACTIONS:
                return Reply({"error": {"detail": f"Unknown in {one}."}}, 400)
        if len({one["code"] for one in codes}) < len(codes):
            return Reply({"error": {"detail": "Each code must be unique."}}, 400)
        self.n_made += 1
        name = f"{self.n_made:024x}"
        self.studies[name] = {**sent, "id": name, "status": "UNPUBLISHED"}
        return Reply(self.studies[name], 201)

    def move(self, study, action: str) -> Reply:
        status, allowed = TRANSITIONS[action]
        if study["status"] not in allowed:
            told = f"A study that is {study['status']} cannot {action}."
            return Reply({"error": {"detail": told}}, 400)
        study["status"] = status
        return Reply(study)

    def delete(self, name: str) -> Reply:
        if self.studies[name]["status"] != "UNPUBLISHED":
            return Reply({"error": {"detail": "This study was published."}}, 400)
        del self.studies[name]
        return Reply({}, 204)

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

    def list_one(self, found: Submission) -> dict:
        """Return a row of a study's list, in which bonuses may be left out."""
        row = dict(self.show(found).body)
        row["participant_id"] = row.pop("participant")
        if not self.lists_bonuses:
            del row["bonus_payments"]
        return row

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
            found = self.submissions[submission_id]
            if found.status != "AWAITING REVIEW":
                return Reply({"error": {"detail": f"It is {found.status}."}}, 400)
            found.status = "SCREENED OUT"
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

    def about_hooks(self, method, parts, sent) -> Reply | list | None:
        workspace = sent.get("workspace_id") or self.query.get("workspace_id")
        match (method, *parts):
            case ("GET", "secrets"):
                found = self.hook_secrets.get(workspace)
                return [{"value": found, "workspace_id": workspace}] if found else []
            case ("POST", "secrets"):
                self.hook_secrets[workspace] = secrets.token_urlsafe(32)
                return Reply({"value": self.hook_secrets[workspace]}, 201)
            case ("GET", "subscriptions"):
                rows = self.subscriptions.values()
                return [one for one in rows if one["workspace_id"] == workspace]
            case ("POST", "subscriptions"):
                return self.subscribe(sent)
            case (_, "subscriptions", name) if name in self.subscriptions:
                return self.about_subscription(method, name, sent)
        return None

    def subscribe(self, sent) -> Reply:
        is_possible = sent["target_url"].startswith("https://")
        if not is_possible or sent["workspace_id"] not in self.hook_secrets:
            return Reply({"error": {"detail": "Make a secret; use https://."}}, 400)
        name = secrets.token_hex(12)
        self.subscriptions[name] = {**sent, "id": name, "is_enabled": False}
        self.confirmations[name] = secrets.token_urlsafe(16)
        told = {"X-Hook-Secret": self.confirmations[name]}
        all_of_them = {"results": list(self.subscriptions.values())}
        made = all_of_them if self.answers_with_lists else self.subscriptions[name]
        return Reply(made, 201, told)

    def about_subscription(self, method, name, sent) -> Reply:
        if method == "DELETE":
            del self.subscriptions[name]
            return Reply({}, 204)
        if sent.get("secret") != self.confirmations[name]:
            return Reply({"error": {"detail": "This is not its secret."}}, 400)
        self.subscriptions[name]["is_enabled"] = True
        return Reply(self.subscriptions[name])

    def tell(self, submission_id: str, *, site: str, event_id: str, at: int) -> list:
        """Send a submission's status to who subscribed; return the answers' statuses.

        `site` is where the public address of the subscriptions leads in a test.
        """
        found = self.submissions[submission_id]
        answers = []
        for one in self.subscriptions.values():
            if not one["is_enabled"]:
                continue
            told = {
                "event_type": one["event_type"],
                "resource_id": submission_id,
                "participant_id": found.participant,
                "status": found.status,
            }
            body, sent_at = json.dumps(told).encode(), str(int(time.time()))
            key = self.hook_secrets[one["workspace_id"]].encode()
            signed = hmac.new(key, sent_at.encode() + body, hashlib.sha256).digest()
            headers = {
                "Content-Type": "application/json",
                "X-Prolific-Request-Timestamp": sent_at,
                "X-Prolific-Request-Signature": base64.b64encode(signed).decode(),
                "X-Event-ID": event_id,
                "X-Timestamp": str(at),
            }
            address = f"{site}{urlsplit(one['target_url']).path}"
            request = Request(address, body, headers)  # noqa: S310 - ours
            opener = build_opener(ProxyHandler({}))
            with opener.open(request, timeout=30) as answer:
                answers.append(answer.status)
        return answers
