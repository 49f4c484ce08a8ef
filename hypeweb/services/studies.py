"""Studies: from a draft to an open invitation and its end."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max, Q
from django.utils.text import slugify

from hypeweb.models import (
    Arm,
    LeakAudit,
    Material,
    Pool,
    Sample,
    SampleSet,
    Session,
    Study,
)
from hypeweb.science.staircase import PRESETS, Rule
from hypeweb.services import (
    audit,
    costs,
    designs,
    frozen_settings,
    material,
    promises,
    quality_rules,
    samples,
    screens,
    sweeps,
    tokens,
)
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.sweeps import PlacedSet

# The staircase of a study that is no preset.
CUSTOM = "custom"
# The address of the form for a new study, so no study's own.
NEW = "new"
# Two who choose one name at once get different addresses on another try.
N_SLUG_TRIES = 5
NO_MATERIAL: Mapping[str, Sequence[SampleSet]] = {}
# Image responses are padded to whole steps of this size.
PADDING_STEP_BYTES = 4096


@dataclass(frozen=True)
class Item:
    """One thing a draft needs before it can open, and the sentences on what is off."""

    label: str
    problems: tuple[str, ...]
    note: str = ""

    @property
    def is_done(self) -> bool:
        return not self.problems


def rule_of(study: Study) -> Rule:
    """Return the staircase of a study; a ValueError says which value is off."""
    return Rule(
        start_ms=study.start_ms,
        min_ms=study.min_ms,
        max_ms=study.max_ms,
        step_down_ms=study.step_down_ms,
        step_up_ms=study.step_up_ms,
        n_correct_to_descend=study.n_correct_to_descend,
        n_wrong_to_ascend=study.n_wrong_to_ascend,
    )


def preset_of(study: Study) -> str:
    """Return the preset that a study's staircase is, or that it is its own."""
    try:
        rule = rule_of(study)
    except ValueError:
        return CUSTOM
    same = (name for name, preset in PRESETS.items() if preset == rule)
    return next(same, CUSTOM)


def apply_preset(study: Study, preset: str) -> None:
    """Copy a preset's numbers into a draft; a study's own keep what they are."""
    study.preset = preset
    if preset == CUSTOM:
        return
    rule = PRESETS[preset]
    for name in rule.__dataclass_fields__:
        setattr(study, name, getattr(rule, name))


def create_study(
    *,
    study: Study,
    sample_sets: Sequence[SampleSet],
    materials: Mapping[str, Sequence[SampleSet]] = NO_MATERIAL,
) -> Study:
    """Store a draft in the sets' project, one arm for each set, a sweep's in order."""
    study.project = study.real_set.project
    check_settings(study, sample_sets)
    material.check(study, arms=sample_sets, materials=materials)
    arms = sweeps.place(study.sweep_axis, sample_sets)
    study.seed = tokens.make_seed()
    for _ in range(N_SLUG_TRIES):
        study.slug = _free_slug(study.name)
        with suppress(IntegrityError), transaction.atomic():
            _insert(study, arms, materials)
            return study
    raise ConflictError("Somebody made a study of this name just now; try again.")


def _insert(
    study: Study,
    arms: Sequence[PlacedSet],
    materials: Mapping[str, Sequence[SampleSet]],
) -> None:
    study.save(force_insert=True)
    Arm.objects.bulk_create(arms_for(study, arms))
    Material.objects.bulk_create(materials_for(study, materials))
    Pool.objects.create(study=study, token=tokens.make())
    audit.record(actor=study.owner, action="created", subject=study)


def materials_for(
    study: Study, materials: Mapping[str, Sequence[SampleSet]]
) -> list[Material]:
    """Return a row for each use of each further set, not stored yet."""
    return [
        Material(study=study, sample_set=sample_set, use=use)
        for use, sets in materials.items()
        for sample_set in sets
    ]


def arms_for(study: Study, placed: Sequence[PlacedSet]) -> list[Arm]:
    """Return an arm for each generated set, not stored yet."""
    return [
        Arm(
            study=study,
            sample_set=one.sample_set,
            label=one.label,
            axis_value=one.axis_value,
            position=number,
        )
        for number, one in enumerate(placed)
    ]


def blockers(study: Study) -> list[str]:
    """Return what hinders a draft from opening, each a sentence with a next step."""
    return [problem for item in checklist(study) for problem in item.problems]


