"""Have Prolific tell this site what happens to submissions."""

import hmac
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from hypeweb.services import accounts, payments, subscriptions
from hypeweb.services.errors import DomainError
from hypeweb.services.prolific import ProlificClient, ProlificError


class Command(BaseCommand):
    help = (
        "Subscribe this site to Prolific's events. The first run prints what to set as "
        "PROLIFIC_WEBHOOK_SECRET, the second one subscribes, more change nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--workspace", default="", help="its id, where the account has several"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._subscribe(accounts.prolific(), options["workspace"])
        except (DomainError, ProlificError) as error:
            raise CommandError(str(error), returncode=2) from error
        except requests.RequestException as error:
            told = f"Prolific does not answer: {payments.told(error)}"
            raise CommandError(told) from error

    def _subscribe(self, client: ProlificClient, wanted: str) -> None:
        workspace_id = subscriptions.workspace_of(client, wanted)
        secret = subscriptions.secret_of(client, workspace_id)
        if not settings.PROLIFIC_WEBHOOK_SECRET:
            self.stdout.write(
                "Set this for the site, restart it, and run this command again:\n"
                f"PROLIFIC_WEBHOOK_SECRET={secret.value}"
            )
            return
        ours = settings.PROLIFIC_WEBHOOK_SECRET.encode()
        if not hmac.compare_digest(ours, secret.value.encode()):
            raise DomainError(
                "PROLIFIC_WEBHOOK_SECRET is not the secret of this workspace, so that "
                "its events would be refused. Unset it and run this command again: it "
                "prints the right one."
            )
        target_url = f"{settings.SITE_URL}{reverse('prolific_hook')}"
        is_new = subscriptions.subscribe(
            client, workspace_id=workspace_id, target_url=target_url
        )
        self.stdout.write(
            f"Prolific {'now' if is_new else 'already'} sends "
            f"{subscriptions.EVENT_TYPE} to {target_url}."
        )
