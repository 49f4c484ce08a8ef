"""What people and browsers send, checked once."""

import json
from dataclasses import fields
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from hypeweb.models import Material, SampleSet, Study
from hypeweb.models.sessions import Truth
from hypeweb.models.study_pay import PaySettings
from hypeweb.models.study_settings import QualityFlag, default_exclusions
from hypeweb.models.study_words import DEFAULT_CONSENT
from hypeweb.science.staircase import PRESETS, Rule
from hypeweb.services import exports, leaks, studies
from hypeweb.services.plans import Setup
from hypeweb.services.sessions import Answer, Exposure, Screen

# Image, masks and blank; more is no exposure of ours.
MAX_STAMPS = 40
MAX_STAMP_MS = 1e7
# The numbers of a staircase, as `Rule` and the study have them.
STAIRCASE = tuple(field.name for field in fields(Rule))
PAY = ("pay_base", "pay_per_correct", "pay_hourly_minimum")
EXTRACTORS = {
    "inception-v3-fid": "Inception (2015, the published FID)",
    "digits": "digits (small grey digits, bundled)",
    "inception-v3-imagenet": "Inception (torchvision, ImageNet)",
    "vgg16-fc2": "VGG16 fc2",
}


class NumberField(forms.FloatField):
    """A number of a browser's JSON, where an integer may have any number of digits."""

    def to_python(self, value: Any) -> Any:  # noqa: ANN401 - Django's own signature
        try:
            return super().to_python(value)
        except OverflowError:
            raise forms.ValidationError(self.error_messages["invalid"]) from None


class SampleSetsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Sample sets by id; an id no database can hold is an unknown one."""

    def label_from_instance(self, obj: Any) -> str:  # noqa: ANN401 - Django's signature
        """Return the set's name, and where it lies on the axes of a sweep."""
        details = [
            obj.model_name,
            "" if obj.step is None else f"step {obj.step}",
            "" if obj.truncation is None else f"truncation {obj.truncation:g}",
        ]
        return " · ".join([obj.name, *filter(None, details)])

    def clean(self, value: Any) -> Any:  # noqa: ANN401 - Django's own signature
        try:
            return super().clean(value)
        except OverflowError:
            raise forms.ValidationError(
                self.error_messages["invalid_choice"] % {"value": "that id"}
            ) from None


def unpaid_where_empty(data: dict[str, Any]) -> dict[str, Any]:
    """Return the form's data with nothing paid for what was left empty."""
    for name in PAY:
        if name in data and data[name] is None:
            data[name] = Decimal(0)
    data["currency"] = data.get("currency") or PaySettings.Currency.USD
    return data