def checklist(study: Study) -> list[Item]:
    """Return what a draft needs before it can open, and what is still missing."""
    images = (*_arm_blockers(study), *sweeps.moved(study))
    items = [Item("Enough images of one size", images)]
    if study.is_timed:
        items.append(Item("Masks", _told(_mask_blocker(study))))
    if study.asks_qualification or study.gold_percent:
        label = "Images to qualify and to check attention"
        items.append(Item(label, tuple(_material_blockers(study))))
    return [
        *items,
        Item("Leak audit", _told(_leak_blocker(leak_audit_of(study)))),
        Item("Consent", _told(_consent_blocker(study))),
        Item("Pay and budget", _told(_budget_blocker(study)), _cost_note(study)),
    ]


def showing_blockers(study: Study) -> list[str]:
    """Return what hinders anybody from seeing the study's images, in preview too."""
    return [
        *_arm_blockers(study),
        *_material_blockers(study),
        *_told(_mask_blocker(study)),
    ]


def _arm_blockers(study: Study) -> list[str]:
    """Return which scored sets lack images, or have some that give themselves away."""
    sample_sets = [arm.sample_set for arm in study.arms.select_related("sample_set")]
    found = []
    if not sample_sets:
        found.append("The study has no arm; choose at least one generated sample set.")
    found += material.shortages(study, sample_sets)
    return [*found, *_other_sizes(study, sample_sets)]


def _material_blockers(study: Study) -> list[str]:
    """Return what is off with the images of qualification and attention checks."""
    uses = [use.sample_set for use in study.materials.select_related("sample_set")]
    return [*material.further_shortages(study), *_other_sizes(study, uses)]


def _other_sizes(study: Study, sample_sets: Sequence[SampleSet]) -> list[str]:
    """Return which sets differ from the real one in size."""
    real = study.real_set
    return [
        f"“{sample_set}” has images of {sample_set.width} x {sample_set.height} pixels "
        f"and the real set of {real.width} x {real.height}, which gives them away; "
        "import one of them again at the other's size."
        for sample_set in dict.fromkeys(sample_sets)
        if (sample_set.width, sample_set.height) != (real.width, real.height)
    ]


def is_preparing(study: Study) -> bool:
    """Say whether a worker still makes what a draft needs before it can open."""
    audit = leak_audit_of(study)
    waits_for_audit = audit is not None and audit.is_active
    waits_for_masks = study.is_timed and not study.masks.exists()
    return study.is_draft and (waits_for_audit or waits_for_masks)


def leak_audit_of(study: Study) -> LeakAudit | None:
    """Return a study's leak audit; None in studies from before there was one."""
    return LeakAudit.objects.filter(study=study).first()


