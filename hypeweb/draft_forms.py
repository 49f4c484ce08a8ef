"""What people send about a study that is there: its draft, who hears of it."""

from typing import Any

from django import forms
from django.http import QueryDict

from hypeweb.forms import StudyForm
from hypeweb.models import Study, Subscription
from hypeweb.services import drafts


class DraftForm(StudyForm):
    """Knows which state of the draft it was filled in from."""

    revision = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(
        self,
        *args: Any,  # noqa: ANN401
        instance: Study,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        initial = {**drafts.chosen_sets(instance), "revision": instance.revision}
        super().__init__(*args, instance=instance, initial=initial, **kwargs)

    def accept(self, stored: Study) -> None:
        """Let the form be sent once more, over what somebody else saved."""
        sent = QueryDict(mutable=True)
        for name in self.data:
            sent.setlist(name, self.data.getlist(name))  # type: ignore[attr-defined]
        sent["revision"] = str(stored.revision)
        self.data = sent


class SubscriptionForm(forms.Form):
    channel = forms.ChoiceField(
        label="By", choices=Subscription.Channel.choices, widget=forms.RadioSelect
    )
    address = forms.CharField(
        max_length=500,
        help_text="An e-mail address, or the https:// address of a webhook.",
    )
