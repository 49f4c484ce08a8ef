"""What people send about pools, invitations, postings and payments."""

from decimal import Decimal

from django import forms

from hypeweb.models import Account, Budget, Pool
from hypeweb.services.recruiting import Wish

MAX_LIST_BYTES = 2 * 2**20


class PoolForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Pool
        fields = ["kind", "name", "group", "quota"]
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "off"})}


class PoolChangeForm(forms.ModelForm):  # type: ignore[type-arg]
    """The kind of a pool stays what it is."""

    class Meta:
        model = Pool
        fields = ["name", "group", "quota"]


class MTurkPoolForm(PoolChangeForm):
    class Meta(PoolChangeForm.Meta):
        fields = [
            *PoolChangeForm.Meta.fields,
            "min_percent_approved",
            "min_n_approved",
            "countries",
            "needs_pass",
        ]


class ListForm(forms.Form):
    """A file of lines, or the lines themselves."""

    file = forms.FileField(required=False, label="A CSV file")
    text = forms.CharField(
        required=False,
        label="Or the lines themselves",
        widget=forms.Textarea(attrs={"rows": 6}),
    )

    def as_text(self) -> str:
        """Return what was sent; the form must be valid."""
        text: str = self.cleaned_data["content"]
        return text

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        upload, text = cleaned.get("file"), str(cleaned.get("text") or "")
        if upload is None:
            if not text.strip():
                raise forms.ValidationError("Choose a file, or write the lines.")
            cleaned["content"] = text
            return cleaned
        if upload.size > MAX_LIST_BYTES:
            raise forms.ValidationError(
                f"The file has {upload.size} bytes; at most {MAX_LIST_BYTES} are taken."
            )
        try:
            cleaned["content"] = upload.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise forms.ValidationError(
                "The file is no text in UTF-8; save it as CSV (UTF-8)."
            ) from error
        return cleaned


class InviteForm(ListForm):
    text = forms.CharField(
        required=False,
        label="Or the lines themselves",
        help_text="One person a line: name@example.org, radiology. The speciality may "
        "be left out.",
        widget=forms.Textarea(attrs={"rows": 6}),
    )


class PostingForm(forms.Form):
    n_places = forms.IntegerField(label="Places", min_value=1, max_value=500)
    minutes = forms.IntegerField(
        label="Minutes it takes", min_value=1, max_value=480, help_text="As people read"
    )
    hours_open = forms.IntegerField(
        label="Hours it stays open", min_value=1, max_value=8760, initial=72
    )

    def as_wish(self) -> Wish:
        return Wish(**self.cleaned_data)


class MoreForm(forms.Form):
    n_more = forms.IntegerField(label="More places", min_value=1, max_value=500)


class LimitForm(forms.Form):
    """The two limits of a study's budget or of an account."""

    soft = forms.DecimalField(
        label="Tell from",
        min_value=Decimal(0),
        max_digits=10,
        decimal_places=2,
        required=False,
        help_text="Above it the page warns, and who subscribed to the study is told.",
    )
    hard = forms.DecimalField(
        label="Never above",
        min_value=Decimal(0),
        max_digits=10,
        decimal_places=2,
        required=False,
        help_text="Fees included; empty is no limit.",
    )

    @staticmethod
    def initial_of(limit: Budget | Account) -> dict[str, Decimal | None]:
        return {
            name: None if cents is None else Decimal(cents) / 100
            for name, cents in (("soft", limit.soft_cents), ("hard", limit.hard_cents))
        }

    def cents(self, name: str) -> int | None:
        value = self.cleaned_data[name]
        return None if value is None else int(value * 100)


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=300, label="Reason")


class BlockForm(ReasonForm):
    days = forms.IntegerField(label="Days", min_value=1, max_value=3650, initial=365)


class ReplyForm(forms.Form):
    text = forms.CharField(
        max_length=2000, label="Answer", widget=forms.Textarea(attrs={"rows": 3})
    )


class CodeForm(forms.Form):
    code = forms.CharField(max_length=20, label="Completion code")