@transaction.atomic
def open_study(*, study: Study, actor: User, now: datetime) -> None:
    """Freeze a study's settings and images and let evaluators in."""
    study = _lock(study)
    if study.state != Study.State.DRAFT:
        raise ConflictError(f"This study is already {study.get_state_display()}.")
    found = blockers(study)
    if found:
        raise DomainError(" ".join(found))
    uses = SampleSet.objects.filter(materials__study=study).distinct()
    sets = [study.real_set, *study.sample_sets.all(), *uses]
    samples.freeze(sets, now=now)
    longest = Sample.objects.filter(sample_set__in=sets).aggregate(
        longest=Max("size_bytes")
    )["longest"]
    study.response_bytes = -(-longest // PADDING_STEP_BYTES) * PADDING_STEP_BYTES
    study.state, study.opened_at = Study.State.OPEN, now
    frozen_settings.freeze(study)
    study.save()
    audit.record(actor=actor, action="opened", subject=study)


@transaction.atomic
def close_study(*, study: Study, actor: User, now: datetime) -> None:
    """Let nobody else in; sessions that have begun may still end."""
    study = _lock(study)
    if not study.is_running:
        raise ConflictError("Only an open study can be closed.")
    study.state, study.closed_at = Study.State.CLOSED, now
    study.save()
    audit.record(actor=actor, action="closed", subject=study)


@transaction.atomic
def pause_study(*, study: Study, actor: User) -> None:
    """Let nobody in for a while; sessions that have begun go on."""
    study = _lock(study)
    if not study.is_open:
        raise ConflictError("Only an open study can be paused.")
    study.state = Study.State.PAUSED
    study.save(update_fields=["state"])
    audit.record(actor=actor, action="paused", subject=study)


@transaction.atomic
def resume_study(*, study: Study, actor: User) -> None:
    """Let evaluators in again."""
    study = _lock(study)
    if study.state != Study.State.PAUSED:
        raise ConflictError("Only a paused study can be resumed.")
    study.state = Study.State.OPEN
    study.save(update_fields=["state"])
    audit.record(actor=actor, action="resumed", subject=study)


def arms_with_counts(study: Study) -> list[Arm]:
    """Return the arms with n_finished and n_running people and n_simulated."""
    people = Q(population=Session.Population.PEOPLE)
    finished = Q(state=Session.State.FINISHED)
    running = Q(state__in=[Session.State.CONSENTED, Session.State.RUNNING])
    counted = designs.count_by_arm(
        study,
        {
            "n_finished": people & finished,
            "n_running": people & running,
            "n_simulated": ~people & finished,
        },
    )
    for arm, counts in counted:
        for name, n in counts.items():
            setattr(arm, name, n)
    return [arm for arm, _counts in counted]


def describe(study: Study) -> list[tuple[str, str]]:
    """Return the settings as the study page and the report print them."""
    rows = [
        ("Protocol", study.get_protocol_display()),
        ("Question", study.question),
        ("Language for evaluators", study.get_language_display()),
        ("Real set", study.real_set.name),
        (
            "Evaluators" if study.is_within else "Evaluators per arm",
            str(study.evaluators_per_arm),
        ),
        ("Design", study.get_design_display()),
        ("Feedback after each answer", "yes" if study.feedback else "no"),
        ("Watched while it runs", "yes" if study.watch_sequentially else "no"),
        ("Pay", pay_text(study)),
        ("Metrics extractor", study.extractor),
        ("Leak audit", _leak_text(leak_audit_of(study))),
        ("Settings", frozen_settings.statement_of(study)),
    ]
    if study.is_sweep:
        rows.insert(3, ("Sweep over", study.get_sweep_axis_display()))
    if study.asks_qualification:
        rows.insert(-1, ("Qualification", _qualification_text(study)))
    rows[-1:-1] = quality_rules.describe(study)
    if not study.is_timed:
        rows.insert(1, ("Images", f"{study.n_real} real, {study.n_fake} generated"))
        if study.look_limit_s is not None:
            rows[2:2] = [
                ("Time to look", f"{study.look_limit_s} s at each image"),
                ("Scored from", f"{study.min_valid_percent} % of the answers in time"),
            ]
        return rows
    rows[1:1] = [
        ("Blocks", f"{study.n_blocks} of {study.images_per_block} images, half real"),
        ("Staircase", f"{study.preset}: {_staircase_text(study)}"),
        ("Settles at", f"{rule_of(study).convergence_point():.1%} correct"),
        ("Screen", _screen_text(screens.requirements_of(study))),
        ("Masks", f"{study.n_masks} of {study.mask_ms} ms after each image"),
        ("Scored from", f"{study.min_valid_percent} % of each block shown as planned"),
    ]
    return rows


def pay_text(study: Study) -> str:
    """Return the terms of pay as the pages and the report print them."""
    if not study.is_paid:
        return "none: people take part for nothing"
    parts = [
        (study.pay_base, "for taking part"),
        (study.pay_per_correct, "for each correct answer"),
        (study.pay_hourly_minimum, "an hour at least"),
    ]
    terms = [f"{amount.normalize():f} {words}" for amount, words in parts if amount]
    budget = f"; budget {study.budget:,.2f}" if study.budget is not None else ""
    return f"{study.currency} {', '.join(terms)}{budget}"


def _told(problem: str) -> tuple[str, ...]:
    return (problem,) if problem else ()


def _mask_blocker(study: Study) -> str:
    if not study.is_timed or study.masks.exists():
        return ""
    return "The masks are still being made; come back in a moment."


def _consent_blocker(study: Study) -> str:
    if study.consent_text.strip():
        return ""
    return "The consent text is empty; write what people agree to."


def _budget_blocker(study: Study) -> str:
    if not study.is_paid or study.budget:
        return promises.problem_of(study)
    return (
        "The study pays and has no budget; state what it may cost, or set the pay to 0."
    )


def _cost_note(study: Study) -> str:
    """Return what a paid study costs at most, and whether its budget covers that."""
    if not study.is_paid:
        return ""
    highest = costs.highest_cost(study)
    note = (
        f"at most {study.currency} {highest:,.2f} before fees, if everybody finishes "
        "and answers all correctly"
    )
    if study.budget is None or study.budget >= highest:
        return note
    return f"{note}; the budget of {study.budget:,.2f} may stop payments before that"


def _leak_blocker(audit: LeakAudit | None) -> str:
    if audit is None:
        return "The leak audit has not been made; start it below."
    if not audit.holds_back:
        return ""
    if audit.is_active:
        return "The leak audit has not finished; it goes on by itself, please wait."
    if audit.found_leak:
        return (
            f"{audit.sentence} Import the sets again through one pipeline, or give a "
            "reason below to open the study all the same."
        )
    return (
        f"The leak audit failed: {audit.error} Try again, or give a reason below to "
        "open the study without it."
    )


def _leak_text(audit: LeakAudit | None) -> str:
    """Return the audit's result and what was made of it, as the report prints it."""
    if audit is None:
        return "not made"
    result = audit.sentence or audit.get_state_display()
    if not audit.is_overridden:
        return result
    return f"{result} Overridden: “{audit.override_reason}”"


def _screen_text(required: screens.Requirements) -> str:
    return (
        f"a window of at least {required.min_width} x {required.min_height} pixels, "
        f"{required.min_refresh_hz} Hz"
    )


def _qualification_text(study: Study) -> str:
    names = ", ".join(
        f"“{use.sample_set}”"
        for use in study.materials.select_related("sample_set")
        if use.use == Material.Use.QUALIFICATION
    )
    return (
        f"{study.qualification_n_real} real and {study.qualification_n_fake} generated "
        f"images of {names}, untimed, "
        f"{'with' if study.qualification_feedback else 'without'} feedback; pass mark "
        f"{study.qualification_reals_percent} % of the real and "
        f"{study.qualification_fakes_percent} % of the generated ones; at most "
        f"{study.qualification_max_attempts} attempts; a pass holds for "
        f"{study.qualification_valid_days} days"
    )


def _staircase_text(study: Study) -> str:
    return (
        f"{study.n_correct_to_descend} correct in a row -{study.step_down_ms} ms, "
        f"{study.n_wrong_to_ascend} wrong +{study.step_up_ms} ms, from "
        f"{study.start_ms} within {study.min_ms} to {study.max_ms} ms"
    )


def check_settings(study: Study, sample_sets: Sequence[SampleSet]) -> None:
    """Refuse a draft that can never open."""
    _check_fields(study)
    designs.check(study, n_arms=len(sample_sets))
    if study.is_timed and study.images_per_block % 2:
        raise DomainError(
            "Images per block must be even, since half of them are real; got "
            f"{study.images_per_block}."
        )
    if study.real_set.origin != SampleSet.Origin.REAL:
        raise DomainError(f"“{study.real_set}” is not a real set; choose a real one.")
    for sample_set in sample_sets:
        if sample_set.origin != SampleSet.Origin.GENERATED:
            raise DomainError(f"“{sample_set}” is not generated; arms must be.")
    for sample_set in (study.real_set, *sample_sets):
        if sample_set.project_id != study.project_id:
            raise DomainError(
                f"“{sample_set}” is in another project than “{study.real_set}”; "
                "choose sets of one project, or import it again there."
            )
        if not sample_set.is_ready:
            raise DomainError(
                f"“{sample_set}” has no images yet; wait until its import is done."
            )
    quality_rules.check(study)
    try:
        rule_of(study)
    except ValueError as error:
        raise DomainError(str(error)) from error


def _check_fields(study: Study) -> None:
    """Refuse a setting that its field or the table does not take."""
    try:
        study.full_clean(
            # The checklist asks for the consent text: a draft may lack it.
            exclude=(frozen_settings.NOT_SETTINGS | {"consent_text"}) - {"id"},
            validate_unique=False,
        )
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        is_setting = name in {field.name for field in study._meta.concrete_fields}  # noqa: SLF001 - a public API
        where = f"The setting {name} cannot be used: " if is_setting else ""
        raise DomainError(f"{where}{messages[0]}") from error


def _free_slug(name: str) -> str:
    base = slugify(name)[:120] or "study"
    found = Study.objects.filter(slug__startswith=base)
    taken = {NEW, *found.values_list("slug", flat=True)}
    number, slug = 1, base
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug


def _lock(study: Study) -> Study:
    return Study.objects.select_for_update(of=("self",)).get(pk=study.pk)
