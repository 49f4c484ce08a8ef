"""Everything that evaluators read is translated, and the catalogs are compiled."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import polib
import pytest
from django.conf import settings

from hypeweb.models.study_words import StudyWords
from tests.deploy.reading import DEPLOY


def load_translations():
    loader = SourceFileLoader("translations", str(DEPLOY / "translations"))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


translations = load_translations()


@pytest.fixture
def catalog(tmp_path, monkeypatch):
    """A catalog in a folder of its own, with one message translated."""
    monkeypatch.setattr(translations, "ROOT", tmp_path)
    path = tmp_path / "django.po"
    polib.POFile().save(str(path))
    translations.update(path, {("Yes", ""): {"a.html"}, ("No", ""): {"a.html"}})
    translated = polib.pofile(str(path))
    translated.find("Yes").msgstr = "Ja"
    translated.save(str(path))
    return path


def test_every_message_is_translated_and_compiled():
    messages = translations.messages_of_site()
    assert len(messages) > 100
    languages = [code for code, _ in settings.LANGUAGES if code != "en"]
    for language in languages:
        path = translations.CATALOGS / language / "LC_MESSAGES" / "django.po"
        assert list(translations.complaints(path, messages)) == []


def test_studies_offer_the_languages_of_the_site():
    offered = set(StudyWords.Language.values) - {"auto"}
    assert offered == {code for code, _ in settings.LANGUAGES}


def test_a_lost_placeholder_is_said(catalog):
    messages = {("%(n)s images", ""): {"a.html"}}
    translations.update(catalog, messages)
    translated = polib.pofile(str(catalog))
    translated[0].msgstr = "viele Bilder"
    translated.save(str(catalog))
    translations.update(catalog, messages)
    assert list(translations.complaints(catalog, messages)) == [
        "django.po loses or adds a placeholder or tag in “%(n)s images”."
    ]


def test_messages_are_found_in_templates_and_code():
    messages = translations.messages_of_site()
    assert "hypeweb/templates/sessions/trial.html" in messages["Fake or real?", ""]
    percent = "About %(percent)s %% of them are real."
    assert messages[percent, ""] == {"hypeweb/templates/sessions/invitation.html"}
    sentence = "This session has ended; no more answers are taken."
    assert messages[sentence, ""] == {"hypeweb/services/sessions.py"}


def test_what_is_missing_or_stale_is_said(catalog):
    said = list(
        translations.complaints(catalog, {("Yes", ""): set(), ("Maybe", ""): set()})
    )
    assert said == [
        "django.po lacks “Maybe”; run deploy/translations.",
        "django.po has “No”, which nothing says; run the same.",
        "django.po does not translate “No”.",
        "django.mo is stale; run deploy/translations.",
    ]


def test_an_update_keeps_translations_and_compiles_them(catalog):
    translations.update(catalog, {("Yes", ""): {"b.html"}, ("Maybe", ""): {"b.html"}})
    entries = {entry.msgid: entry.msgstr for entry in polib.pofile(str(catalog))}
    assert entries == {"Yes": "Ja", "Maybe": ""}
    assert polib.mofile(str(catalog.with_suffix(".mo"))).find("Yes").msgstr == "Ja"
