"""What people send about projects, their members, and links to reports."""

from django import forms

from hypeweb.models import Membership, Project

ROLE_HELP = (
    "A viewer reads; an editor also adds and changes; an owner also manages members "
    "and deletes."
)
DURATIONS = [(7, "a week"), (30, "30 days"), (90, "90 days"), (365, "a year")]


class ProjectForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Project
        fields = ["name"]


class MemberForm(forms.Form):
    who = forms.CharField(
        label="Login or e-mail address",
        max_length=254,
        help_text="Of somebody who has an account here.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        choices=Membership.Role.choices,
        initial=Membership.Role.EDITOR,
        help_text=ROLE_HELP,
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Membership.Role.choices)


class ReportLinkForm(forms.Form):
    days = forms.TypedChoiceField(
        label="The link works for", choices=DURATIONS, initial=30, coerce=int
    )
