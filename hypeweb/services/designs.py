"""Who judges what: one arm, or every arm in an order of their own."""

from collections.abc import Mapping

from django.db.models import Count, Q

from hypeweb.models import Arm, Session, Study
from hypeweb.science.schedule import balanced_orders
from hypeweb.services.errors import DomainError


def n_arms_each(study: Study) -> int:
    """Return how many arms one evaluator judges."""
    return study.arms.count() if study.is_within else 1


def n_blocks_each(study: Study) -> int:
    """Return how many blocks of scored images one evaluator judges."""
    return (study.n_blocks if study.is_timed else 1) * n_arms_each(study)


def n_trials_each(study: Study) -> int:
    """Return how many images one evaluator judges, attention checks included."""
    return (study.n_trials + study.n_gold) * n_arms_each(study)


def n_groups(study: Study) -> int:
    """Return in how many groups a study's evaluators are: one for each arm, or one."""
    return 1 if study.is_within else study.arms.count()


def n_sessions_wanted(study: Study) -> int:
    """Return how many evaluators a study asks for, over all arms."""
    return study.evaluators_per_arm * n_groups(study)


def count_by_arm(
    study: Study, conditions: Mapping[str, Q]
) -> list[tuple[Arm, dict[str, int]]]:
    """Return each arm with how many of the sessions that judge it meet a condition."""
    counts = {name: Count("pk", filter=q) for name, q in conditions.items()}
    assigned = study.sessions.filter(arm__isnull=False).order_by()
    arms = list(study.arms.select_related("sample_set"))
    if study.is_within:
        everybody = assigned.aggregate(**counts)
        return [(arm, dict(everybody)) for arm in arms]
    rows: list[tuple[int, ...]] = list(assigned.values_list("arm").annotate(**counts))
    by_arm = {pk: dict(zip(conditions, numbers, strict=True)) for pk, *numbers in rows}
    nobody = dict.fromkeys(conditions, 0)
    return [(arm, by_arm.get(arm.pk, nobody)) for arm in arms]


def arms_of(session: Session) -> list[Arm]:
    """Return the arms that a session shows, in its order; none before it has one."""
    if session.arm is None:
        return []
    if session.sequence is None:
        return [session.arm]
    arms = list(session.study.arms.select_related("sample_set"))
    return [arms[index] for index in balanced_orders(len(arms))[session.sequence]]


def check(study: Study, *, n_arms: int) -> None:
    """Refuse a draft that has too few arms for its design."""
    if not n_arms:
        raise DomainError("A study needs at least one arm; choose a generated set.")
    if study.is_within and n_arms == 1:
        raise DomainError(
            "Within subjects each evaluator judges every arm, so choose at least two "
            "generated sample sets, or the design between subjects."
        )
