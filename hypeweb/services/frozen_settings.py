"""The settings a study opened with: kept, and held against what it has now."""

import hashlib
import json

from django.core.serializers.json import DjangoJSONEncoder

from hypeweb.models import Material, Study

# What changes while a study runs, or says nothing of what evaluators meet.
NOT_SETTINGS = frozenset(
    {
        *("id", "slug", "owner", "project", "seed", "revision"),
        *("state", "created_at", "opened_at", "closed_at", "response_bytes"),
        *("frozen_settings", "settings_hash"),
    }
)

Settings = dict[str, object]


def settings_of(study: Study) -> Settings:
    """Return a study's settings and images in what JSON can hold.

    Whatever field a study has is one, unless it is listed above.
    """
    found: Settings = {
        field.name: field.value_from_object(study)
        for field in Study._meta.concrete_fields  # noqa: SLF001 - a public API
        if field.name not in NOT_SETTINGS
    }
    found["real_set"] = study.real_set.content_hash
    found["arms"] = [
        [arm.label, arm.sample_set.content_hash]
        for arm in study.arms.select_related("sample_set").order_by("position")
    ]
    materials = list(study.materials.values_list("use", "sample_set__content_hash"))
    for use in Material.Use:
        found[f"{use}_sets"] = sorted(
            digest for what, digest in materials if what == use
        )
    plain: Settings = json.loads(json.dumps(found, cls=DjangoJSONEncoder))
    return plain


def freeze(study: Study) -> None:
    """Keep the settings on a study that is about to open; the caller saves it."""
    study.frozen_settings = settings_of(study)
    study.settings_hash = hash_of(study.frozen_settings)


def hash_of(settings: Settings) -> str:
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def changes_since_opening(study: Study) -> list[str]:
    """Return what is no longer as it was at opening; settings added later do not count.

    Nothing on the site changes an open study, so what this finds was done elsewhere.
    """
    if study.frozen_settings is None:
        return []
    frozen: Settings = study.frozen_settings
    if hash_of(frozen) != study.settings_hash:
        return ["the kept settings themselves"]
    now = settings_of(study)
    return [
        f"{name} from {frozen[name]} to {now.get(name)}"
        for name in sorted(frozen)
        if frozen[name] != now.get(name)
    ]


def statement_of(study: Study) -> str:
    """Return whether the settings are those of the opening, as the report prints it."""
    if study.opened_at is None:
        return "not frozen yet"
    if study.frozen_settings is None:
        return "opened before settings were kept"
    when = f"{study.opened_at:%Y-%m-%d}"
    changed = changes_since_opening(study)
    if changed:
        return f"CHANGED since they were frozen on {when}: {'; '.join(changed)}"
    return f"frozen on {when} and unchanged since, sha256 {study.settings_hash}"
