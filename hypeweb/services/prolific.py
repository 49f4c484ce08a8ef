"""Prolific: what pays there, through its REST interface."""

from collections.abc import Callable
from datetime import timedelta
from math import ceil

import requests
from django.conf import settings

from hypeweb.models import Enrolment, Payment
from hypeweb.services.payers import Outcome

TIMEOUT_S = (5, 20)
TOO_MANY = 429
SERVER_FAULT = 500
# Submissions that Prolific itself pays, or has paid, the reward of.
PAID = frozenset({"APPROVED", "PARTIALLY APPROVED", "SCREENED OUT"})


class ProlificError(Exception):
    """Prolific refused: what it said, and whether trying again may help."""

    def __init__(self, message: str, *, may_change: bool) -> None:
        super().__init__(message)
        self.may_change = may_change


class ProlificClient:
    """The calls the site makes, each once: who retries has asked first."""

    def __init__(self) -> None:
        self._http = requests.Session()
        self._http.headers["Authorization"] = f"Token {settings.PROLIFIC_TOKEN}"

    def submission(self, submission_id: str) -> dict[str, object]:
        return self._ask("GET", f"submissions/{submission_id}/")

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

    def _ask(
        self, method: str, path: str, body: dict[str, object] | None = None
    ) -> dict[str, object]:
        response = self._http.request(
            method, f"{settings.PROLIFIC_URL}/{path}", json=body, timeout=TIMEOUT_S
        )
        if response.status_code >= SERVER_FAULT:
            response.raise_for_status()
        try:
            said = response.json()
        except ValueError:
            said = {}
        if not isinstance(said, dict):
            said = {"detail": said}
        if not response.ok:
            message = f"Prolific answered {response.status_code}: {said or 'nothing'}"
            raise ProlificError(message, may_change=response.status_code == TOO_MANY)
        return said


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

    def _pay(
        self,
        payment: Payment,
        enrolment: Enrolment,
        *,
        remember: Callable[[str], None],
    ) -> Outcome:
        submission_id = enrolment.external_id
        if payment.reason == Payment.Reason.BASE:
            self._client.approve(submission_id)
            return Outcome("done")
        study_id = str(self._client.submission(submission_id)["study_id"])
        bonus_id = self._client.set_up_bonus(
            study_id=study_id, submission_id=submission_id, cents=payment.amount_cents
        )
        remember(bonus_id)
        try:
            self._client.pay_bonus(bonus_id)
        except ProlificError as error:
            return Outcome("not_yet", str(error))  # for want of funds, say
        return Outcome("accepted")
