"""The rules on whose judgments are doubtful: checked, and put in words."""

from collections.abc import Sequence

from hypeweb.models import Material, Study
from hypeweb.models.study_settings import QualityFlag
from hypeweb.science.quality import Rules
from hypeweb.services.errors import DomainError


def rules_of(study: Study) -> Rules:
    """Return a study's rules; a ValueError says which value is off."""
    return Rules(
        gold_share=study.gold_pass_percent / 100,
        fast_ms=study.fast_ms,
        fast_share=study.fast_percent / 100,
        longest_run=study.longest_run,
        criterion=study.largest_criterion,
        chance_level=study.chance_percent / 100,
        limit_share=study.limit_percent / 100,
        limits_ms=(study.min_ms, study.max_ms),
        masks_ms=float(study.n_masks * study.mask_ms),
    )


def check(study: Study) -> None:
    """Refuse rules that cannot be applied."""
    if not isinstance(study.exclusions, list) or not set(study.exclusions) <= set(
        QualityFlag.values
    ):
        raise DomainError(
            f"Sessions can be left out by {', '.join(QualityFlag.values)}; got "
            f"{study.exclusions}."
        )
    try:
        rules_of(study)
    except ValueError as error:
        raise DomainError(str(error)) from error


def leaves_out(study: Study, flags: Sequence[str] | None) -> bool:
    """Return whether a session with some flags is left out; not before it has any."""
    return not set(study.exclusions).isdisjoint(flags or ())


def describe(study: Study) -> list[tuple[str, str]]:
    """Return the rules as the study page and the report print them."""
    since = " after the masks" if study.is_timed else ""
    sentences = {
        QualityFlag.GOLD: f"fewer than {study.gold_pass_percent} % of the attention "
        "checks recognised",
        QualityFlag.FAST: f"more than {study.fast_percent} % of the answers under "
        f"{study.fast_ms} ms{since}",
        QualityFlag.SAME_ANSWER: f"{study.longest_run} or more equal answers in a row",
        QualityFlag.CRITERION: "a criterion farther from 0 than "
        f"{study.largest_criterion:g}",
        QualityFlag.CHANCE: "not above chance at a level of "
        f"{study.chance_percent} % (binomial test)",
        QualityFlag.FLOOR: f"more than {study.limit_percent} % of the trials at the "
        "shortest exposure",
        QualityFlag.CEILING: f"more than {study.limit_percent} % of the trials at the "
        "longest exposure",
    }
    applies = [
        flag
        for flag in sentences
        if (flag not in {QualityFlag.FLOOR, QualityFlag.CEILING} or study.is_timed)
        and (flag != QualityFlag.GOLD or study.gold_percent)
    ]
    rows = [
        (
            "Left out by the rules",
            _listed(sentences, applies, study, is_excluding=True),
        ),
        ("Flagged only", _listed(sentences, applies, study, is_excluding=False)),
    ]
    if study.gold_percent:
        uses = study.materials.filter(use=Material.Use.GOLD)
        names = ", ".join(
            f"“{use.sample_set}”" for use in uses.select_related("sample_set")
        )
        rows.insert(
            0, ("Attention checks", f"{study.n_gold} images of {names}, never scored")
        )
    return rows


def _listed(
    sentences: dict[QualityFlag, str],
    applies: Sequence[QualityFlag],
    study: Study,
    *,
    is_excluding: bool,
) -> str:
    said = [
        sentences[flag]
        for flag in applies
        if (flag in study.exclusions) == is_excluding
    ]
    return "; ".join(said) or "nobody"
