"""What a study says to its evaluators, and in which language."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, gettext_noop

DEFAULT_QUESTION = gettext_noop("Is this image real, or was it made by a computer?")
DEFAULT_CONSENT = gettext_noop(
    "You will see images one after another and say of each whether it is real or was "
    "made by a computer. We store your answers and how long "
    "they took, no name and no address. You may stop at any time."
)
DEFAULTS = frozenset({DEFAULT_QUESTION, DEFAULT_CONSENT})


class StudyWords(models.Model):
    """The study's own texts are shown as written; the defaults are translated."""

    class Language(models.TextChoices):
        AUTOMATIC = "auto", "each evaluator's own (English or German)"
        ENGLISH = "en", "English"
        GERMAN = "de", "German"

    language = models.CharField(
        "language of the evaluators' pages",
        max_length=4,
        choices=Language,
        default=Language.AUTOMATIC,
        help_text="If you write the question or a text of your own, choose its "
        "language. The question and consent suggested here are translated.",
    )
    question = models.CharField(max_length=200, default=DEFAULT_QUESTION)
    consent_text = models.TextField()
    debrief_text = models.TextField(
        "what the study was about",
        blank=True,
        help_text="Shown at the end, after a sentence on what such studies are for.",
    )
    contact = models.CharField(
        max_length=200,
        blank=True,
        help_text="Whom evaluators may ask: shown with the consent and at the end.",
    )

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(language__in=["auto", "en", "de"]),
                name="study_language_known",
            ),
        ]

    @property
    def has_fixed_language(self) -> bool:
        return self.language != self.Language.AUTOMATIC

    @property
    def spoken_question(self) -> str:
        return _spoken(self.question)

    @property
    def spoken_consent(self) -> str:
        return _spoken(self.consent_text)


def _spoken(text: str) -> str:
    """Return a default text in the language at hand, and any other as it is."""
    return gettext(text) if text in DEFAULTS else text
