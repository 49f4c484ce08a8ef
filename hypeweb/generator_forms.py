"""What people send about generators, and what they want sampled of them."""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet

from hypeweb.forms import EXTRACTORS
from hypeweb.models import Generator, SampleSet, Study
from hypeweb.science.latents import MIN_TRUNCATION
from hypeweb.services import sampling
from hypeweb.services.generators import Stated
from hypeweb.services.sampling import Request, StudyWish
from hypeweb.services.uploads import GENERATOR_SUFFIX

T = TypeVar("T", int, float)

CLASSES = {
    "uniform": "as many of each class",
    "single": "one class",
    "counts": "a number for each class",
}


class StatedForm(forms.ModelForm):  # type: ignore[type-arg]
    """What is stated of a file, to be corrected where the file says otherwise."""

    class Meta:
        model = Generator
        fields = ("z_shape", "n_classes", "value_range", "layout")
        widgets = {"value_range": forms.RadioSelect, "layout": forms.RadioSelect}
        help_texts = {
            "z_shape": "Of one image, without the batch: 128, or 512, 1, 1.",
            "n_classes": "Where the class is a second input; else leave it empty.",
            "value_range": "What the generator gives for black and for white.",
        }
        error_messages = {
            "z_shape": {
                "invalid": "Write sizes with commas between, such as 128 or 512, 1, 1."
            }
        }

    def as_stated(self) -> Stated:
        return Stated(**self.cleaned_data)


class GeneratorForm(forms.ModelForm):  # type: ignore[type-arg]
    file = forms.FileField(
        label="ONNX file",
        help_text="One file with its weights inside, of ONNX's own operators.",
        widget=forms.ClearableFileInput(attrs={"accept": GENERATOR_SUFFIX}),
    )

    class Meta:
        model = Generator
        fields = [
            "name",
            "file",
            *StatedForm.Meta.fields,
            "model_name",
            "step",
            "dataset",
            "notes",
        ]
        widgets = {
            "notes": forms.Textarea(attrs={"rows": 3}),
            **StatedForm.Meta.widgets,
        }
        help_texts = {
            "model_name": "The same for all checkpoints of one model.",
            **StatedForm.Meta.help_texts,
        }
        error_messages = StatedForm.Meta.error_messages

    def clean_file(self) -> "UploadedFile[bytes]":
        upload: UploadedFile[bytes] = self.cleaned_data["file"]
        if not (upload.name or "").lower().endswith(GENERATOR_SUFFIX):
            raise forms.ValidationError(
                f"The file must end in {GENERATOR_SUFFIX}; got {upload.name}. Export "
                "the generator with torch.onnx.export or its like."
            )
        return upload


class SamplingForm(forms.Form):
    """How much of a generator, and what becomes of it."""

    truncations = forms.CharField(
        label="Truncations",
        required=False,
        initial="0.5, 0.7, 1",
        max_length=300,
        help_text="Numbers with commas between; one sample set for each. Components of "
        "z beyond it are drawn again.",
    )
    without_truncation = forms.BooleanField(
        label="And a set without truncation", required=False, initial=True
    )
    n_samples = forms.IntegerField(
        label="Images in each set",
        min_value=1,
        max_value=sampling.MAX_SAMPLES,
        initial=1000,
    )
    seed = forms.IntegerField(
        min_value=0,
        max_value=sampling.MAX_SEED,
        initial=1,
        help_text="The same seed gives the same images again.",
    )
    classes = forms.ChoiceField(
        choices=list(CLASSES.items()), initial="uniform", widget=forms.RadioSelect
    )
    single_class = forms.IntegerField(
        label="Which one", required=False, min_value=0, help_text="The first is 0."
    )
    class_counts = forms.CharField(
        label="Images of each class",
        required=False,
        max_length=10_000,
        help_text="Whole numbers with commas between, the first class first.",
    )
    wants_study = forms.BooleanField(
        label="Then draft a study of these sets against a real set", required=False
    )
    study_name = forms.CharField(
        label="Name of the study", required=False, max_length=120
    )
    protocol = forms.ChoiceField(
        choices=Study.Protocol.choices, initial=Study.Protocol.HYPE_INF
    )
    extractor = forms.ChoiceField(
        label="Network for the metrics", choices=list(EXTRACTORS.items())
    )

    def __init__(
        self,
        *args: Any,  # noqa: ANN401
        generator: Generator,
        sample_sets: QuerySet[SampleSet],
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **kwargs)
        self.generator = generator
        self.fields["study_name"].initial = f"{generator.name}, truncation"[:120]
        self.fields["real_set"] = forms.ModelChoiceField(
            queryset=sample_sets.filter(
                origin=SampleSet.Origin.REAL,
                n_samples__gt=0,
                project=generator.project_id,
            ),
            required=False,
            label="Real set",
        )
        self.order_fields([*list(self.fields)[:-3], "real_set"])
        # Of a study that is not wanted nothing need be filled in.
        needs_study = not self.is_bound or "wants_study" in self.data
        for name in ("study_name", "real_set"):
            self.fields[name].required = needs_study
            self.fields[name].error_messages["required"] = (
                "The study needs it; fill it in."
            )
        if generator.n_classes is None:
            for name in ("classes", "single_class", "class_counts"):
                del self.fields[name]

    def clean_truncations(self) -> list[float]:
        values = _listed(self.cleaned_data["truncations"], float, "truncations")
        for value in values:
            if not math.isfinite(value) or value < MIN_TRUNCATION:
                raise forms.ValidationError(
                    f"A truncation must be at least {MIN_TRUNCATION}, got {value:g}."
                )
        return sorted(values)

    def clean_class_counts(self) -> list[int]:
        return _listed(self.cleaned_data["class_counts"], int, "numbers of images")

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not data.get("truncations", True) and not data.get("without_truncation"):
            self.add_error(
                "truncations", "Give at least one truncation, or ask for none below."
            )
        n_classes, single = self.generator.n_classes, data.get("single_class")
        if data.get("classes") == "single" and (
            single is None or single >= (n_classes or 0)
        ):
            self.add_error(
                "single_class",
                f"Give the class, 0 to {(n_classes or 1) - 1}; got {single}.",
            )
        return data

    def as_request(self) -> Request:
        data = self.cleaned_data
        truncations: list[float | None] = [*data["truncations"]]
        if data["without_truncation"]:
            truncations.append(None)
        return Request(
            n_samples=data["n_samples"],
            seed=data["seed"],
            truncations=truncations,
            class_counts=self._class_counts(),
            study=StudyWish(
                name=data["study_name"],
                real_set=data["real_set"],
                protocol=data["protocol"],
                extractor=data["extractor"],
            )
            if data["wants_study"]
            else None,
        )

    def _class_counts(self) -> Sequence[int] | None:
        data, n_classes = self.cleaned_data, self.generator.n_classes
        if data.get("classes") == "counts":
            counts: list[int] = data["class_counts"]
            return counts
        if data.get("classes") == "single":
            n_samples: int = data["n_samples"]
            return [
                n_samples if number == data["single_class"] else 0
                for number in range(n_classes or 0)
            ]
        return None


def _listed(text: str, kind: Callable[[str], T], what: str) -> list[T]:
    parts = [part.strip() for part in text.replace(";", ",").split(",")]
    try:
        return [kind(part) for part in parts if part]
    except ValueError:
        raise forms.ValidationError(
            f"Write the {what} with commas between; got “{text[:40]}”."
        ) from None
