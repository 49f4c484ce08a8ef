"""Having Prolific send its events here: a workspace's secret, and a subscription.

The secret signs events, and a workspace has one. A subscription begins when it is
confirmed with a word that the reply to its creation holds in its header. See
https://docs.prolific.com/documentation/core-concepts/monitoring-study-progress.
"""

from dataclasses import dataclass

from hypeweb.services.errors import ConflictError, DomainError, NotFoundError
from hypeweb.services.prolific import ProlificClient

EVENT_TYPE = "submission.status.change"


@dataclass(frozen=True)
class Secret:
    """With what a workspace signs its events."""

    value: str
    is_new: bool


def workspace_of(client: ProlificClient, wanted: str = "") -> str:
    """Return the id of the account's workspace, or of the wanted one of several."""
    titles = {str(one["id"]): str(one.get("title", "")) for one in client.workspaces()}
    if wanted in titles:
        return wanted
    if len(titles) == 1 and not wanted:
        return next(iter(titles))
    listed = ", ".join(f"{name} ({title})" for name, title in titles.items())
    raise NotFoundError(
        f"Name one of the account's workspaces: {listed or 'it has none'}."
    )


def secret_of(client: ProlificClient, workspace_id: str) -> Secret:
    """Return a workspace's secret, made where there is none; an old one stays."""
    known = client.hook_secret(workspace_id)
    if known is not None:
        return Secret(known, is_new=False)
    return Secret(client.make_hook_secret(workspace_id), is_new=True)


def subscribe(client: ProlificClient, *, workspace_id: str, target_url: str) -> bool:
    """Subscribe an address to what happens to submissions; return whether it is new.

    One whose confirmation was lost is made anew: its word comes only once.
    """
    if not target_url.startswith("https://"):
        raise DomainError("Prolific sends events to https:// only; set SITE_URL.")
    for found in client.subscriptions(workspace_id):
        if (found["event_type"], found["target_url"]) != (EVENT_TYPE, target_url):
            continue
        if found.get("is_enabled"):
            return False
        client.delete_subscription(str(found["id"]))
    made = client.subscribe(
        workspace_id=workspace_id, event_type=EVENT_TYPE, target_url=target_url
    )
    if not client.confirm_subscription(made.subscription_id, made.confirmation):
        raise ConflictError(
            "Prolific took the confirmation and did not enable the subscription; look "
            "at the workspace's webhooks there, and run this again."
        )
    return True
