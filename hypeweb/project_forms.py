"""What people send about projects, their members, and reports that are shared."""

from collections.abc import Iterable

from django import forms
from django.contrib.auth.models import User
from django.http import QueryDict

from hypeweb.models import (
    Membership,
    Project,
    ReportVersion,
    SampleSet,
    Session,
    Study,
)
from hypeweb.services import overview

ROLE_HELP = (
    "A viewer reads; an editor also adds and changes; an owner also manages members "
    "and deletes."
)
DURATIONS = [
    (7, "for a week"),
    (30, "for 30 days"),
    (90, "for 90 days"),
    (365, "for a year"),
]
FOR_GOOD = 0
LIVE = 0


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
    shows = forms.TypedChoiceField(label="The link shows", coerce=int)
    days = forms.TypedChoiceField(
        label="The link works",
        choices=[*DURATIONS, (FOR_GOOD, "for good (published versions only)")],
        initial=30,
        coerce=int,
    )

    def __init__(
        self,
        data: QueryDict | None,
        *,
        versions: Iterable[ReportVersion],
        chosen: int = LIVE,
    ) -> None:
        super().__init__(data, initial={"shows": chosen})
        self._versions = {version.number: version for version in versions}
        self.fields["shows"].choices = [  # type: ignore[attr-defined]
            (LIVE, "the report as it is at the time"),
            *((number, f"version {number}") for number in self._versions),
        ]

    def version(self) -> ReportVersion | None:
        return self._versions.get(self.cleaned_data["shows"])

    def lasts_days(self) -> int | None:
        """Return how long the link works; None for good."""
        days: int = self.cleaned_data["days"]
        return None if days == FOR_GOOD else days


class PublishForm(forms.Form):
    population = forms.ChoiceField(
        label="Whose judgments",
        choices=[
            (Session.Population.PEOPLE, "people's"),
            (Session.Population.SIMULATED, "simulated evaluators'"),
        ],
    )
    note = forms.CharField(
        max_length=200,
        required=False,
        help_text="What this version is for, such as the paper it is quoted in.",
    )


class RetractForm(forms.Form):
    reason = forms.CharField(
        label="Why it should not be relied on",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="It stays above the version for everybody who reads it.",
    )


class OverviewForm(forms.Form):
    """Filters of the admin's overview; what fits nothing filters nothing."""

    state = forms.ChoiceField(
        choices=[("", "any"), *Study.State.choices], required=False
    )
    protocol = forms.ChoiceField(
        choices=[("", "any"), *Study.Protocol.choices], required=False
    )
    owner = forms.ModelChoiceField(
        User.objects.filter(studies__isnull=False).distinct().order_by("username"),
        required=False,
        empty_label="any",
    )
    real_set = forms.ModelChoiceField(
        SampleSet.objects.filter(studies_as_real__isnull=False).distinct(),
        required=False,
        empty_label="any",
    )
    sort = forms.ChoiceField(
        label="Sorted by",
        choices=[(name, name) for name in overview.SORTS],
        required=False,
    )

    def filters(self) -> overview.Filters:
        self.is_valid()
        found = self.cleaned_data
        owner, real_set = found.get("owner"), found.get("real_set")
        return overview.Filters(
            state=found.get("state", ""),
            protocol=found.get("protocol", ""),
            owner=owner.pk if owner else None,
            real_set=real_set.pk if real_set else None,
            sort=found.get("sort") or "newest",
        )
