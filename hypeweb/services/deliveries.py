"""How a notice leaves the site: as an e-mail, or signed to a webhook."""

import hashlib
import hmac
import json
import logging
from datetime import datetime
from smtplib import SMTPException

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email

from hypeweb.models import Notice, Subscription
from hypeweb.services import webhooks
from hypeweb.services.webhooks import WebhookError

logger = logging.getLogger(__name__)


def problem_with(channel: str, address: str) -> str:
    """Return why nothing can be sent to an address, as a sentence, or nothing."""
    if channel == Subscription.Channel.WEBHOOK:
        return webhooks.problem_with(address)
    if not settings.EMAIL_URL:
        return "This site sends no e-mail; ask its admin to set EMAIL_URL."
    try:
        validate_email(address)
    except ValidationError:
        return f"“{address}” is no e-mail address; write it as name@example.org."
    return ""


def deliver(notice: Notice, *, now: datetime) -> str:
    """Send a notice; return what went wrong, or nothing."""
    subscription = notice.subscription
    try:
        if subscription.channel == Subscription.Channel.WEBHOOK:
            body = webhook_body(notice)
            headers = {
                "Content-Type": "application/json",
                "X-Hype-Notice": str(notice.pk),
                "X-Hype-Signature": signature(
                    subscription.secret, body, timestamp=int(now.timestamp())
                ),
            }
            webhooks.post(subscription.address, body=body, headers=headers)
        else:
            _mail(notice)
    except (WebhookError, SMTPException, OSError) as error:
        logger.warning("notice %s was not delivered: %s", notice.pk, error)
        return str(error) or type(error).__name__
    return ""


def webhook_body(notice: Notice) -> bytes:
    """Return what a webhook is told; nothing of it is about one evaluator."""
    milestone = notice.milestone
    return json.dumps(
        {
            "notice": notice.pk,
            "study": milestone.study.slug,
            "name": milestone.study.name,
            "milestone": milestone.kind,
            "sentence": milestone.sentence,
            "reached_at": milestone.reached_at.isoformat(),
        }
    ).encode()


def signature(secret: str, body: bytes, *, timestamp: int) -> str:
    """Return the header by which a receiver knows who sent a body, and when."""
    signed = f"{timestamp}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},sha256={digest}"


def _mail(notice: Notice) -> None:
    milestone = notice.milestone
    address = f"{settings.SITE_URL}/studies/{milestone.study.slug}/monitor/"
    where = f"\n\n{address}" if settings.SITE_URL else ""
    send_mail(
        subject=f"{milestone.study.name}: {milestone.get_kind_display()}",
        message=f"{milestone.sentence}{where}\n",
        from_email=None,
        recipient_list=[notice.subscription.address],
    )
