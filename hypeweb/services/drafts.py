"""Drafts of studies: change one, or start from another study's settings."""

from collections.abc import Mapping, Sequence

from django.contrib.auth.models import User
from django.db import transaction

from hypeweb.models import Arm, LeakAudit, Material, SampleSet, Study
from hypeweb.services import audit, frozen_settings, material, studies, sweeps
from hypeweb.services.errors import ChangedMeanwhileError, ConflictError
from hypeweb.services.frozen_settings import NOT_SETTINGS

FROZEN = (
    "The settings of a study are frozen once it has opened. Clone it, and change the "
    "clone."
)
CHANGED_MEANWHILE = (
    "Somebody else changed this study since you opened it. What you entered is kept "
    "below: save once more to put it over theirs."
)


@transaction.atomic
def update_draft(
    *,
    study: Study,
    sample_sets: Sequence[SampleSet],
    revision: int,
    actor: User,
    materials: Mapping[str, Sequence[SampleSet]] = studies.NO_MATERIAL,
) -> Study:
    """Store a draft that a form has changed, unless somebody else did so meanwhile."""
    stored = _lock_draft(study)
    if stored.revision != revision:
        raise ChangedMeanwhileError(CHANGED_MEANWHILE)
    study.project, study.revision = study.real_set.project, revision + 1
    studies.check_settings(study, sample_sets)
    material.check(study, arms=sample_sets, materials=materials)
    before = frozen_settings.settings_of(stored)
    study.save()
    has_new_images = _put_arms(study, sample_sets) or (
        stored.real_set_id != study.real_set_id
    )
    has_new_material = _put_materials(study, materials)
    if has_new_images:
        study.masks.all().delete()
    if has_new_images or has_new_material:
        LeakAudit.objects.filter(study=study).delete()
    after = frozen_settings.settings_of(study)
    changed = [name for name in after if after[name] != before.get(name)]
    audit.record(
        actor=actor, action="changed", subject=study, detail=", ".join(sorted(changed))
    )
    return study


@transaction.atomic
def delete_draft(*, study: Study, actor: User) -> None:
    """Remove a draft with its previews; its sample sets stay."""
    study = _lock_draft(study)
    study.sessions.all().delete()
    audit.record(actor=actor, action="deleted", subject=study)
    study.delete()


def chosen_sets(study: Study) -> dict[str, list[int]]:
    """Return the sets of a study as the form's fields take them."""
    arms = study.arms.order_by("position")
    chosen = {"arms": list(arms.values_list("sample_set", flat=True))}
    for use in Material.Use:
        sets = study.materials.filter(use=use).values_list("sample_set", flat=True)
        chosen[f"{use}_sets"] = list(sets)
    return chosen


def differences(
    theirs: Study, yours: Study, sample_sets: Sequence[SampleSet]
) -> list[str]:
    """Return what differs between the stored draft and one that a form describes."""
    found = []
    for field in Study._meta.concrete_fields:  # noqa: SLF001 - a public API
        if field.name in NOT_SETTINGS:
            continue
        stored, entered = (getattr(one, field.name) for one in (theirs, yours))
        if stored != entered:
            found.append(f"{field.verbose_name}: theirs “{stored}”, yours “{entered}”")
    arms = sorted(theirs.sample_sets.values_list("name", flat=True))
    wanted = sorted(sample_set.name for sample_set in sample_sets)
    if arms != wanted:
        found.append(f"arms: theirs {', '.join(arms)}, yours {', '.join(wanted)}")
    return found


def copy_of(study: Study) -> Study:
    """Return a new draft with a study's settings, not stored yet."""
    copied = {
        field.attname: getattr(study, field.attname)
        for field in Study._meta.concrete_fields  # noqa: SLF001 - a public API
        if field.name not in NOT_SETTINGS
    }
    name = f"Copy of {study.name}"
    longest = Study._meta.get_field("name").max_length  # noqa: SLF001
    return Study(**{**copied, "name": name[:longest]})


def _put_arms(study: Study, sample_sets: Sequence[SampleSet]) -> bool:
    """Make the arms those of the sets; return whether that changed them."""
    wanted = studies.arms_for(study, sweeps.place(study.sweep_axis, sample_sets))
    held = study.arms.order_by("position")
    if [_shape(arm) for arm in held] == [_shape(arm) for arm in wanted]:
        return False
    # Only previews can have begun; they show images that may be gone.
    study.sessions.all().delete()
    study.arms.all().delete()
    Arm.objects.bulk_create(wanted)
    return True


def _put_materials(study: Study, materials: Mapping[str, Sequence[SampleSet]]) -> bool:
    """Make the further images those of the sets; return whether that changed them."""
    wanted = studies.materials_for(study, materials)
    held = set(study.materials.values_list("use", "sample_set"))
    if held == {(one.use, one.sample_set_id) for one in wanted}:
        return False
    # Only previews can have begun; they show images that may be gone.
    study.sessions.all().delete()
    study.materials.all().delete()
    Material.objects.bulk_create(wanted)
    return True


def _shape(arm: Arm) -> tuple[int, str, float | None]:
    return arm.sample_set_id, arm.label, arm.axis_value


def _lock_draft(study: Study) -> Study:
    found = Study.objects.select_for_update(of=("self",)).filter(pk=study.pk).first()
    if found is None:
        raise ConflictError("Somebody deleted this draft just now.")
    if not found.is_draft:
        raise ConflictError(FROZEN)
    return found