class StudyForm(forms.ModelForm):  # type: ignore[type-arg]
    arms = SampleSetsField(
        queryset=SampleSet.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        help_text="Their images are judged mixed with real ones.",
        error_messages={"required": "Choose at least one generated sample set."},
    )
    qualification_sets = SampleSetsField(
        queryset=SampleSet.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        label="Images of the qualification",
        required=False,
        help_text="At least one real and one generated set; images are drawn equally "
        "from all of a kind, and never scored.",
    )
    gold_sets = SampleSetsField(
        queryset=SampleSet.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        label="Images of the attention checks",
        required=False,
        help_text="At least one real and one generated set that everybody can tell.",
    )
    exclusions = forms.MultipleChoiceField(
        label="Leave out everybody who",
        required=False,
        initial=default_exclusions,
        choices=QualityFlag.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="Nothing is deleted: the report shows the numbers with and without "
        "them. Who is at chance, or at a limit of the staircase, may simply have been "
        "deceived: leaving them out makes generators look worse.",
    )
    preset = forms.ChoiceField(
        label="Staircase",
        initial="hype-2019",
        choices=[
            *(
                (name, f"{name}: settles at {rule.convergence_point():.0%} correct")
                for name, rule in PRESETS.items()
            ),
            (studies.CUSTOM, "custom: in numbers, below"),
        ],
    )
    extractor = forms.ChoiceField(
        label="Network for the metrics",
        choices=list(EXTRACTORS.items()),
        help_text="It must know the domain: Inception was trained on photographs.",
    )

    class Meta:
        model = Study
        fields = [
            "name",
            "question",
            "real_set",
            "arms",
            "sweep_axis",
            "design",
            "protocol",
            "evaluators_per_arm",
            "n_real",
            "n_fake",
            "time_limit_s",
            "preset",
            *STAIRCASE,
            "n_blocks",
            "images_per_block",
            "countdown_ms",
            "n_masks",
            "mask_ms",
            "feedback",
            "asks_qualification",
            "qualification_sets",
            "qualification_n_real",
            "qualification_n_fake",
            "qualification_reals_percent",
            "qualification_fakes_percent",
            "qualification_max_attempts",
            "qualification_valid_days",
            "qualification_feedback",
            "gold_percent",
            "gold_sets",
            "gold_pass_percent",
            "fast_ms",
            "fast_percent",
            "longest_run",
            "largest_criterion",
            "chance_percent",
            "limit_percent",
            "min_valid_percent",
            "exclusions",
            "watch_sequentially",
            "image_rendering",
            "min_width_px",
            "min_height_px",
            "min_refresh_hz",
            "needs_keyboard",
            "idle_limit_min",
            "duration_limit_min",
            "extractor",
            "language",
            "consent_text",
            "debrief_text",
            "contact",
            *PAY,
            "currency",
            "budget",
        ]
        widgets = {
            "consent_text": forms.Textarea(attrs={"rows": 5}),
            "debrief_text": forms.Textarea(attrs={"rows": 3}),
            "protocol": forms.RadioSelect,
            "sweep_axis": forms.RadioSelect,
            "design": forms.RadioSelect,
        }
        labels = {"image_rendering": "How enlarged images look"}
        help_texts = {
            "evaluators_per_arm": "Within subjects: in all, as each judges every arm.",
            "feedback": "A timed study tells without it too, if less plainly: the next "
            "image is shown for longer after a wrong answer.",
        }

    def __init__(
        self,
        *args: Any,  # noqa: ANN401
        sample_sets: QuerySet[SampleSet],
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **kwargs)
        ready = sample_sets.filter(n_samples__gt=0)
        by_model = ready.order_by("-origin", "model_name", "step", "truncation", "name")
        real = ready.filter(origin=SampleSet.Origin.REAL)
        generated = by_model.filter(origin=SampleSet.Origin.GENERATED)
        self.fields["real_set"] = forms.ModelChoiceField(
            queryset=real, empty_label=None if real else "no real set yet"
        )
        sets = {
            "arms": generated,
            "qualification_sets": by_model,
            "gold_sets": by_model,
        }
        for name, choices in sets.items():
            field = self.fields[name]
            if isinstance(field, forms.ModelMultipleChoiceField):
                field.queryset = choices
        self.fields["consent_text"].initial = DEFAULT_CONSENT
        self.initial["preset"] = studies.preset_of(self.instance)
        for name in (*PAY, "currency", *STAIRCASE, "gold_percent"):
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("preset") == studies.CUSTOM:
            for name in STAIRCASE:
                if name not in self.errors and data.get(name) is None:
                    self.add_error(name, "A custom staircase needs this number.")
        data["gold_percent"] = data.get("gold_percent") or 0
        return unpaid_where_empty(data)

    def materials(self) -> dict[str, list[SampleSet]]:
        """Return the sets of each use that the study asks for."""
        data = self.cleaned_data
        asked = {
            Material.Use.QUALIFICATION: data["asks_qualification"],
            Material.Use.GOLD: data["gold_percent"],
        }
        return {
            use: list(data[f"{use}_sets"])
            for use, is_asked in asked.items()
            if is_asked
        }

    def save(self, commit: bool = True) -> Study:
        study: Study = super().save(commit=False)
        studies.apply_preset(study, self.cleaned_data["preset"])
        return study


