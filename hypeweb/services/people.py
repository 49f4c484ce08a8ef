"""Who takes part in a study: its sessions, by number alone."""

from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Page, Paginator
from django.db.models import Count

from hypeweb.models import Block, Judgment, Session, Study

PER_PAGE = 100


@dataclass(frozen=True)
class Person:
    """One person's session, and the block that keeps them out of the project."""

    session: Session
    n_answered: int
    block: Block | None


def people_of(
    study: Study, *, number: str, now: datetime
) -> tuple[Page[Session], list[Person]]:
    """Return a page of a study's sessions, the latest first."""
    sessions = (
        Session.objects.filter(study=study, population=Session.Population.PEOPLE)
        .select_related("pool", "study")
        .order_by("-pk")
    )
    page = Paginator(sessions, PER_PAGE).get_page(number)
    blocks = Block.objects.filter(
        project=study.project_id,
        evaluator__in=[session.evaluator_id for session in page],
        until__gt=now,
    )
    counted = Judgment.objects.filter(trial__session__in=list(page)).order_by()
    by_session = counted.values_list("trial__session")
    n_answered = dict(by_session.annotate(n=Count("pk")))
    found = {block.evaluator_id: block for block in blocks}
    people = [
        Person(session, n_answered.get(session.pk, 0), found.get(session.evaluator_id))
        for session in page
    ]
    return page, people
