"""Prolific: what pays there, through its REST interface."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

import requests
from django.conf import settings

from hypeweb.models import Enrolment, OutcomeCode, Payment, Posting, Session
from hypeweb.services import identities
from hypeweb.services.payers import Outcome

TIMEOUT_S = (5, 20)
TOO_MANY = 429
SERVER_FAULT = 500
# Submissions that Prolific itself pays, or has paid, the reward of.
PAID = frozenset({"APPROVED", "PARTIALLY APPROVED", "SCREENED OUT"})
# Nothing is ever paid for these.
UNPAID = frozenset({"RETURNED", "TIMED-OUT", "REJECTED"})
# Its person has not come back with a code; before that nothing can be paid.
UNDER_WAY = frozenset({"RESERVED", "ACTIVE"})
UNPUBLISHED = "UNPUBLISHED"
# “It is always less than 24 hours”, its documentation says of a submission.
MOST_MINUTES = 24 * 60 - 1
# In these a study takes nobody any more.
OVER = frozenset({"AWAITING REVIEW", "COMPLETED"})
# What Prolific calls the kinds of codes. Its list has no word for who left early or
# missed a pass mark: FIXED_SCREENOUT is for codes at which Prolific itself pays.
# https://docs.prolific.com/api-reference/studies/create-study (completion_codes)
CODE_TYPES = {
    OutcomeCode.Outcome.COMPLETED: "COMPLETED",
    OutcomeCode.Outcome.SCREENED_OUT: "OTHER",
    OutcomeCode.Outcome.LEFT: "OTHER",
}


class ProlificError(Exception):
    """Prolific refused: what it said, and whether trying again may help."""

    def __init__(self, message: str, *, may_change: bool) -> None:
        super().__init__(message)
        self.may_change = may_change


@dataclass(frozen=True)
class Offer:
    """What people read of a study there, where it leads, and the codes they bring."""

    name: str
    description: str
    url: str
    codes: Mapping[OutcomeCode.Outcome, str]
    is_custom_screening: bool
    allowed_min: int


@dataclass(frozen=True)
class Subscription:
    """One that waits to be confirmed with a word that is told once."""

    subscription_id: str
    confirmation: str


class ProlificClient:
    """The calls the site makes, each once: who retries has asked first."""

    def __init__(self) -> None:
        self._http = requests.Session()
        self._http.headers["Authorization"] = f"Token {settings.PROLIFIC_TOKEN}"

    def submission(self, submission_id: str) -> dict[str, object]:
        return self._ask("GET", f"submissions/{submission_id}/")

    def post(self, posting: Posting, offer: Offer) -> str:
        """Create a study that is not published yet, and return its id.

        Each code holds a submission for review: the ledger approves it, within its
        limits, once the session behind it is known.
        """
        made = self._ask(
            "POST",
            "studies/",
            {
                "name": offer.name,
                "internal_name": f"posting {posting.reference}",
                "description": offer.description,
                "external_study_url": offer.url,
                "prolific_id_option": "url_parameters",
                "completion_codes": [
                    {
                        "code": code,
                        "code_type": CODE_TYPES[outcome],
                        "actions": [{"action": "MANUALLY_REVIEW"}],
                    }
                    for outcome, code in offer.codes.items()
                ],
                "is_custom_screening": offer.is_custom_screening,
                "total_available_places": posting.n_places,
                "estimated_completion_time": posting.minutes,
                "maximum_allowed_time": min(offer.allowed_min, MOST_MINUTES),
                "reward": posting.reward_cents,
                "device_compatibility": ["desktop"],
            },
        )
        return str(made["id"])

    def find_posted(self, posting: Posting) -> str | None:
        """Return the study of a posting whose reply was lost."""
        mark = f"posting {posting.reference}"
        for found in self._listed("studies/"):
            if found.get("internal_name") == mark:
                return str(found["id"])
        return None

    def study(self, study_id: str) -> dict[str, object]:
        return self._ask("GET", f"studies/{study_id}/")

    def publish(self, study_id: str) -> None:
        """Show a study to people; one that was published before is left as it is."""
        if self.study(study_id)["status"] == UNPUBLISHED:
            self._move_study(study_id, "PUBLISH")

    def stop(self, study_id: str) -> bool:
        """Let nobody else into a study; return whether anybody may have come."""
        status = self.study(study_id)["status"]
        if status == UNPUBLISHED:
            self._ask("DELETE", f"studies/{study_id}/")
            return False
        if status not in OVER:
            self._move_study(study_id, "STOP")
        return True

    def set_places(self, study_id: str, n_places: int) -> None:
        self._ask("PATCH", f"studies/{study_id}/", {"total_available_places": n_places})

    def submissions(self, study_id: str) -> Iterator[dict[str, object]]:
        return self._listed(f"studies/{study_id}/submissions/")

    def screen_out(self, *, study_id: str, submission_id: str, cents: int) -> None:
        """Pay somebody who did not qualify; who adds places asks the limits first."""
        self._ask(
            "POST",
            f"studies/{study_id}/screen-out-submissions/",
            {
                "submission_ids": [submission_id],
                "bonus_per_submission": cents / 100,
                "increase_places": False,
            },
        )

    def reject(self, submission_id: str, *, why: str, category: str) -> None:
        self._ask(
            "POST",
            f"submissions/{submission_id}/transition/",
            {"action": "REJECT", "message": why, "rejection_category": category},
        )

    def approve(self, submission_id: str) -> None:
        self._ask(
            "POST", f"submissions/{submission_id}/transition/", {"action": "APPROVE"}
        )

    def set_up_bonus(self, *, study_id: str, submission_id: str, cents: int) -> str:
        """Return the id of a bonus that is set up and not paid."""
        amount = f"{cents // 100}.{cents % 100:02d}"
        made = self._ask(
            "POST",
            "submissions/bonus-payments/",
            {"study_id": study_id, "csv_bonuses": f"{submission_id},{amount}"},
        )
        return str(made["id"])

    def pay_bonus(self, bonus_id: str) -> None:
        """Pay a bonus that was set up: once only, Prolific pays a second call too."""
        self._ask("POST", f"bulk-bonus-payments/{bonus_id}/pay/", {})

    def workspaces(self) -> Iterator[dict[str, object]]:
        return self._listed("workspaces/")

    def hook_secret(self, workspace_id: str) -> str | None:
        """Return with what a workspace signs events, where it does."""
        for found in self._listed(f"hooks/secrets/?workspace_id={workspace_id}"):
            return str(found["value"])
        return None

    def make_hook_secret(self, workspace_id: str) -> str:
        """Make a workspace's secret; it takes the place of one that is there."""
        made = self._ask("POST", "hooks/secrets/", {"workspace_id": workspace_id})
        return str(made["value"])

    def subscriptions(self, workspace_id: str) -> Iterator[dict[str, object]]:
        return self._listed(f"hooks/subscriptions/?workspace_id={workspace_id}")

    def subscribe(
        self, *, workspace_id: str, event_type: str, target_url: str
    ) -> Subscription:
        response = self._send(
            "POST",
            "hooks/subscriptions/",
            {
                "workspace_id": workspace_id,
                "event_type": event_type,
                "target_url": target_url,
            },
        )
        said = _said(response)
        # Its documentation shows the new one, and elsewhere a list that has it.
        rows = said.get("results", [said])
        assert isinstance(rows, list)  # noqa: S101 - as documented
        (name,) = (row["id"] for row in rows if row.get("target_url") == target_url)
        return Subscription(str(name), response.headers.get("X-Hook-Secret", ""))

    def confirm_subscription(self, subscription_id: str, word: str) -> bool:
        """Begin a subscription; return whether it is enabled."""
        path = f"hooks/subscriptions/{subscription_id}/"
        return bool(self._ask("POST", path, {"secret": word}).get("is_enabled"))

    def delete_subscription(self, subscription_id: str) -> None:
        self._ask("DELETE", f"hooks/subscriptions/{subscription_id}/")

    def _move_study(self, study_id: str, action: str) -> None:
        self._ask("POST", f"studies/{study_id}/transition/", {"action": action})

    def _listed(self, path: str) -> Iterator[dict[str, object]]:
        """Yield everything in a list, page by page."""
        following: str | None = path
        while following:
            page = self._ask("GET", following)
            results = page.get("results") or []
            assert isinstance(results, list)  # noqa: S101 - as its documentation says
            yield from results
            links = page.get("_links")
            link = links.get("next") if isinstance(links, dict) else None
            href = link.get("href") if isinstance(link, dict) else None
            following = _path_of(href) if href else None

    def _ask(
        self, method: str, path: str, body: dict[str, object] | None = None
    ) -> dict[str, object]:
        return _said(self._send(method, path, body))

    def _send(
        self, method: str, path: str, body: dict[str, object] | None
    ) -> requests.Response:
        response = self._http.request(
            method, f"{settings.PROLIFIC_URL}/{path}", json=body, timeout=TIMEOUT_S
        )
        if response.status_code >= SERVER_FAULT:
            response.raise_for_status()
        if not response.ok:
            told = identities.scrubbed(str(_said(response) or "nothing"))
            message = f"Prolific answered {response.status_code}: {told}"
            raise ProlificError(message, may_change=response.status_code == TOO_MANY)
        return response


