"""Who carries a payment out: what every service must be able to say and do."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol

from hypeweb.models import Enrolment, Payment


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt to pay.

    done: the money is on its way for certain. accepted: the service will say later.
    not_yet: nothing was paid, and trying again may help. refused: nothing was paid,
    and trying again will not help. Whatever is none of these is an exception, and
    then nobody knows: the service is asked before anything is sent again.
    """

    kind: Literal["done", "accepted", "not_yet", "refused"]
    message: str = ""


class Payer(Protocol):
    """One service with the account that pays there."""

    settles_within: timedelta
    """After this long, a payment that was sent shows, or was never made."""

    def fee_cents(self, payment: Payment) -> int:
        """Return what the service takes on top."""

    def has_paid(self, payment: Payment, enrolment: Enrolment) -> bool:
        """Return whether the service's own records hold the payment."""

    def send(
        self,
        payment: Payment,
        enrolment: Enrolment,
        *,
        remember: Callable[[str], None],
    ) -> Outcome:
        """Try to pay; `remember` stores the service's own id before money moves."""
