"""A new study as a request describes it: every setting that studies have.

The settings are read off the model, so that a new one is in the API at once.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from django.contrib.auth.models import User
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from ninja import Field, Schema
from pydantic import create_model
from pydantic.fields import FieldInfo

from hypeweb.forms import EXTRACTORS
from hypeweb.models import SampleSet, Study
from hypeweb.models.study_settings import QualityFlag
from hypeweb.models.study_words import DEFAULT_CONSENT
from hypeweb.science.staircase import PRESETS
from hypeweb.services import studies
from hypeweb.services.frozen_settings import NOT_SETTINGS
from hypeweb.views.api.fields import NO_NUL, NOT_BLANK, RowId

MAX_ARMS = 100
MAX_SETTING = 1_000_000
MAX_TEXT_LENGTH = 20_000
# What the model's field alone does not say.
NAMED_KINDS: dict[str, Any] = {
    "extractor": Literal[tuple(EXTRACTORS)],
    "exclusions": list[Literal[tuple(QualityFlag.values)]],  # type: ignore[misc]
    "largest_criterion": Annotated[float, Field(gt=0, le=10)],
}


class StudyRequest(Schema):
    """What a new study is made of, beside its settings."""

    real_set: RowId = Field(description="Number of the real sample set.")
    arms: list[RowId] = Field(
        min_length=1,
        max_length=MAX_ARMS,
        description="Numbers of the generated sample sets, one for each arm.",
    )
    qualification_sets: list[RowId] = Field(
        default_factory=list,
        max_length=MAX_ARMS,
        description="Sets whose images the qualification shows, real and generated.",
    )
    gold_sets: list[RowId] = Field(
        default_factory=list,
        max_length=MAX_ARMS,
        description="Sets whose images serve as attention checks, real and generated.",
    )
    preset: Literal[tuple(PRESETS)] = Field(  # type: ignore[valid-type]
        "hype-2019",
        description="The staircase; settings of it that are given too go before it.",
    )

    def as_study(self, *, owner: User, real_set: SampleSet) -> Study:
        """Return the study, not stored yet."""
        study = Study(owner=owner, real_set=real_set, consent_text=DEFAULT_CONSENT)
        studies.apply_preset(study, self.preset)
        settings = self.model_dump(
            exclude_unset=True, exclude=set(StudyRequest.model_fields)
        )
        for name, value in settings.items():
            setattr(study, name, value)
        return study


def _described(field: "models.Field[Any, Any]") -> tuple[Any, FieldInfo]:
    """Return a setting's type and limits, from the model's field."""
    help_text = f" {field.help_text}" if field.help_text else ""
    options: dict[str, Any] = {
        "description": f"{str(field.verbose_name).capitalize()}.{help_text}"
    }
    if field.name == "consent_text":
        options["default"] = DEFAULT_CONSENT
    elif field.has_default():
        options["default"] = field.get_default()
    elif field.null:
        options["default"] = None
    elif field.blank:
        options["default"] = ""
    kind = NAMED_KINDS.get(field.name) or _kind(field)
    return (kind | None if field.null else kind), Field(**options)


def _kind(field: "models.Field[Any, Any]") -> Any:  # noqa: ANN401 - a type
    if field.choices:
        return Literal[tuple(value for value, _ in field.flatchoices)]
    if isinstance(field, models.BooleanField):
        return bool
    if isinstance(field, models.DecimalField):
        return Annotated[
            Decimal,
            Field(
                ge=0, max_digits=field.max_digits, decimal_places=field.decimal_places
            ),
        ]
    if isinstance(field, models.IntegerField):
        return Annotated[int, Field(ge=_lowest(field), le=_highest(field))]
    pattern = NO_NUL if field.blank else NOT_BLANK
    longest = field.max_length or MAX_TEXT_LENGTH
    return Annotated[str, Field(max_length=longest, pattern=pattern)]


def _lowest(field: "models.Field[Any, Any]") -> int:
    limits = [
        int(check.limit_value)
        for check in field.validators
        if isinstance(check, MinValueValidator)
    ]
    return max([0, *limits])


def _highest(field: "models.Field[Any, Any]") -> int:
    limits = [
        int(check.limit_value)
        for check in field.validators
        if isinstance(check, MaxValueValidator)
    ]
    return min([MAX_SETTING, *limits])


def setting_fields() -> "list[models.Field[Any, Any]]":
    """Return the fields of a study that whoever makes one may set."""
    return [
        field
        for field in Study._meta.concrete_fields  # noqa: SLF001 - a public API
        if field.editable
        and field.name not in NOT_SETTINGS
        and field.name not in StudyRequest.model_fields
    ]


if TYPE_CHECKING:
    StudyIn = StudyRequest
else:
    StudyIn = create_model(
        "StudyIn",
        __base__=StudyRequest,
        __doc__="A new study: its sample sets and settings.",
        **{field.name: _described(field) for field in setting_fields()},
    )