class LeakOverrideForm(forms.Form):
    reason = forms.CharField(
        label="Reason to open the study all the same",
        min_length=leaks.MIN_REASON_LENGTH,
        max_length=1000,
        help_text="It is logged with your name and printed in the report.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ExportForm(forms.Form):
    """Which rows of a study's tables to download."""

    population = forms.ChoiceField(
        label="Whose",
        required=False,
        choices=[
            ("people", "people"),
            ("simulated", "simulated evaluators"),
            ("preview", "researchers' previews"),
            ("all", "all, told apart by a column"),
        ],
    )
    scored_only = forms.BooleanField(
        label="Only judgments that the scores rest on", required=False
    )

    def as_selection(self) -> exports.Selection:
        return exports.Selection(
            population=self.cleaned_data["population"] or "people",
            scored_only=self.cleaned_data["scored_only"],
        )


class PlanForm(forms.Form):
    """The settings of the study form that a plan rests on."""

    design = forms.ChoiceField(choices=Study.Design.choices, required=False)
    protocol = forms.ChoiceField(choices=Study.Protocol.choices)
    n_arms = forms.IntegerField(min_value=1, max_value=1000)
    evaluators_per_arm = forms.IntegerField(min_value=2)
    n_real = forms.IntegerField(min_value=1)
    n_fake = forms.IntegerField(min_value=1)
    preset = forms.ChoiceField(
        choices=[(name, name) for name in (*PRESETS, studies.CUSTOM)]
    )
    n_blocks = forms.IntegerField(min_value=1)
    images_per_block = forms.IntegerField(min_value=2)
    pay_base = forms.DecimalField(min_value=0, required=False)
    pay_per_correct = forms.DecimalField(min_value=0, required=False)
    pay_hourly_minimum = forms.DecimalField(min_value=0, required=False)
    currency = forms.ChoiceField(choices=PaySettings.Currency.choices, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        for name in STAIRCASE:
            self.fields[name] = forms.IntegerField(min_value=1, required=False)

    def as_rule(self) -> Rule:
        """Return the staircase; a ValueError says which number is off."""
        data = self.cleaned_data
        if data["preset"] != studies.CUSTOM:
            return PRESETS[data["preset"]]
        return Rule(**{name: data[name] for name in STAIRCASE})

    def as_pay(self) -> PaySettings:
        data = unpaid_where_empty(self.cleaned_data)
        return Study(**{name: data[name] for name in (*PAY, "currency")})

    def as_setup(self) -> Setup:
        data = self.cleaned_data
        return Setup(
            is_timed=data["protocol"] == Study.Protocol.HYPE_TIME,
            n_images=data["n_real"] + data["n_fake"],
            rule=self.as_rule(),
            n_blocks=data["n_blocks"],
            images_per_block=data["images_per_block"],
            n_arms_each=data["n_arms"] if data["design"] == Study.Design.WITHIN else 1,
        )


class ConsentForm(forms.Form):
    consent = forms.BooleanField(
        label=gettext_lazy("I am at least 18 years old and agree to take part."),
        error_messages={
            "required": gettext_lazy("Tick the box to say that you agree, then go on.")
        },
    )


class ScreenForm(forms.Form):
    """What the screen check measured; nothing where none was made."""

    width = forms.IntegerField(min_value=1, max_value=100_000)
    height = forms.IntegerField(min_value=1, max_value=100_000)
    refresh_hz = NumberField(min_value=1, max_value=1000)
    zoom = NumberField(min_value=0, max_value=100, required=False)
    device_pixel_ratio = NumberField(min_value=0, max_value=100, required=False)
    jitter_ms = NumberField(min_value=0, max_value=1e5, required=False)
    n_long_gaps = forms.IntegerField(min_value=0, max_value=10_000, required=False)
    fullscreen = forms.NullBooleanField(required=False)
    touch = forms.NullBooleanField(required=False)
    element_timing = forms.NullBooleanField(required=False)
    isolated = forms.NullBooleanField(required=False)

    @classmethod
    def from_json(cls, text: str) -> "ScreenForm":
        """Return the form of what was posted; unreadable is as good as none."""
        try:
            posted = json.loads(text)
        except (ValueError, RecursionError):
            posted = None
        return cls(posted if isinstance(posted, dict) else {})

    def as_screen(self) -> Screen | None:
        return Screen(**self.cleaned_data) if self.is_valid() else None


class AnswerForm(forms.Form):
    """One answer of the browser; nothing in it is trusted for the score but answer."""

    nonce = forms.RegexField(r"\A[A-Za-z0-9_-]{1,43}\Z")
    answer = forms.ChoiceField(choices=Truth.choices)
    rt_ms = NumberField(min_value=0, max_value=1e7)
    shown_ms = NumberField(min_value=0, max_value=1e6, required=False)
    target_frames = forms.IntegerField(min_value=0, max_value=10_000, required=False)
    shown_frames = forms.IntegerField(min_value=0, max_value=10_000, required=False)
    refresh_hz = NumberField(min_value=1, max_value=1000, required=False)
    n_long_gaps = forms.IntegerField(min_value=0, max_value=10_000, required=False)
    element_timing_ms = NumberField(min_value=0, max_value=1e6, required=False)
    stamps = forms.JSONField(required=False)
    flags = forms.CharField(max_length=200, required=False)

    def clean_stamps(self) -> tuple[float, ...] | None:
        stamps = self.cleaned_data["stamps"]
        if stamps is None:
            return None
        if (
            not isinstance(stamps, list)
            or len(stamps) > MAX_STAMPS
            or not all(isinstance(stamp, int | float) for stamp in stamps)
            or not all(abs(stamp) <= MAX_STAMP_MS for stamp in stamps)
        ):
            raise forms.ValidationError(
                f"Stamps must be at most {MAX_STAMPS} finite numbers of milliseconds."
            )
        return tuple(float(stamp) for stamp in stamps)

    def as_answer(self) -> Answer:
        data = self.cleaned_data
        return Answer(
            nonce=data["nonce"],
            answer=Truth(data["answer"]),
            rt_ms=data["rt_ms"],
            exposure=Exposure(
                shown_ms=data["shown_ms"],
                target_frames=data["target_frames"],
                shown_frames=data["shown_frames"],
                refresh_hz=data["refresh_hz"],
                n_long_gaps=data["n_long_gaps"],
                element_timing_ms=data["element_timing_ms"],
                stamps_ms=data["stamps"],
                flags=tuple(flag for flag in data["flags"].split(",") if flag),
            ),
        )
