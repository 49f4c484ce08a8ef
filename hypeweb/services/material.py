"""What a study shows beside its scored images: is it fit, and is there enough."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from hypeweb.models import Material, SampleSet, Study
from hypeweb.services import designs, image_pools
from hypeweb.services.errors import DomainError

USE_NAMES = {
    Material.Use.QUALIFICATION: "the qualification",
    Material.Use.GOLD: "the attention checks",
}


def check(
    study: Study,
    *,
    arms: Sequence[SampleSet],
    materials: Mapping[str, Sequence[SampleSet]],
) -> None:
    """Refuse a draft whose further images cannot serve their use."""
    asked = {
        Material.Use.QUALIFICATION: study.asks_qualification,
        Material.Use.GOLD: bool(study.gold_percent),
    }
    for use, is_asked in asked.items():
        sets = materials.get(use, ())
        origins = {sample_set.origin for sample_set in sets}
        if is_asked and origins != set(SampleSet.Origin):
            raise DomainError(
                f"For {USE_NAMES[use]}, choose at least one real and one generated set."
            )
        for sample_set in sets:
            if sample_set in arms:
                raise DomainError(
                    f"“{sample_set}” is an arm, so {USE_NAMES[use]} cannot show it; "
                    "choose another generated set."
                )
            if sample_set.project_id != study.project_id:
                raise DomainError(
                    f"“{sample_set}” is in another project than “{study.real_set}”; "
                    "choose sets of one project, or import it again there."
                )
            if not sample_set.is_ready:
                raise DomainError(
                    f"“{sample_set}” has no images yet; wait until its import is done."
                )


def shortages(study: Study, arms: Sequence[SampleSet]) -> list[str]:
    """Return a sentence for each set with too few images for one evaluator's scores."""
    n_real, n_fake = images_needed(study)
    n_arms = len(arms) if study.is_within else 1
    scored = [(study.real_set, n_real * n_arms), *((made, n_fake) for made in arms)]
    found = []
    for sample_set, needed in scored:
        n_free = image_pools.scored_pool(study, sample_set).samples.count()
        if n_free < needed:
            found.append(
                f"“{sample_set}” has {_left(n_free, sample_set)}, and each evaluator "
                f"needs {needed} of them; add images or ask for fewer."
            )
    return found


def further_shortages(study: Study) -> list[str]:
    """Return what the qualification and the attention checks lack."""
    found = []
    for use, origins in _lacking(study).items():
        found.append(
            f"{USE_NAMES[use].capitalize()} shows no {' and no '.join(origins)} "
            "images; edit the draft and choose a set."
        )
    needs: Counter[SampleSet] = Counter()
    for sample_set, needed in _material_needs(study):
        needs[sample_set] += needed
    for sample_set, needed in needs.items():
        n_free = image_pools.material_pool(study, sample_set).samples.count()
        if n_free < needed:
            found.append(
                f"“{sample_set}” has {_left(n_free, sample_set)} that this study does "
                f"not score, and one evaluator may need {needed} of them to qualify or "
                "as attention checks; choose another set or ask for fewer."
            )
    return found


def _lacking(study: Study) -> dict[Material.Use, list[str]]:
    """Return the origins of which a use that the study asks for has no set."""
    asked = {
        Material.Use.QUALIFICATION: study.asks_qualification,
        Material.Use.GOLD: bool(study.gold_percent),
    }
    uses = study.materials.values_list("use", "sample_set__origin")
    held = {(use, origin) for use, origin in uses}
    lacking = {
        use: [o.label for o in SampleSet.Origin if (use.value, o.value) not in held]
        for use, is_asked in asked.items()
        if is_asked
    }
    return {use: origins for use, origins in lacking.items() if origins}


def images_needed(study: Study) -> tuple[int, int]:
    """Return how many real and generated images one score of an evaluator rests on."""
    if study.is_timed:
        half = study.n_blocks * study.images_per_block // 2
        return half, half
    return study.n_real, study.n_fake


def _material_needs(study: Study) -> Iterator[tuple[SampleSet, int]]:
    """Yield how many images of a set one evaluator may see for one use."""
    use = Material.Use.GOLD
    for origin in SampleSet.Origin:
        sets = image_pools.material_sets(study, use=use, origin=origin)
        for sample_set in sets:
            n_gold = study.n_gold * designs.n_arms_each(study)
            yield sample_set, math.ceil(n_gold / 2 / len(sets))
    if study.asks_qualification:
        attempts = study.qualification_max_attempts
        counts = {
            SampleSet.Origin.REAL: study.qualification_n_real,
            SampleSet.Origin.GENERATED: study.qualification_n_fake,
        }
        for origin, n in counts.items():
            use = Material.Use.QUALIFICATION
            sets = image_pools.material_sets(study, use=use, origin=origin)
            for sample_set in sets:
                yield sample_set, attempts * math.ceil(n / len(sets))


def _left(n_free: int, sample_set: SampleSet) -> str:
    if n_free == sample_set.n_samples:
        return f"{n_free} images"
    return f"{n_free} of its {sample_set.n_samples} images"