class ProlificPayer:
    """Pays a base by approving the submission, and the rest as bonuses.

    Paying the same bonus twice pays twice (its documentation says so), so that a call
    whose reply was lost is never repeated before Prolific's own records have settled.
    """

    def __init__(self, client: ProlificClient) -> None:
        self._client = client
        self.settles_within = timedelta(seconds=settings.PROLIFIC_SETTLE_SECONDS)

    def fee_cents(self, payment: Payment) -> int:
        return ceil(payment.amount_cents * settings.PROLIFIC_FEE_PERCENT / 100)

    def has_paid(self, payment: Payment, enrolment: Enrolment) -> bool:
        """Return whether Prolific lists the payment.

        It lists amounts alone. Of equal bonuses of a submission one at a time is on its
        way, so that what is listed beyond the confirmed ones is this one.
        """
        found = self._client.submission(enrolment.external_id)
        if payment.reason == Payment.Reason.BASE:
            return found["status"] in PAID
        listed = found.get("bonus_payments") or []
        assert isinstance(listed, list)  # noqa: S101 - as its documentation says
        n_listed = sum(round(cents) == payment.amount_cents for cents in listed)
        n_known = (
            Payment.objects.filter(
                session_id=payment.session_id,
                service=payment.service,
                amount_cents=payment.amount_cents,
                state=Payment.State.CONFIRMED,
            )
            .exclude(reason=Payment.Reason.BASE)
            .count()
        )
        return bool(n_listed > n_known)

    def send(
        self,
        payment: Payment,
        enrolment: Enrolment,
        *,
        remember: Callable[[str], None],
    ) -> Outcome:
        try:
            return self._pay(payment, enrolment, remember=remember)
        except requests.ConnectTimeout as error:
            return Outcome("not_yet", f"Prolific cannot be reached: {error}")
        except ProlificError as error:
            if error.may_change:
                return Outcome("not_yet", str(error))
            return Outcome("refused", str(error))

    def _pay_base(
        self,
        payment: Payment,
        *,
        submission_id: str,
        study_id: str,
        remember: Callable[[str], None],
    ) -> Outcome:
        """Approve a submission, or screen it out where its study has that.

        Which of the two is settled before any money moves: what one of them refuses
        is never paid by the other.
        """
        is_out = payment.session.state == Session.State.SCREENED_OUT
        if not (is_out and self._client.study(study_id).get("is_custom_screening")):
            self._client.approve(submission_id)
            return Outcome("done")
        # Paid some time later; nothing says that a second call pays nothing.
        remember("screen-out")
        try:
            self._client.screen_out(
                study_id=study_id,
                submission_id=submission_id,
                cents=payment.amount_cents,
            )
        except ProlificError as error:
            if error.may_change:
                raise
            return Outcome(
                "refused",
                "Prolific did not screen this submission out, and nothing was paid. "
                f"Look at it there, then try again. {error}",
            )
        return Outcome("accepted")

    def _pay(
        self,
        payment: Payment,
        enrolment: Enrolment,
        *,
        remember: Callable[[str], None],
    ) -> Outcome:
        submission_id = enrolment.external_id
        found = self._client.submission(submission_id)
        if found["status"] in UNDER_WAY:
            return Outcome("not_yet", "The person has not submitted at Prolific yet.")
        study_id = str(found["study_id"])
        if payment.reason == Payment.Reason.BASE:
            if found["status"] in PAID:  # by somebody's hand
                return Outcome("done")
            return self._pay_base(
                payment,
                submission_id=submission_id,
                study_id=study_id,
                remember=remember,
            )
        bonus_id = self._client.set_up_bonus(
            study_id=study_id, submission_id=submission_id, cents=payment.amount_cents
        )
        remember(bonus_id)
        try:
            self._client.pay_bonus(bonus_id)
        except ProlificError as error:
            return Outcome("not_yet", str(error))  # for want of funds, say
        return Outcome("accepted")


def _said(response: requests.Response) -> dict[str, object]:
    """Return what a reply holds; a reply that is no JSON object says nothing else."""
    try:
        said = response.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {"detail": said}


def _path_of(href: str) -> str:
    """Return the path of a further page, which Prolific gives as a whole address."""
    path = href.partition("/api/v1/")[2]
    return path or href.rpartition(f"{settings.PROLIFIC_URL}/")[2]
