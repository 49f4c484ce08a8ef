"""What people send about their access tokens."""

from django import forms

from hypeweb.models import AccessToken

DURATIONS = [(7, "a week"), (30, "30 days"), (90, "90 days"), (365, "a year")]


class AccessTokenForm(forms.Form):
    name = forms.CharField(
        max_length=60,
        help_text="What will use it, such as the training job on one machine.",
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=[
            (scope.value, f"{scope.label} ({scope.value})")
            for scope in AccessToken.Scope
        ],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one thing that it may do."},
    )
    days = forms.TypedChoiceField(
        label="It works for", choices=DURATIONS, initial=90, coerce=int
    )
